"""`har`: activity recognition from an accelerometer window, the network this project exists for.

After N. Ackermann, "Introduction to 1D Convolutional Neural Networks in Keras for Time Sequences"
(2018). 520,486 parameters for 80 × 3 values and 6 classes. The input is one flat vector because
phone apps feed Core ML one; it is time-major (x0 y0 z0 x1 …), so that the reshape keeps axes and
time apart, which the article's axis-major vectors did not.
"""

from __future__ import annotations

from typing import Any

from edgeconv.core import Signal
from edgeconv.models.family import check_signal

KERNEL = 10
POOL = 3
# Two convolutions, the pooling and two more convolutions have to leave one time step or more.
SHORTEST_WINDOW = 2 * (KERNEL - 1) + POOL * (2 * (KERNEL - 1) + 1)


def build(signal: Signal) -> Any:
    """The untrained network: "sensor" (n, window·channels) → "probabilities" (n, classes).

    Every layer is named, because automatic names count up within a process and would end up in
    the exported files.

    Raises:
        BadInput: the window is too short for its four convolutions, or fewer than two classes.
    """
    check_signal("har", signal, SHORTEST_WINDOW)
    import keras
    from keras import layers

    return keras.Sequential(
        [
            keras.Input((signal.flat_size,), name="sensor"),
            layers.Reshape((signal.window, len(signal.channels)), name="steps"),
            layers.Conv1D(100, KERNEL, activation="relu", name="conv1"),
            layers.Conv1D(100, KERNEL, activation="relu", name="conv2"),
            layers.MaxPooling1D(POOL, name="pool"),
            layers.Conv1D(160, KERNEL, activation="relu", name="conv3"),
            layers.Conv1D(160, KERNEL, activation="relu", name="conv4"),
            layers.GlobalAveragePooling1D(name="average"),
            layers.Dropout(0.5, name="dropout"),
            layers.Dense(len(signal.labels), activation="softmax", name="probabilities"),
        ],
        name="har",
    )
