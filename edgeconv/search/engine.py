"""The search: asks for candidates, has them evaluated, prunes, reports in order, and confirms.

Candidates come first, in the order of asking. The recipe's own network, with which all is compared,
is judged last, and in their pauses: its folds may take longer than those of all candidates.
"""

from __future__ import annotations

import heapq
import math
import time
from collections import deque
from collections.abc import Callable, Sequence
from dataclasses import dataclass, field
from itertools import product
from statistics import median
from typing import Any, Protocol

from edgeconv.errors import BadInput
from edgeconv.search.candidates import DesignPoint, SearchCandidate, SearchTask, TaskOutcome
from edgeconv.search.executors import SearchExecutor
from edgeconv.search.journal import Journal
from edgeconv.search.options import Budgets
from edgeconv.search.trials import Incumbents, Trial, TrialState, deviation

FEEDING = 800_000  # multiply-accumulates that take as long as feeding and augmenting a window
REPEATS = 100  # questions in a row that bring nothing new: the space is at its end


class CandidateSource(Protocol):
    """The source of candidates: a sampler."""

    def ask(self) -> tuple[Any, SearchCandidate]:
        """The sampler's record of a new trial, and its candidate."""

    def tell(self, optuna_trial: Any, point: DesignPoint | None) -> None:
        """Report the trial's result; None: it has none."""


class SearchListener(Protocol):
    """Is notified of the events of a search."""

    def changed(self, search: Search) -> None:
        """A task started or ended."""

    def ended(self, trial: Trial) -> None:
        """A trial ended; called in the order of their numbers, but the baseline is last."""


@dataclass(frozen=True)
class SearchPlan:
    """The effort of a search, and its order.

    Attributes:
        epochs: of the recipe, for a candidate that says nothing else.
        max_in_flight: candidates that run at a time. Candidate n is asked for when all up to
            n − max_in_flight have been reported, whatever the number of workers.
        trials: candidates to evaluate, without those pruned by size; None: until the time is up.
        until: moment of `clock` at which the last trial should have ended; None: no limit.
        baseline_seconds: of each worker for the folds of the recipe's network, if there is a limit.
            One fold is judged in any case.
        reference: accuracy of the recipe's float network on each fold, if it was known before the
            search began: what drops too far below it is stopped early.
    """

    folds: int
    seed: int
    epochs: int = 1
    max_in_flight: int = 6
    trials: int | None = None
    until: float | None = None
    baseline_seconds: float = math.inf
    reference: tuple[float, ...] = ()
    clock: Callable[[], float] = time.monotonic


