"""What a Keras model must be; a refusal names the layer and the reason."""

from __future__ import annotations

from dataclasses import replace
from typing import Any

import numpy as np
import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from edgeconv.core import Signal
from edgeconv.errors import BadInput, Unsupported
from edgeconv.ir.keras_reader import read, read_graph
from edgeconv.ir.nodes import KerasLayer
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


def test_a_layer_without_a_node_is_left_to_keras() -> None:
    """With several inputs and outputs, constants, indices, a mask, and an operation of Keras."""
    import keras
    from keras import layers

    keras.utils.set_random_seed(0)
    tokens = keras.Input((6,), dtype="int32")
    x = layers.Embedding(9, 4, mask_zero=True)(tokens)
    states = layers.GRU(4, return_sequences=True, return_state=True, name="memory")(x)
    attended = layers.Attention(name="attention")([states[0], x])
    y = keras.ops.roll(attended, 1, axis=1)[:, 1:3]
    model = keras.Model(tokens, [y, states[1]])
    graph = read_graph(model)
    opaque = {graph.label(node): node.kind for node in graph.nodes if isinstance(node, KerasLayer)}
    assert {"memory": "GRU", "attention": "Attention", "roll": "ops.Roll"}.items() <= opaque.items()
    windows = np.array([[1, 4, 8, 0, 0, 0], [3, 2, 7, 7, 1, 0]])
    for ours, theirs in zip(evaluate(graph, windows), model(windows), strict=True):
        np.testing.assert_allclose(ours, np.asarray(theirs), atol=1e-6)


def test_a_users_layer_is_known_by_its_module_not_by_its_name() -> None:
    import keras

    class Dense(keras.layers.Dense):  # type: ignore[misc]  # Keras is untyped
        def call(self, inputs: Any) -> Any:
            return super().call(inputs) + 1

    (node,) = read_graph(sequential(Dense(3), size=4)).nodes
    assert isinstance(node, KerasLayer)
    assert node.kind.endswith(".Dense")
    assert "." in node.kind


@pytest.mark.parametrize("nested", [False, True])
def test_layers_that_act_as_in_training_are_refused_by_name(signal: Signal, nested: bool) -> None:
    import keras
    from keras.layers import BatchNormalization, Dense, Dropout, Identity

    entry = keras.Input((72,))

    def model(layer: Any, training: bool | None = True) -> Any:
        called = keras.Sequential([keras.Input((72,)), layer]) if nested else layer
        return keras.Model(entry, Dense(3)(called(entry, training=training)))

    for layer in (Dropout(0.5, name="odd"), BatchNormalization(name="odd")):
        with pytest.raises(Unsupported, match=r"layer 'odd' .* is called with training=True"):
            read(model(layer), signal)
    frozen = BatchNormalization()
    frozen.trainable = False
    for layer in (Dropout(0.0), frozen, Identity()):
        read(model(layer), signal)
    read(model(Dropout(0.5), training=False), signal)


def test_training_inside_a_masked_model_is_named() -> None:
    """Keras hands the mask to the model's layers, so it runs the model whole."""
    import keras
    from keras.layers import LSTM, Dropout, Masking

    def model(training: bool | None) -> Any:
        inner_entry, entry = keras.Input((6, 3)), keras.Input((6, 3))
        dropped = Dropout(0.5, name="odd")(inner_entry, training=training)
        inner = keras.Model(inner_entry, LSTM(2)(dropped), name="inner")
        with pytest.warns(UserWarning, match="mask"):
            return keras.Model(entry, inner(Masking()(entry)))

    with pytest.raises(Unsupported, match=r"layer 'inner/odd' \(Dropout\) is called with training"):
        read_graph(model(True))
    read_graph(model(None))


def test_what_the_outer_model_is_called_with_comes_first(signal: Signal) -> None:
    """As in Keras, where a model called with training=False calls all of its layers so."""
    import keras
    from keras.layers import Dense, Dropout

    inner_entry, entry = keras.Input((72,)), keras.Input((72,))
    inner = keras.Model(inner_entry, Dropout(0.5)(inner_entry, training=True))
    read(keras.Model(entry, Dense(3)(inner(entry, training=False))), signal)
    with pytest.raises(Unsupported, match="training=True"):
        read(keras.Model(entry, Dense(3)(inner(entry))), signal)


def test_free_axes_of_a_nested_model_are_those_of_what_it_is_given() -> None:
    import keras
    from keras.layers import BatchNormalization, Conv1D, Flatten, Reshape

    block = keras.Sequential(
        [keras.Input((None, 3)), Conv1D(4, 3, strides=2), BatchNormalization()]
    )
    entry = keras.Input((72,))
    model = keras.Model(entry, Flatten()(block(Reshape((24, 3))(entry))))
    graph = read_graph(model)
    assert graph.output.shape == (44,)
    x = np.random.default_rng(0).normal(size=(4, 72))
    expected = np.asarray(model(x.astype(np.float32)), np.float64)
    np.testing.assert_allclose(evaluate(graph, x)[0], expected, atol=1e-5)


