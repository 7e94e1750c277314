"""One candidate on its way through the folds, and when it is not worth going on."""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass, field
from enum import StrEnum
from typing import Any

from edgeconv.search import statistics
from edgeconv.search.candidates import DesignPoint, SearchCandidate, TaskOutcome
from edgeconv.search.options import Budgets


class TrialState(StrEnum):
    """Only a `finished` trial is a measured figure."""

    RUNNING = "running"
    FINISHED = "finished"
    PRUNED = "pruned"  # too inaccurate after some of its folds
    PRUNED_BY_SIZE = "pruned_by_size"  # over a budget, before any training
    FAILED = "failed"


@dataclass(frozen=True)
class Incumbents:
    """What a trial is compared with while it runs: fixed when it begins, so that the comparison
    does not depend on which of its neighbours ended first.

    Attributes:
        points: of the trials that were reported by then.
        float_accuracy: accuracy of the recipe's own float network on each fold; empty where it is
            not known.
        deviation: of one fold's paired difference.
    """

    points: tuple[DesignPoint, ...] = ()
    float_accuracy: tuple[float, ...] = ()
    deviation: float = statistics.DEVIATION


@dataclass
class Trial:
    """TrialState of one candidate.

    Attributes:
        number: in the order of asking; 0 is the recipe's own network.
        optuna_trial: the sampler's own record, to report the result with.
        schemes: those that are within the budgets.
        outcomes: of the folds that are done, by fold.
    """

    number: int
    candidate: SearchCandidate
    optuna_trial: Any = None
    incumbents: Incumbents = field(default_factory=Incumbents)
    state: TrialState = TrialState.RUNNING
    reason: str = ""
    sizes: TaskOutcome | None = None
    schemes: tuple[str, ...] = ()
    outcomes: dict[int, TaskOutcome] = field(default_factory=dict)

    @property
    def baseline(self) -> bool:
        """Whether it is the recipe's own network, which is never pruned."""
        return self.number == 0

    def float_accuracy(self) -> tuple[float, ...]:
        """Accuracy of its float network on each fold."""
        folds = (self.outcomes[fold].float_accuracy for fold in sorted(self.outcomes))
        return tuple(value for value in folds if value is not None)

    def values(self, scheme: str) -> tuple[float, ...]:
        """Accuracy of a scheme's file on the first folds, those without a gap before them."""
        accuracies: list[float] = []
        while (outcome := self.outcomes.get(len(accuracies))) is not None:
            accuracies.append(outcome.accuracy[scheme])
        return tuple(accuracies)

    def points(self) -> tuple[DesignPoint, ...]:
        """The files of a finished trial; none of any other."""
        if self.state is not TrialState.FINISHED:
            return ()
        return tuple(
            DesignPoint(
                self.candidate,
                scheme,
                max(outcome.bytes[scheme] for outcome in self.outcomes.values()),
                self.outcomes[0].macs,
                self.values(scheme),
                len(self.outcomes),
            )
            for scheme in self.schemes
        )

    def size(self, sizes: TaskOutcome, budgets: Budgets) -> None:
        """Take note of what it weighs; over a budget it ends here, untrained."""
        self.sizes = sizes
        if sizes.failed:
            self.state, self.reason = TrialState.PRUNED_BY_SIZE, sizes.failed
            return
        # The recipe's own network is what others are compared with, so it runs all the same.
        self.schemes = tuple(sizes.bytes) if self.baseline else budgets.fitting(sizes)
        if not self.schemes:
            smallest = min(sizes.bytes.values())
            self.state = TrialState.PRUNED_BY_SIZE
            self.reason = f"over a budget: {smallest:,} bytes, {sizes.macs:,} MACs"

    def record(self, fold: int, outcome: TaskOutcome, count: int, budgets: Budgets) -> None:
        """Take note of a fold, of `count`; ends the trial if it is finished or too inaccurate."""
        self.outcomes[fold] = outcome
        if outcome.failed:
            self.state, self.reason = TrialState.FAILED, outcome.failed
        elif len(self.outcomes) == count:
            self.state = TrialState.FINISHED
        elif not self.baseline:
            reasons = [self._reason_to_prune(scheme, budgets) for scheme in self.schemes]
            if all(reasons):
                self.state, self.reason = (
                    TrialState.PRUNED,
                    f"after {len(self.outcomes)} folds {reasons[0]}",
                )

    def _reason_to_prune(self, scheme: str, budgets: Budgets) -> str:
        """Why no further fold of a scheme's file is worth its time; empty: it may still be."""
        values, sizes, incumbents = self.values(scheme), self.sizes, self.incumbents
        assert sizes is not None
        if budgets.max_drop is not None and incumbents.float_accuracy:
            margin = budgets.max_drop
            if statistics.worse(values, incumbents.float_accuracy, margin, incumbents.deviation):
                return "drops by more than --max-accuracy-drop"
        for incumbent in incumbents.points:
            cheaper = incumbent.bytes <= sizes.bytes[scheme] and incumbent.macs <= sizes.macs
            if cheaper and statistics.worse(values, incumbent.folds, 0.0, incumbents.deviation):
                return f"below the smaller {incumbent.candidate.model} {incumbent.scheme}"
        return ""


def deviation(points: Sequence[DesignPoint], float_accuracy: Sequence[float]) -> float:
    """Of one fold's paired difference, from what was seen so far."""
    if not float_accuracy:
        return statistics.DEVIATION
    seen = ([a - b for a, b in zip(p.folds, float_accuracy, strict=True)] for p in points)
    return statistics.pooled(seen)