@dataclass
class Search:
    """One search, from its first candidate to its front.

    Attributes:
        judged: keys of the candidates that were judged on a fold or more, and not known before.
    """

    sampler: CandidateSource
    executor: SearchExecutor
    journal: Journal
    budgets: Budgets
    plan: SearchPlan
    listener: SearchListener
    trials: list[Trial] = field(default_factory=list)
    reported: int = 0
    repeats: int = 0
    out_of_time: bool = False
    asking: bool = True
    judged: set[str] = field(default_factory=set)
    _known: set[str] = field(default_factory=set)
    _ready: deque[tuple[SearchTask, TaskOutcome]] = field(default_factory=deque)
    _running: dict[str, Trial | None] = field(default_factory=dict)
    _waiting: list[tuple[int, int, SearchTask]] = field(default_factory=list)
    _baseline_folds: deque[SearchTask] = field(default_factory=deque)
    _baseline_begun: int = 0
    _submitted: int = 0
    _order: int = 0
    _seconds: list[float] = field(default_factory=list)
    _rates: list[float] = field(default_factory=list)
    _busy: float = 0.0
    _began: float | None = None

    def run(self, baseline: SearchCandidate, first: Sequence[SearchCandidate] = ()) -> None:
        """Evaluate `first`, the sampler's candidates, and `baseline`, the recipe's network.

        With a time limit, the baseline may have been judged on its first fold only; `confirm` goes
        on with it.
        """
        self._begin(baseline, None)
        self.reported = 1  # nothing waits for the baseline
        for candidate in first:
            if candidate.key not in self._known:
                self._begin(candidate, None)
        self._fill()
        self._work()

    def add(self, candidates: Sequence[SearchCandidate]) -> None:
        """Evaluate further candidates that are not from the sampler, as far as time allows."""
        self.asking = False
        for candidate in candidates:
            if candidate.key not in self._known and self._time_for(self._pending_seconds()):
                self._begin(candidate, None)
        self._work()

    def _work(self) -> None:
        while self._unfinished():
            task, outcome = self._next()
            trial = self._running.pop(task.key)
            if trial is not None:
                self._advance(trial, task, outcome)
            self._give_up()
            self._report()
            self.listener.changed(self)

    def points(self) -> tuple[DesignPoint, ...]:
        """Every measured file."""
        return tuple(point for trial in self.trials for point in trial.points())

    def reported_points(self, first: int | None = None) -> tuple[DesignPoint, ...]:
        """The measured files of the first trials, of all reported ones if None is given."""
        count = self.reported if first is None else first
        return tuple(point for trial in self.trials[:count] for point in trial.points())

    def baseline(self) -> Trial:
        """The trial of the recipe's network."""
        return self.trials[0]

    @property
    def seconds(self) -> float | None:
        """Since the first task that was not known; None before it."""
        return None if self._began is None else max(self.plan.clock() - self._began, 1e-9)

    def busy(self) -> float | None:
        """Share of the workers' time so far that they worked; None before the first task."""
        if self.seconds is None:
            return None
        return min(self._busy / (self.seconds * self.executor.workers), 1.0)

    def confirm(
        self, candidates: Sequence[SearchCandidate], seeds: Sequence[int]
    ) -> dict[str, TaskOutcome]:
        """Evaluate candidates on every fold with other seeds; outcomes by the key of their task.

        The rest of the baseline's folds comes first, as they are the longest. If the time does not
        suffice, whole seeds of a candidate are left out.
        """
        self.asking = False
        baseline = self.baseline()
        for seed, candidate in product(seeds, candidates):
            if candidate == baseline.candidate and baseline.state is not TrialState.FINISHED:
                continue
            tasks = [SearchTask(candidate, seed, fold) for fold in range(self.plan.folds)]
            new = sum(self.journal.get(task) is None for task in tasks)
            seconds = new * self._seconds_per_fold(candidate)
            if new and not self._time_for(self._confirming_seconds() + seconds):
                self.out_of_time = True
                continue
            for task in tasks:
                self._submit(None, task)
        outcomes: dict[str, TaskOutcome] = {}
        while self._ready or self._running or self._baseline_count():
            task, outcome = self._next()
            trial = self._running.pop(task.key)
            if trial is None:
                outcomes[task.key] = outcome
            else:
                self._advance(trial, task, outcome)
            self.listener.changed(self)
        if baseline.state is TrialState.RUNNING:
            baseline.give_up(self.plan.folds)
        return outcomes

    def _confirming_seconds(self) -> float:
        """Estimated seconds of the further seeds that wait."""
        tasks = (task for _, _, task in self._waiting)
        return sum(self._seconds_per_fold(task.candidate) for task in tasks)

    def _next(self) -> tuple[SearchTask, TaskOutcome]:
        if self._ready:
            return self._ready.popleft()
        self._dispatch()
        task, outcome = self.executor.collect()
        self._submitted -= 1
        self._busy += outcome.seconds
        if not outcome.failed.startswith("its worker died"):
            self.journal.add(task, outcome)
        if task.fold is not None and task.candidate != self.baseline().candidate:
            self.judged.add(task.candidate.key)
            self._seconds.append(outcome.seconds)
            if (work := self._work_of(self._running.get(task.key), task)) and outcome.seconds:
                self._rates.append(outcome.seconds / work)
        return task, outcome

    def _begin(self, candidate: SearchCandidate, optuna_trial: Any) -> None:
        points = tuple(p for trial in self.trials[1 : self.reported] for p in trial.points())
        incumbents = Incumbents(points, self.plan.reference, deviation(points, self.plan.reference))
        trial = Trial(len(self.trials), candidate, optuna_trial, incumbents)
        self.trials.append(trial)
        self._known.add(candidate.key)
        self._submit(trial, SearchTask(candidate, self.plan.seed))

    def _submit(self, trial: Trial | None, task: SearchTask) -> None:
        self._running[task.key] = trial
        known = self.journal.get(task)
        if known is not None:
            self._ready.append((task, known))
        else:
            place = 0 if task.fold is None or trial is None else trial.number
            heapq.heappush(self._waiting, (place, self._order, task))
            self._order += 1

    def _work_of(self, trial: Trial | None, task: SearchTask) -> int:
        """What a fold costs, to estimate its time; asking for a size costs nothing."""
        if task.fold is None or trial is None or trial.sizes is None:
            return 0
        epochs = dict(task.candidate.training).get("epochs", self.plan.epochs)
        return (trial.sizes.macs + FEEDING) * int(epochs)

    def _dispatch(self) -> None:
        """Keep every worker busy: candidates in the order of asking, else the baseline."""
        if self._began is None:
            self._began = self.plan.clock()
        while self._submitted < self.executor.workers:
            last = self.out_of_time or not self.asking
            if (last or not self._waiting) and self._baseline_count():
                task = self._baseline_folds.popleft()
                self._running[task.key] = self.baseline()
                self._baseline_begun += 1
            elif self._waiting:
                task = heapq.heappop(self._waiting)[2]
            else:
                return
            self.executor.submit(task)
            self._submitted += 1

    def _unfinished(self) -> bool:
        """Whether there is work before the confirmation: with a time limit, which the baseline's
        folds may take up, one of these is enough."""
        baseline = self.baseline()
        if self.plan.until is None:
            return bool(self._ready or self._running or self._baseline_folds)
        if self._ready or any(trial is not baseline for trial in self._running.values()):
            return True
        return baseline.state is TrialState.RUNNING and not baseline.outcomes

    def _give_up(self) -> None:
        """End the candidates that still wait when the time is up; one of them goes on if no other
        is finished."""
        if not self._waiting or self._time_for(0.0):
            return
        self.out_of_time = True
        others = (None, self.baseline())
        entries = [e for e in sorted(self._waiting) if self._running[e[2].key] not in others]
        finished = any(trial.state is TrialState.FINISHED for trial in self.trials[1:])
        for entry in entries if finished else entries[1:]:
            self._waiting.remove(entry)
            trial = self._running.pop(entry[2].key)
            assert trial is not None
            trial.give_up(self.plan.folds)
        heapq.heapify(self._waiting)

    def _baseline_count(self) -> int:
        """How many further folds of the baseline are to be judged."""
        waiting, seconds = len(self._baseline_folds), self._baseline_fold_seconds()
        if self.plan.until is None:
            return waiting
        needed = 0 if self._baseline_begun or self.baseline().outcomes else 1
        affordable = self.plan.baseline_seconds * self.executor.workers
        further = affordable // seconds - self._baseline_begun if seconds else 0
        return int(min(waiting, max(further, needed)))

    def _baseline_fold_seconds(self) -> float:
        """Seconds of a fold of the baseline: measured, or estimated from the candidates'."""
        baseline = self.baseline()
        measured = [outcome.seconds for outcome in baseline.outcomes.values()]
        if measured or baseline.sizes is None or not self._rates:
            return max(measured, default=0.0)
        task = SearchTask(baseline.candidate, self.plan.seed, 0)
        return median(self._rates) * self._work_of(baseline, task)

    def _advance(self, trial: Trial, task: SearchTask, outcome: TaskOutcome) -> None:
        if trial.baseline and outcome.failed:
            raise BadInput(
                f"the recipe's network {trial.candidate.model} cannot be evaluated: "
                f"{outcome.failed}",
                "fix the recipe: everything else is compared with it",
            )
        if task.fold is None:
            trial.size(outcome, self.budgets)
            if trial.baseline:
                self._plan_baseline(trial)
            elif trial.state is TrialState.RUNNING:
                self._submit(trial, SearchTask(trial.candidate, self.plan.seed, 0))
            return
        trial.record(task.fold, outcome, self.plan.folds, self.budgets)
        if trial.baseline:
            if trial.state is TrialState.FINISHED:
                self.listener.ended(trial)
        elif trial.state is TrialState.RUNNING:
            self._submit(trial, SearchTask(trial.candidate, self.plan.seed, task.fold + 1))

    def _plan_baseline(self, baseline: Trial) -> None:
        """Take the folds that are known; the others wait for their turn."""
        for fold in range(self.plan.folds):
            task = SearchTask(baseline.candidate, self.plan.seed, fold)
            if self.journal.get(task) is not None:
                self._submit(baseline, task)
            else:
                self._baseline_folds.append(task)

    def _report(self) -> None:
        """Report ended trials to the sampler, one at a time and in order, and ask it after each."""
        while (
            self.reported < len(self.trials)
            and self.trials[self.reported].state is not TrialState.RUNNING
        ):
            trial = self.trials[self.reported]
            self.reported += 1
            if trial.optuna_trial is not None:
                points = trial.points()
                self.sampler.tell(trial.optuna_trial, points[0] if points else None)
            self.listener.ended(trial)
            self._fill()

    def _fill(self) -> None:
        while len(self.trials) - self.reported < self.plan.max_in_flight and self._more():
            optuna_trial, candidate = self.sampler.ask()
            if candidate.key in self._known:
                self.repeats += 1
                self.sampler.tell(optuna_trial, self._again(candidate))
                continue
            self.repeats = 0
            self._begin(candidate, optuna_trial)

    def _again(self, candidate: SearchCandidate) -> DesignPoint | None:
        """The known result of a candidate that the sampler asks for again."""
        points = (p for p in self.reported_points() if p.candidate.key == candidate.key)
        return next(points, None)

    def _more(self) -> bool:
        if not self.asking or self.repeats >= REPEATS:
            return False
        pruned = sum(t.state is TrialState.PRUNED_BY_SIZE for t in self.trials[: self.reported])
        asked = len(self.trials) - 1 - pruned
        if self.plan.trials is not None and asked >= self.plan.trials:
            return False
        if not self._time_for(self._pending_seconds()):
            self.out_of_time = True
        return not self.out_of_time

    def _time_for(self, seconds: float) -> bool:
        """Whether work of this duration can be done in time, besides the baseline's folds."""
        if self.plan.until is None:
            return True
        left = self.plan.until - self.plan.clock()
        reserved = self._baseline_count() * self._baseline_fold_seconds()
        seconds += min(reserved, self.plan.baseline_seconds * self.executor.workers)
        return left > 0 and seconds / self.executor.workers <= left

    def _pending_seconds(self) -> float:
        """Estimated seconds of the running trials and one more candidate, by the tasks so far."""
        typical = median(self._seconds) if self._seconds else 0.0
        folds = sum(
            self.plan.folds - len(trial.outcomes)
            for trial in self.trials[self.reported :]
            if trial.state is TrialState.RUNNING
        )
        return typical * (folds + self.plan.folds)

    def _seconds_per_fold(self, candidate: SearchCandidate) -> float:
        """The longest measured time of a fold of this candidate."""
        trials = (trial for trial in self.trials if trial.candidate == candidate)
        return max((o.seconds for t in trials for o in t.outcomes.values()), default=0.0)