def test_one_sigmoid_for_two_classes_says_what_to_do(signal: Signal) -> None:
    from keras.layers import Dense

    with pytest.raises(BadInput, match=r"one number a window, but .* two class labels: a, b") as no:
        read(sequential(Dense(1, activation="sigmoid")), replace(signal, labels=("a", "b")))
    assert "kernel [0, w]" in no.value.hint


def test_a_diverged_weight_is_refused(signal: Signal) -> None:
    from keras.layers import Dense

    model = sequential(Dense(3, name="last"))
    model.layers[-1].set_weights([np.full((72, 3), np.nan), np.zeros(3)])
    with pytest.raises(BadInput, match="layer 'last': kernel holds NaN"):
        read(model, signal)


def test_an_activation_without_a_node_is_left_to_keras(signal: Signal) -> None:
    from keras.layers import Dense

    graph = read(sequential(Dense(3, activation="sparsemax", name="last")), signal)
    product, node = graph.nodes
    assert not isinstance(product, KerasLayer)
    assert isinstance(node, KerasLayer)
    assert node.kind == "sparsemax"


def test_a_lambda_that_fails_is_unsupported(signal: Signal) -> None:
    """Keras calls it with a symbol as the model is built, the exporter with numbers."""
    from keras.layers import Dense, Lambda

    def only_symbols(x: Any) -> Any:
        return x if x.shape[0] is None else x.no_such_attribute

    model = sequential(Lambda(only_symbols, name="odd", output_shape=(72,)), Dense(3))
    graph = read(model, signal)
    with pytest.raises(Unsupported, match=r"layer 'odd' \(Lambda\) .* AttributeError"):
        evaluate(graph, np.zeros((2, 72)))


@st.composite
def stacks(draw: st.DrawFn) -> list[tuple[str, dict[str, Any]]]:
    """Layers over time by class and settings, as a user may order them."""
    stack: list[tuple[str, dict[str, Any]]] = []
    activations = st.sampled_from(["linear", "relu", "relu6", "elu", "tanh", "silu", "softmax"])
    for _ in range(draw(st.integers(1, 4))):
        kind = draw(
            st.sampled_from(
                [
                    *("Conv1D", "DepthwiseConv1D", "SeparableConv1D", "Dense"),
                    *("BatchNormalization", "MaxPooling1D", "AveragePooling1D", "LeakyReLU"),
                ]
            )
        )
        padding = draw(st.sampled_from(["valid", "same"]))
        settings_of: dict[str, Any] = {}
        if kind.endswith("Conv1D"):
            settings_of = {"kernel_size": draw(st.integers(1, 3)), "padding": padding}
            settings_of |= {"activation": draw(activations), "use_bias": draw(st.booleans())}
        if kind in ("Conv1D", "SeparableConv1D"):
            settings_of["filters"] = draw(st.integers(1, 4))
        if kind == "Dense":
            settings_of = {"units": draw(st.integers(1, 4)), "activation": draw(activations)}
        if kind.endswith("Pooling1D"):
            settings_of = {"pool_size": 2, "strides": 1, "padding": padding}
        stack.append((kind, settings_of))
    return stack


@pytest.mark.filterwarnings("ignore:(?s).*softmax over axis")  # of one channel: always 1
@settings(max_examples=25)
@given(stack=stacks(), seed=st.integers(0, 2**16))
def test_read_graph_evaluates_as_keras_does(
    stack: list[tuple[str, dict[str, Any]]], seed: int
) -> None:
    import keras
    from keras import layers

    rng = np.random.default_rng(seed)
    body = [getattr(layers, kind)(**options) for kind, options in stack]
    model = keras.Sequential([keras.Input((14, 3)), *body, layers.Flatten(), layers.Dense(3)])
    model.set_weights([rng.uniform(0.1, 1, w.shape) for w in model.get_weights()])
    windows = rng.normal(size=(4, 14, 3))
    (ours,) = evaluate(read_graph(model), windows)
    theirs = np.asarray(model(windows.astype(np.float32)))
    assert np.abs(ours - theirs).max() <= 1e-4 * max(1, np.abs(theirs).max())


def test_read_graph_opens_shared_models_and_keeps_inputs_and_outputs() -> None:
    """One sub-model called twice, two inputs and two outputs, layers with equal names."""
    import keras
    from keras import layers

    entry = keras.Input((4,))
    inner = keras.Model(entry, layers.Dense(4, activation="relu", name="dense")(entry))
    one, other = keras.Input((4,), name="one"), keras.Input((4,), name="other")
    first, second = inner(one), inner(inner(other))
    model = keras.Model([one, other], [second, layers.Dense(2, name="dense")(first)])
    graph = read_graph(model)
    assert [value.label for value in graph.inputs] == ["one", "other"]
    labels = [graph.label(node) for node in graph.nodes]
    assert sorted(labels) == ["dense", "dense#1", "dense#2", "dense#3"]
    arrays = [np.random.default_rng(i).normal(size=(3, 4)) for i in range(2)]
    theirs = model([a.astype(np.float32) for a in arrays])
    for mine, keras_output in zip(evaluate(graph, *arrays), theirs, strict=True):
        np.testing.assert_allclose(mine, np.asarray(keras_output), atol=1e-5)
