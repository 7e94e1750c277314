"""One candidate on its way through the folds, and when it is not worth going on."""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass, field
from enum import StrEnum
from typing import Any

from edgeconv.search import statistics
from edgeconv.search.budgets import Budgets
from edgeconv.search.candidates import Candidate, Outcome, Point


class State(StrEnum):
    """Only a `finished` trial is a measured figure."""

    RUNNING = "running"
    FINISHED = "finished"
    STOPPED = "stopped"  # hopeless after some of its folds
    SKIPPED = "skipped"  # over a budget before any training
    FAILED = "failed"


@dataclass(frozen=True)
class Rivals:
    """What a trial is compared with while it runs: fixed when it begins, so that the comparison
    does not depend on which of its neighbours ended first.

    Attributes:
        points: of the trials that were told by then.
        full: accuracy of the recipe's own float network on each fold; empty where it is not known.
        deviation: of one fold's paired difference.
    """

    points: tuple[Point, ...] = ()
    full: tuple[float, ...] = ()
    deviation: float = statistics.DEVIATION


@dataclass
class Trial:
    """State of one candidate.

    Attributes:
        number: in the order of asking; 0 is the recipe's own network.
        ticket: what the sampler wants to be told with.
        schemes: those that are within the budgets.
        outcomes: of the folds that are done, by fold.
    """

    number: int
    candidate: Candidate
    ticket: Any = None
    rivals: Rivals = field(default_factory=Rivals)
    state: State = State.RUNNING
    reason: str = ""
    sizes: Outcome | None = None
    schemes: tuple[str, ...] = ()
    outcomes: dict[int, Outcome] = field(default_factory=dict)

    @property
    def anchor(self) -> bool:
        """Whether it is the recipe's own network, which is never stopped."""
        return self.number == 0

    def full(self) -> tuple[float, ...]:
        """Accuracy of its float network on each fold."""
        folds = (self.outcomes[fold].full for fold in sorted(self.outcomes))
        return tuple(value for value in folds if value is not None)

    def values(self, scheme: str) -> tuple[float, ...]:
        """Accuracy of a scheme's file on the first folds, those without a gap before them."""
        found: list[float] = []
        while (outcome := self.outcomes.get(len(found))) is not None:
            found.append(outcome.accuracy[scheme])
        return tuple(found)

    def points(self) -> tuple[Point, ...]:
        """The files of a finished trial; none of any other."""
        if self.state is not State.FINISHED:
            return ()
        return tuple(
            Point(
                self.candidate,
                scheme,
                max(outcome.bytes[scheme] for outcome in self.outcomes.values()),
                self.outcomes[0].macs,
                self.values(scheme),
                len(self.outcomes),
            )
            for scheme in self.schemes
        )

    def size(self, sizes: Outcome, budgets: Budgets) -> None:
        """Take note of what it weighs; over a budget it ends here, untrained."""
        self.sizes = sizes
        if sizes.failed:
            self.state, self.reason = State.SKIPPED, sizes.failed
            return
        # The recipe's own network is what others are compared with, so it runs all the same.
        self.schemes = tuple(sizes.bytes) if self.anchor else budgets.fitting(sizes)
        if not self.schemes:
            smallest = min(sizes.bytes.values())
            self.state = State.SKIPPED
            self.reason = f"over a budget: {smallest:,} bytes, {sizes.macs:,} MACs"

    def judge(self, fold: int, outcome: Outcome, count: int, budgets: Budgets) -> None:
        """Take note of a fold, of `count`; ends the trial where it is finished or hopeless."""
        self.outcomes[fold] = outcome
        if outcome.failed:
            self.state, self.reason = State.FAILED, outcome.failed
        elif len(self.outcomes) == count:
            self.state = State.FINISHED
        elif not self.anchor:
            why = [self._hopeless(scheme, budgets) for scheme in self.schemes]
            if all(why):
                self.state, self.reason = (
                    State.STOPPED,
                    f"after {len(self.outcomes)} folds {why[0]}",
                )

    def _hopeless(self, scheme: str, budgets: Budgets) -> str:
        """Why no further fold of a scheme's file is worth its time; empty: it may still be."""
        values, sizes, rivals = self.values(scheme), self.sizes, self.rivals
        assert sizes is not None
        if budgets.max_drop is not None and rivals.full:
            margin = budgets.max_drop
            if statistics.worse(values, rivals.full, margin, rivals.deviation):
                return "loses more than --max-accuracy-drop"
        for rival in rivals.points:
            cheaper = rival.bytes <= sizes.bytes[scheme] and rival.macs <= sizes.macs
            if cheaper and statistics.worse(values, rival.folds, 0.0, rivals.deviation):
                return f"below the smaller {rival.candidate.model} {rival.scheme}"
        return ""


def deviation(points: Sequence[Point], full: Sequence[float]) -> float:
    """Of one fold's paired difference, from what was seen so far."""
    if not full:
        return statistics.DEVIATION
    seen = ([a - b for a, b in zip(p.folds, full, strict=True)] for p in points)
    return statistics.pooled(seen)
