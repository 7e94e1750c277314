"""`edgeconv search`: candidates by cross-validation, then a bundle of each on the front."""

from __future__ import annotations

import shutil
import time
from collections.abc import Sequence
from dataclasses import asdict, replace
from pathlib import Path
from typing import Any

from edgeconv.bundle import locked
from edgeconv.core import Dataset, PathLike, Recipe, as_path
from edgeconv.datasets import Recordings
from edgeconv.environment import versions
from edgeconv.errors import Unsupported, UsageError
from edgeconv.models import searched_family
from edgeconv.plugins import require
from edgeconv.recipes import check_variant
from edgeconv.search import (
    Budgets,
    Journal,
    Sampler,
    SearchCandidate,
    SearchExecutor,
    SearchTask,
    Space,
    is_search,
    open_executor,
)
from edgeconv.search.candidates import front_candidates, variant
from edgeconv.search.options import SearchOptions
from edgeconv.search.progress import LOG_WATCHER, SearchWatcher
from edgeconv.search.report import HEADINGS, notes, rows, summary
from edgeconv.search.results import SearchResult
from edgeconv.search.session import SearchSession, search_subset
from edgeconv.search.space import STRONG_MOTION
from edgeconv.search.tracking import Tracker
from edgeconv.training.cross_validation import make_folds
from edgeconv.workflows.steps.search_folds import FoldEvaluator
from edgeconv.workflows.steps.search_publish import build_members, publish
from edgeconv.workflows.train import load_splits, with_data


def search_networks(
    recipe: Recipe | PathLike,
    out: PathLike,
    options: SearchOptions | None = None,
    *,
    progress: SearchWatcher = LOG_WATCHER,
) -> SearchResult:
    """Search for small networks that stay accurate: the whole of `edgeconv search`.

    Args:
        recipe: data, base network and training; a recipe, a built-in name, or a TOML file.
        out: a folder for the trials, a bundle of each member of the Pareto front, and the report.
        options: budgets, number of folds and trials, where trials run; None: the defaults.
        progress: listens to stages and trials.

    Returns:
        The Pareto front and every trial.

    Raises:
        UsageError: the folder holds another search, or a budget that no candidate can keep.
        BadInput: data or folder cannot be used, another process searches there, or there are fewer
            subjects than folds.
        MissingDependency: TensorFlow, Optuna, MLflow or Ray is not installed.
        KeyboardInterrupt: the outcomes until then are in the folder.
    """
    require("tensorflow", "keras", "optuna", "mlflow")
    options, out = options or SearchOptions(), as_path(out, "out")
    recipe = with_data(recipe, None)[0]
    with locked(out):  # two processes would write one journal
        try:
            return _search(recipe, out, options, progress)
        except OSError as error:  # of recordings or a tracker; the lock takes its own for itself
            failed = error
    raise failed


def _search(
    recipe: Recipe, out: Path, options: SearchOptions, progress: SearchWatcher
) -> SearchResult:
    started = time.monotonic()
    source = Recordings(recipe.data, options.allow, recipe.windowing, recipe.labels)
    splits, _ = load_splits(source, progress)
    subset = search_subset(splits)
    folds = make_folds(subset.subject_names, options.folds)
    _make_room(out, options.force)
    journal = Journal.open(out, _header(recipe, subset, options))
    first = _warm_start(journal, options, progress)
    tracker = _tracker(recipe, out, options)
    evaluate = FoldEvaluator(subset, folds, recipe.training, recipe.compression)
    executor = open_executor(options.executor, evaluate, options.workers, options.address)
    try:
        space = _space(recipe, options)
        progress.stage(f"search: {options.folds} folds of {len(subset.subject_names)} subjects")
        _refuse_impossible(space, options.budgets, executor, journal, recipe.seed)
        run = SearchSession(recipe, out, options, splits, progress, tracker, started)
        baseline = SearchCandidate(recipe.model, schemes=options.schemes)
        tasks = [SearchTask(baseline, recipe.seed, fold) for fold in range(options.folds)]
        sampler, reference = Sampler(space, recipe.seed), journal.reference(tasks)
        work = run.search(sampler, executor, journal, reference)
        try:
            work.run(baseline, first)
            result = run.confirm(work)
        except KeyboardInterrupt:
            if work.points():
                publish(run.result(work, (), interrupted=True), out)
            progress.note(f"every finished fit is kept in {out}: run the same command to continue")
            raise
    finally:
        executor.close()
    workers = options.workers if options.executor == "local" else None
    result = build_members(recipe, result, out, workers, progress)
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
    family, networks = searched_family(recipe.model)
    motion = (
        {key: getattr(how, key) or usual for key, usual in STRONG_MOTION.items()} if how else {}
    )
    mixup = bool(how and how.mixup)
    return Space(schemes, recipe.training.epochs, family, networks, mixup, motion)


