"""`edgeconv cross-validate`: a recipe judged on held-out subjects, fold by fold."""

from __future__ import annotations

import json
import tomllib
from collections.abc import Mapping, Sequence
from dataclasses import dataclass, field, fields, replace
from itertools import product
from pathlib import Path
from typing import Any

from edgeconv.bundle import write_text
from edgeconv.core import LOG_PROGRESS, Dataset, PathLike, Progress, Recipe
from edgeconv.core.json_codec import encode_fields
from edgeconv.datasets import DataSource, describe_source, load_dataset
from edgeconv.errors import BadInput, UsageError
from edgeconv.plugins import require
from edgeconv.recipes import load_recipe
from edgeconv.reporting.comparisons import comparison_plot, comparison_table
from edgeconv.training.cross_validation import check_count, make_folds
from edgeconv.training.fold_results import CrossValidation
from edgeconv.workflows.steps.fold_runs import FoldOutcome, FoldTask, FoldTrainer, Where, run_folds
from edgeconv.workflows.train import with_data

FORMAT, SWEEP_FORMAT = "edgeconv-cross-validation", "edgeconv-sweep"
SWEPT = ("model", "seed", "training", "compression")
"""Keys of a recipe that `--set` changes."""


@dataclass(frozen=True)
class CrossValidateOptions:
    """What a cross-validation does besides the recipe.

    Attributes:
        folds: number of groups that the subjects are divided into; each is held out once.
        seeds: number of fits of each fold, with the recipe's seed and those that follow it.
        only: numbers of the folds to run, from 0; empty: all.
        val_subjects: how many subjects validate the fit of a recipe that chooses its epoch.
        compress: compressions to apply to the network of each fold.
        where: where folds run and are kept.
    """

    folds: int = 6
    seeds: int = 1
    only: tuple[int, ...] = ()
    val_subjects: int = 2
    compress: tuple[str, ...] = ()
    where: Where = field(default_factory=Where)

    def __post_init__(self) -> None:
        check_count(self.folds)
        wrong = [fold for fold in self.only if not 0 <= fold < self.folds]
        if wrong:
            raise UsageError(
                f"there is no fold {wrong[0]}", f"folds are numbered from 0 to {self.folds - 1}"
            )
        if self.seeds < 1:
            raise UsageError(f"--seeds {self.seeds} is too few", "use 1 or more")


def cross_validate(
    recipe: Recipe | PathLike,
    options: CrossValidateOptions | None = None,
    *,
    data: DataSource | None = None,
    baseline: Recipe | CrossValidation | None = None,
    progress: Progress = LOG_PROGRESS,
) -> CrossValidation:
    """Train and evaluate the recipe on every fold of its data set's subjects.

    Args:
        recipe: a recipe, the name of a built-in one, or a TOML file.
        options: number of folds and seeds and the like; None: the defaults.
        data: a specification, a `Dataset`, arrays or a data frame; None: the recipe's own.
        baseline: a recipe to evaluate on the same folds and seeds, or the result of an earlier
            cross-validation; the result then has the paired difference to it.
        progress: listens to what is done.

    Returns:
        The accuracy of every fold and seed, their mean and its interval.

    Raises:
        UsageError: an option or the recipe cannot be used.
        BadInput: too few subjects, or a baseline of other folds.
        MissingDependency: TensorFlow or Keras is not installed.
        KeyboardInterrupt: interrupted.
    """
    options = options or CrossValidateOptions()
    return sweep(recipe, (), options, data=data, baseline=baseline, progress=progress).results[0]


@dataclass(frozen=True)
class Sweep:
    """Cross-validations of the same folds, and the windows that none of their fits recognized.

    Attributes:
        results: one for each combination of settings; all but the first are compared with the
            first, or all with a baseline.
        windows: how many windows were held out.
    """

    results: tuple[CrossValidation, ...]
    unrecognized: tuple[UnrecognizedWindow, ...]
    windows: int

    def to_json(self) -> dict[str, Any]:
        return {
            "results": [result.to_json() for result in self.results],
            "windows": self.windows,
            "unrecognized": [encode_fields(window) for window in self.unrecognized],
        }


