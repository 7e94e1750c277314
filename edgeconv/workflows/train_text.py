"""Texts → a network of tokens: what `edgeconv train` and `run` do where the data are texts."""

from __future__ import annotations

import tempfile
from dataclasses import replace
from pathlib import Path
from typing import TYPE_CHECKING, Any

from edgeconv import bundle as bundles
from edgeconv.core import (
    Bundle,
    EvaluationData,
    EvaluationResult,
    Progress,
    Recipe,
    Samples,
    TrainedModel,
    TrainingSummary,
)
from edgeconv.core.paths import sha256
from edgeconv.datasets.text import LABELS, TOKENS, TokenData, load_texts
from edgeconv.environment import describe_machine, versions
from edgeconv.errors import Unsupported
from edgeconv.models import build, file_stem
from edgeconv.parity.classification import evaluate
from edgeconv.parity.named_outputs import class_probabilities
from edgeconv.plugins import import_tensorflow
from edgeconv.runtimes import RuntimeChoice
from edgeconv.workflows.export import export_variants
from edgeconv.workflows.named_tensors import check_named, kept_samples, run_file, write_vectors
from edgeconv.workflows.profile import ProfileOptions, explain, profile_artifacts
from edgeconv.workflows.report import write_report
from edgeconv.workflows.steps.compression import compression_names
from edgeconv.workflows.steps.repeats import RepeatedTraining

if TYPE_CHECKING:
    import numpy as np
    from numpy.typing import NDArray

CALIBRATION = 512
"""Texts of the training part that a bundle keeps, to set the ranges of integer files."""


def train_texts(
    recipe: Recipe, out: Path, repeats: int, force: bool, progress: Progress
) -> RepeatedTraining:
    """Train the recipe's network with its seed and the seeds after it.

    Writes a bundle with the model of the first seed, `vocabulary.txt` (a word a line, the first
    being token 0), `test.npz`, and `calibration.npz` with some of the training part.

    Raises:
        UsageError: `out` exists, or the network does not read words.
        BadInput, MissingDependency: the texts cannot be loaded.
    """
    seeds = tuple(recipe.seed + n for n in range(repeats))
    with bundles.staging(out, force, progress=progress) as folder:
        data = load_texts(recipe.data, progress)
        progress.note(f"train: {len(data.train)} texts, test: {len(data.test)} ({data.rule})")
        evaluations = []
        with tempfile.TemporaryDirectory() as other:
            for number, seed in enumerate(seeds, 1):
                place = folder if number == 1 else Path(other)
                progress.stage(f"train: {recipe.model}, seed {seed} ({number} of {repeats})")
                model = _fit(replace(recipe, seed=seed), data, place, progress)
                evaluations.append(_evaluate(model, data, progress))
                if number == 1:
                    first = model
        bundle = _bundle(recipe, first, evaluations[0], data, folder)
        result = RepeatedTraining(bundle, seeds, tuple(evaluations))
        result.write(folder)
    return replace(result, bundle=bundles.read_bundle(out))


def run_texts(recipe: Recipe, out: Path, force: bool, progress: Progress) -> Bundle:
    """Do everything that a recipe of texts says: train, export, check, profile and report.

    Raises:
        UsageError: `out` exists, or the network does not read words.
        Unsupported: a variant cannot exist.
        BadInput, MissingDependency: the texts cannot be loaded.
    """
    if names := compression_names(recipe.variants):
        raise Unsupported(
            f"compression '{names[0]}' trains on windows of a sensor; '{recipe.data}' are texts",
            "leave `compress` out of the recipe's variants",
        )
    with bundles.staging(out, force, keep_model=True, progress=progress) as folder:
        data = load_texts(recipe.data, progress)
        progress.note(f"train: {len(data.train)} texts, test: {len(data.test)} ({data.rule})")
        progress.stage(f"train: {recipe.model}, {recipe.training.epochs} epochs")
        model = _fit(recipe, data, folder, progress)
        bundle = _bundle(recipe, model, _evaluate(model, data, progress), data, folder)
        samples = kept_samples(bundle, bundles.CALIBRATION_SAMPLES)
        stem = folder / file_stem(recipe.model)
        artifacts = export_variants(model, recipe.variants, stem, samples, progress=progress)
        bundle = replace(bundle, artifacts=tuple(artifacts))
        progress.stage("golden vectors")
        assert samples is not None  # `_bundle` wrote them
        write_vectors(bundle, samples, unsafe=False)
        bundles.write(bundle, folder)
        bundle = check_named(bundle, None, "test", RuntimeChoice(), {}, progress)
        progress.stage(f"profile: {recipe.profile_runs} runs each, one thread")
        timed = profile_artifacts(bundle.artifacts, ProfileOptions(runs=recipe.profile_runs))
        profile = tuple(explain(bundle.artifacts, timed, progress))
        bundles.write(replace(bundle, profile=profile), folder)
        progress.stage("report")
        write_report(folder)
    return bundles.read_bundle(out)


