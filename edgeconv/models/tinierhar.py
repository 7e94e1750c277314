"""`tinierhar`: separable convolutions with shortcuts, a recurrent layer, a weighted sum of steps.

S. Bian, M. Liu, V. Fortes Rey, D. Geissler, P. Lukowicz, "TinierHAR: Towards Ultra-Lightweight Deep
Learning Models for Efficient Human Activity Recognition on Edge Devices", arXiv 2507.07949, 2025.
Its parts are here: depthwise-separable convolutions over time with residual connections, which also
shorten the time axis; a bidirectional GRU; and an aggregation over time by learned weights.

Built from the paper's description alone. What that leaves open is chosen here: four blocks of 16
and 24 filters and 5 steps, the first two with a stride of 2; 16 cells in each direction.
"""

from __future__ import annotations

from typing import Any

from edgeconv.core import Signal
from edgeconv.models.family import check_signal

BLOCKS = ((16, 2), (16, 2), (24, 1), (24, 1))
"""Filters and stride of each block."""
KERNEL, CELLS = 5, 16
SHORTEST_WINDOW = 8
"""The shortest that leaves two steps to the GRU."""


def build(signal: Signal) -> Any:
    """The untrained network: "sensor" (n, window·channels) → "probabilities" (n, classes).

    Raises:
        BadInput: the window is too short for two strides, or fewer than two classes.
    """
    check_signal("tinierhar", signal, SHORTEST_WINDOW)
    import keras
    from keras import layers

    sensor = keras.Input((signal.flat_size,), name="sensor")
    x = layers.Reshape((signal.window, len(signal.channels)), name="steps")(sensor)
    for number, (filters, stride) in enumerate(BLOCKS, 1):
        x = _block(x, filters, stride, number)
    x = layers.Bidirectional(layers.GRU(CELLS, return_sequences=True, name="cells"), name="gru")(x)
    scores = layers.Dense(1, name="scores")(x)
    weights = layers.Softmax(axis=1, name="weights")(scores)
    x = layers.Dot(axes=1, name="context")([weights, x])
    x = layers.Reshape((2 * CELLS,), name="context_vector")(x)
    x = layers.Dropout(0.3, name="dropout")(x)
    probabilities = layers.Dense(len(signal.labels), activation="softmax", name="probabilities")(x)
    return keras.Model(sensor, probabilities, name="tinierhar")


def _block(x: Any, filters: int, stride: int, number: int) -> Any:
    """A separable convolution whose input is added to its output, through one step if it has to."""
    from keras import layers

    y = layers.SeparableConv1D(
        filters, KERNEL, stride, padding="same", use_bias=False, name=f"conv{number}"
    )(x)
    y = layers.BatchNormalization(name=f"norm{number}")(y)
    if stride > 1 or int(x.shape[-1]) != filters:
        x = layers.Conv1D(filters, 1, stride, use_bias=False, name=f"shortcut{number}")(x)
    y = layers.Add(name=f"add{number}")([x, y])
    return layers.Activation("relu", name=f"relu{number}")(y)
