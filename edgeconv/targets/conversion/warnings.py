"""What does not pay, said with its figure before anybody ships it."""

from __future__ import annotations

from collections.abc import Sequence

from edgeconv.core import Variant, parse_compression
from edgeconv.targets.base import find_target


def cautions(variants: Sequence[Variant]) -> list[str]:
    """One line for each reason, however many files it concerns."""
    found: dict[str, list[str]] = {}
    for variant in variants:
        target = find_target(variant.target)
        reasons = [target.scheme(variant.scheme).warning]
        if variant.compress and parse_compression(variant.compress).sparsity:
            reasons.append(target.zeros_warning)
        for reason in filter(None, reasons):
            found.setdefault(reason, []).append(variant.compress or variant.scheme)
    return [f"{', '.join(dict.fromkeys(names))}: {reason}" for reason, names in found.items()]
