"""One fit: optimizer, schedule, batches, and the weights and history that it returns.

Fine-tunes a trained network during compression, with its own batches, augmentation and loss.
"""

from __future__ import annotations

import math
from collections.abc import Callable
from dataclasses import dataclass, replace
from pathlib import Path
from typing import Any

import keras
import tensorflow as tf

from edgeconv.core import Dataset, FinetuneConfig, FinetuneFn, Progress, Signal, Training
from edgeconv.errors import BadInput, UsageError
from edgeconv.training.batches import Batch, Batches
from edgeconv.training.callbacks import TrainingMonitor, Weights
from edgeconv.training.distillation import DistillationLoss, Teacher, accuracy, with_soft_labels


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


FINAL_RATE = 0.005  # share of the learning rate at which the cosine ends
FIRST_RATE = 1e-6  # learning rate at which the warm-up begins
PREFETCH = 8  # batches prepared ahead while the network is busy


@dataclass(frozen=True, eq=False)
class Fit:
    """The chosen weights of a finished, stopped or interrupted fit, and its history.

    `epoch` counts from 1; `stopped` is `finished`, `early` or `interrupted`.
    """

    weights: Weights
    epoch: int
    stopped: str
    history: tuple[dict[str, float], ...]


@dataclass(frozen=True, eq=False, kw_only=True)
class FitOptions:
    """What a fit needs beyond the network, its data and the training's settings.

    Attributes:
        seed: of the batches.
        progress: listens to what is done.
        tensorboard: folder for TensorBoard's logs; None: none are written.
        checkpoint: is called with each new best weights.
        teacher: gives the soft labels, if the training uses distillation.
    """

    seed: int
    progress: Progress
    tensorboard: Path | None = None
    checkpoint: Callable[[Weights], None] | None = None
    teacher: Teacher | None = None


def fit(
    model: Any,
    signal: Signal,
    train: Dataset,
    val: Dataset | None,
    training: Training,
    options: FitOptions,
) -> Fit:
    """Fit `model` in place. `signal` is the normalized contract of its input.

    Without `val` the weights are those of the last epoch.

    Raises:
        UsageError: the loss is no longer finite.
        KeyboardInterrupt: interrupted before the first epoch ended, so there is nothing to keep.
    """
    teacher, progress = options.teacher, options.progress
    batches = Batches.of(train, signal, training, options.seed)
    compile_model(model, training, batches.steps, distilled=teacher is not None)
    monitor = TrainingMonitor(signal, val, training, progress, options.checkpoint)
    callbacks: list[Any] = [monitor]
    if options.tensorboard is not None:
        logs = str(options.tensorboard)
        callbacks.append(keras.callbacks.TensorBoard(logs, write_graph=False))
    try:
        model.fit(
            feed(batches, training.epochs, teacher),
            shuffle=False,  # the batches are shuffled already
            epochs=training.epochs,
            steps_per_epoch=batches.steps,
            verbose=0,
            callbacks=callbacks,
        )
    except KeyboardInterrupt:
        if not monitor.history:
            raise
        for callback in callbacks[1:]:
            callback.on_train_end()  # Keras skips it, and TensorBoard's logs would stay
        progress.note(f"interrupted: keeping the best of {len(monitor.history)} epochs")
        return Fit(monitor.best, monitor.best_epoch, "interrupted", tuple(monitor.history))
    stopped = "early" if len(monitor.history) < training.epochs else "finished"
    if val is not None and training.keep == "best":
        return Fit(monitor.best, monitor.best_epoch, stopped, tuple(monitor.history))
    return Fit(monitor.last, len(monitor.history), stopped, tuple(monitor.history))


