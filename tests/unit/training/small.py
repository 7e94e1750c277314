"""Tiny recordings and a tiny network: a fit of them takes a second."""

from __future__ import annotations

from typing import Any

import numpy as np

from edgeconv.core import (
    Dataset,
    LoadReport,
    Recording,
    Signal,
    Splits,
    Training,
    TrainingSummary,
)

WINDOW, STEP, LENGTH = 20, 10, 100
LABELS = ("Sitting", "Walking", "Jogging")
SIGNAL = Signal(rate_hz=20.0, window=WINDOW, step=STEP, labels=LABELS)


def recording(subject: str, label: int, length: int = LENGTH) -> Recording:
    """Gravity along y and a swing whose size and pace are the activity's."""
    rng = np.random.default_rng([int(subject), label])
    time = np.arange(length)[:, None]
    swing = 4 * label * np.sin(0.6 * (1 + label) * time + rng.uniform(0, 6, 3))
    noise = rng.normal(0, 0.2, (length, 3))
    samples = np.array([0.0, 9.8, 0.0]) + swing + noise
    return Recording(subject, label, samples.astype(np.float32), f"subject {subject}")


def dataset(
    *subjects: str, labels: tuple[int, ...] = (0, 1, 2), recordings: tuple[Recording, ...] = ()
) -> Dataset:
    """One recording for each subject and label, or the given ones, on the step grid."""
    parts = recordings or tuple(recording(s, label) for s in subjects for label in labels)
    index = [
        (number, start)
        for number, r in enumerate(parts)
        for start in range(0, len(r.samples) - WINDOW + 1, STEP)
    ]
    grid = np.array(index, np.int64).reshape(-1, 2)
    return Dataset("small", SIGNAL, parts, grid, LoadReport("made up", len(grid)))


def splits(**parts: Dataset) -> Splits:
    """Three people to train on, one to validate, one to test, unless told otherwise."""
    usual = {"train": dataset("1", "2", "3"), "val": dataset("4"), "test": dataset("5")}
    return Splits(**(usual | parts), rule="by hand")


def network(signal: Signal) -> Any:
    """One convolution and one dense layer."""
    import keras
    from keras import layers

    return keras.Sequential(
        [
            keras.Input((signal.flat_size,), name="sensor"),
            layers.Reshape((signal.window, len(signal.channels)), name="steps"),
            layers.Conv1D(8, 5, activation="relu", name="conv"),
            layers.GlobalMaxPooling1D(name="highest"),
            layers.Dropout(0.1, name="dropout"),
            layers.Dense(len(signal.labels), activation="softmax", name="probabilities"),
        ],
        name="small",
    )


def summary(refitted: bool = False, train_subjects: tuple[str, ...] = ()) -> TrainingSummary:
    """What a manifest keeps of a short training."""
    return TrainingSummary(
        seed=0,
        stopped="finished",
        epochs=3,
        selected_epoch=3,
        val_loss=0.5,
        val_accuracy=0.9,
        refitted=refitted,
        train_subjects=train_subjects,
        val_subjects=("4",),
        windows=100,
        settings=Training(epochs=3),
    )
