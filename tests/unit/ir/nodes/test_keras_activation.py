"""Keras' activations as functions, as layers, and behind a kernel, against Keras itself."""

from __future__ import annotations

from typing import Any

import numpy as np
import pytest

from edgeconv.ir.keras_reader import read_graph
from edgeconv.ir.nodes import Activation, Conv, KerasLayer, Transpose
from edgeconv.ir.numpy_interpreter import evaluate

FUNCTIONS = (
    *("celu", "elu", "exponential", "gelu", "hard_sigmoid", "hard_silu", "hard_tanh"),
    *("leaky_relu", "log_sigmoid", "log_softmax", "mish", "relu", "relu6", "selu", "sigmoid"),
    *("silu", "soft_shrink", "softmax", "softplus", "softsign", "sparse_plus", "squareplus"),
    *("tanh", "tanh_shrink"),
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
    assert [type(node) for node in compare(layers.Softmax(axis=1)).nodes] == [
        *(Transpose, Activation, Transpose)
    ]


def test_activations_that_are_operations() -> None:
    import keras

    entry = keras.Input((6, 4))
    functions = (keras.ops.relu, keras.ops.tanh, keras.ops.log_sigmoid, keras.activations.glu)
    model = keras.Model(entry, [function(entry) for function in functions])
    graph = read_graph(model)
    assert not any(node.opaque for node in graph.nodes)
    x = np.random.default_rng(0).normal(0, 3, (2, 6, 4))
    for ours, theirs in zip(evaluate(graph, x), model(x.astype(np.float32)), strict=True):
        np.testing.assert_allclose(ours, np.asarray(theirs), atol=1e-5)


def test_what_has_no_nodes_is_left_to_keras_with_the_reason() -> None:
    from keras import layers

    (relu,) = compare(layers.ReLU(threshold=1.0, name="r")).nodes
    assert relu.reason == "layer 'r' (ReLU) has a threshold"


def test_a_function_without_nodes_leaves_its_kernel_to_a_node() -> None:
    import keras

    def relu(x: Any) -> Any:  # of a user, with the name of one of Keras'
        return keras.ops.relu(x) + 1

    for function in (relu, "sparsemax", "hard_shrink"):
        conv, activation = compare(keras.layers.Conv1D(5, 3, activation=function)).nodes
        assert (type(conv), type(activation)) == (Conv, KerasLayer)
