"""Honest figures: intervals over folds, paired differences, and when a candidate is hopeless."""

from __future__ import annotations

import math
from collections.abc import Iterable, Sequence
from dataclasses import dataclass
from functools import cache
from statistics import fmean, variance

CONFIDENCE = 0.95
DEVIATION = 0.02  # of one fold's paired difference, before any was seen (docs/how-to/search.md)
TRUST = 10  # as many seen differences weigh as much as that
SURE = 2.6  # deviations; a candidate as good as its rival is stopped once in 200 looks


@dataclass(frozen=True)
class Estimate:
    """A mean over folds, and half the width of its interval; None with fewer than two folds."""

    mean: float
    half: float | None

    @property
    def low(self) -> float:
        return self.mean - (math.inf if self.half is None else self.half)

    @property
    def high(self) -> float:
        return self.mean + (math.inf if self.half is None else self.half)

    @property
    def noise(self) -> bool:
        """Whether the interval holds 0: as a difference it is none that was shown."""
        return self.low <= 0 <= self.high


def estimate(values: Sequence[float]) -> Estimate:
    """Student's interval of the mean of independent values: one a fold, the mean of its seeds.

    Seeds of one fold are no independent values: they are judged by the same people.
    """
    if len(values) < 2:
        return Estimate(fmean(values), None)
    half = _quantile(len(values) - 1) * math.sqrt(variance(values) / len(values))
    return Estimate(fmean(values), half)


def difference(one: Sequence[float], other: Sequence[float]) -> Estimate:
    """Of two candidates on the same folds, fold by fold: what both folds share falls out."""
    return estimate([a - b for a, b in zip(one, other, strict=True)])


def pooled(differences: Iterable[Sequence[float]]) -> float:
    """Deviation of one fold's paired difference, from all that were seen and a guess at first."""
    squares, freedom = TRUST * DEVIATION**2, float(TRUST)
    for values in differences:
        if len(values) > 1:
            squares += variance(values) * (len(values) - 1)
            freedom += len(values) - 1
    return math.sqrt(squares / freedom)


def worse(values: Sequence[float], rival: Sequence[float], margin: float, deviation: float) -> bool:
    """Whether the first folds of a candidate show it to be more than `margin` below a rival.

    Args:
        values: of the folds that are done, in order; the rival's same folds are compared.
        deviation: of one fold's paired difference. It is handed in, since two or three folds of
            the candidate itself say too little about it.
    """
    if not values:
        return False
    gap = fmean(b - a for a, b in zip(values, rival[: len(values)], strict=True)) - margin
    return gap > SURE * deviation / math.sqrt(len(values))


@cache
def _quantile(freedom: int) -> float:
    from scipy.stats import t

    return float(t.ppf(0.5 + CONFIDENCE / 2, freedom))
