"""A teacher's soft labels for a student's batches, and the loss that compares the two."""

from __future__ import annotations

from collections.abc import Callable
from dataclasses import dataclass
from pathlib import Path
from typing import Any

import keras
import numpy as np
import tensorflow as tf

from edgeconv.core import Distillation, Signal
from edgeconv.errors import BadInput
from edgeconv.ir import keras_file
from edgeconv.training.augmentation import Floats
from edgeconv.training.batches import Batch

SMALLEST = 1e-7  # lower bound of probabilities, the same as in Keras' cross-entropy


@dataclass(frozen=True, eq=False)
class Teacher:
    """A fitted network, and the contract of its input."""

    name: str
    parameters: int
    signal: Signal
    predict: Callable[[Any], Any]

    @classmethod
    def of(cls, model: Any, signal: Signal) -> Teacher:
        """Wrap `model` with its present weights."""
        shape = tf.TensorSpec((None, signal.flat_size), tf.float32)
        # Traced once: a call of the model layer by layer costs as much as its arithmetic.
        predict = tf.function(lambda x: model(x, training=False), input_signature=[shape])
        return cls(str(model.name), int(model.count_params()), signal, predict)

    @classmethod
    def read(cls, path: Path, student: Signal) -> Teacher:
        """Read the network of a `.keras` file.

        Raises:
            BadInput: no Keras model with a contract, or one with other windows or labels.
        """
        model, signal = keras_file.load_model(path), keras_file.read_contract(path)
        if not isinstance(signal, Signal):
            raise BadInput(f"{path} has no sensor contract", "give a file that edgeconv trained")
        for attribute in ("window", "channels", "rate_hz", "labels"):
            teacher_value = getattr(signal, attribute)
            student_value = getattr(student, attribute)
            if teacher_value != student_value:
                raise BadInput(
                    f"the teacher {path} has {attribute} {teacher_value}, "
                    f"the data has {student_value}",
                    "train a teacher on the same kind of windows",
                )
        return cls.of(model, signal)

    def probabilities(self, x: Floats, student: Signal) -> Floats:
        """(n, classes) for the student's inputs, which may be normalized differently."""
        per_step = student.affine_to(self.signal)
        window = self.signal.window
        inputs = x * np.tile(per_step.scale, window) + np.tile(per_step.offset, window)
        probabilities: Floats = self.predict(inputs.astype(np.float32)).numpy()
        return probabilities


def with_soft_labels(batch: Batch, student: Signal, teacher: Teacher) -> Batch:
    """A batch whose labels are the true labels and the teacher's side by side: (n, 2·classes)."""
    x, y, weights = batch
    return x, np.concatenate([y, teacher.probabilities(x, student)], axis=1), weights


class DistillationLoss(keras.losses.Loss):  # type: ignore[misc]
    """(1 − w)·CE(labels, p) + w·T²·CE(softmax(teacher's logits / T), softmax(logits / T)).

    T² keeps the size of the gradient the same for every temperature. Logarithms of probabilities
    serve as logits: they differ by a constant, which softmax ignores.
    """

    def __init__(self, settings: Distillation, smoothing: float) -> None:
        super().__init__(name="distillation")
        self.settings, self.smoothing = settings, smoothing

    def call(self, y_true: Any, y_pred: Any) -> Any:
        """Loss of each window: y_true (n, 2·classes), y_pred (n, classes) probabilities."""
        classes = y_pred.shape[-1]
        labels = y_true[:, :classes] * (1 - self.smoothing) + self.smoothing / classes
        student, teacher = _logits(y_pred), _logits(y_true[:, classes:])
        temperature = self.settings.temperature
        hard = -tf.reduce_sum(labels * student, axis=-1)
        targets = tf.nn.softmax(teacher / temperature)
        soft = -tf.reduce_sum(targets * tf.nn.log_softmax(student / temperature), axis=-1)
        return (1 - self.settings.weight) * hard + self.settings.weight * temperature**2 * soft


def accuracy(y_true: Any, y_pred: Any) -> Any:
    """Keras' accuracy, by the true labels only."""
    return keras.metrics.categorical_accuracy(y_true[:, : y_pred.shape[-1]], y_pred)


def _logits(probabilities: Any) -> Any:
    return tf.math.log(tf.clip_by_value(probabilities, SMALLEST, 1.0))