def _bundle(
    recipe: Recipe,
    model: TrainedModel,
    evaluation: EvaluationResult,
    data: TokenData,
    folder: Path,
) -> Bundle:
    """Write a bundle without artifacts, and what lies beside its model."""
    words = "".join(f"{word}\n" for word in data.vocabulary)
    (folder / bundles.VOCABULARY).write_text(words, "utf-8")
    _write_samples(data.test, folder / bundles.TEST_SAMPLES)
    # the files of a data set hold one class after the other
    step = max(1, len(data.train) // CALIBRATION)
    _write_samples(data.train, folder / bundles.CALIBRATION_SAMPLES, step)
    bundle = Bundle(
        path=folder,
        model=model,
        artifacts=(),
        evaluations={model.path.name: evaluation},
        data=None,
        recipe=recipe,
        versions=versions(),
        machine=describe_machine(),
    )
    bundles.write(bundle, folder)
    return bundle


def _fit(recipe: Recipe, data: TokenData, folder: Path, progress: Progress) -> TrainedModel:
    import_tensorflow()
    import keras

    from edgeconv.training.text import fit_tokens

    keras.utils.set_random_seed(recipe.seed)
    make: Any = build(recipe.model)  # a builder of this kind takes tensors, not a signal
    model = make(data.contract)
    path = folder / bundles.MODEL
    history = fit_tokens(model, data.contract, data.train, recipe.training, path, progress)
    summary = TrainingSummary(
        seed=recipe.seed,
        stopped="finished",
        epochs=recipe.training.epochs,
        selected_epoch=recipe.training.epochs,
        val_loss=history["val_loss"][-1],
        val_accuracy=history["val_accuracy"][-1],
        refitted=False,
        train_subjects=(),
        val_subjects=(),
        windows=len(data.train),
        settings=recipe.training,
    )
    return TrainedModel(path, sha256(path), data.contract, int(model.count_params()), summary)


def _evaluate(model: TrainedModel, data: TokenData, progress: Progress) -> EvaluationResult:
    """The float model on the held-out texts; the sigmoid of the logit is its probability."""
    outputs, runtime = run_file(model.path, data.contract, data.test, "keras")
    (logit,) = data.contract.outputs
    result = evaluate(
        class_probabilities(logit, outputs[logit.name]),
        labels_of(data.test),
        None,
        LABELS,
        runtime,
        model.sha256,
        EvaluationData(data.spec, data.name, "test", 0, data.test.sha256, unit="text"),
    )
    progress.note(f"accuracy {result.accuracy:.4f} on {result.n} texts")
    return result


def labels_of(samples: Samples) -> NDArray[np.int64]:
    """The labels of samples that have some."""
    assert samples.labels is not None
    return samples.labels


def _write_samples(samples: Samples, path: Path, step: int = 1) -> None:
    """Write every `step`-th of them as `npz:FILE` data."""
    import numpy as np

    arrays: dict[str, Any] = {TOKENS: samples.arrays[TOKENS], "labels": labels_of(samples)}
    np.savez_compressed(path, **{name: array[::step] for name, array in arrays.items()})