def sweep(
    recipe: Recipe | PathLike,
    settings: Sequence[str],
    options: CrossValidateOptions | None = None,
    *,
    data: DataSource | None = None,
    baseline: Recipe | CrossValidation | None = None,
    progress: Progress = LOG_PROGRESS,
) -> Sweep:
    """Cross-validate every combination of settings of a recipe, on the same folds and seeds.

    Args:
        recipe: a recipe, the name of a built-in one, or a TOML file.
        settings: `KEY=VALUE,VALUE` for some of its keys, as `grid` reads them; none: as it is.
        options: number of folds and seeds and the like; None: the defaults.
        data: a specification, a `Dataset`, arrays or a data frame; None: the recipe's own.
        baseline: as in `cross_validate`; None: the first combination, if there are several.
        progress: listens to what is done.

    Raises:
        UsageError, BadInput, MissingDependency, KeyboardInterrupt: as `cross_validate`.
    """
    require("tensorflow", "keras")
    options = options or CrossValidateOptions()
    recipe, source = with_data(recipe, data)
    recipes = [with_settings(recipe, each) if each else recipe for each in grid(settings)]
    progress.stage(f"data: {describe_source(source)}")
    dataset = load_dataset(source, progress)
    if isinstance(baseline, Recipe):
        plain = replace(options, compress=())
        other = replace(baseline, seed=recipe.seed)
        (baseline,), _, _ = _run_all([other], dataset, plain, progress)
    results, trainer, outcomes = _run_all(recipes, dataset, options, progress)
    if baseline is not None:
        results = tuple(result.compared_with(baseline) for result in results)
    else:
        others = tuple(result.compared_with(results[0]) for result in results[1:])
        results = (results[0], *others)
    windows = sum(
        len(o.predicted) for t, o in outcomes.items() if (t.recipe, t.seed) == (0, recipes[0].seed)
    )
    return Sweep(results, unrecognized_windows(trainer, outcomes), windows)


def write_sweep(result: Sweep, out: Path) -> None:
    """Write `results.json`, `results.md`, `results.svg` and `unrecognized.csv` into a folder."""
    import csv
    import io

    write_text(out / "results.json", json.dumps(result.to_json(), indent=1) + "\n")
    write_text(out / "results.md", comparison_table(result.results))
    write_text(out / "results.svg", comparison_plot(result.results))
    text = io.StringIO()
    table = csv.writer(text, lineterminator="\n")
    table.writerow([field.name for field in fields(UnrecognizedWindow)])
    for window in result.unrecognized:
        row = encode_fields(window) | {"answers": " | ".join(window.answers)}
        table.writerow(row.values())
    write_text(out / "unrecognized.csv", text.getvalue())


def read_baseline(name: str) -> Recipe | CrossValidation:
    """A recipe by name or file, or what `edgeconv cross-validate --json FILE` wrote.

    Raises:
        UsageError, BadInput: neither.
    """
    path = Path(name)
    if path.suffix == ".json" and path.is_file():
        try:
            data = json.loads(path.read_text("utf-8"))
            if isinstance(data, dict) and data.get("format") == FORMAT:
                return CrossValidation.from_json(data)
        except ValueError as error:
            raise BadInput(f"{path} cannot be read: {error}", "write it again") from error
    return load_recipe(name)


def grid(settings: Sequence[str]) -> tuple[Mapping[str, Any], ...]:
    """Every combination of `KEY=VALUE,VALUE` settings, each a change of recipe keys.

    A key is that of a recipe, a dot leads into a table: `training.epochs=30,60`. Values are those
    of TOML; what TOML does not read is a text, so `model=har,student` needs no quotes.

    Raises:
        UsageError: a setting is not of that form, or a key stands twice.
    """
    choices: dict[str, list[Any]] = {}
    for setting in settings:
        key, equals, values = setting.partition("=")
        if not equals or not key.strip() or not values.strip():
            raise UsageError(
                f"--set {setting}: not KEY=VALUE,VALUE", "for example --set training.epochs=30,60"
            )
        if key in choices:
            raise UsageError(f"--set {key} is given twice", "write its values in one, with commas")
        choices[key] = [_value(text.strip()) for text in values.split(",")]
    return tuple(dict(zip(choices, each, strict=True)) for each in product(*choices.values()))


