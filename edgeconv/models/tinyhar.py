"""`tinyhar`: a small network with attention, after the description of TinyHAR.

Y. Zhou, H. Zhao, Y. Huang, T. Riedel, M. Hefenbrock, M. Beigl, "TinyHAR: A Lightweight Deep
Learning Model Designed for Human Activity Recognition", ISWC 2022. Its five parts are here:
convolutions that see each channel by itself, two of them with a stride; attention between the
channels of each step, with a feed-forward part; a fully connected layer that joins the channels; an
LSTM over time; and a weighted sum of its steps, scaled by a learned factor and added to the last
step.

Built from the paper alone. What it leaves open is chosen here: 16 filters, one attention head with
a softmax over channels, and a dense layer without bias for the factor γ.
"""

from __future__ import annotations

from typing import Any

from edgeconv.core import Signal
from edgeconv.models.family import check_signal

FILTERS, KERNEL, STRIDES, FUSED = 16, 5, (1, 2, 1, 2), 32
SHORTEST_WINDOW = 29
"""The shortest that leaves two steps to the LSTM."""


def build(signal: Signal) -> Any:
    """The untrained network: "sensor" (n, window·channels) → "probabilities" (n, classes).

    Raises:
        BadInput: the window is too short for its four convolutions, or fewer than two classes.
    """
    check_signal("tinyhar", signal, SHORTEST_WINDOW)
    import keras
    from keras import layers

    channels = len(signal.channels)
    sensor = keras.Input((signal.flat_size,), name="sensor")
    x = layers.Reshape((signal.window, channels, 1), name="steps")(sensor)
    for number, stride in enumerate(STRIDES, 1):
        x = layers.Conv2D(FILTERS, (KERNEL, 1), (stride, 1), name=f"conv{number}")(x)
        x = layers.BatchNormalization(name=f"norm{number}")(x)
        x = layers.Activation("relu", name=f"relu{number}")(x)
    x = _between_channels(x)
    x = layers.Reshape((int(x.shape[1]), channels * FILTERS), name="channels_together")(x)
    x = layers.Dense(FUSED, activation="relu", name="fused")(x)
    x = layers.LSTM(FUSED, return_sequences=True, name="lstm")(x)
    x = _weighted_steps(x)
    x = layers.Dropout(0.5, name="dropout")(x)
    probabilities = layers.Dense(len(signal.labels), activation="softmax", name="probabilities")(x)
    return keras.Model(sensor, probabilities, name="tinyhar")


def _between_channels(x: Any) -> Any:
    """Attention between the channels of one step, and a feed-forward part, each added to `x`."""
    from keras import layers

    attention = layers.MultiHeadAttention(1, FILTERS, attention_axes=2, name="attention")
    x = layers.Add(name="attended")([x, attention(x, x)])
    x = layers.LayerNormalization(name="attended_norm")(x)
    y = layers.Dense(2 * FILTERS, activation="relu", name="forward1")(x)
    y = layers.Dense(FILTERS, name="forward2")(y)
    return layers.LayerNormalization(name="forward_norm")(layers.Add(name="forward")([x, y]))


def _weighted_steps(x: Any) -> Any:
    """`γ·Σ w_t x_t + x_T`, with the weights of a softmax over time."""
    from keras import layers

    steps = int(x.shape[1])
    scores = layers.Dense(1, activation="tanh", name="scores")(x)
    weights = layers.Softmax(axis=1, name="weights")(scores)
    context = layers.Dot(axes=1, name="context")([weights, x])
    context = layers.Reshape((FUSED,), name="context_vector")(context)
    scaled = layers.Dense(FUSED, use_bias=False, name="gamma")(context)
    last = layers.Cropping1D((steps - 1, 0), name="last_step")(x)
    last = layers.Reshape((FUSED,), name="last_vector")(last)
    return layers.Add(name="context_and_last")([scaled, last])
