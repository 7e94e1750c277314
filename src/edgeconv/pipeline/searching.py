"""`edgeconv search`: candidates judged by cross-validation, then a bundle of each that is left."""

from __future__ import annotations

import shutil
import time
from collections.abc import Sequence
from dataclasses import asdict, dataclass, field, replace
from pathlib import Path
from typing import Any, Protocol

from edgeconv.errors import Unsupported, UsageError
from edgeconv.machine import describe_machine, versions
from edgeconv.pipeline.search_folds import FoldJudge, make_folds, variant
from edgeconv.pipeline.search_front import judge_members, publish
from edgeconv.pipeline.training import load_splits
from edgeconv.recipe import LEGAL_SCHEMES, check_variant
from edgeconv.search import (
    Budgets,
    Candidate,
    Executor,
    Journal,
    Plan,
    Point,
    Sampler,
    Search,
    Space,
    State,
    Task,
    Trial,
    area,
    front,
    is_search,
    open_executor,
    thin,
)
from edgeconv.search.board import Board, board_of
from edgeconv.search.more import what_more_would_buy
from edgeconv.search.results import (
    Anchor,
    SearchResult,
    confirmed,
    confirmed_full,
    members_of,
)
from edgeconv.search.statistics import estimate
from edgeconv.search.table import HEADINGS, notes, rows, summary
from edgeconv.search.tracking import Tracker
from edgeconv.types import Dataset, Progress, Recipe, Splits, Target

MINUTES = 45.0
AFTERWARDS = 0.4  # share of the time that confirmation, bundles and their proof take
CONFIRMING = 0.5  # of that
_SCHEMA = 1


class Watcher(Progress, Protocol):
    """Follows a search besides its stages."""

    def board(self, board: Board) -> None:
        """Trials have begun or ended."""


@dataclass(frozen=True)
class SearchOptions:
    """What a search is asked for besides its recipe.

    Attributes:
        minutes: for all of it; None: no limit, where `trials` is given, else `MINUTES`.
        seeds: how many further seeds the members of the front are confirmed with.
        members: of the front that get a bundle, at most.
        generation: candidates under way at a time.
        compress: methods that candidates may be trained on with, besides none.
    """

    budgets: Budgets = field(default_factory=Budgets)
    trials: int | None = None
    minutes: float | None = None
    folds: int = 5
    seeds: int = 1
    members: int = 6
    generation: int = 6
    schemes: tuple[str, ...] = ("int8",)
    compress: tuple[str, ...] = ()
    executor: str = "local"
    workers: int | None = None
    address: str = ""
    tracking_uri: str = ""
    force: bool = False

    def __post_init__(self) -> None:
        unknown = [s for s in self.schemes if s not in LEGAL_SCHEMES[Target.TFLITE]]
        if unknown:
            raise UsageError(
                f"--quantize {unknown[0]}: the search judges TFLite files only",
                f"choose from: {', '.join(LEGAL_SCHEMES[Target.TFLITE])}",
            )
        for name in ("trials", "minutes", "seeds", "members", "generation", "workers"):
            value = getattr(self, name)
            if value is not None and value < (0 if name == "seeds" else 1e-9):
                raise UsageError(f"--{name} {value} is too few", "give a larger number")

    @property
    def limit(self) -> float | None:
        """Minutes for all of it."""
        if self.minutes is None and self.trials is None:
            return MINUTES
        return self.minutes


def search(recipe: Recipe, out: Path, options: SearchOptions, progress: Watcher) -> SearchResult:
    """Search, confirm, and write `out`: a bundle of each member, the table, the page, the trials.

    Raises:
        UsageError: the folder holds another search, or a budget that no candidate can keep.
        BadInput: data or folder cannot be used, or fewer people than folds.
        MissingDependency: Optuna, MLflow or Ray is not installed.
        KeyboardInterrupt: what was found until then is in the folder.
    """
    began = time.monotonic()
    _make_room(out, options.force)
    splits, _ = load_splits(recipe.data, progress)
    people = _people(splits)
    folds = make_folds(people.subject_names, options.folds)
    journal = Journal.open(out, _header(recipe, people, options))
    tracker = _tracker(recipe, out, options)
    judge = FoldJudge(people, folds, recipe.training, recipe.compression)
    executor = open_executor(options.executor, judge, options.workers, options.address)
    try:
        space = _space(recipe, options)
        progress.stage(f"search: {options.folds} folds of {len(people.subject_names)} people")
        _refuse_impossible(space, options.budgets, executor, journal, recipe.seed)
        run = _Run(recipe, out, options, splits, progress, tracker, began)
        work = run.search(Sampler(space, recipe.seed), executor, journal)
        try:
            work.run(Candidate(recipe.model, schemes=options.schemes))
        except KeyboardInterrupt:
            if work.told:
                publish(run.result(work, (), interrupted=True), out)
            raise
        result = run.confirm(work)
    finally:
        executor.close()
    result = judge_members(recipe, result, out, progress)
    publish(result, out)
    run.finish(result)
    return result


