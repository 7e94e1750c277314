"""`cnn-har`: convolutions and pooling over time, each channel by itself, then all together.

J. B. Yang, M. N. Nguyen, P. P. San, X. L. Li, S. Krishnaswamy, "Deep Convolutional Neural Networks
on Multichannel Time Series for Human Activity Recognition", IJCAI 2015: three convolutions over
time, the first two pooled, a layer that joins the channels, and a fully connected one. WHAR Arena
has a network called CNN-HAR of 0.93 MB, whose description we could not read: this one is of that
kind and size, but need not be the same.

What the paper leaves open is chosen here: ReLU with batch normalization in place of tanh with local
normalization, and 96 units where the channels are joined.
"""

from __future__ import annotations

from typing import Any

from edgeconv.core import Signal
from edgeconv.models.family import check_signal

CONVOLUTIONS = ((50, 5, 2), (40, 5, 2), (20, 3, 1))
"""Filters, steps of the kernel, and steps that are pooled, of each convolution."""
JOINED, DENSE = 96, 128
SHORTEST_WINDOW = 24
"""The shortest that leaves a step behind the convolutions."""


def build(signal: Signal) -> Any:
    """The untrained network: "sensor" (n, window·channels) → "probabilities" (n, classes).

    Raises:
        BadInput: the window is too short for its convolutions, or fewer than two classes.
    """
    check_signal("cnn-har", signal, SHORTEST_WINDOW)
    import keras
    from keras import layers

    channels = len(signal.channels)
    sensor = keras.Input((signal.flat_size,), name="sensor")
    x = layers.Reshape((signal.window, channels, 1), name="steps")(sensor)
    for number, (filters, kernel, pooled) in enumerate(CONVOLUTIONS, 1):
        x = layers.Conv2D(filters, (kernel, 1), name=f"conv{number}")(x)
        x = layers.BatchNormalization(name=f"norm{number}")(x)
        x = layers.Activation("relu", name=f"relu{number}")(x)
        if pooled > 1:
            x = layers.MaxPooling2D((pooled, 1), name=f"pool{number}")(x)
    x = layers.Conv2D(JOINED, (1, channels), activation="relu", name="joined")(x)
    x = layers.MaxPooling2D((2, 1), name="pool_joined")(x)
    x = layers.Flatten(name="flat")(x)
    x = layers.Dropout(0.5, name="dropout")(x)
    x = layers.Dense(DENSE, activation="relu", name="dense")(x)
    probabilities = layers.Dense(len(signal.labels), activation="softmax", name="probabilities")(x)
    return keras.Model(sensor, probabilities, name="cnn-har")
