"""A running search: progress, tracking, confirmation and the result."""

from __future__ import annotations

import time
from collections.abc import Sequence
from dataclasses import dataclass, replace
from pathlib import Path
from typing import Any

from edgeconv.core import Dataset, Recipe, Splits
from edgeconv.environment import describe_machine, versions
from edgeconv.search import (
    DesignPoint,
    Journal,
    Sampler,
    Search,
    SearchExecutor,
    SearchPlan,
    SearchTask,
    Trial,
    TrialState,
    area,
    pareto_front,
    thin,
)
from edgeconv.search.mixed_precision import mixed_candidates
from edgeconv.search.options import SearchOptions
from edgeconv.search.progress import SearchWatcher, progress_of
from edgeconv.search.report import budget_advice, judged_per_minute
from edgeconv.search.results import (
    Baseline,
    Outcomes,
    ParetoMember,
    SearchResult,
    accuracy_by_subject,
    accuracy_drop,
    confirmed,
    confirmed_float_accuracy,
    pareto_members,
    subject_drops,
)
from edgeconv.search.tracking import Tracker
from edgeconv.training.fold_results import estimate

AFTERWARDS = 0.4  # share of the time for confirmation, bundles and their checks
CONFIRMING = 0.5  # share of that for confirmation
BASELINE = 0.2  # share of the time for the folds of the recipe's network, if they are not known


