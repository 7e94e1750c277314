"""Looks at the network after each epoch: validates, remembers the best, stops, tells."""

from __future__ import annotations

import math
import time
from collections.abc import Callable
from typing import Any

import keras
import numpy as np
from numpy.typing import NDArray

from edgeconv.core import Dataset, Progress, Signal, Training
from edgeconv.errors import UsageError

Weights = list[NDArray[np.float32]]
CHUNK = 1024  # windows that go through the network at once
SMALLEST = 1e-7  # probabilities below are taken as this, as Keras' own cross-entropy does


def probabilities(model: Any, inputs: NDArray[np.float32]) -> NDArray[np.float32]:
    """(n, classes) for encoded windows (n, window·channels)."""
    parts = [
        np.asarray(model(inputs[i : i + CHUNK], training=False))
        for i in range(0, len(inputs), CHUNK)
    ]
    found: NDArray[np.float32] = np.concatenate(parts)
    return found


class TrainingMonitor(keras.callbacks.Callback):  # type: ignore[misc]
    """Keeps `history`, and the weights of the last and of the best epoch.

    With a moving average it is the averaged weights that are validated and kept. The best epoch
    has the lowest validation loss (plain cross-entropy of unchanged windows); without validation
    people it is the last one.
    """

    def __init__(
        self,
        signal: Signal,
        val: Dataset | None,
        training: Training,
        progress: Progress,
        checkpoint: Callable[[Weights], None] | None,
    ) -> None:
        super().__init__()
        self.inputs = None if val is None else signal.encode(val.windows)
        self.labels = None if val is None else val.labels
        self.training, self.progress, self.checkpoint = training, progress, checkpoint
        self.history: list[dict[str, float]] = []
        self.best: Weights = []
        self.last: Weights = []
        self.best_epoch = 0
        self.lowest = math.inf
        self._began = 0.0

    def on_epoch_begin(self, *_: Any) -> None:
        """Start the epoch's clock."""
        self._began = time.perf_counter()

    def on_epoch_end(self, epoch: int, logs: dict[str, float] | None = None) -> None:
        """Validate, keep, record, tell, and stop where patience is at its end."""
        logs = {} if logs is None else logs
        self._refuse_nan(epoch, logs["loss"])
        raw = self.model.get_weights()
        try:
            if self.training.ema:
                # Public way to the averages: Keras puts them in place of the weights.
                self.model.optimizer.finalize_variable_values(self.model.trainable_variables)
            weights = self.model.get_weights()
            logs |= self._validate()
        finally:
            self.model.set_weights(raw)
        entry = {
            "epoch": epoch + 1,
            **{k: float(v) for k, v in logs.items()},
            "learning_rate": float(keras.ops.convert_to_numpy(self.model.optimizer.learning_rate)),
            "seconds": round(time.perf_counter() - self._began, 3),
        }
        self._keep(weights, entry)
        self.history.append(entry)
        self._tell(entry)
        patience = self.training.patience
        if patience and self.inputs is not None and epoch + 1 - self.best_epoch >= patience:
            self.model.stop_training = True

    def _refuse_nan(self, epoch: int, loss: float) -> None:
        if not math.isfinite(loss):
            raise UsageError(
                f"training diverged: the loss is {loss} in epoch {epoch + 1}",
                "lower learning_rate, or set clipnorm = 1.0",
            )

    def _validate(self) -> dict[str, float]:
        if self.inputs is None or self.labels is None:
            return {}
        found = probabilities(self.model, self.inputs)
        of_truth = found[np.arange(len(self.labels)), self.labels]
        return {
            "val_loss": float(-np.log(np.maximum(of_truth, SMALLEST)).mean()),
            "val_accuracy": float((found.argmax(axis=1) == self.labels).mean()),
        }

    def _keep(self, weights: Weights, entry: dict[str, float]) -> None:
        self.last = weights
        loss = entry.get("val_loss", -math.inf)
        if loss < self.lowest or self.inputs is None:
            self.best, self.best_epoch, self.lowest = weights, int(entry["epoch"]), loss
            if self.checkpoint is not None:
                self.checkpoint(weights)

    def _tell(self, entry: dict[str, float]) -> None:
        name = "val_accuracy" if "val_accuracy" in entry else "accuracy"
        figures = f"loss {entry['loss']:.3f} {name} {entry[name]:.3f}"
        self.progress.update(int(entry["epoch"]), self.training.epochs, figures)
