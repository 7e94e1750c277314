"""Confidence bounds of shares and of paired differences of shares.

Sources: Clopper and Pearson, Biometrika 26 (1934) 404; McNemar, Psychometrika 12 (1947) 153, exact
as a binomial test; Tango, Statistics in Medicine 17 (1998) 891; for clusters the ratio estimator
(Cochran, Sampling Techniques, 1977, ch. 6), as Obuchowski, Statistics in Medicine 17 (1998) 1495,
uses it for paired shares.

The non-inferiority test: is a file worse than the float model by more than is allowed?
"""

from __future__ import annotations

import math
from collections.abc import Mapping, Sequence
from dataclasses import replace

from edgeconv.core import Check, Decision, NonInferiority, Status
from edgeconv.errors import UsageError

GATE = "max_drop"
CONFIDENCE = "confidence"  # among the gates of a recipe, but not a limit
LEVEL = 0.95
DROP = 0.005  # the drop that is tested if no gate sets another: the promise of every scheme
_MANY = 2**24  # windows: more than any data set has
_GROWTH = 1.02  # the number of windows needed is exact to a fiftieth

_STATUS = {
    Decision.NON_INFERIOR: Status.PASSED,
    Decision.INFERIOR: Status.FAILED,
    Decision.UNDECIDED: Status.NOT_RUN,
}


def decide(
    lost: Sequence[int],
    won: Sequence[int],
    windows: Sequence[int],
    max_drop: float,
    level: float = LEVEL,
) -> NonInferiority:
    """The verdict from each subject's regressions, improvements and windows.

    Of two intervals, the wider side counts: Tango's treats windows as independent and accounts for
    how little unchanged predictions prove; the one between subjects accounts for the dependence of
    one subject's windows. With one subject only the first exists, and says nothing about others.

    Args:
        lost: regressions of each subject.
        won: improvements of each subject.
        windows: all windows of each subject.
        max_drop: the largest accuracy drop that is allowed, as a fraction.
        level: confidence of each one-sided bound.

    Raises:
        UsageError: `max_drop` or `level` is not a fraction between 0 and 1.
    """
    check_limits(max_drop, level)
    b, c, n = sum(lost), sum(won), sum(windows)
    low, high = tango(b, c, n, level)
    method = "Tango (1998) over windows"
    subjects = len(windows)
    between = clustered([x - y for x, y in zip(lost, won, strict=True)], windows, level)
    if between is not None:
        low, high = min(low, between[0]), max(high, between[1])
        method += f" and ratio estimator between {subjects} subjects, the wider of both"
    drop = (b - c) / n
    decision = _decision(low, high, max_drop)
    needed = None
    if decision is Decision.UNDECIDED and drop < max_drop:
        needed = _needed(b, c, n, between[1] if between else drop, max_drop, level)
    result = NonInferiority(
        decision=decision,
        drop=drop,
        low=low,
        high=high,
        max_drop=max_drop,
        level=level,
        method=method,
        lost=b,
        won=c,
        subjects=subjects,
        mcnemar_p=mcnemar(b, c),
        windows_needed=needed,
        reason="",
    )
    return replace(result, reason=_sentence(result, n))


def check_limits(max_drop: float, level: float) -> None:
    """Raises UsageError for a drop outside 0 … 1 or a confidence outside 0.5 … 1."""
    if not 0 < max_drop < 1:
        raise UsageError(
            f"{GATE} is a share of windows between 0 and 1, got {max_drop:g}",
            "half a point is 0.005",
        )
    if not 0.5 < level < 1:
        raise UsageError(f"confidence lies between 0.5 and 1, got {level:g}", "95 % is 0.95")


def margin_of(gates: Mapping[str, float]) -> float:
    """The drop that is tested: `max_drop`, else the limit of `accuracy_drop`."""
    point = gates.get("accuracy_drop", DROP)
    return gates.get(GATE, point if 0 < point < 1 else DROP)


def level_of(overrides: Mapping[str, float]) -> float:
    """The confidence of every bound, as a recipe or the command line set it."""
    return overrides.get(CONFIDENCE, LEVEL)


def as_check(result: NonInferiority) -> Check:
    """The gate `max_drop`: the upper bound of the drop against its limit."""
    status = _STATUS[result.decision]
    reason = "" if status is Status.PASSED else result.reason
    return Check(GATE, status, result.high, result.max_drop, "<=", reason)


def _decision(low: float, high: float, max_drop: float) -> Decision:
    if high <= max_drop:
        return Decision.NON_INFERIOR
    return Decision.INFERIOR if low > max_drop else Decision.UNDECIDED


def _needed(
    lost: int, won: int, n: int, between: float, max_drop: float, level: float
) -> int | None:
    """Windows at which both upper bounds would pass if the shares stay as they are.

    `between` is the bound between subjects; its distance from the drop falls with the root of the
    number of subjects.
    """
    drop = (lost - won) / n
    factor = max(1.0, ((between - drop) / (max_drop - drop)) ** 2)
    while factor * n < _MANY:
        bound = tango(round(lost * factor), round(won * factor), round(n * factor), level)[1]
        if bound <= max_drop:
            return round(n * factor)
        factor *= _GROWTH
    return None


def _sentence(result: NonInferiority, n: int) -> str:
    bounds = (
        f"the drop is {_points(result.drop)} points, with {result.level:.0%} confidence not above "
        f"{_points(result.high)} and not below {_points(result.low)} ({n} windows of "
        f"{result.subjects} {'subject' if result.subjects == 1 else 'subjects'}); "
        f"allowed are {_points(result.max_drop)}"
    )
    if result.decision is not Decision.UNDECIDED:
        return f"{result.decision}: {bounds}"
    needed = result.windows_needed
    more = f"; about {needed:,} would decide if the shares stay as they are" if needed else ""
    return f"too few windows to know: {bounds}{more}"


def _points(share: float) -> str:
    return f"{100 * share:.3g}".replace("-", "−")


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
