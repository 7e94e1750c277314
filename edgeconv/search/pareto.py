"""Pareto dominance, the Pareto front, and the selection of the points that get a bundle.

When the first folds of a candidate are enough to stop it.
"""

from __future__ import annotations

import math
from collections.abc import Iterable, Sequence
from statistics import fmean, variance

from edgeconv.search.candidates import DesignPoint

DEVIATION = 0.02  # of one fold's paired difference, before any was seen (docs/how-to/search.md)
TRUST = 10  # as many seen differences weigh as much as that
SURE = 2.6  # deviations; a candidate as good as its incumbent is stopped once in 200 looks


def pooled(differences: Iterable[Sequence[float]]) -> float:
    """Deviation of one fold's paired difference, from all that were seen and a guess at first."""
    squares, freedom = TRUST * DEVIATION**2, float(TRUST)
    for values in differences:
        if len(values) > 1:
            squares += variance(values) * (len(values) - 1)
            freedom += len(values) - 1
    return math.sqrt(squares / freedom)


def worse(
    values: Sequence[float], incumbent: Sequence[float], margin: float, deviation: float
) -> bool:
    """Whether the first folds of a candidate show it to be more than `margin` below an incumbent.

    Args:
        values: of the folds that are done, in order; the incumbent's same folds are compared.
        deviation: of one fold's paired difference. It is handed in, since two or three folds of
            the candidate itself say too little about it.
    """
    if not values:
        return False
    gap = fmean(b - a for a, b in zip(values, incumbent[: len(values)], strict=True)) - margin
    return gap > SURE * deviation / math.sqrt(len(values))


APART = 1.1  # sizes of two members differ at least by this factor
BASE = 7.0  # upper limit of the area, in decades of bytes: 10 MB


def dominates(one: DesignPoint, other: DesignPoint) -> bool:
    """At least as accurate, as small and as cheap, and better in one of them."""
    no_worse = (
        one.accuracy >= other.accuracy and one.bytes <= other.bytes and one.macs <= other.macs
    )
    better = one.accuracy > other.accuracy or one.bytes < other.bytes or one.macs < other.macs
    return no_worse and better


def pareto_front(points: Iterable[DesignPoint]) -> tuple[DesignPoint, ...]:
    """The non-dominated points, the smallest first; of equal ones the first by key."""
    ordered = sorted(points, key=_order)
    front: list[DesignPoint] = []
    for point in ordered:
        if any(dominates(other, point) or _same(other, point) for other in front):
            continue
        if not any(dominates(other, point) for other in ordered):
            front.append(point)
    return tuple(front)


def thin(members: Sequence[DesignPoint], most: int) -> tuple[DesignPoint, ...]:
    """At most `most` of a front, by size: the most accurate and the smallest stay, then those
    whose removal would cost most.

    First the front of accuracy over bytes only: a point that is larger and no more accurate (it is
    there for its MACs) is removed, and of two points whose sizes differ by less than a tenth the
    more accurate stays. Then, while there are too many, the point with the smallest gain over its
    next smaller neighbor is removed.
    """
    ladder: list[DesignPoint] = []
    for point in sorted(members, key=_order):
        if ladder and point.accuracy <= ladder[-1].accuracy:
            continue
        if ladder and point.bytes < ladder[-1].bytes * APART:
            ladder.pop()
        ladder.append(point)
    while len(ladder) > max(most, 1):
        inner = range(1, len(ladder) - 1) if len(ladder) > 2 else range(1)
        cheapest = min(inner, key=lambda i: (ladder[i].accuracy - ladder[i - 1].accuracy, i))
        del ladder[cheapest]
    return tuple(ladder)


def area(points: Iterable[DesignPoint]) -> float:
    """The hypervolume of a front: the share of accuracy × decades of bytes below 10 MB that its
    points dominate. It grows with every point that moves the front, and only then."""
    total, best = 0.0, 0.0
    ladder = sorted(points, key=_order)
    for number, point in enumerate(ladder):
        best = max(best, point.accuracy)
        following = math.log10(ladder[number + 1].bytes) if number + 1 < len(ladder) else BASE
        total += best * max(following - math.log10(point.bytes), 0.0)
    return total


def _order(point: DesignPoint) -> tuple[float, ...] | tuple[int, float, int, str, str]:
    return point.bytes, -point.accuracy, point.macs, *point.key


def _same(one: DesignPoint, other: DesignPoint) -> bool:
    return (one.accuracy, one.bytes, one.macs) == (other.accuracy, other.bytes, other.macs)
