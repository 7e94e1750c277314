"""What can be exported: scheme × target × deployment target, checked before any work starts.

Which compressions a scheme preserves in the exported file.
"""

from __future__ import annotations

import math
from collections.abc import Callable, Iterable

from edgeconv.core import Compression, Scheme, Variant, parse_compression
from edgeconv.core.schemes import FLOAT_LAYERS, INT8_LAYERS
from edgeconv.errors import Unsupported, UsageError
from edgeconv.targets.base import Target, all_targets, find_target, scheme_of, schemes_of


def check_compression(variant: Variant) -> None:
    """Refuse a compression that the scheme does not preserve.

    Raises:
        UsageError: the compression's name does not follow the grammar.
        Unsupported: the scheme does not preserve the compression; the hint lists those that do.
    """
    if not variant.compress:
        return
    method = parse_compression(variant.compress)
    reason = conflict(method, variant.target, variant.scheme)
    if reason:
        legal = ", ".join(legal_schemes(variant.compress, variant.target))
        raise Unsupported(
            f"compression '{variant.compress}' cannot go with scheme '{variant.scheme}' for "
            f"{variant.target}: {reason}",
            f"schemes that can, for {variant.target}: {legal or 'none'}",
        )


def legal_schemes(compress: str, target: str) -> tuple[str, ...]:
    """The schemes of a target that preserve a compression; all of them if there is none."""
    if not compress:
        return tuple(schemes_of(target))
    method = parse_compression(compress)
    return tuple(name for name in schemes_of(target) if not conflict(method, target, name))


def conflict(method: Compression, target: str, scheme: str) -> str:
    """The reason why a scheme undoes a compression; empty if it preserves it."""
    properties = schemes_of(target)[scheme]
    return _of_rounding(method, properties) or _of_weights(method, properties)


def _of_rounding(method: Compression, scheme: Scheme) -> str:
    """Quantization-aware training fits only the rounding that it simulates."""
    if not method.bits or scheme.finetune_bits == method.bits:
        return ""
    fitting = {
        t.name: s
        for t in all_targets()
        for s in t.schemes.values()
        if s.finetune_bits == method.bits
    }
    roundings = [
        f"int{method.bits} weights and {s.activations} activations of {t}"
        for t, s in fitting.items()
    ]
    return f"it trains for {' or '.join(roundings)}"


def _of_weights(method: Compression, scheme: Scheme) -> str:
    """Palettization and pruning change already compressed weights unless the scheme matches the
    compression exactly."""
    return _of_zeros(method, scheme) or _of_numbers(method, scheme)


def _of_zeros(method: Compression, scheme: Scheme) -> str:
    if scheme.sparsity and scheme.sparsity != method.sparsity:
        return f"it prunes {scheme.sparsity:.0%} of the weights itself"
    if scheme.sparsity and method.pattern:
        return f"it prunes weights without regard to the pattern {method.pattern}"
    if method.sparsity and scheme.palette and not scheme.sparsity:
        return "its palette has no entry for zeros, and would change them"
    return ""


def _of_numbers(method: Compression, scheme: Scheme) -> str:
    entries = 1 << int(scheme.weights.removeprefix("uint")) if scheme.palette else 0
    if entries and not method.clusters:
        return f"a palette of {entries} values changes the trained weights"
    if entries and entries < method.clusters:
        return f"a palette of {entries} values cannot hold {method.clusters}"
    if method.clusters and scheme.sparsity and not entries:
        return "it quantizes the remaining weights one by one, which would break the clusters"
    if method.clusters and scheme.granularity == "per-block":
        return "each block of channels has its own scale, which would break the clusters"
    return ""


SEARCH_TARGET = "tflite"
"""A search runs every candidate on every fold; only LiteRT is fast enough for that."""


def check_variant(variant: Variant) -> None:
    """Refuse a combination that cannot work.

    Raises:
        Unsupported: the message names the combination and what is possible instead.
    """
    _check_scheme(variant)
    check_compression(variant)
    _check_calibration(variant)
    _check_layers(variant)
    _check_io(variant)
    _check_deployment(variant)


def check_variants(variants: Iterable[Variant]) -> None:
    """Call `check_variant` for each of them."""
    for variant in variants:
        check_variant(variant)


def _check_io(variant: Variant) -> None:
    """Integer input and output are for the schemes that have them."""
    known = dict.fromkeys(
        io for t in all_targets() for s in t.schemes.values() for io in s.io_types
    )
    if variant.io not in known:
        raise Unsupported(f"unknown input/output type '{variant.io}'", f"use {' or '.join(known)}")
    if variant.io not in scheme_of(variant).io_types:
        raise Unsupported(
            f"{variant.io} input and output cannot go with scheme '{variant.scheme}' for "
            f"{variant.target}",
            f"--io-type {variant.io} is for {_places(lambda s: variant.io in s.io_types)}; leave "
            "--io-type out otherwise",
        )


