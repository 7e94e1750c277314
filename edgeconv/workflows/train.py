"""Data → float model: the first half of a run, and the whole of `edgeconv train`."""

from __future__ import annotations

import tempfile
from dataclasses import replace
from pathlib import Path
from typing import TYPE_CHECKING

from edgeconv import bundle as bundles
from edgeconv.core import (
    LOG_PROGRESS,
    SPLIT_NAMES,
    Bundle,
    DataInfo,
    EvaluationData,
    EvaluationResult,
    PathLike,
    Progress,
    Recipe,
    Splits,
    TrainedModel,
    as_path,
)
from edgeconv.datasets import (
    DataSource,
    cut_into,
    describe_source,
    labeled,
    labels_of,
    load_dataset,
    spec_of,
    with_default,
)
from edgeconv.datasets.splits import split
from edgeconv.datasets.text import is_text
from edgeconv.environment import describe_machine, versions
from edgeconv.errors import UsageError
from edgeconv.models import build
from edgeconv.parity.classification import evaluate, labels_for
from edgeconv.parity.drift.store import write_input_profile
from edgeconv.plugins import require
from edgeconv.recipes import load_recipe
from edgeconv.reporting.formatting import plural
from edgeconv.runtimes.predict import predict_file
from edgeconv.training import train as fit
from edgeconv.workflows.steps.compression import find_teacher
from edgeconv.workflows.steps.repeats import RepeatedTraining
from edgeconv.workflows.train_text import train_texts

if TYPE_CHECKING:
    import numpy as np
    from numpy.typing import NDArray


def train(
    recipe: Recipe | PathLike,
    out: PathLike,
    *,
    data: DataSource | None = None,
    force: bool = False,
    progress: Progress = LOG_PROGRESS,
) -> Bundle:
    """Train the recipe's model and write a bundle with it, without artifacts.

    Args:
        recipe: a recipe, the name of a built-in one, or a TOML file.
        out: the bundle's folder.
        data: a specification, a `Dataset`, arrays or a data frame; None: the recipe's own.
        force: replace a bundle that is there.
        progress: listens to what is done.

    Returns:
        The bundle, with the model's accuracy on held-out subjects.

    Raises:
        UsageError: the recipe or a value in it is wrong, or `out` exists.
        BadInput: the data cannot be used.
        LeakError: a subject would be in two splits.
        MissingDependency: TensorFlow or Keras is not installed.
    """
    return train_repeatedly(recipe, out, 1, data=data, force=force, progress=progress).bundle


def train_repeatedly(
    recipe: Recipe | PathLike,
    out: PathLike,
    repeats: int,
    *,
    data: DataSource | None = None,
    force: bool = False,
    progress: Progress = LOG_PROGRESS,
) -> RepeatedTraining:
    """Train the recipe's model with its seed and the seeds after it, on the same splits.

    Writes a bundle with the model of the first seed, and `repeats.json` with the figures of all.

    Args:
        recipe: a recipe, the name of a built-in one, or a TOML file.
        out: the bundle's folder.
        repeats: how often to train.
        data: a specification, a `Dataset`, arrays or a data frame; None: the recipe's own.
        force: replace a bundle that is there.
        progress: listens to what is done.

    Raises:
        UsageError: no repeats, the recipe or a value in it is wrong, or `out` exists.
        BadInput, LeakError, MissingDependency: as `train`.
    """
    if repeats < 1:
        raise UsageError(f"{repeats} repeats", "train at least once")
    require("tensorflow", "keras")
    recipe = recipe if isinstance(recipe, Recipe) else load_recipe(recipe)
    if is_text(spec := spec_of(with_default(data, recipe.data))):
        texts = replace(recipe, data=spec)
        return train_texts(texts, as_path(out, "out"), repeats, force, progress)
    recipe, source = with_data(recipe, data)
    build(recipe.model)  # an unknown network is refused before recordings are read
    seeds = tuple(recipe.seed + n for n in range(repeats))
    place = as_path(out, "out")
    with bundles.staging(place, force, keep_model=True, progress=progress) as folder:
        splits, info = load_splits(source, progress)
        bundle = _train_once(recipe, splits, info, folder, progress)
        evaluations = [bundle.evaluations[bundle.model.path.name]]
        for number, seed in enumerate(seeds[1:], 2):
            progress.stage(f"repeat {number} of {repeats}: seed {seed}")
            with tempfile.TemporaryDirectory(dir=folder) as other:
                model = fit_model(replace(recipe, seed=seed), splits, Path(other), progress)
                evaluations.append(evaluate_reference(model, splits, info, progress)[0])
        result = RepeatedTraining(bundle, seeds, tuple(evaluations))
        result.write(folder)
    return replace(result, bundle=bundles.read_bundle(place))


