"""`deepconvlstm`: convolutions over time, then two LSTM layers.

After F. J. Ordóñez, D. Roggen, "Deep Convolutional and LSTM Recurrent Neural Networks for
Multimodal Wearable Activity Recognition", Sensors 16(1), 115, 2016. Four convolutions of 64
filters and 5 steps see each channel by itself; the feature maps of all channels at one step are one
input of the first LSTM layer. 128 cells each; the class is read from the last step.
"""

from __future__ import annotations

from typing import Any

from edgeconv.core import Signal
from edgeconv.models.family import check_signal

CONVOLUTIONS, FILTERS, KERNEL, CELLS = 4, 64, 5, 128
SHORTEST_WINDOW = CONVOLUTIONS * (KERNEL - 1) + 1


def build(signal: Signal) -> Any:
    """The untrained network: "sensor" (n, window·channels) → "probabilities" (n, classes).

    Raises:
        BadInput: the window is too short for its four convolutions, or fewer than two classes.
    """
    check_signal("deepconvlstm", signal, SHORTEST_WINDOW)
    import keras
    from keras import layers

    channels = len(signal.channels)
    steps = signal.window - SHORTEST_WINDOW + 1
    return keras.Sequential(
        [
            keras.Input((signal.flat_size,), name="sensor"),
            layers.Reshape((signal.window, channels, 1), name="steps"),
            *(
                layers.Conv2D(FILTERS, (KERNEL, 1), activation="relu", name=f"conv{number}")
                for number in range(1, CONVOLUTIONS + 1)
            ),
            layers.Reshape((steps, channels * FILTERS), name="features"),
            layers.Dropout(0.5, name="dropout1"),
            layers.LSTM(CELLS, return_sequences=True, name="lstm1"),
            layers.Dropout(0.5, name="dropout2"),
            layers.LSTM(CELLS, name="lstm2"),
            layers.Dense(len(signal.labels), activation="softmax", name="probabilities"),
        ],
        name="deepconvlstm",
    )
