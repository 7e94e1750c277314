"""The progress of a search, derived from its state."""

from __future__ import annotations

from dataclasses import dataclass
from typing import Protocol

from edgeconv.core import LoggingProgress, Progress
from edgeconv.search.engine import Search
from edgeconv.search.report import share
from edgeconv.search.trials import Trial, TrialState
from edgeconv.training.fold_results import estimate

_SMALLEST = 2048


@dataclass(frozen=True)
class SearchProgress:
    """Counts, the best file of each size class, and what is running.

    Attributes:
        counts: trials by state.
        best: size class, model, scheme, accuracy with its interval, bytes.
        running: model and folds done.
        seconds_left: until no further candidate is started; None: no limit.
    """

    counts: dict[TrialState, int]
    best: tuple[tuple[str, str, str, str, int], ...]
    running: tuple[tuple[str, int, int], ...]
    seconds_left: float | None

    def headline(self) -> str:
        """The number of trials by state, and the time that is left."""
        states = ((n, state.replace("_", " ")) for state, n in self.counts.items())
        counts = ", ".join(f"{n} {state}" for n, state in states if n)
        left = "" if self.seconds_left is None else f", {self.seconds_left / 60:.0f} min left"
        return f"{counts}{left}"

    def line(self) -> str:
        """All of it in one line, for a log."""
        best = "; ".join(f"{kind}: {accuracy}" for kind, _, _, accuracy, _ in self.best)
        return f"{self.headline()}{' | best ' + best if best else ''}"


def progress_of(search: Search) -> SearchProgress:
    """A snapshot; candidates that ended but were not reported yet are counted."""
    trials = search.trials
    counts = {state: sum(t.state is state for t in trials) for state in TrialState}
    running = (t for t in trials if t.state is TrialState.RUNNING)
    until, folds = search.plan.until, search.plan.folds
    return SearchProgress(
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


class SearchWatcher(Progress, Protocol):
    """A `Progress` that also shows the trials of a search."""

    def search_progress(self, progress: SearchProgress) -> None:
        """Called when trials have started or ended."""


class LoggingWatcher(LoggingProgress):
    """Logs the stages of a search; its trials are in the folder that it writes."""

    def search_progress(self, progress: SearchProgress) -> None: ...


LOG_WATCHER = LoggingWatcher()
