"""Is a file worse than the float model by more than is allowed, or are there too few windows?"""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from dataclasses import replace

from edgeconv.core import Check, Decision, NonInferiority, Status
from edgeconv.errors import UsageError
from edgeconv.parity.intervals import clustered, mcnemar, tango

GATE = "max_drop"
CONFIDENCE = "confidence"  # stands among the gates of a recipe, but sets no limit
LEVEL = 0.95
DROP = 0.005  # what the verdict is about where no gate says more: the promise of every scheme
_MANY = 2**24  # windows: more than anybody records
_GROWTH = 1.02  # the number of windows needed is told to a fiftieth

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
    """The verdict over people: windows lost, windows won and all windows of each of them.

    Two intervals are made, and the wider side of both counts: Tango's takes windows as independent
    and knows how little an unchanged answer proves; that between people knows that windows of one
    person go together. With one person only the first exists, and nothing is said of others.

    Raises:
        UsageError: `max_drop` or `level` is no share between 0 and 1.
    """
    check_limits(max_drop, level)
    b, c, n = sum(lost), sum(won), sum(windows)
    low, high = tango(b, c, n, level)
    method = "Tango (1998) over windows"
    people = len(windows)
    between = clustered([x - y for x, y in zip(lost, won, strict=True)], windows, level)
    if between is not None:
        low, high = min(low, between[0]), max(high, between[1])
        method += f" and ratio estimator between {people} people, the wider of both"
    drop = (b - c) / n
    decision = _decision(low, high, max_drop)
    needed = None
    if decision is Decision.UNDECIDED and drop < max_drop:
        needed = _needed(b, c, n, between[1] if between else drop, max_drop, level)
    found = NonInferiority(
        decision=decision,
        drop=drop,
        low=low,
        high=high,
        max_drop=max_drop,
        level=level,
        method=method,
        lost=b,
        won=c,
        people=people,
        mcnemar_p=mcnemar(b, c),
        windows_needed=needed,
        reason="",
    )
    return replace(found, reason=_sentence(found, n))


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
    """The drop that the verdict is about: `max_drop`, else the point gate's limit."""
    point = gates.get("accuracy_drop", DROP)
    return gates.get(GATE, point if 0 < point < 1 else DROP)


def level_of(overrides: Mapping[str, float]) -> float:
    """The confidence of every bound, as a recipe or the command line set it."""
    return overrides.get(CONFIDENCE, LEVEL)


def as_check(found: NonInferiority) -> Check:
    """The gate: what the drop may at most be, with confidence. Undecided is never a pass."""
    status = _STATUS[found.decision]
    reason = "" if status is Status.PASSED else found.reason
    return Check(GATE, status, found.high, found.max_drop, "<=", reason)


def _decision(low: float, high: float, max_drop: float) -> Decision:
    if high <= max_drop:
        return Decision.NON_INFERIOR
    return Decision.INFERIOR if low > max_drop else Decision.UNDECIDED


def _needed(
    lost: int, won: int, n: int, between: float, max_drop: float, level: float
) -> int | None:
    """Windows at which both upper bounds would pass, should the shares stay as they are.

    `between` is the bound between people; its distance from the drop falls with the root of the
    number of people.
    """
    drop = (lost - won) / n
    factor = max(1.0, ((between - drop) / (max_drop - drop)) ** 2)
    while factor * n < _MANY:
        bound = tango(round(lost * factor), round(won * factor), round(n * factor), level)[1]
        if bound <= max_drop:
            return round(n * factor)
        factor *= _GROWTH
    return None


def _sentence(found: NonInferiority, n: int) -> str:
    bounds = (
        f"the drop is {_points(found.drop)} points, with {found.level:.0%} confidence not above "
        f"{_points(found.high)} and not below {_points(found.low)} ({n} windows of "
        f"{found.people} {'person' if found.people == 1 else 'people'}); "
        f"allowed are {_points(found.max_drop)}"
    )
    if found.decision is not Decision.UNDECIDED:
        return f"{found.decision}: {bounds}"
    needed = found.windows_needed
    more = f"; about {needed:,} would decide if the shares stay as they are" if needed else ""
    return f"too few windows to know: {bounds}{more}"


def _points(share: float) -> str:
    return f"{100 * share:.3g}".replace("-", "−")
