"""What does not pay, said with its figure before anybody ships it."""

from __future__ import annotations

from collections.abc import Sequence

from edgeconv.core import COMPRESSIONS, SCHEMES, Target, Variant


def cautions(variants: Sequence[Variant]) -> list[str]:
    """One line for each reason, however many files it concerns."""
    found: dict[str, list[str]] = {}
    for variant in variants:
        scheme = SCHEMES[variant.target].get(variant.scheme)
        reasons = [scheme.caution] if scheme is not None else []
        method = COMPRESSIONS.get(variant.compress)
        if method is not None and method.sparsity and variant.target is Target.TFLITE:
            reasons.append(_SPARSE)
        for reason in filter(None, reasons):
            found.setdefault(reason, []).append(variant.compress or variant.scheme)
    return [f"{', '.join(dict.fromkeys(names))}: {reason}" for reason, names in found.items()]


_SPARSE = (
    "zeros shrink the download, not the time: LiteRT multiplies by them like by any number "
    "(har's int8: 1.0 times the time with 80 % zeros)"
)