def schemes_where(condition: Callable[[Scheme], bool]) -> dict[str, list[str]]:
    """Target → its schemes for which a condition holds, without the targets that have none."""
    names = {
        target.name: [s.name for s in target.schemes.values() if condition(s)]
        for target in all_targets()
    }
    return {target: schemes for target, schemes in names.items() if schemes}


def _places(condition: Callable[[Scheme], bool]) -> str:
    """`schemes int8 and int4 of target tflite`"""
    return ", ".join(
        f"scheme{'s' if len(schemes) > 1 else ''} {' and '.join(schemes)} of target {target}"
        for target, schemes in schemes_where(condition).items()
    )


def _check_deployment(variant: Variant) -> None:
    """The system version is known and its format can hold the scheme; empty is always valid."""
    version, target = variant.deployment_target, find_target(variant.target)
    if not version:
        return
    known, first = target.deployment_targets, scheme_of(variant).min_deployment_target
    if not known:
        others = " or ".join(t.name for t in all_targets() if t.deployment_targets)
        raise Unsupported(
            f"{target.name} has no deployment targets, but '{version}' was given",
            f"leave it out, or choose target {others}",
        )
    if version not in known:
        raise Unsupported(
            f"unknown deployment target '{version}' for {target.name}",
            f"choose one of: {', '.join(known)}",
        )
    if known.index(version) < known.index(first):
        raise Unsupported(
            f"scheme '{variant.scheme}' for {target.name} {version}: the format needs {first} or "
            "later",
            f"leave the deployment target out; possible for {version}: "
            f"{', '.join(_possible(target, version))}",
        )


def _possible(target: Target, version: str) -> list[str]:
    """Schemes that a system version can hold."""
    known = target.deployment_targets[: target.deployment_targets.index(version) + 1]
    return [s.name for s in target.schemes.values() if s.min_deployment_target in known]


def _check_scheme(variant: Variant) -> None:
    target = find_target(variant.target)
    if variant.scheme in target.schemes:
        return
    if reason := target.refused_schemes.get(variant.scheme):
        raise Unsupported(
            f"scheme '{variant.scheme}' for {variant.target} is refused: {reason}",
            "use int4, or a compression (--compress) with int8",
        )
    others = [t.name for t in all_targets() if variant.scheme in t.schemes]
    hint = f"possible for {variant.target}: {', '.join(target.schemes)}"
    if others:
        raise Unsupported(
            f"scheme '{variant.scheme}' does not exist for {variant.target}, only for "
            f"{' and '.join(others)}",
            hint,
        )
    raise Unsupported(f"unknown scheme '{variant.scheme}' for {variant.target}", hint)


def _check_layers(variant: Variant) -> None:
    """Single layers of another precision exist in the schemes that mix precisions."""
    mixes = scheme_of(variant).mixed_precision
    if not 0 <= variant.min_snr_db < math.inf:
        raise UsageError(
            f"min_snr_db must be 0 or above, got {variant.min_snr_db}",
            "33, for example; docs/how-to/quantize.md says what it buys",
        )
    if (variant.float_layers or variant.min_snr_db) and FLOAT_LAYERS not in mixes:
        raise Unsupported(
            f"layers that stay float cannot go with scheme '{variant.scheme}' for {variant.target}",
            "--float-layer and --mixed-precision-snr are for "
            f"{_places(lambda s: FLOAT_LAYERS in s.mixed_precision)}",
        )
    if variant.int8_layers and INT8_LAYERS not in mixes:
        raise Unsupported(
            f"layers in 8 bits cannot be chosen for scheme '{variant.scheme}' of {variant.target}",
            f"--int8-layer is for {_places(lambda s: INT8_LAYERS in s.mixed_precision)}",
        )
    if both := sorted(set(variant.float_layers) & set(variant.int8_layers)):
        raise Unsupported(f"layer '{both[0]}' cannot be both float and int8", "name it once")


def _check_calibration(variant: Variant) -> None:
    method, legal = variant.calibration_method, scheme_of(variant).methods
    if method and method not in legal:
        problem = f"calibration method '{method}' cannot go with scheme '{variant.scheme}' for "
        choices = f"choose one of: {', '.join(legal)}" if legal else "it needs no calibration"
        raise Unsupported(f"{problem}{variant.target}", choices)