def with_settings(recipe: Recipe, settings: Mapping[str, Any]) -> Recipe:
    """The recipe with other values of some keys; its name says which.

    Raises:
        UsageError: no such key, one that folds do not depend on or that would change their windows,
            or a value that it cannot have.
    """
    table = recipe.to_json()
    for key, value in settings.items():
        *path, last = key.split(".")
        if (first := key.split(".")[0]) in table and first not in SWEPT:
            raise UsageError(
                f"--set cannot change {first}: every fit must be of the same windows, and its "
                "accuracy must depend on the key",
                f"keys that can be set: {', '.join(SWEPT)}; cross-validate other data, windows and "
                "labels each by itself",
            )
        inner = table
        for name in path:
            if not isinstance(inner.get(name), dict):
                raise UsageError(f"--set {key}: a recipe has no table '{name}' here", _KEYS)
            inner = inner[name]
        if last not in inner:
            raise UsageError(f"--set {key}: a recipe has no key '{last}' here", _KEYS)
        inner[last] = value
    try:
        changed = Recipe.from_json(table)
    except ValueError as error:
        raise UsageError(f"--set: {error}", _KEYS) from error
    return replace(changed, name=" ".join([recipe.name, *_words(settings)]))


_KEYS = "docs/reference/recipe.md lists the keys: a dot leads into a table, as in training.epochs"


def _words(settings: Mapping[str, Any]) -> list[str]:
    return [
        f"{key}={value}".replace("/", "-").replace("\\", "-") for key, value in settings.items()
    ]


def _value(text: str) -> Any:
    try:
        return tomllib.loads(f"value = {text}")["value"]
    except tomllib.TOMLDecodeError:
        return text


def _run_all(
    recipes: Sequence[Recipe], dataset: Dataset, options: CrossValidateOptions, progress: Progress
) -> tuple[tuple[CrossValidation, ...], FoldTrainer, dict[FoldTask, FoldOutcome]]:
    groups = make_folds(dataset.subject_names, options.folds)
    trainer = FoldTrainer(dataset, tuple(recipes), groups, options.val_subjects, options.compress)
    folds = options.only or tuple(range(options.folds))
    names = ", ".join(recipe.name for recipe in recipes)
    progress.stage(f"cross-validate: {names}, {len(folds)} folds, {options.seeds} seeds")
    tasks = [
        FoldTask(number, fold, recipe.seed + seed)
        for seed in range(options.seeds)
        for fold in folds
        for number, recipe in enumerate(recipes)
    ]
    outcomes = run_folds(trainer, tasks, options.where, progress)
    results = tuple(
        CrossValidation(
            recipe=recipe.name,
            model=recipe.model,
            data=dataset.name,
            folds=options.folds,
            labels=dataset.signal.labels,
            runs=tuple(o.run for task, o in outcomes.items() if task.recipe == number),
        )
        for number, recipe in enumerate(recipes)
    )
    return results, trainer, outcomes


@dataclass(frozen=True)
class UnrecognizedWindow:
    """A window that every fit that held it out got wrong: an error of its label, or a hard one.

    Attributes:
        number: of the window in the data set.
        second: where it begins in its recording.
        answers: what the fits said, each once.
    """

    number: int
    subject: str
    source: str
    device: str
    second: float
    label: str
    answers: tuple[str, ...]


def unrecognized_windows(
    trainer: FoldTrainer, outcomes: Mapping[FoldTask, FoldOutcome]
) -> tuple[UnrecognizedWindow, ...]:
    """The windows that no fit recognized, of all recipes and seeds, in the order of the data."""
    import numpy as np

    dataset = trainer.dataset
    answers: dict[int, list[int]] = {}
    for outcome in outcomes.values():
        held = np.flatnonzero(np.isin(dataset.subjects, outcome.run.test_subjects))
        for row, predicted in zip(held.tolist(), outcome.predicted, strict=True):
            answers.setdefault(row, []).append(predicted)
    names, listed = dataset.signal.labels, []
    for row in sorted(answers):
        label = int(dataset.labels[row])
        if label in answers[row]:
            continue
        recording, first = dataset.index[row].tolist()
        of = dataset.recordings[recording]
        answered = tuple(names[n] for n in dict.fromkeys(answers[row]))
        second = round(first / dataset.signal.rate_hz, 3)
        listed.append(
            UnrecognizedWindow(
                row, of.subject, of.source, of.device, second, names[label], answered
            )
        )
    return tuple(listed)
