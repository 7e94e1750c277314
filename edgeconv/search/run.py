"""One search under way: what it shows, keeps, confirms and comes to."""

from __future__ import annotations

import time
from collections.abc import Sequence
from dataclasses import dataclass, replace
from pathlib import Path
from typing import Any

from edgeconv.core import Dataset, Recipe, Splits
from edgeconv.environment import describe_machine, versions
from edgeconv.search import (
    Executor,
    Journal,
    Plan,
    Point,
    Sampler,
    Search,
    State,
    Trial,
    area,
    pareto_front,
    thin,
)
from edgeconv.search.budget_advice import what_more_would_buy
from edgeconv.search.mixed import mixed
from edgeconv.search.options import SearchOptions, Watcher
from edgeconv.search.progress_board import board_of
from edgeconv.search.results import Anchor, SearchResult, confirmed, confirmed_full, members_of
from edgeconv.search.tracking import Tracker
from edgeconv.training.cross_validation import estimate

AFTERWARDS = 0.4  # share of the time that confirmation, bundles and their proof take
CONFIRMING = 0.5  # of that


@dataclass(frozen=True)
class Run:
    """What the parts of one search share."""

    recipe: Recipe
    out: Path
    options: SearchOptions
    splits: Splits
    progress: Watcher
    tracker: Tracker
    began: float

    def search(self, sampler: Sampler, executor: Executor, journal: Journal) -> Search:
        options, limit = self.options, self.options.limit
        until = None if limit is None else self.began + limit * 60 * (1 - AFTERWARDS)
        plan = Plan(options.folds, self.recipe.seed, options.max_in_flight, options.trials, until)
        return Search(sampler, executor, journal, options.budgets, plan, self)

    def changed(self, search: Search) -> None:
        """Show it."""
        self.progress.board(board_of(search))

    def ended(self, trial: Trial) -> None:
        """Keep it."""
        self.tracker.log(trial)

    def confirm(self, work: Search) -> SearchResult:
        """Judge the members of the front with further seeds, as far as time allows."""
        seeds = self._seeds()
        members = self._members(work)
        self.progress.stage(f"confirm: {len(members)} members with {len(seeds)} more seeds")
        if work.plan.until is not None and self.options.limit is not None:
            rest = self.options.limit * 60 * AFTERWARDS * CONFIRMING
            work.plan = replace(work.plan, until=work.plan.clock() + rest)
        if refined := mixed(members, work.trials):
            work.add(refined)
            members = self._members(work)
        anchor = work.anchor().candidate
        candidates = list(dict.fromkeys([*(p.candidate for p in members), anchor]))
        outcomes = work.confirm(candidates, seeds)
        return self.result(work, members, outcomes)

    def result(
        self,
        work: Search,
        members: Sequence[Point],
        outcomes: Any = None,
        interrupted: bool = False,
    ) -> SearchResult:
        """The table, so far."""
        seeds = self._seeds()
        found = outcomes or {}
        members = members or self._members(work)
        anchor = work.anchor()
        full: tuple[float, ...] = anchor.full()
        runs = len(full)
        if anchor.points():
            full, runs = confirmed_full(anchor.points()[0], full, seeds, found)
        first = {point.key: point.accuracy for point in members}
        sure = thin(
            pareto_front(confirmed(p, seeds, found) for p in members), self.options.max_results
        )
        states = {str(s): sum(t.state is s for t in work.trials) for s in State}
        return SearchResult(
            recipe=self.recipe.name,
            data=self.recipe.data,
            seed=self.recipe.seed,
            seeds=tuple(seeds),
            folds=self.options.folds,
            people=(
                len(people_of(self.splits).subject_names),
                len(self.splits.test.subject_names),
            ),
            budgets=self.options.budgets,
            anchor=Anchor(anchor.candidate.model, full, estimate(full), runs),
            members=members_of(sure, first, full),
            points=work.told_points(),
            states=states,
            minutes=self.minutes(),
            more=what_more_would_buy(work),
            interrupted=interrupted,
            versions=versions(),
            machine=describe_machine(),
        )

    def minutes(self) -> float:
        """Since the search began."""
        return round((time.monotonic() - self.began) / 60, 1)

    def finish(self, result: SearchResult) -> None:
        """The outcome of the whole, with its files."""
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

    def _members(self, work: Search) -> tuple[Point, ...]:
        """Files within the budgets that can be judged by now; all, where none is."""
        budgets, full = self.options.budgets, work.anchor().full()
        points = [p for p in work.told_points() if budgets.fits(p.bytes, p.macs)]
        if budgets.max_drop is not None:
            whole = sum(full) / len(full)
            points = [p for p in points if whole - p.accuracy <= budgets.max_drop] or points
        return thin(pareto_front(points or work.told_points()), self.options.max_results)


def people_of(splits: Splits) -> Dataset:
    """Everybody but the test people, in one data set."""
    from edgeconv.training.subjects import together

    return together(splits.train, splits.val)
