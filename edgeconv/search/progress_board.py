"""What a person who follows a search wants to know, from the search's state."""

from __future__ import annotations

from dataclasses import dataclass

from edgeconv.search.engine import Search
from edgeconv.search.table import share
from edgeconv.search.trials import State, Trial
from edgeconv.training.cross_validation import estimate

_SMALLEST = 2048


@dataclass(frozen=True)
class Board:
    """Counts, the best file of each size class, and what is running.

    Attributes:
        counts: trials by state.
        best: size class, model, scheme, accuracy with its interval, bytes.
        running: model and folds done.
        seconds_left: until no further candidate is begun; None: no limit.
    """

    counts: dict[State, int]
    best: tuple[tuple[str, str, str, str, int], ...]
    running: tuple[tuple[str, int, int], ...]
    seconds_left: float | None

    def line(self) -> str:
        """All of it in one line, for a log."""
        counts = ", ".join(f"{n} {state}" for state, n in self.counts.items() if n)
        best = "; ".join(f"{kind}: {accuracy}" for kind, _, _, accuracy, _ in self.best)
        left = "" if self.seconds_left is None else f", {self.seconds_left / 60:.0f} min left"
        return f"{counts}{left}{' | best ' + best if best else ''}"


def board_of(search: Search) -> Board:
    """A snapshot; candidates that ended but were not told yet are counted."""
    trials = search.trials
    counts = {state: sum(t.state is state for t in trials) for state in State}
    running = (t for t in trials if t.state is State.RUNNING)
    until, folds = search.plan.until, search.plan.folds
    return Board(
        counts,
        _best(trials),
        tuple((t.candidate.model, len(t.outcomes), folds) for t in running),
        None if until is None else max(until - search.plan.clock(), 0.0),
    )


def size_class(size: int) -> int:
    """The smallest power of two, 2,048 or above, that holds so many bytes."""
    limit = _SMALLEST
    while limit < size:
        limit *= 2
    return limit


def _best(trials: list[Trial]) -> tuple[tuple[str, str, str, str, int], ...]:
    classes: dict[int, tuple[float, tuple[str, str, str, str, int]]] = {}
    for point in (p for t in trials for p in t.points()):
        kind = size_class(point.bytes)
        if kind not in classes or point.accuracy > classes[kind][0]:
            name = f"≤ {kind // 1024} KB"
            model, figure = point.candidate.model, share(estimate(point.folds))
            classes[kind] = point.accuracy, (name, model, point.scheme, figure, point.bytes)
    return tuple(row for _, (_, row) in sorted(classes.items()))