def compile_model(model: Any, training: Training, steps: int, distilled: bool = False) -> None:
    """Give `model` its optimizer and loss, for epochs of `steps` batches; if `distilled`,
    the batches hold a teacher's labels as well."""
    optimizer = make_optimizer(training, learning_rate(training, steps * training.epochs))
    loss: Any = keras.losses.CategoricalCrossentropy(label_smoothing=training.label_smoothing)
    if distilled and training.distillation is not None:
        loss = DistillationLoss(training.distillation, training.label_smoothing)
    model.compile(
        optimizer,
        loss=loss,
        metrics=[accuracy if distilled else "accuracy"],
        # A whole epoch in one call from Python: halves the time of a small network's epoch.
        steps_per_execution=steps,
        jit_compile=False,  # XLA on a CPU was measured to be no faster, and compiling takes long
    )


def make_optimizer(training: Training, rate: Any) -> Any:
    """The optimizer of a training, with a learning rate or a schedule of it."""
    options: dict[str, Any] = {"global_clipnorm": training.clipnorm or None}
    if training.ema:
        options |= {"use_ema": True, "ema_momentum": training.ema}
    if training.optimizer == "adamw":
        optimizer = keras.optimizers.AdamW(rate, weight_decay=training.weight_decay, **options)
        optimizer.exclude_from_weight_decay(var_names=["bias", "gamma", "beta"])
        return optimizer
    kinds = {"adam": keras.optimizers.Adam, "rmsprop": keras.optimizers.RMSprop}
    return kinds[training.optimizer](rate, **options)


def learning_rate(training: Training, steps: int) -> Any:
    """A number, or a cosine over all `steps` after a linear warm-up."""
    if training.schedule == "constant":
        return training.learning_rate
    warmup = int(training.warmup * steps)
    if not warmup:
        return keras.optimizers.schedules.CosineDecay(
            training.learning_rate, steps, alpha=FINAL_RATE
        )
    return keras.optimizers.schedules.CosineDecay(
        FIRST_RATE,
        max(steps - warmup, 1),
        warmup_target=training.learning_rate,
        warmup_steps=warmup,
        alpha=FINAL_RATE,
    )


def feed(batches: Batches, epochs: int, teacher: Teacher | None = None) -> Any:
    """The batches of `epochs` epochs, in order, as a `tf.data` pipeline that prepares the next ones
    while the network is busy.

    Not by `Dataset.from_generator`, which Keras' `PyDataset` uses as well: when TensorFlow creates
    that operation it calls `mallopt(M_MMAP_THRESHOLD, 128 KiB)` ("ApplyPython311MemoryPatch"), for
    the rest of the process. From then on glibc maps and unmaps every larger buffer, and without
    oneDNN (processors without AVX-512) the convolutions' scratch buffers cost 1.3 million page
    faults and 2.5 s of system time an epoch of `har` (benchmarks/training_feed.py).
    """
    types = (tf.float32, tf.float32, tf.float32)

    def make_batch(number: Any) -> Batch:
        batch = batches.batch(int(number))
        return batch if teacher is None else with_soft_labels(batch, batches.signal, teacher)

    def load(number: Any) -> Any:
        x, y, weights = tf.numpy_function(make_batch, [number], types)
        x.set_shape((None, batches.signal.flat_size))
        y.set_shape((None, len(batches.signal.labels) * (1 if teacher is None else 2)))
        weights.set_shape((None,))
        return x, y, weights

    return tf.data.Dataset.range(epochs * batches.steps).map(load).prefetch(PREFETCH)


def check_model(model: Any, signal: Signal) -> None:
    """Raises BadInput if a network's input or output does not match the contract."""
    if not model.built:
        raise BadInput(f"network '{model.name}' has no input shape", "start it with keras.Input")
    expected = (None, signal.flat_size), (None, len(signal.labels))
    actual = tuple(model.input_shape), tuple(model.output_shape)
    if actual != expected:
        raise BadInput(
            f"network '{model.name}' maps {actual[0]} to {actual[1]}, "
            f"but the contract needs {expected[0]} to {expected[1]}",
            "build it from the contract: signal.flat_size inputs, one output for each label",
        )
