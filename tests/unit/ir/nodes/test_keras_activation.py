"""Keras' activations as functions, as layers, and behind a kernel, against Keras itself."""

from __future__ import annotations

from typing import Any

import numpy as np
import pytest

from edgeconv.ir.keras_reader import read_graph
from edgeconv.ir.nodes import Activation
from edgeconv.ir.numpy_interpreter import evaluate

FUNCTIONS = (
    *("elu", "exponential", "hard_sigmoid", "hard_silu", "leaky_relu", "mish", "relu"),
    *("relu6", "selu", "sigmoid", "silu", "softmax", "softplus", "softsign", "tanh"),
)


def compare(*layers: Any) -> Any:
    """The graph of a model of these layers, after its outputs were compared with Keras'."""
    import keras

    model = keras.Sequential([keras.Input((6, 4)), *layers])
    graph = read_graph(model)
    x = np.random.default_rng(0).normal(0, 3, (8, 6, 4))
    (got,) = evaluate(graph, x)
    np.testing.assert_allclose(got, np.asarray(model(x.astype(np.float32))), rtol=1e-5, atol=1e-5)
    return graph


@pytest.mark.parametrize("name", FUNCTIONS)
def test_read_function_computes_what_keras_does(name: str) -> None:
    from keras import layers

    compare(layers.Activation(name))
    compare(layers.Conv1D(5, 3, activation=name))


@pytest.mark.parametrize(
    "settings",
    [
        {"max_value": 1},
        {"max_value": 2, "negative_slope": 0.1},
        {"negative_slope": 0.1},
        {"max_value": 6},
    ],
)
def test_relu_with_its_settings(settings: dict[str, Any]) -> None:
    from keras import layers

    compare(layers.ReLU(**settings))


def test_elu_with_alpha_and_softmax_of_the_last_axis_by_number() -> None:
    from keras import layers

    compare(layers.ELU(alpha=0.3))
    graph = compare(layers.Softmax(axis=2))
    assert isinstance(graph.nodes[0], Activation)


def test_what_has_no_nodes_is_left_to_keras_with_the_reason() -> None:
    from keras import layers

    (relu,) = compare(layers.ReLU(threshold=1.0, name="r")).nodes
    assert relu.reason == "layer 'r' (ReLU) has a threshold"
    (softmax,) = compare(layers.Softmax(axis=1, name="s")).nodes
    assert softmax.reason == "layer 's' (Softmax) runs over axis 1"
