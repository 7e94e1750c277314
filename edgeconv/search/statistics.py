"""When the first folds of a candidate are enough to stop it."""

from __future__ import annotations

import math
from collections.abc import Iterable, Sequence
from statistics import fmean, variance

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
