"""`edgeconv cross-validate`: a recipe judged on held-out subjects, fold by fold."""

from __future__ import annotations

import json
import tempfile
import time
from dataclasses import dataclass, replace
from pathlib import Path
from typing import TYPE_CHECKING

from edgeconv.compression import compress
from edgeconv.core import (
    LOG_PROGRESS,
    NULL_PROGRESS,
    Dataset,
    PathLike,
    Progress,
    Recipe,
    Splits,
    TrainedModel,
)
from edgeconv.datasets import (
    DataSource,
    describe_source,
    load_dataset,
)
from edgeconv.datasets.splits import split
from edgeconv.errors import BadInput, UsageError
from edgeconv.models import build
from edgeconv.plugins import import_tensorflow, require
from edgeconv.recipes import load_recipe
from edgeconv.runtimes.predict import predict_file
from edgeconv.training import train
from edgeconv.training.cross_validation import (
    CrossValidation,
    FoldAccuracy,
    FoldRun,
    draw_subjects,
    evaluate_fold,
    make_folds,
    uses_last_epoch,
)
from edgeconv.workflows.steps.compression import find_teacher, training_subset
from edgeconv.workflows.train import with_data

if TYPE_CHECKING:
    import numpy as np
    from numpy.typing import NDArray

FORMAT = "edgeconv-cross-validation"
FINETUNED = "fine-tuned"  # as a compression is, but without any
_VALIDATION_SEED = 100


@dataclass(frozen=True)
class CrossValidateOptions:
    """What a cross-validation does besides the recipe.

    Attributes:
        folds: number of groups that the subjects are divided into; each is held out once.
        seeds: number of fits of each fold, with the recipe's seed and those that follow it.
        only: numbers of the folds to run, from 0; empty: all.
        val_subjects: how many subjects validate the fit of a recipe that chooses its epoch.
        compress: compressions to apply to the network of each fold.
    """

    folds: int = 6
    seeds: int = 1
    only: tuple[int, ...] = ()
    val_subjects: int = 2
    compress: tuple[str, ...] = ()

    def __post_init__(self) -> None:
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
    require("tensorflow", "keras")
    options = options or CrossValidateOptions()
    recipe, source = with_data(recipe, data)
    progress.stage(f"data: {describe_source(source)}")
    dataset = load_dataset(source, progress)
    groups = make_folds(dataset.subject_names, options.folds)
    if isinstance(baseline, Recipe):
        plain = replace(options, compress=())
        baseline = _run(replace(baseline, seed=recipe.seed), dataset, groups, plain, progress)
    result = _run(recipe, dataset, groups, options, progress)
    return result if baseline is None else result.compared_with(baseline)


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


def _run(
    recipe: Recipe,
    dataset: Dataset,
    groups: tuple[tuple[str, ...], ...],
    options: CrossValidateOptions,
    progress: Progress,
) -> CrossValidation:
    seeds = range(recipe.seed, recipe.seed + options.seeds)
    folds = options.only or tuple(range(options.folds))
    progress.stage(f"cross-validate: {recipe.name}, {len(folds)} folds, {len(seeds)} seeds")
    runs: list[FoldRun] = []
    for seed in seeds:
        for fold in folds:
            others = [s for s in dataset.subject_names if s not in groups[fold]]
            val = draw_subjects(others, _val_count(others, options), _VALIDATION_SEED + fold)
            splits = split(dataset, test_subjects=groups[fold], val_subjects=val)
            runs.append(_run_fold(splits, replace(recipe, seed=seed), fold, options.compress))
            note = f"fold {fold}, seed {seed}: accuracy {runs[-1].accuracy.overall:.4f}"
            progress.update(len(runs), len(folds) * len(seeds), note)
    return CrossValidation(
        recipe=recipe.name,
        model=recipe.model,
        data=dataset.name,
        folds=options.folds,
        labels=dataset.signal.labels,
        runs=tuple(runs),
    )


def _val_count(others: list[str], options: CrossValidateOptions) -> int:
    if options.val_subjects >= len(others):
        raise UsageError(
            f"--val-subjects {options.val_subjects} leaves none of {len(others)} subjects to "
            "train on",
            "use fewer of them, or more folds",
        )
    return options.val_subjects


def _run_fold(splits: Splits, recipe: Recipe, fold: int, compress_: tuple[str, ...]) -> FoldRun:
    """Train on the other folds and evaluate on the held-out subjects."""
    import numpy as np

    began = time.perf_counter()
    training, network, test = recipe.training, build(recipe.model), splits.test
    teacher = find_teacher(training.distillation, splits)
    compressed: dict[str, FoldAccuracy] = {}
    if uses_last_epoch(training) and not compress_:
        import_tensorflow()
        from edgeconv.training.subjects import concat_datasets

        others = concat_datasets(splits.train, splits.val)
        result = evaluate_fold(network, others, test, training, recipe.seed, teacher=teacher)
        predicted, epochs, parameters = result.predicted, len(result.history), result.parameters
    else:
        with tempfile.TemporaryDirectory(prefix="edgeconv-fold-") as folder:
            model = train(network, splits, training, Path(folder), recipe.seed, teacher=teacher)
            predicted = _predict(model.path, model, test)
            compressed = _compress(model, splits, recipe, compress_, Path(folder))
        assert model.training is not None
        epochs, parameters = model.training.epochs, model.parameters
    confusion = np.zeros((len(test.signal.labels),) * 2, int)
    np.add.at(confusion, (test.labels, predicted), 1)
    return FoldRun(
        fold=fold,
        seed=recipe.seed,
        test_subjects=test.subject_names,
        val_subjects=splits.val.subject_names,
        accuracy=FoldAccuracy.of(predicted, test),
        confusion=tuple(map(tuple, confusion.tolist())),
        epochs=epochs,
        parameters=parameters,
        seconds=round(time.perf_counter() - began, 1),
        compressed=compressed,
    )


def _compress(
    model: TrainedModel, splits: Splits, recipe: Recipe, names: tuple[str, ...], folder: Path
) -> dict[str, FoldAccuracy]:
    """Accuracy after fine-tuning without compression, and after each compression."""
    if not names:
        return {}
    from edgeconv.compression.model_file import open_network, save
    from edgeconv.training.fit import make_finetune

    subset, seed = training_subset(model, splits), recipe.seed
    finetune = make_finetune(
        subset, model.signal, recipe.training, recipe.compression, seed, NULL_PROGRESS
    )
    network = open_network(model.path, seed)
    finetune(network)
    path = folder / "fine-tuned.keras"
    save(network, model.path, path)
    accuracies = {FINETUNED: FoldAccuracy.of(_predict(path, model, splits.test), splits.test)}
    for name in names:
        path = folder / f"{name}.keras"
        compress(name, model, subset, finetune, path, seed, NULL_PROGRESS)
        predicted = _predict(path, model, splits.test)
        accuracies[name] = FoldAccuracy.of(predicted, splits.test)
    return accuracies


def _predict(path: Path, model: TrainedModel, test: Dataset) -> NDArray[np.int64]:
    """The class number that a saved file gives each window."""
    probabilities, _ = predict_file(path, model.signal, test.windows, "keras")
    predicted: NDArray[np.int64] = probabilities.argmax(axis=1)
    return predicted