@dataclass(frozen=True)
class SearchSession:
    """The settings and services of one search."""

    recipe: Recipe
    out: Path
    options: SearchOptions
    splits: Splits
    progress: SearchWatcher
    tracker: Tracker
    started: float

    def search(
        self,
        sampler: Sampler,
        executor: SearchExecutor,
        journal: Journal,
        reference: tuple[float, ...],
    ) -> Search:
        """The search, not yet run.

        Args:
            reference: accuracy of the recipe's float network on each fold, if it is known.
        """
        options, limit = self.options, self.options.limit
        plan = SearchPlan(
            options.folds,
            self.recipe.seed,
            self.recipe.training.epochs,
            options.max_in_flight,
            options.trials,
            reference=reference,
        )
        if limit is not None:
            until = self.started + limit * 60 * (1 - AFTERWARDS)
            plan = replace(plan, until=until, baseline_seconds=limit * 60 * BASELINE)
        return Search(sampler, executor, journal, options.budgets, plan, self)

    def changed(self, search: Search) -> None:
        """Show the progress."""
        self.progress.search_progress(progress_of(search))

    def ended(self, trial: Trial) -> None:
        """Log the trial, unless the same search is to go on with it."""
        if trial.state is not TrialState.UNFINISHED:
            self.tracker.log(trial)

    def confirm(self, work: Search) -> SearchResult:
        """Evaluate the points of the front with further seeds, as far as time allows."""
        seeds = self._seeds()
        members = self._members(work)
        self.progress.stage(
            f"confirm: {len(members)} points of the Pareto front with {len(seeds)} more seeds"
        )
        if work.plan.until is not None and self.options.limit is not None:
            rest = self.options.limit * 60 * AFTERWARDS * CONFIRMING
            work.plan = replace(work.plan, until=work.plan.clock() + rest)
        if refined := mixed_candidates(members, work.trials):
            work.add(refined)
            members = self._members(work)
        baseline = work.baseline().candidate
        candidates = list(dict.fromkeys([*(p.candidate for p in members), baseline]))
        outcomes = work.confirm(candidates, seeds)
        return self.result(work, members, outcomes)

    def result(
        self,
        work: Search,
        members: Sequence[DesignPoint],
        outcomes: Any = None,
        interrupted: bool = False,
    ) -> SearchResult:
        """The result so far."""
        seeds = self._seeds()
        confirmations = outcomes or {}
        members = members or self._members(work)
        baseline = work.baseline()
        float_accuracy: tuple[float, ...] = baseline.float_accuracy()
        runs = len(float_accuracy)
        if baseline.points():
            float_accuracy, runs = confirmed_float_accuracy(
                baseline.points()[0], float_accuracy, seeds, confirmations
            )
        first = {point.key: point.accuracy for point in members}
        judged = [confirmed(p, seeds, confirmations) for p in members]
        enough = [p for p in judged if p.runs > len(p.folds)]
        if seeds and not interrupted and enough:
            judged = enough
        best = thin(pareto_front(judged), self.options.max_results)
        states = {str(s): sum(t.state is s for t in work.trials) for s in TrialState}
        return SearchResult(
            recipe=self.recipe.name,
            data=self.recipe.data,
            seed=self.recipe.seed,
            seeds=tuple(seeds),
            folds=self.options.folds,
            subjects=(
                len(search_subset(self.splits).subject_names),
                len(self.splits.test.subject_names),
            ),
            budgets=self.options.budgets,
            baseline=Baseline(
                baseline.candidate.model,
                float_accuracy,
                estimate(float_accuracy) if float_accuracy else None,
                runs,
            ),
            members=tuple(
                self._with_subjects(work, member, confirmations)
                for member in pareto_members(best, first, float_accuracy)
            ),
            points=work.reported_points(),
            states=states,
            minutes=self.minutes(),
            judged_per_minute=judged_per_minute(work),
            workers_busy=work.busy(),
            advice=budget_advice(work),
            interrupted=interrupted,
            versions=versions(),
            machine=describe_machine(),
        )

    def _with_subjects(
        self, work: Search, member: ParetoMember, confirmations: Outcomes
    ) -> ParetoMember:
        """The member with its accuracy on each subject, and its drops there."""
        outcomes, seed = dict(confirmations), self.recipe.seed
        for trial in work.trials:
            for fold, outcome in trial.outcomes.items():
                outcomes[SearchTask(trial.candidate, seed, fold).key] = outcome
        tasks = range(self.options.folds), (seed, *self._seeds())
        point, baseline = member.point, work.baseline().candidate
        accuracy = accuracy_by_subject(point.candidate, point.scheme, tasks, outcomes)
        drops: dict[str, float] = {}
        if point.candidate != baseline:
            reference = accuracy_by_subject(baseline, point.scheme, tasks, outcomes)
            drops = subject_drops(accuracy, reference)
        return replace(member, accuracy_by_subject=accuracy, by_subject=drops)

    def minutes(self) -> float:
        """Minutes since the search started."""
        return round((time.monotonic() - self.started) / 60, 1)

    def finish(self, result: SearchResult) -> None:
        """Log the result and its files."""
        chosen = result.chosen
        figures = {"members": float(len(result.members)), "area": area(result.points)}
        if chosen is not None:
            figures |= {"accuracy": chosen.accuracy.mean, "bytes": float(chosen.point.bytes)}
        files = [self.out / name for name in ("front.json", "front.md", "front.html", "front.svg")]
        files += [
            self.out / member.bundle / member.file for member in result.members if member.bundle
        ]
        self.tracker.log_front("front", figures, files)

    def _seeds(self) -> list[int]:
        return [self.recipe.seed + 1 + i for i in range(self.options.confirm_seeds)]

    def _members(self, work: Search) -> tuple[DesignPoint, ...]:
        """Files within the budgets that can be checked so far; all files if none is."""
        budgets, float_accuracy = self.options.budgets, work.baseline().float_accuracy()
        points = [p for p in work.reported_points() if budgets.fits(p.bytes, p.macs)]
        if budgets.max_drop is not None and float_accuracy:
            drops = [accuracy_drop(float_accuracy, point).mean for point in points]
            limit = budgets.max_drop
            points = [p for p, drop in zip(points, drops, strict=True) if drop <= limit] or points
        return thin(pareto_front(points or work.reported_points()), self.options.max_results)


def search_subset(splits: Splits) -> Dataset:
    """The recordings of all subjects except the test subjects, in one data set."""
    from edgeconv.training.subjects import concat_datasets

    return concat_datasets(splits.train, splits.val)
