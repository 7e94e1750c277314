"""The non-inferiority test: is a file worse than the float model by more than is allowed?"""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from dataclasses import replace

from edgeconv.core import Check, Decision, NonInferiority, Status
from edgeconv.errors import UsageError
from edgeconv.parity.intervals import clustered, mcnemar, tango

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
