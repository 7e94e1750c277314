"""What can be made: scheme × target × deployment target, checked before any work starts."""

from __future__ import annotations

import math
from collections.abc import Iterable

from edgeconv.core import SCHEMES, Target, Variant
from edgeconv.core.schemes import REFUSED
from edgeconv.errors import Unsupported, UsageError
from edgeconv.recipes.compressions import check_compression

LEGAL_SCHEMES: dict[Target, tuple[str, ...]] = {t: tuple(SCHEMES[t]) for t in Target}

# A search runs every candidate on every fold, for which LiteRT alone is fast enough here.
SEARCHED_SCHEMES = LEGAL_SCHEMES[Target.TFLITE]

# Every deployment target for which coremltools 9 writes ML programs (iOS 13 and 14 predate them).
DEPLOYMENT_TARGETS = ("iOS15", "iOS16", "iOS17", "iOS18", "iOS26")
DEFAULT_DEPLOYMENT_TARGET = "iOS15"

_IO = ("float", "int8")


def check_variant(variant: Variant) -> None:
    """Refuse a combination that cannot work.

    Raises:
        Unsupported: naming the combination and what is possible instead.
    """
    _check_scheme(variant)
    check_compression(variant)
    _check_calibration(variant)
    _check_layers(variant)
    if variant.io not in _IO:
        raise Unsupported(f"unknown input/output type '{variant.io}'", f"use {' or '.join(_IO)}")
    if variant.io == "int8" and (variant.scheme, variant.target) != ("int8", Target.TFLITE):
        raise Unsupported(
            f"int8 input and output cannot go with scheme '{variant.scheme}' for {variant.target}",
            "--io-type int8 is for scheme int8 of target tflite; leave --io-type out otherwise",
        )
    if variant.target is Target.TFLITE:
        if variant.deployment_target:
            raise Unsupported(
                f"deployment target '{variant.deployment_target}' means nothing to tflite",
                "leave it out, or choose target coreml",
            )
        return
    _check_deployment(variant)


def check_variants(variants: Iterable[Variant]) -> None:
    """`check_variant` for each of them."""
    for variant in variants:
        check_variant(variant)


def _check_deployment(variant: Variant) -> None:
    """A known system version, and one whose format can hold the scheme; empty is always right."""
    wanted, first = variant.deployment_target, SCHEMES[Target.COREML][variant.scheme].first
    if not wanted:
        return
    if wanted not in DEPLOYMENT_TARGETS:
        raise Unsupported(
            f"unknown deployment target '{wanted}' for coreml",
            f"choose one of: {', '.join(DEPLOYMENT_TARGETS)}",
        )
    if DEPLOYMENT_TARGETS.index(wanted) < DEPLOYMENT_TARGETS.index(first):
        raise Unsupported(
            f"scheme '{variant.scheme}' for coreml {wanted}: the format needs {first} or later",
            f"leave the deployment target out; possible for {wanted}: "
            f"{', '.join(_possible(wanted))}",
        )


def _possible(deployment: str) -> list[str]:
    """Schemes that a system version can hold."""
    known = DEPLOYMENT_TARGETS[: DEPLOYMENT_TARGETS.index(deployment) + 1]
    return [s.name for s in SCHEMES[Target.COREML].values() if s.first in known]


def _check_scheme(variant: Variant) -> None:
    legal = LEGAL_SCHEMES[variant.target]
    if variant.scheme in legal:
        return
    if reason := REFUSED.get((variant.target, variant.scheme)):
        raise Unsupported(
            f"scheme '{variant.scheme}' for {variant.target} is refused: {reason}",
            "use int4, or a compression (--compress) with int8",
        )
    others = [str(t) for t in Target if variant.scheme in LEGAL_SCHEMES[t]]
    hint = f"possible for {variant.target}: {', '.join(legal)}"
    if others:
        raise Unsupported(
            f"scheme '{variant.scheme}' does not exist for {variant.target}, only for "
            f"{' and '.join(others)}",
            hint,
        )
    raise Unsupported(f"unknown scheme '{variant.scheme}' for {variant.target}", hint)


def _check_layers(variant: Variant) -> None:
    """Layers of a precision of their own exist in TFLite's integer files."""
    place = (variant.target, variant.scheme)
    if not 0 <= variant.min_snr_db < math.inf:
        raise UsageError(f"min_snr_db must be 0 or above, got {variant.min_snr_db}")
    if (variant.float_layers or variant.min_snr_db) and place not in (
        (Target.TFLITE, "int8"),
        (Target.TFLITE, "int4"),
    ):
        raise Unsupported(
            f"layers that stay float cannot go with scheme '{variant.scheme}' for {variant.target}",
            "--float-layer and --mixed-precision-snr are for int8 and int4 of target tflite",
        )
    if variant.int8_layers and place != (Target.TFLITE, "int4"):
        raise Unsupported(
            f"layers in 8 bits cannot be chosen for scheme '{variant.scheme}' of {variant.target}",
            "--int8-layer is for scheme int4 of target tflite",
        )
    if both := sorted(set(variant.float_layers) & set(variant.int8_layers)):
        raise Unsupported(f"layer '{both[0]}' cannot be both float and int8", "name it once")


def _check_calibration(variant: Variant) -> None:
    method, legal = variant.calibration_method, SCHEMES[variant.target][variant.scheme].methods
    if method and method not in legal:
        what = f"calibration method '{method}' cannot go with scheme '{variant.scheme}' for "
        choices = f"choose one of: {', '.join(legal)}" if legal else "it needs no calibration"
        raise Unsupported(f"{what}{variant.target}", choices)
