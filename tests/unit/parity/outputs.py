"""Outputs of an imaginary float model, and the file that is compared with it."""

from __future__ import annotations

from pathlib import Path

import numpy as np
from numpy.typing import NDArray

from edgeconv.core import Artifact, InputConvention, Signal

LABELS = ("Sitting", "Upstairs", "Walking")
SIGNAL = Signal(window=8, step=4, labels=LABELS)


def artifact(
    scheme: str = "float32",
    target: str = "tflite",
    sensor: InputConvention = InputConvention.ANDROID,
) -> Artifact:
    ending = ".tflite" if target == "tflite" else ".mlpackage"
    return Artifact(
        path=Path(f"har_{scheme}{ending}"),
        sha256="a" * 64,
        bytes=1000,
        target=target,
        scheme=scheme,
        contract=SIGNAL.for_sensor(sensor),
        inputs=(),
        outputs=(),
    )


def logits(n: int = 1500, seed: int = 0) -> NDArray[np.float64]:
    """(n, 3): mostly sure, some windows near a tie."""
    return np.random.default_rng(seed).normal(0.0, 6.0, (n, len(LABELS)))


def softmax(values: NDArray[np.float64]) -> NDArray[np.float32]:
    e = np.exp(values - values.max(axis=1, keepdims=True))
    return np.asarray(e / e.sum(axis=1, keepdims=True), np.float32)


def reference(n: int = 1500) -> NDArray[np.float32]:
    return softmax(logits(n))


def labels(n: int = 1500) -> NDArray[np.int64]:
    """True classes: the float model's answer, but for one window in twenty."""
    answers = logits(n).argmax(axis=1)
    answers[::20] = (answers[::20] + 1) % len(LABELS)
    return np.asarray(answers, np.int64)


def windows(n: int = 1500) -> NDArray[np.float32]:
    """Canonical windows (n, 24), m/s²."""
    random = np.random.default_rng(1)
    return (random.normal(0, 3, (n, SIGNAL.flat_size))).astype(np.float32)


def int8_of(probabilities: NDArray[np.float32]) -> NDArray[np.float32]:
    """As an int8 output tensor stores them: steps of 1/256, at most 255/256."""
    steps = np.clip(np.round(probabilities * 256), 0, 255)
    return np.asarray(steps / 256, np.float32)
