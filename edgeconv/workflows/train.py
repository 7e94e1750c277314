"""Data → float model: the first half of a run, and the whole of `edgeconv train`."""

from __future__ import annotations

from pathlib import Path
from typing import TYPE_CHECKING

from edgeconv import bundle as bundles
from edgeconv.core import (
    NULL_PROGRESS,
    SPLIT_NAMES,
    Bundle,
    DataInfo,
    EvaluationData,
    EvaluationResult,
    Progress,
    Recipe,
    Splits,
    TrainedModel,
)
from edgeconv.datasets import load_dataset
from edgeconv.datasets.splits import split
from edgeconv.environment import describe_machine, versions
from edgeconv.models import build
from edgeconv.parity.classification import evaluate, labels_for
from edgeconv.parity.drift.store import write_input_profile
from edgeconv.runtimes.predict import predict_file
from edgeconv.training import train as fit
from edgeconv.workflows.steps.teacher import find_teacher

if TYPE_CHECKING:
    import numpy as np
    from numpy.typing import NDArray


def train(
    recipe: Recipe, out: Path, force: bool = False, progress: Progress = NULL_PROGRESS
) -> Bundle:
    """Fit the recipe's model on its data and write a bundle that holds it, without artifacts.

    Raises:
        UsageError, BadInput, LeakError: before any work where that is possible.
    """
    with bundles.staging(out, force, keep_model=True) as folder:
        splits, data = load_splits(recipe.data, progress)
        model = fit_model(recipe, splits, folder, progress)
        evaluation, outputs = evaluate_reference(model, splits, data, progress)
        bundles.write_reference(folder, outputs, splits.test.sha256, model.sha256)
        write_input_profile(folder, splits.train)
        bundle = Bundle(
            path=folder,
            model=model,
            artifacts=(),
            evaluations={model.path.name: evaluation},
            data=data,
            recipe=recipe,
            versions=versions(),
            machine=describe_machine(),
        )
        bundles.write(bundle, folder)
    return bundles.read(out)


def load_splits(spec: str, progress: Progress) -> tuple[Splits, DataInfo]:
    """The data set in its three parts, and what the manifest says of it."""
    progress.stage(f"data: {spec}")
    dataset = load_dataset(spec, progress)
    splits = split(dataset)
    for name in SPLIT_NAMES:
        part = splits.part(name)
        progress.note(f"{name}: {len(part)} windows of {len(part.subject_names)} subjects")
    return splits, DataInfo.of(spec, dataset, splits)


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
