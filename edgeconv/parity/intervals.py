"""Confidence bounds of shares and of paired differences of shares.

Sources: Clopper and Pearson, Biometrika 26 (1934) 404; McNemar, Psychometrika 12 (1947) 153, exact
as a binomial test; Tango, Statistics in Medicine 17 (1998) 891; for clusters the ratio estimator
(Cochran, Sampling Techniques, 1977, ch. 6), as Obuchowski, Statistics in Medicine 17 (1998) 1495,
uses it for paired shares.
"""

from __future__ import annotations

import math
from collections.abc import Sequence

_STEPS = 60  # halvings of an interval of length 2: far below one float64 rounding of a share


def clopper_pearson(hits: int, n: int, level: float = 0.95) -> tuple[float, float]:
    """The exact two-sided interval of a share; it never covers less than `level`."""
    from scipy.special import betaincinv

    tail = (1 - level) / 2
    low = 0.0 if hits == 0 else float(betaincinv(hits, n - hits + 1, tail))
    high = 1.0 if hits == n else float(betaincinv(hits + 1, n - hits, 1 - tail))
    return low, high


def mcnemar(lost: int, won: int) -> float:
    """Exact two-sided p of "as many regressions as improvements": binomial with 1/2."""
    from scipy.special import bdtr

    return min(1.0, 2 * float(bdtr(min(lost, won), lost + won, 0.5)))


def tango(lost: int, won: int, n: int, level: float = 0.95) -> tuple[float, float]:
    """Bounds of the paired difference (lost − won)/n, each one-sided with confidence `level`.

    Tango's score interval inverts the test of every difference Δ, with the nuisance share at its
    maximum of likelihood under Δ. It stays valid if no window changed: the upper bound is then
    z²/(n + z²) and not 0.
    """
    from scipy.special import ndtri

    z = float(ndtri(level))
    return _root(lost, won, n, z), _root(lost, won, n, -z)


def clustered(
    lost_minus_won: Sequence[int], windows: Sequence[int], level: float = 0.95
) -> tuple[float, float] | None:
    """One-sided bounds of the same difference with windows clustered by subject.

    Subjects are the sample: the variance is that of the ratio Σd/Σn between them, and the quantile
    is Student's with subjects − 1 degrees of freedom. None with fewer than two subjects.
    """
    from scipy.special import stdtrit

    subjects, total = len(windows), sum(windows)
    if subjects < 2:
        return None
    drop = sum(lost_minus_won) / total
    square = sum((d - drop * n) ** 2 for d, n in zip(lost_minus_won, windows, strict=True))
    spread = math.sqrt(subjects / (subjects - 1) * square) / total
    reach = float(stdtrit(subjects - 1, level)) * spread
    return drop - reach, drop + reach


def _root(lost: int, won: int, n: int, target: float) -> float:
    """The difference whose score is `target`; the score falls as the difference grows."""
    low, high = -1.0, 1.0
    for _ in range(_STEPS):
        middle = (low + high) / 2
        if _score(lost, won, n, middle) > target:
            low = middle
        else:
            high = middle
    return (low + high) / 2


def _score(lost: int, won: int, n: int, difference: float) -> float:
    """Tango's statistic (his equations 3 to 5)."""
    a = 2 * n
    b = -lost - won + (2 * n - lost + won) * difference
    c = -won * difference * (1 - difference)
    nuisance = (math.sqrt(max(b * b - 4 * a * c, 0.0)) - b) / (2 * a)
    variance = n * (2 * nuisance + difference * (1 - difference))
    distance = lost - won - n * difference
    if variance <= 0:
        return math.copysign(math.inf, distance) if distance else 0.0
    return distance / math.sqrt(variance)
