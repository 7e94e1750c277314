"""What a Keras model must be; a refusal names the layer and the reason."""

from __future__ import annotations

from dataclasses import replace
from typing import Any

import numpy as np
import pytest

from edgeconv.core import Signal
from edgeconv.errors import BadInput, Unsupported
from edgeconv.ir.keras_reader import read
from edgeconv.ir.numpy_interpreter import evaluate

pytestmark = pytest.mark.heavy  # imports Keras


def sequential(*layers: Any, size: int = 72) -> Any:
    import keras

    return keras.Sequential([keras.Input((size,)), *layers])


def test_sizes_must_be_those_of_the_contract(signal: Signal) -> None:
    from keras.layers import Dense

    with pytest.raises(BadInput, match=r"takes 72 values .* 80 time steps × 3 channels = 240"):
        read(sequential(Dense(3)), replace(signal, window=80))
    with pytest.raises(BadInput, match="has 3 outputs, but the contract has 2 class labels"):
        read(sequential(Dense(3)), replace(signal, labels=("a", "b")))


def test_branches_are_refused_at_a_layer_without_a_node(signal: Signal) -> None:
    import keras
    from keras import layers

    entry = keras.Input((72,))
    branched = keras.Model(entry, layers.Add(name="sum")([layers.Dense(3)(entry)] * 2))
    with pytest.raises(Unsupported, match="layer 'sum' is a Add, which cannot be exported"):
        read(branched, signal)


def test_a_diverged_weight_is_refused(signal: Signal) -> None:
    from keras.layers import Dense

    model = sequential(Dense(3, name="last"))
    model.layers[-1].set_weights([np.full((72, 3), np.nan), np.zeros(3)])
    with pytest.raises(BadInput, match="layer 'last': kernel holds NaN"):
        read(model, signal)


def test_an_activation_without_an_exporter_is_refused(signal: Signal) -> None:
    from keras.layers import Dense

    with pytest.raises(Unsupported, match=r"layer 'last' \(Dense\) uses activation 'selu'"):
        read(sequential(Dense(3, activation="selu", name="last")), signal)


def test_a_lambda_that_fails_is_unsupported(signal: Signal) -> None:
    """Keras calls it with a symbol as the model is built, the exporter with numbers."""
    from keras.layers import Dense, Lambda

    def only_symbols(x: Any) -> Any:
        return x if x.shape[0] is None else x.no_such_attribute

    model = sequential(Lambda(only_symbols, name="odd", output_shape=(72,)), Dense(3))
    graph = read(model, signal)
    with pytest.raises(Unsupported, match=r"layer 'odd' \(Lambda\) .* AttributeError"):
        evaluate(graph, np.zeros((2, 72)))