def _schemes_for(compress: str, schemes: Sequence[str]) -> tuple[str, ...]:
    legal, refusals = [], []
    for scheme in schemes:
        try:
            check_variant(variant(SearchCandidate("", compress=compress), scheme))
        except Unsupported as error:
            refusals.append(error)
        else:
            legal.append(scheme)
    if not legal:
        raise refusals[0]
    return tuple(legal)


def _header(recipe: Recipe, subset: Dataset, options: SearchOptions) -> dict[str, Any]:
    """Everything that an outcome depends on; budgets and times may change."""
    counted = ("edgeconv", "tensorflow", "keras", "numpy")
    used = {name: version for name, version in versions().items() if name in counted}
    return {
        "recipe": recipe.name,
        "model": recipe.model,
        "training": asdict(recipe.training),
        "compression": asdict(recipe.compression),
        "data": subset.sha256,
        "seed": recipe.seed,
        "folds": options.folds,
        "schemes": list(options.schemes),
        "versions": used,
    }


def _warm_start(
    journal: Journal, options: SearchOptions, progress: SearchWatcher
) -> list[SearchCandidate]:
    """Take over what earlier searches know; the candidates of those of other settings."""
    first: list[SearchCandidate] = []
    for folder in options.warm_start:
        new = journal.take_over(folder)
        if new is not None:
            progress.note(f"{new} outcomes of {folder} are used: it is a search of these settings")
            continue
        candidates = front_candidates(folder, options.schemes)
        first += candidates
        progress.note(
            f"{folder} is a search of other settings: {len(candidates)} networks of its front are "
            "tried first"
        )
    return first


def _tracker(recipe: Recipe, out: Path, options: SearchOptions) -> Tracker:
    header = {"recipe": recipe.name, "data": recipe.data.partition(":")[0]}
    header |= {"seed": str(recipe.seed), "folds": str(options.folds)}
    return Tracker(out, options.tracking_uri, f"edgeconv search {out.absolute().name}", header)


def _make_room(out: Path, force: bool) -> None:
    """With --force, an earlier search is removed; anything else is never."""
    if force and is_search(out):
        shutil.rmtree(out)


def _refuse_impossible(
    space: Space, budgets: Budgets, executor: SearchExecutor, journal: Journal, seed: int
) -> None:
    """Where the smallest candidate is over a budget, no training can help."""
    if budgets.max_bytes is None and budgets.max_macs is None:
        return
    outcomes = []
    for candidate in space.smallest():
        task = SearchTask(candidate, seed)
        outcome = journal.get(task)
        if outcome is None:
            executor.submit(task)
            task, outcome = executor.collect()
            journal.add(task, outcome)
        outcomes.append(outcome)
    sizes = [size for outcome in outcomes for size in outcome.bytes.values()]
    if not sizes or any(budgets.fitting(outcome) for outcome in outcomes):
        return
    macs = min(outcome.macs for outcome in outcomes if outcome.bytes)
    raise UsageError(
        f"no candidate keeps these budgets: the smallest has {min(sizes):,} bytes and {macs:,} "
        "multiply-accumulates",
        "raise --max-bytes or --max-macs",
    )
