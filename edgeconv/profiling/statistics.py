"""Medians of timings and their uncertainty.

Timings that follow each other are alike (the clock of the processor, the load of others), so single
inferences are not independent samples. Everything here uses rounds, which are interleaved, as the
unit that is resampled or counted.
"""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass
from functools import cache
from math import comb, inf
from statistics import fmean, median
from typing import TYPE_CHECKING

if TYPE_CHECKING:
    import numpy as np
    from numpy.typing import NDArray

SEED = 20  # of every resampling: the same samples give the same interval
RESAMPLES = 2000

Rounds = Sequence[Sequence[float]]


def summary(samples_us: Sequence[float]) -> dict[str, float]:
    """p50, p90, p99 (linear interpolation between samples), mean, min and max."""
    import numpy as np

    p50, p90, p99 = np.percentile(samples_us, (50, 90, 99))
    return {
        "p50": float(p50),
        "p90": float(p90),
        "p99": float(p99),
        "mean": fmean(samples_us),
        "min": min(samples_us),
        "max": max(samples_us),
    }


def median_interval(rounds: Rounds, level: float = 0.95) -> tuple[float, float]:
    """Percentile bootstrap interval of the median of all samples, whole rounds resampled.

    Efron and Tibshirani, An Introduction to the Bootstrap (1993), chapters 8.5 (blocks) and 13.
    With one round there is nothing to resample: the interval is then all samples' range.
    """
    import numpy as np

    if len(rounds) < 2:
        return min(map(min, rounds)), max(map(max, rounds))
    return _percentiles(_medians(rounds, np.random.default_rng(SEED)), level)


def order_statistics_interval(values: Sequence[float], level: float) -> tuple[float, float]:
    """Exact interval of the median of independent values, whatever their distribution.

    The number of values below the median is binomial(n, 1/2), so that the k-th smallest and the
    k-th largest enclose it with a probability that needs no assumption (Conover, Practical
    Nonparametric Statistics, 1999, chapter 3.2). Infinite if n is too small for `level`.
    """
    k = _rank(len(values), level)
    if k == 0:
        return -inf, inf
    ordered = sorted(values)
    return ordered[k - 1], ordered[-k]


@dataclass(frozen=True)
class Ratio:
    """A ratio of times: an estimate and its interval."""

    estimate: float
    low: float
    high: float


def paired_ratio(ours: Rounds, theirs: Rounds, level: float) -> Ratio:
    """Ratio of medians for two interleaved files: round i of one beside round i of the other.

    Each pair met the same machine within milliseconds, so that the ratio of its two medians is
    independent of the machine's state over the run. The result is the median of the pairs' ratios,
    with its exact interval.
    """
    ratios = [median(a) / median(b) for a, b in zip(ours, theirs, strict=True)]
    low, high = order_statistics_interval(ratios, level)
    return Ratio(median(ratios), max(low, 0.0), high)


def separate_ratio(ours: Sequence[float], theirs: Sequence[float], level: float) -> Ratio:
    """Ratio of medians for rounds of two runs, which are not paired: both are resampled."""
    import numpy as np

    random = np.random.default_rng(SEED)
    ratios = _medians([[v] for v in ours], random) / _medians([[v] for v in theirs], random)
    low, high = _percentiles(ratios, level)
    return Ratio(median(ours) / median(theirs), low, high)


def _medians(rounds: Rounds, random: np.random.Generator) -> NDArray[np.float64]:
    """The median of all samples in each of RESAMPLES draws of as many rounds."""
    import numpy as np

    width = max(map(len, rounds))
    padded = np.full((len(rounds), width), np.nan)  # the last rounds may be a sample shorter
    for i, samples in enumerate(rounds):
        padded[i, : len(samples)] = samples
    drawn = random.integers(0, len(rounds), (RESAMPLES, len(rounds)))
    pooled = padded[drawn].reshape(RESAMPLES, -1)
    medians: NDArray[np.float64] = (
        np.nanmedian(pooled, axis=1) if np.isnan(padded).any() else np.median(pooled, axis=1)
    )
    return medians


def _percentiles(values: NDArray[np.float64], level: float) -> tuple[float, float]:
    import numpy as np

    tail = 50 * (1 - level)
    low, high = np.percentile(values, (tail, 100 - tail))
    return float(low), float(high)


@cache
def _rank(n: int, level: float) -> int:
    """Largest k whose k-th smallest and largest value enclose the median at `level`; 0: none."""
    outside, k = 0, 0
    while 2 * (outside + comb(n, k)) <= (1 - level) * 2**n:
        outside += comb(n, k)
        k += 1
    return k
