"""`uci-har`: the network of a tutorial that many learn 1-D convolutions from.

After J. Brownlee, "1D Convolutional Neural Network Models for Human Activity Recognition" (2018):
windows of 128 steps at 50 Hz with nine channels (total acceleration, body acceleration, angular
velocity), 411,650 parameters for six classes. The tutorial repeats its experiment ten times
(`edgeconv train --recipe uci-har --repeats 10`), because one training says little.
"""

from __future__ import annotations

from typing import Any

from edgeconv.core import Signal
from edgeconv.models.family import check_signal

KERNEL, POOL = 3, 2
SHORTEST_WINDOW = 2 * (KERNEL - 1) + POOL


def build(signal: Signal) -> Any:
    """The untrained network: "sensor" (n, window·channels) → "probabilities" (n, classes).

    Raises:
        BadInput: the window is too short for its two convolutions, or fewer than two classes.
    """
    check_signal("uci-har", signal, SHORTEST_WINDOW)
    import keras
    from keras import layers

    return keras.Sequential(
        [
            keras.Input((signal.flat_size,), name="sensor"),
            layers.Reshape((signal.window, len(signal.channels)), name="steps"),
            layers.Conv1D(64, KERNEL, activation="relu", name="conv1"),
            layers.Conv1D(64, KERNEL, activation="relu", name="conv2"),
            layers.Dropout(0.5, name="dropout"),
            layers.MaxPooling1D(POOL, name="pool"),
            layers.Flatten(name="flat"),
            layers.Dense(100, activation="relu", name="dense"),
            layers.Dense(len(signal.labels), activation="softmax", name="probabilities"),
        ],
        name="uci-har",
    )
