"""What can be made: scheme × target × deployment target, checked before any work starts."""

from __future__ import annotations

from collections.abc import Iterable

from edgeconv.errors import Unsupported
from edgeconv.types import PLANNED_SCHEMES, SCHEMES, Target, Variant

LEGAL_SCHEMES: dict[Target, tuple[str, ...]] = {
    Target.TFLITE: ("float32", "float16", "dynamic", "int8", "int16x8"),
    Target.COREML: ("float16", "float32"),
}

# Every deployment target for which coremltools 9 writes ML programs (iOS 13 and 14 predate them).
DEPLOYMENT_TARGETS = ("iOS15", "iOS16", "iOS17", "iOS18", "iOS26")
DEFAULT_DEPLOYMENT_TARGET = "iOS15"

# Where a scheme that no exporter makes yet could live at all: its first deployment target.
_PLANNED_FIRST = {
    "int4": "iOS18",
    "palette8": "iOS16",
    "palette6": "iOS16",
    "palette4": "iOS16",
    "w8a8": "iOS17",
}
_IO = ("float", "int8")


def check_variant(variant: Variant) -> None:
    """Refuse a combination that cannot work.

    Raises:
        Unsupported: naming the combination and what is possible instead.
    """
    _check_scheme(variant)
    if variant.io not in _IO:
        raise Unsupported(f"unknown input/output type '{variant.io}'", f"use {' or '.join(_IO)}")
    if variant.io == "int8" and (variant.scheme, variant.target) != ("int8", Target.TFLITE):
        raise Unsupported(
            f"int8 input and output cannot go with scheme '{variant.scheme}' for {variant.target}",
            "--io int8 is for scheme int8 of target tflite; leave --io out otherwise",
        )
    if variant.target is Target.TFLITE:
        if variant.deployment_target:
            raise Unsupported(
                f"deployment target '{variant.deployment_target}' means nothing to tflite",
                "leave it out, or choose target coreml",
            )
        return
    _check_deployment(variant.deployment_target)


def check_variants(variants: Iterable[Variant]) -> None:
    """`check_variant` for each of them."""
    for variant in variants:
        check_variant(variant)


def _check_deployment(deployment: str) -> None:
    if deployment and deployment not in DEPLOYMENT_TARGETS:
        raise Unsupported(
            f"unknown deployment target '{deployment}' for coreml",
            f"choose one of: {', '.join(DEPLOYMENT_TARGETS)}",
        )


def _check_scheme(variant: Variant) -> None:
    legal = LEGAL_SCHEMES[variant.target]
    if variant.scheme in legal:
        return
    where = str(variant.target)
    if variant.target is Target.COREML:
        where += f" {variant.deployment_target or DEFAULT_DEPLOYMENT_TARGET}"
    hint = f"possible for {where}: {', '.join(legal)}"
    if variant.scheme in PLANNED_SCHEMES:
        raise Unsupported(f"scheme '{variant.scheme}' for {where}: {_planned(variant)}", hint)
    if variant.scheme in SCHEMES:
        raise Unsupported(f"scheme '{variant.scheme}' does not exist for {where}", hint)
    raise Unsupported(f"unknown scheme '{variant.scheme}' for {where}", hint)


def _planned(variant: Variant) -> str:
    """Why a planned scheme is refused: too old a system, no such target, or not made yet."""
    first = _PLANNED_FIRST[variant.scheme]
    if variant.target is Target.TFLITE:
        return "not made yet" if variant.scheme == "int4" else "exists for Core ML only"
    order = DEPLOYMENT_TARGETS
    wanted = variant.deployment_target or DEFAULT_DEPLOYMENT_TARGET
    if wanted in order and order.index(wanted) < order.index(first):
        return f"the format needs {first} or later, and is not made yet"
    return "not made yet"
