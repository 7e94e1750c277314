"""Which compression can go with which scheme, so that its promise holds in the file."""

from __future__ import annotations

from edgeconv.core import COMPRESSIONS, SCHEMES, Compression, Scheme, Target, Variant
from edgeconv.errors import Unsupported, UsageError


def check_compression(variant: Variant) -> None:
    """Refuse a compression that the scheme would undo.

    Raises:
        UsageError: no such compression.
        Unsupported: one that cannot go with the scheme; the hint says what can.
    """
    if not variant.compress:
        return
    if variant.compress not in COMPRESSIONS:
        raise UsageError(
            f"unknown compression '{variant.compress}'",
            f"choose one of: {', '.join(COMPRESSIONS)}",
        )
    reason = conflict(COMPRESSIONS[variant.compress], variant.target, variant.scheme)
    if reason:
        legal = ", ".join(legal_schemes(variant.compress, variant.target))
        raise Unsupported(
            f"compression '{variant.compress}' cannot go with scheme '{variant.scheme}' for "
            f"{variant.target}: {reason}",
            f"schemes that can, for {variant.target}: {legal or 'none'}",
        )


def legal_schemes(compress: str, target: Target) -> tuple[str, ...]:
    """The schemes of a target that keep what a compression promises; all for no compression."""
    if not compress:
        return tuple(SCHEMES[target])
    method = COMPRESSIONS[compress]
    return tuple(name for name in SCHEMES[target] if not conflict(method, target, name))


def conflict(method: Compression, target: Target, scheme: str) -> str:
    """Why a scheme would undo a compression; empty where it keeps it."""
    kind = SCHEMES[target][scheme]
    return _of_rounding(method, target, kind) or _of_weights(method, kind)


def _of_rounding(method: Compression, target: Target, scheme: Scheme) -> str:
    """Quantization-aware training is for the very rounding that it has seen."""
    if not method.bits:
        return ""
    wanted = f"int{method.bits}"
    if target is not Target.TFLITE or (scheme.weights, scheme.activations) != (wanted, "int8"):
        return f"it trains for {wanted} weights and int8 activations of tflite"
    return ""


def _of_weights(method: Compression, scheme: Scheme) -> str:
    """A palette or the leaving out of weights moves those that a compression has settled, but
    where the scheme has room for exactly what the compression left."""
    return _of_zeros(method, scheme) or _of_numbers(method, scheme)


def _of_zeros(method: Compression, scheme: Scheme) -> str:
    if scheme.sparsity and scheme.sparsity != method.sparsity:
        return f"it leaves out {scheme.sparsity:.0%} of the weights by itself"
    if scheme.sparsity and method.pattern:
        return f"it leaves weights out without regard to the pattern {method.pattern}"
    if method.sparsity and scheme.palette and not scheme.sparsity:
        return "its palette has no place for zeros, and would move them"
    return ""


def _of_numbers(method: Compression, scheme: Scheme) -> str:
    entries = 1 << int(scheme.weights.removeprefix("uint")) if scheme.palette else 0
    if entries and not method.clusters:
        return f"a palette of {entries} numbers moves the weights that were trained"
    if entries and entries < method.clusters:
        return f"a palette of {entries} numbers cannot hold {method.clusters}"
    if method.clusters and scheme.sparsity and not entries:
        return "it settles the weights that stay anew, each for itself"
    if method.clusters and scheme.granularity == "per-block":
        return "each block of channels has a scale of its own, and so numbers of its own"
    return ""
