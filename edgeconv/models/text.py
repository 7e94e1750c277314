"""`text-cnn` and its relatives: networks over sequences of words.

After a course deck on 1-D convolutional networks, which trains the first two on IMDB and asks its
reader which is better, and what does better still. It gives the last layer no activation under a
cross-entropy loss: here the output is a logit, and the loss knows it.
"""

from __future__ import annotations

from collections.abc import Sequence
from typing import Any

from edgeconv.core import Signal, Tensors
from edgeconv.errors import UsageError

EMBEDDED = 128


def cnn(contract: Tensors | Signal) -> Any:
    """`text-cnn`: two convolutions of 7 words, the largest value of each filter."""
    from keras import layers

    return _network(
        "text-cnn",
        contract,
        [
            layers.Conv1D(32, 7, activation="relu", name="conv1"),
            layers.MaxPooling1D(5, name="pool"),
            layers.Conv1D(32, 7, activation="relu", name="conv2"),
            layers.GlobalMaxPooling1D(name="highest"),
        ],
    )


def cnn_lstm(contract: Tensors | Signal) -> Any:
    """`text-cnn-lstm`: two convolutions of 5 words, read by an LSTM."""
    from keras import layers

    return _network(
        "text-cnn-lstm",
        contract,
        [
            layers.Conv1D(32, 5, activation="relu", name="conv1"),
            layers.MaxPooling1D(3, name="pool"),
            layers.Conv1D(32, 5, activation="relu", name="conv2"),
            layers.LSTM(32, name="lstm"),
        ],
    )


def highest(contract: Tensors | Signal) -> Any:
    """`text-max`: one convolution of 3 words, and the largest value of each filter.

    After Y. Kim, "Convolutional Neural Networks for Sentence Classification", EMNLP 2014, with one
    width of filter, and dropout before the output.
    """
    from keras import layers

    return _network(
        "text-max",
        contract,
        [
            layers.Conv1D(128, 3, activation="relu", name="conv"),
            layers.GlobalMaxPooling1D(name="highest"),
            layers.Dropout(0.5, name="dropout"),
        ],
    )


def _network(name: str, contract: Tensors | Signal, stack: Sequence[Any]) -> Any:
    """Embedding, the layers of `stack`, and one logit.

    Raises:
        UsageError: the contract is that of a sensor.
    """
    if isinstance(contract, Signal):
        raise UsageError(
            f"network '{name}' reads words, but the data are recordings of a sensor",
            "train it on --data polarity:DIR or imdb",
        )
    import keras
    from keras import layers

    (tokens,), (logits,) = contract.inputs, contract.outputs
    words = int(tokens.high or 0) + 1
    return keras.Sequential(
        [
            keras.Input(tokens.shape, name=tokens.name, dtype=tokens.dtype),
            layers.Embedding(words, EMBEDDED, name="embedding"),
            *stack,
            layers.Dense(1, name=logits.name),
        ],
        name=name,
    )