@dataclass(frozen=True)
class _Run:
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
        plan = Plan(options.folds, self.recipe.seed, options.generation, options.trials, until)
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
        sure = thin(front(confirmed(p, seeds, found) for p in members), self.options.members)
        states = {str(s): sum(t.state is s for t in work.trials) for s in State}
        return SearchResult(
            recipe=self.recipe.name,
            data=self.recipe.data,
            seed=self.recipe.seed,
            seeds=tuple(seeds),
            folds=self.options.folds,
            people=(
                len(_people(self.splits).subject_names),
                len(self.splits.test.subject_names),
            ),
            budgets=self.options.budgets,
            anchor=Anchor(anchor.candidate.model, full, estimate(full), runs),
            members=members_of(sure, first, full),
            points=work.told_points(),
            states=states,
            minutes=round((time.monotonic() - self.began) / 60, 1),
            more=what_more_would_buy(work),
            interrupted=interrupted,
            versions=versions(),
            machine=describe_machine(),
        )

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
        return [self.recipe.seed + 1 + i for i in range(self.options.seeds)]

    def _members(self, work: Search) -> tuple[Point, ...]:
        """Files within the budgets that can be judged by now; all, where none is."""
        budgets, full = self.options.budgets, work.anchor().full()
        points = [p for p in work.told_points() if budgets.fits(p.bytes, p.macs)]
        if budgets.max_drop is not None:
            whole = sum(full) / len(full)
            points = [p for p in points if whole - p.accuracy <= budgets.max_drop] or points
        return thin(front(points or work.told_points()), self.options.members)


def search_table(result: SearchResult) -> tuple[Sequence[str], list[tuple[str, ...]], list[str]]:
    """Headings, rows and notes, for a terminal."""
    return HEADINGS, rows(result), [*summary(result), *notes(result)]


def _people(splits: Splits) -> Dataset:
    """Everybody but the test people, in one data set."""
    from edgeconv.train.people import together

    return together(splits.train, splits.val)


def _space(recipe: Recipe, options: SearchOptions) -> Space:
    """Each compression goes with those of the schemes that keep what it promises.

    Raises:
        Unsupported: a compression that none of them keeps.
    """
    how = recipe.training.augmentation
    schemes = {"": options.schemes}
    for name in options.compress:
        schemes[name] = _schemes_for(name, options.schemes)
    return Space(schemes, recipe.training.epochs, bool(how and how.mixup))


def _schemes_for(compress: str, schemes: Sequence[str]) -> tuple[str, ...]:
    legal, refusals = [], []
    for scheme in schemes:
        try:
            check_variant(variant(Candidate("", compress=compress), scheme))
        except Unsupported as error:
            refusals.append(error)
        else:
            legal.append(scheme)
    if not legal:
        raise refusals[0]
    return tuple(legal)


def _header(recipe: Recipe, people: Dataset, options: SearchOptions) -> dict[str, Any]:
    """Everything that an outcome depends on; budgets and times may change."""
    used = {k: v for k, v in versions().items() if k in ("tensorflow", "keras", "numpy", "optuna")}
    return {
        "schema": _SCHEMA,
        "recipe": recipe.name,
        "model": recipe.model,
        "training": asdict(recipe.training),
        "compression": asdict(recipe.compression),
        "data": people.sha256,
        "seed": recipe.seed,
        "folds": options.folds,
        "schemes": list(options.schemes),
        "versions": used,
    }


def _tracker(recipe: Recipe, out: Path, options: SearchOptions) -> Tracker:
    header = {"recipe": recipe.name, "data": recipe.data.partition(":")[0]}
    header |= {"seed": str(recipe.seed), "folds": str(options.folds)}
    return Tracker(out, options.tracking_uri, f"edgeconv search {out.absolute().name}", header)


def _make_room(out: Path, force: bool) -> None:
    """With --force, an earlier search is removed; anything else is never."""
    if force and is_search(out):
        shutil.rmtree(out)


def _refuse_impossible(
    space: Space, budgets: Budgets, executor: Executor, journal: Journal, seed: int
) -> None:
    """Where the smallest candidate is over a budget, no training can help."""
    if budgets.max_bytes is None and budgets.max_macs is None:
        return
    found = []
    for candidate in space.smallest():
        task = Task(candidate, seed)
        outcome = journal.get(task)
        if outcome is None:
            executor.submit(task)
            task, outcome = executor.collect()
            journal.add(task, outcome)
        found.append(outcome)
    sizes = [size for outcome in found for size in outcome.bytes.values()]
    if not sizes or any(budgets.fitting(outcome) for outcome in found):
        return
    macs = min(outcome.macs for outcome in found if outcome.bytes)
    raise UsageError(
        f"no candidate keeps these budgets: the smallest has {min(sizes):,} bytes and {macs:,} "
        "multiply-accumulates",
        "raise --max-bytes or --max-macs",
    )
