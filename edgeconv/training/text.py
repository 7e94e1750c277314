"""Fits a network of two classes to tokens, with a share of the training part held out."""

from __future__ import annotations

from pathlib import Path
from typing import TYPE_CHECKING, Any

import keras
import numpy as np

from edgeconv.core import Progress, Samples, Tensors, Training
from edgeconv.ir import keras_file
from edgeconv.training.fit import make_optimizer

if TYPE_CHECKING:
    from numpy.typing import NDArray

VALIDATION_SHARE = 0.2


def fit_tokens(
    model: Any,
    contract: Tensors,
    samples: Samples,
    training: Training,
    out: Path,
    progress: Progress,
) -> dict[str, list[float]]:
    """Fit `model` in place and save it with its contract as `out`; the figures of each epoch.

    Of `training`, optimizer, learning rate, epochs and batch size apply. The rows are shuffled
    once, because the files hold one class after the other, and the last share of them validates.
    """
    (name,) = samples.arrays
    rows = np.random.default_rng(0).permutation(len(samples))
    tokens, labels = samples.arrays[name][rows], _labels(samples)[rows]
    first = round(len(rows) * (1 - VALIDATION_SHARE))
    model.compile(
        make_optimizer(training, training.learning_rate),
        loss=keras.losses.BinaryCrossentropy(from_logits=True),
        metrics=[keras.metrics.BinaryAccuracy(threshold=0.0, name="accuracy")],
        jit_compile=False,
    )
    history = model.fit(
        tokens[:first],
        labels[:first],
        validation_data=(tokens[first:], labels[first:]),
        epochs=training.epochs,
        batch_size=training.batch_size,
        verbose=0,
        callbacks=[_Shown(training.epochs, progress)],
    )
    model.save(out)
    keras_file.write_contract(out, contract)
    return {key: [float(x) for x in values] for key, values in history.history.items()}


def _labels(samples: Samples) -> NDArray[np.float32]:
    assert samples.labels is not None
    return samples.labels.astype(np.float32)


class _Shown(keras.callbacks.Callback):  # type: ignore[misc]
    """Tells of each epoch."""

    def __init__(self, epochs: int, progress: Progress) -> None:
        super().__init__()
        self._epochs, self._progress = epochs, progress

    def on_epoch_end(self, epoch: int, logs: dict[str, float] | None = None) -> None:
        figures = logs or {}
        note = f"loss {figures['loss']:.3f} val_accuracy {figures['val_accuracy']:.3f}"
        self._progress.update(epoch + 1, self._epochs, note)
