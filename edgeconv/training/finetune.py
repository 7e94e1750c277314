"""Fine-tunes a trained network during compression, with its own batches, augmentation and loss."""

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


def make_finetune(
    train: Dataset,
    signal: Signal,
    training: Training,
    config: FinetuneConfig,
    seed: int,
    progress: Progress,
) -> FinetuneFn:
    """Return the function with which a compression fine-tunes a network.

    Args:
        train: recordings of the subjects that the network was trained on.
        signal: the normalized contract of its input.
        training: of the network; epochs and learning rate are replaced by those of `config`.
    """
    settings = replace(training, epochs=config.epochs, learning_rate=config.learning_rate)
    batches = Batches.of(train, signal, settings, seed)

    def finetune(network: Any, after_step: Callable[[float], None] | None = None) -> None:
        callback = AfterStep(settings.epochs, batches.steps, after_step, progress)
        compile_model(network, settings, batches.steps)
        network.steps_per_execution = 1  # so that the callback runs after each step
        network.fit(
            feed(batches, settings.epochs),
            shuffle=False,  # the batches are shuffled already
            epochs=settings.epochs,
            steps_per_epoch=batches.steps,
            verbose=0,
            callbacks=[callback],
        )
        # By now Keras has replaced the weights by their moving average.
        if after_step is not None:
            after_step(1.0)

    return finetune


class AfterStep(keras.callbacks.Callback):  # type: ignore[misc]
    """Calls back after each update of the weights, and reports after each epoch."""

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
        """Count one update of the weights, and call back."""
        self.done += 1
        if self.after_step is not None:
            self.after_step(self.done / self.total)

    def on_epoch_end(self, epoch: int, logs: dict[str, float] | None = None) -> None:
        """Report the accuracy (augmented windows, dropout on); refuse a loss that is not finite."""
        metrics = logs or {}
        if not math.isfinite(metrics["loss"]):
            raise UsageError(
                f"compression diverged: the loss is {metrics['loss']} in epoch {epoch + 1}",
                "lower learning_rate in [compression]",
            )
        self.progress.update(
            epoch + 1, self.epochs, f"loss {metrics['loss']:.3f} accuracy {metrics['accuracy']:.3f}"
        )
