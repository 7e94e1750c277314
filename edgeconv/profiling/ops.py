"""Time, cost and roofline position of each operation.

The runtimes have no interface to time one operation. But a file that is cut behind operation k can
be timed; the time of k is the difference to the file that is cut behind k − 1.
"""

from __future__ import annotations

from collections.abc import Callable, Sequence
from contextlib import ExitStack
from dataclasses import replace
from math import isfinite
from statistics import median
from time import perf_counter_ns

from edgeconv.core import OpProfile
from edgeconv.profiling.statistics import order_statistics_interval

ROUNDS = 40
RUNS = 5  # samples of each cut file in a round
SETTLE = 2
LEVEL = 0.95

Infer = Callable[[], object]
Opener = Callable[[ExitStack], Infer]
"""Opens a cut file until the stack closes it; the result runs one inference of it."""


def by_differences(rows: Sequence[OpProfile], openers: Sequence[Opener]) -> tuple[OpProfile, ...]:
    """`rows` with the time of each.

    Args:
        openers: one more than rows: the file without any operation, up to the end of the first
            row, of the second …; all are open at the same time.
    """
    with ExitStack() as stack:
        infers = [opener(stack) for opener in openers]
        rounds = [_round(infers, number) for number in range(ROUNDS)]
    return tuple(
        _timed(row, [times[i + 1] - times[i] for times in rounds]) for i, row in enumerate(rows)
    )


def by_steps(
    rows: Sequence[OpProfile], inferences: Sequence[Sequence[float]]
) -> tuple[OpProfile, ...]:
    """`rows` with the time of each from a runtime that reports it: µs of each row, by inference."""
    return tuple(_timed(row, [times[i] for times in inferences]) for i, row in enumerate(rows))


def shares(rows: Sequence[OpProfile]) -> list[float | None]:
    """Share of the timed rows' sum, None if a row was not timed."""
    total = sum(row.us or 0.0 for row in rows)
    return [None if row.us is None or not total else row.us / total for row in rows]


def _round(infers: Sequence[Infer], number: int) -> list[float]:
    """Median time of each, neighbors right after each other; the order changes by round."""
    order = range(len(infers)) if number % 2 == 0 else range(len(infers) - 1, -1, -1)
    times = dict.fromkeys(order, 0.0)
    for i in order:
        infer = infers[i]
        for _ in range(SETTLE):
            infer()
        times[i] = median(_once(infer) for _ in range(RUNS))
    return [times[i] for i in range(len(infers))]


def _once(infer: Infer) -> float:
    start = perf_counter_ns()
    infer()
    return (perf_counter_ns() - start) / 1e3


def _timed(row: OpProfile, us: Sequence[float]) -> OpProfile:
    """The median; a cut can cost more than the operation behind it, which is then taken as 0."""
    low, high = order_statistics_interval(us, LEVEL)
    interval = (max(low, 0.0), max(high, 0.0)) if isfinite(high) else None
    return replace(row, us=max(median(us), 0.0), interval_us=interval)
