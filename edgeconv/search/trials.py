"""One candidate's evaluation on the folds, and when to prune it."""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass, field
from enum import StrEnum
from typing import Any

from edgeconv.search import pareto
from edgeconv.search.candidates import DesignPoint, SearchCandidate, TaskOutcome
from edgeconv.search.options import Budgets


class TrialState(StrEnum):
    """The state of a trial; only a `finished` one has a result."""

    RUNNING = "running"
    FINISHED = "finished"
    PRUNED = "pruned"  # too inaccurate after some of its folds
    PRUNED_BY_SIZE = "pruned_by_size"  # over a budget, before any training
    UNFINISHED = "unfinished"  # not all of its folds had time; the same search goes on with it
    FAILED = "failed"


@dataclass(frozen=True)
class Incumbents:
    """What a trial is compared with while it runs: fixed when it begins, so that the comparison
    does not depend on which other trials end first.

    Attributes:
        points: of the trials that were reported by then.
        float_accuracy: accuracy of the recipe's float network on each fold; empty if it was not
            known before the search.
        deviation: of one fold's paired difference.
    """

    points: tuple[DesignPoint, ...] = ()
    float_accuracy: tuple[float, ...] = ()
    deviation: float = pareto.DEVIATION


@dataclass
class Trial:
    """The state of one candidate.

    Attributes:
        number: in the order of asking; 0 is the recipe's network.
        optuna_trial: the sampler's record, with which the result is reported.
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
        """Whether it is the recipe's network, which is never pruned."""
        return self.number == 0

    def float_accuracy(self) -> tuple[float, ...]:
        """Accuracy of its float network on the first folds, those without a gap before them."""
        accuracies: list[float] = []
        while (outcome := self.outcomes.get(len(accuracies))) is not None:
            if outcome.float_accuracy is None:
                break
            accuracies.append(outcome.float_accuracy)
        return tuple(accuracies)

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
        """Record the file sizes; a trial over a budget ends here, untrained."""
        self.sizes = sizes
        if sizes.failed:
            self.state, self.reason = TrialState.PRUNED_BY_SIZE, sizes.failed
            return
        # The recipe's network is the baseline of the others, so it runs in any case.
        self.schemes = tuple(sizes.bytes) if self.baseline else budgets.fitting(sizes)
        if not self.schemes:
            smallest = min(sizes.bytes.values())
            self.state = TrialState.PRUNED_BY_SIZE
            self.reason = f"over a budget: {smallest:,} bytes, {sizes.macs:,} MACs"

    def record(self, fold: int, outcome: TaskOutcome, count: int, budgets: Budgets) -> None:
        """Record one of `count` folds; ends the trial if it is finished or too inaccurate."""
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

    def give_up(self, count: int) -> None:
        """End it for lack of time, before all of `count` folds are done."""
        self.state = TrialState.UNFINISHED
        self.reason = f"{len(self.outcomes)} of {count} folds in time"

    def _reason_to_prune(self, scheme: str, budgets: Budgets) -> str:
        """The reason to stop evaluating a scheme's file; empty: continue."""
        values, sizes, incumbents = self.values(scheme), self.sizes, self.incumbents
        assert sizes is not None
        if budgets.max_drop is not None and incumbents.float_accuracy:
            margin = budgets.max_drop
            if pareto.worse(values, incumbents.float_accuracy, margin, incumbents.deviation):
                return "drops by more than --max-accuracy-drop"
        for incumbent in incumbents.points:
            cheaper = incumbent.bytes <= sizes.bytes[scheme] and incumbent.macs <= sizes.macs
            if cheaper and pareto.worse(values, incumbent.folds, 0.0, incumbents.deviation):
                return f"below the smaller {incumbent.candidate.model} {incumbent.scheme}"
        return ""


def deviation(points: Sequence[DesignPoint], float_accuracy: Sequence[float]) -> float:
    """Deviation of one fold's paired difference, from the results so far.

    Differences are to the recipe's float network or, if it is not known, to the first point.
    """
    if not float_accuracy:
        if not points:
            return pareto.DEVIATION
        float_accuracy, points = points[0].folds, points[1:]
    differences = ([a - b for a, b in zip(p.folds, float_accuracy, strict=True)] for p in points)
    return pareto.pooled(differences)
