"""Texts → a network of tokens: what `edgeconv train` does where the data are texts."""

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
from edgeconv.models import build
from edgeconv.parity.classification import evaluate
from edgeconv.plugins import import_tensorflow
from edgeconv.workflows.named_tensors import run_file
from edgeconv.workflows.steps.repeats import RepeatedTraining

if TYPE_CHECKING:
    import numpy as np
    from numpy.typing import NDArray

TEST_SAMPLES = "test.npz"
"""The held-out part as tokens, for `parity --data npz:FILE`."""


def train_texts(
    recipe: Recipe, out: Path, repeats: int, force: bool, progress: Progress
) -> RepeatedTraining:
    """Train the recipe's network with its seed and the seeds after it.

    Writes a bundle with the model of the first seed, `vocabulary.txt` (a word a line, the first
    being token 0) and `test.npz`.

    Raises:
        UsageError: `out` exists, or the network does not read words.
        BadInput, MissingDependency: the texts cannot be loaded.
    """
    seeds = tuple(recipe.seed + n for n in range(repeats))
    with bundles.staging(out, force) as folder:
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
        _write_beside(data, folder)
        bundle = Bundle(
            path=folder,
            model=first,
            artifacts=(),
            evaluations={first.path.name: evaluations[0]},
            data=None,
            recipe=recipe,
            versions=versions(),
            machine=describe_machine(),
        )
        bundles.write(bundle, folder)
        result = RepeatedTraining(bundle, seeds, tuple(evaluations))
        result.write(folder)
    return replace(result, bundle=bundles.read_bundle(out))


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
    import numpy as np

    outputs, runtime = run_file(model.path, data.contract, data.test, "keras")
    (logits,) = outputs.values()
    positive = 1.0 / (1.0 + np.exp(-logits.reshape(-1).astype(np.float64)))
    result = evaluate(
        np.stack([1.0 - positive, positive], axis=1),
        labels_of(data.test),
        np.full(len(data.test), "all texts"),
        LABELS,
        runtime,
        model.sha256,
        EvaluationData(data.spec, data.name, "test", 1, data.test.sha256),
    )
    progress.note(f"accuracy {result.accuracy:.4f} on {result.n} texts")
    return result


def labels_of(samples: Samples) -> NDArray[np.int64]:
    """The labels of samples that have some."""
    assert samples.labels is not None
    return samples.labels


def _write_beside(data: TokenData, folder: Path) -> None:
    import numpy as np

    words = "".join(f"{word}\n" for word in data.vocabulary)
    (folder / bundles.VOCABULARY).write_text(words, "utf-8")
    tokens = data.test.arrays[TOKENS]
    arrays: dict[str, Any] = {TOKENS: tokens, "labels": labels_of(data.test)}
    np.savez_compressed(folder / TEST_SAMPLES, **arrays)
