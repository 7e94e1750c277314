"""`edgeconv search`: candidates judged by cross-validation, then a bundle of each that is left."""

from __future__ import annotations

import shutil
import time
from collections.abc import Sequence
from dataclasses import asdict, replace
from pathlib import Path
from typing import Any

from edgeconv.core import Dataset, Recipe
from edgeconv.environment import versions
from edgeconv.errors import Unsupported, UsageError
from edgeconv.recipes import check_variant
from edgeconv.search import (
    Budgets,
    Candidate,
    Executor,
    Journal,
    Sampler,
    Space,
    Task,
    is_search,
    open_executor,
)
from edgeconv.search.options import SearchOptions, Watcher
from edgeconv.search.results import SearchResult
from edgeconv.search.run import Run, people_of
from edgeconv.search.settings import variant
from edgeconv.search.table import HEADINGS, notes, rows, summary
from edgeconv.search.tracking import Tracker
from edgeconv.training.cross_validation import make_folds
from edgeconv.workflows.steps.search_folds import FoldJudge
from edgeconv.workflows.steps.search_publish import judge_members, publish
from edgeconv.workflows.train import load_splits

_SCHEMA = 1


def search(recipe: Recipe, out: Path, options: SearchOptions, progress: Watcher) -> SearchResult:
    """Search, confirm, and write `out`: a bundle of each member, the table, the page, the trials.

    Raises:
        UsageError: the folder holds another search, or a budget that no candidate can keep.
        BadInput: data or folder cannot be used, or fewer people than folds.
        MissingDependency: Optuna, MLflow or Ray is not installed.
        KeyboardInterrupt: what was found until then is in the folder.
    """
    began = time.monotonic()
    splits, _ = load_splits(recipe.data, progress)
    people = people_of(splits)
    folds = make_folds(people.subject_names, options.folds)
    _make_room(out, options.force)
    journal = Journal.open(out, _header(recipe, people, options))
    tracker = _tracker(recipe, out, options)
    judge = FoldJudge(people, folds, recipe.training, recipe.compression)
    executor = open_executor(options.executor, judge, options.workers, options.address)
    try:
        space = _space(recipe, options)
        progress.stage(f"search: {options.folds} folds of {len(people.subject_names)} people")
        _refuse_impossible(space, options.budgets, executor, journal, recipe.seed)
        run = Run(recipe, out, options, splits, progress, tracker, began)
        work = run.search(Sampler(space, recipe.seed), executor, journal)
        try:
            work.run(Candidate(recipe.model, schemes=options.schemes))
            result = run.confirm(work)
        except KeyboardInterrupt:
            if work.told:
                publish(run.result(work, (), interrupted=True), out)
            progress.note(f"every finished fit is kept in {out}: the same command goes on")
            raise
    finally:
        executor.close()
    result = judge_members(recipe, result, out, progress)
    result = replace(result, minutes=run.minutes())
    publish(result, out)
    run.finish(result)
    return result


def search_table(result: SearchResult) -> tuple[Sequence[str], list[tuple[str, ...]], list[str]]:
    """Headings, rows and notes, for a terminal."""
    return HEADINGS, rows(result), [*summary(result), *notes(result)]


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
    counted = ("edgeconv", "tensorflow", "keras", "numpy")
    used = {name: version for name, version in versions().items() if name in counted}
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
