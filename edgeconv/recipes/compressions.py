"""Which compressions a scheme preserves in the exported file."""

from __future__ import annotations

from edgeconv.core import Compression, Scheme, Variant, parse_compression
from edgeconv.errors import Unsupported
from edgeconv.targets.base import all_targets, schemes_of


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
