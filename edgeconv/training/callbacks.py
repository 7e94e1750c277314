"""Monitors a fit after each epoch: validates, keeps the best weights, reports, stops early.

Writes the results of a fit, each file atomically: a killed run leaves the old file or none.
"""

from __future__ import annotations

import json
import math
import os
import re
import tempfile
import time
import zipfile
from collections.abc import Callable, Iterator
from contextlib import contextmanager
from pathlib import Path
from typing import Any

import keras
import numpy as np
from numpy.typing import NDArray

from edgeconv.core import Dataset, Progress, Signal, Training
from edgeconv.errors import BadInput, UsageError
from edgeconv.ir.keras_file import write_contract


def save_model(
    build: Callable[[Signal], Any], weights: list[Any], signal: Signal, path: Path, seed: int
) -> int:
    """Write network and contract to `path`, and return its number of parameters.

    The network is built again, so that the file holds no optimizer state, and with the same seed,
    so that the random state of a dropout layer is the same in every file.

    Raises:
        BadInput: the folder cannot be written.
    """
    keras.utils.set_random_seed(seed)
    model = build(signal)
    model.set_weights(weights)
    with _replacing(path, ".keras") as temporary:
        model.save(temporary)
        _number_shared_objects(temporary)
        write_contract(temporary, signal)
    return int(model.count_params())


def save_history(history: tuple[dict[str, float], ...], path: Path) -> None:
    """Write one JSON object for each epoch. Raises BadInput if the folder cannot be written."""
    with _replacing(path, ".json") as temporary:
        temporary.write_text(json.dumps(list(history), indent=1) + "\n", encoding="utf-8")


def make_folder(path: Path) -> None:
    """Make a folder and its parents. Raises BadInput if that is not possible."""
    try:
        path.mkdir(parents=True, exist_ok=True)
    except OSError as error:
        raise BadInput(
            f"cannot make the folder {path}: {error.strerror}", "choose another --out"
        ) from error


def _number_shared_objects(path: Path) -> None:
    """Number each `shared_object_id` from 0: Keras writes memory addresses there, which differ
    from process to process."""
    with zipfile.ZipFile(path) as archive:
        entries = {name: archive.read(name) for name in archive.namelist()}
    numbers: dict[bytes, int] = {}
    entries["config.json"] = re.sub(
        rb'("shared_object_id": )(\d+)',
        lambda m: m[1] + str(numbers.setdefault(m[2], len(numbers))).encode(),
        entries["config.json"],
    )
    with zipfile.ZipFile(path, "w") as archive:
        for name, data in entries.items():
            archive.writestr(name, data)


@contextmanager
def _replacing(path: Path, ending: str) -> Iterator[Path]:
    """A temporary file beside `path` that replaces it when the block ends without an error."""
    try:
        handle, name = tempfile.mkstemp(dir=path.parent, prefix=f".{path.stem}.", suffix=ending)
        os.close(handle)
        temporary = Path(name)
        try:
            yield temporary
            temporary.chmod(0o644)
            temporary.replace(path)
        finally:
            temporary.unlink(missing_ok=True)
    except OSError as error:
        raise BadInput(
            f"cannot write {path}: {error.strerror or error}",
            "check the folder's rights and the free space",
        ) from error


Weights = list[NDArray[np.float32]]
CHUNK = 1024  # windows in one call of the network
SMALLEST = 1e-7  # lower bound of probabilities, the same as in Keras' cross-entropy


def probabilities(model: Any, inputs: NDArray[np.float32]) -> NDArray[np.float32]:
    """(n, classes) for encoded windows (n, window·channels)."""
    parts = [
        np.asarray(model(inputs[i : i + CHUNK], training=False))
        for i in range(0, len(inputs), CHUNK)
    ]
    outputs: NDArray[np.float32] = np.concatenate(parts)
    return outputs


class TrainingMonitor(keras.callbacks.Callback):  # type: ignore[misc]
    """Keeps `history`, and the weights of the last and of the best epoch.

    With a moving average, the averaged weights are validated and kept. The best epoch has the
    lowest validation loss (plain cross-entropy of windows without augmentation); without
    validation subjects it is the last one.
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
        self.inputs = None if val is None else signal.encode(val.take(slice(None)))
        self.labels = None if val is None else val.labels
        self.training, self.progress, self.checkpoint = training, progress, checkpoint
        self.history: list[dict[str, float]] = []
        self.best: Weights = []
        self.last: Weights = []
        self.best_epoch = 0
        self.lowest = math.inf
        self._started = 0.0

    def on_epoch_begin(self, *_: Any) -> None:
        """Start the epoch's clock."""
        self._started = time.perf_counter()

    def on_epoch_end(self, epoch: int, logs: dict[str, float] | None = None) -> None:
        """Validate, keep the weights, record, report, and stop when patience has run out."""
        logs = {} if logs is None else logs
        self._refuse_nan(epoch, logs["loss"])
        raw = self.model.get_weights()
        try:
            if self.training.ema:
                # Keras' public way to read the averages: it assigns them to the weights.
                self.model.optimizer.finalize_variable_values(self.model.trainable_variables)
            weights = self.model.get_weights()
            logs |= self._validate()
        finally:
            self.model.set_weights(raw)
        entry = {
            "epoch": epoch + 1,
            **{k: float(v) for k, v in logs.items()},
            "learning_rate": float(keras.ops.convert_to_numpy(self.model.optimizer.learning_rate)),
            "seconds": round(time.perf_counter() - self._started, 3),
        }
        self._keep_weights(weights, entry)
        self.history.append(entry)
        self._report(entry)
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
        predicted = probabilities(self.model, self.inputs)
        of_true_class = predicted[np.arange(len(self.labels)), self.labels]
        return {
            "val_loss": float(-np.log(np.maximum(of_true_class, SMALLEST)).mean()),
            "val_accuracy": float((predicted.argmax(axis=1) == self.labels).mean()),
        }

    def _keep_weights(self, weights: Weights, entry: dict[str, float]) -> None:
        self.last = weights
        loss = entry.get("val_loss", -math.inf)
        if loss < self.lowest or self.inputs is None:
            self.best, self.best_epoch, self.lowest = weights, int(entry["epoch"]), loss
            if self.checkpoint is not None:
                self.checkpoint(weights)

    def _report(self, entry: dict[str, float]) -> None:
        name = "val_accuracy" if "val_accuracy" in entry else "accuracy"
        figures = f"loss {entry['loss']:.3f} {name} {entry[name]:.3f}"
        self.progress.update(int(entry["epoch"]), self.training.epochs, figures)
