"""Trains a finished network on, as its compression shrinks it: same batches, augmentation, loss."""

from __future__ import annotations

import math
from collections.abc import Callable
from dataclasses import replace
from typing import Any

import keras

from edgeconv.core import Dataset, FinetuneConfig, FinetuneFn, Progress, Signal, Training
from edgeconv.errors import UsageError
from edgeconv.training.batches import Batches
from edgeconv.training.fit import compile_model, feed


def tuner(
    train: Dataset,
    signal: Signal,
    training: Training,
    how: FinetuneConfig,
    seed: int,
    progress: Progress,
) -> FinetuneFn:
    """How a compression trains a network on.

    Args:
        train: recordings of those people that the network was trained on.
        signal: the normalized contract of its input.
        training: of the network itself; epochs and learning rate are those of `how`.
    """
    plan = replace(training, epochs=how.epochs, learning_rate=how.learning_rate)
    batches = Batches.of(train, signal, plan, seed)

    def tune(network: Any, after_step: Callable[[float], None] | None = None) -> None:
        steps = Steps(plan.epochs, batches.steps, after_step, progress)
        compile_model(network, plan, batches.steps)
        network.steps_per_execution = 1  # so that Python has its say after each step
        network.fit(
            feed(batches, plan.epochs),
            shuffle=False,  # the batches are shuffled already
            epochs=plan.epochs,
            steps_per_epoch=batches.steps,
            verbose=0,
            callbacks=[steps],
        )
        # Keras has put the weights' moving average in their place by now.
        if after_step is not None:
            after_step(1.0)

    return tune


class Steps(keras.callbacks.Callback):  # type: ignore[misc]
    """Calls back after each update of the weights, and tells after each epoch."""

    def __init__(
        self,
        epochs: int,
        steps: int,
        after_step: Callable[[float], None] | None,
        progress: Progress,
    ) -> None:
        super().__init__()
        self.epochs, self.total = epochs, epochs * steps
        self.after_step, self.progress = after_step, progress
        self.done = 0

    def on_train_batch_end(self, *_: Any, **__: Any) -> None:
        """One more update of the weights is done."""
        self.done += 1
        if self.after_step is not None:
            self.after_step(self.done / self.total)

    def on_epoch_end(self, epoch: int, logs: dict[str, float] | None = None) -> None:
        """Tell the accuracy, on augmented windows with dropout; refuse to go on with NaN."""
        found = logs or {}
        if not math.isfinite(found["loss"]):
            raise UsageError(
                f"compression diverged: the loss is {found['loss']} in epoch {epoch + 1}",
                "lower learning_rate in [compression]",
            )
        self.progress.update(
            epoch + 1, self.epochs, f"loss {found['loss']:.3f} accuracy {found['accuracy']:.3f}"
        )