def _train_once(
    recipe: Recipe, splits: Splits, info: DataInfo, folder: Path, progress: Progress
) -> Bundle:
    """Train into `folder`, and make a bundle of it."""
    model = fit_model(recipe, splits, folder, progress)
    evaluation, outputs = evaluate_reference(model, splits, info, progress)
    bundles.write_reference(folder, outputs, splits.test.sha256, model.sha256)
    write_input_profile(folder, splits.train)
    bundle = Bundle(
        path=folder,
        model=model,
        artifacts=(),
        evaluations={model.path.name: evaluation},
        data=info,
        recipe=recipe,
        versions=versions(),
        machine=describe_machine(),
    )
    bundles.write(bundle, folder)
    return bundle


def with_data(recipe: Recipe | PathLike, data: DataSource | None) -> tuple[Recipe, DataSource]:
    """The recipe, loaded where a name or a file was given, and the data to use with it.

    The recipe names the data that are used; data in memory by the name of the data set.
    """
    if not isinstance(recipe, Recipe):
        recipe = load_recipe(recipe)
    source = cut_into(with_default(data, recipe.data), recipe.windowing)
    source = labeled(source, recipe.labels)
    recipe = replace(recipe, labels=labels_of(source))
    if spec := spec_of(source):
        return replace(recipe, data=spec), source
    dataset = load_dataset(source)
    return replace(recipe, data=dataset.name), dataset


def load_splits(source: DataSource, progress: Progress) -> tuple[Splits, DataInfo]:
    """The data set in its three parts, and what the manifest says of it."""
    progress.stage(f"data: {describe_source(source)}")
    dataset = load_dataset(source, progress)
    splits = split(dataset)
    for name in SPLIT_NAMES:
        part = splits.part(name)
        people = plural(len(part.subject_names), "subject")
        progress.note(f"{name}: {plural(len(part), 'window')} of {people}")
    return splits, DataInfo.of(spec_of(source), dataset, splits, labels_of(source))


def fit_model(recipe: Recipe, splits: Splits, folder: Path, progress: Progress) -> TrainedModel:
    """Train into `folder`; the file's contract says what its input means."""
    progress.stage(f"train: {recipe.model}, {recipe.training.epochs} epochs")
    teacher = find_teacher(recipe.training.distillation, splits)
    return fit(build(recipe.model), splits, recipe.training, folder, recipe.seed, progress, teacher)


def evaluate_reference(
    model: TrainedModel, splits: Splits, data: DataInfo, progress: Progress
) -> tuple[EvaluationResult, NDArray[np.float32]]:
    """The float model on held-out subjects, the only time they are used, and its outputs."""
    progress.stage("evaluate: model.keras on held-out subjects")
    test = splits.test
    facts = EvaluationData(
        spec=data.spec,
        name=data.name,
        split="test",
        subjects=len(test.subject_names),
        sha256=test.sha256,
    )
    outputs, runtime = predict_file(model.path, model.signal, test.windows, "keras")
    result = evaluate(
        outputs,
        labels_for(model.signal, test),
        test.subjects,
        model.signal.labels or test.signal.labels,
        runtime,
        model.sha256,
        facts,
    )
    progress.note(f"accuracy {result.accuracy:.4f} on {result.n} windows")
    return result, outputs
