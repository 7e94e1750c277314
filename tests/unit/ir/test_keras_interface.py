"""Names, shapes, types and meanings that a Keras model says of itself."""

from __future__ import annotations

from typing import Any

import numpy as np
import pytest

from edgeconv.errors import BadInput, Unsupported
from edgeconv.ir.keras_interface import (
    call_keras,
    tensor_names,
    tensors_of,
    with_embedding,
    with_shapes,
)


def sequential(*layers: Any) -> Any:
    import keras

    return keras.Sequential(layers)


@pytest.mark.parametrize(
    ("activation", "meaning"),
    [("softmax", "probabilities"), ("sigmoid", "scores"), ("tanh", "values"), (None, "values")],
)
def test_the_last_function_says_what_an_output_means(activation: str | None, meaning: str) -> None:
    import keras
    from keras import layers

    dense = layers.Dense(4, activation=activation)
    model = sequential(keras.Input((3,)), dense, layers.Reshape((2, 2)), layers.Dropout(0.5))
    (output,) = tensors_of(model).outputs
    assert (output.meaning, output.shape) == (meaning, (2, 2))


def test_a_model_inside_a_model_is_looked_into() -> None:
    import keras
    from keras import layers

    inner = sequential(keras.Input((3,)), layers.Dense(2), layers.Softmax())
    (output,) = tensors_of(sequential(keras.Input((3,)), inner)).outputs
    assert output.meaning == "probabilities"


def test_names_are_plain_and_no_two_alike() -> None:
    import keras
    from keras import layers

    entries = [keras.Input((2,), name=name) for name in ("Left arm", "left-arm", "2nd")]
    joined = layers.Concatenate()(entries)
    outputs = {"where": layers.Dense(2)(joined), "left arm": layers.Dense(1)(joined)}
    inputs, named = tensor_names(keras.Model(entries, outputs))
    assert inputs == ["Left_arm", "left_arm_2", "_2nd"]
    assert sorted(named) == ["left_arm_3", "where"]


def test_tokens_have_the_range_of_their_vocabulary() -> None:
    import keras
    from keras import layers

    model = sequential(
        keras.Input((5,), dtype="int64"), layers.Embedding(20, 4), layers.GlobalMaxPooling1D()
    )
    (tokens,) = tensors_of(model).inputs
    assert (tokens.dtype, tokens.low, tokens.high) == ("int32", 0, 19)


def test_text_and_a_value_that_is_given_twice_are_refused() -> None:
    import keras
    from keras import layers

    words = layers.TextVectorization(output_sequence_length=3)
    words.adapt(["a b"])
    with pytest.raises(Unsupported, match="input 'x' takes text"):
        tensors_of(sequential(keras.Input((1,), dtype="string", name="x"), words))
    entry = keras.Input((4,), name="x")
    once = layers.Dense(2, name="y")(entry)
    with pytest.raises(Unsupported, match="the outputs y and y_2 are the same value"):
        tensors_of(keras.Model(entry, [once, once]))


def test_a_free_axis_takes_its_length_from_the_data() -> None:
    import keras
    from keras import layers

    model = sequential(
        keras.Input((None, 3), name="x"), layers.Conv1D(2, 3), layers.GlobalMaxPooling1D()
    )
    with pytest.raises(BadInput, match=r"input 'x' has the shape \(\?, 3\)") as refused:
        tensors_of(model)
    assert "--calibration npz:FILE" in refused.value.hint
    with pytest.raises(BadInput, match="but those of the data have"):
        tensors_of(model, {"x": (8, 4)})
    with pytest.raises(BadInput, match="no array of its name, only a, b"):
        tensors_of(model, {"b": (8, 3), "a": (8, 3)})
    assert tensors_of(model, {"any": (8, 3)}).inputs[0].shape == (8, 3)
    contract = tensors_of(model, {"x": (8, 3)})
    assert contract.inputs[0].shape == (8, 3)
    fixed = with_shapes(model, [(8, 3)])
    windows = np.random.default_rng(0).normal(size=(4, 8, 3)).astype(np.float32)
    np.testing.assert_array_equal(fixed(windows), model(windows))
    assert with_shapes(fixed, [(8, 3)]) is fixed


def test_a_model_that_takes_a_fixed_number_of_samples_gets_that_many() -> None:
    import keras
    from keras import layers

    dense = layers.Dense(2)
    model = sequential(keras.Input(batch_shape=(4, 3)), dense)
    samples = np.random.default_rng(0).normal(size=(6, 3)).astype(np.float32)
    (found,) = call_keras(model, (samples,))
    kernel, bias = dense.get_weights()
    np.testing.assert_allclose(found, samples @ kernel + bias, atol=1e-5)


def test_the_embedding_is_what_the_last_dense_layer_reads() -> None:
    import keras
    from keras import layers

    drop = layers.Dropout(0.5, name="drop")
    after = (layers.Dense(3), layers.Softmax(), layers.Identity())
    model = sequential(keras.Input((4,)), layers.Dense(5, activation="relu"), drop, *after)
    x = np.ones((2, 4), np.float32)
    probabilities, embedding = call_keras(with_embedding(model), (x,))
    inner = keras.Model(model.inputs[0], drop.output)
    np.testing.assert_array_equal(embedding, np.asarray(inner(x)))
    np.testing.assert_array_equal(probabilities, np.asarray(model(x)))


def test_a_model_without_an_embedding_is_refused() -> None:
    import keras
    from keras import layers

    entry = keras.Input((4,))
    inner = sequential(keras.Input((4,)), layers.Dense(3), layers.Dense(3))
    for model, words in (
        (sequential(entry, layers.Dense(3)), "reads no vector of another layer"),
        (sequential(entry, layers.Reshape((4, 1)), layers.Dense(3)), "reads no vector"),
        (sequential(entry, layers.Dense(3), layers.BatchNormalization()), "BatchNormalization"),
        (sequential(entry, inner), "Sequential"),
        (keras.Model(entry, [layers.Dense(2)(entry), layers.Dense(2)(entry)]), "several outputs"),
    ):
        with pytest.raises(Unsupported, match=words):
            with_embedding(model)


def test_a_model_that_is_no_graph_is_refused() -> None:
    import keras

    class Own(keras.Model):  # type: ignore[misc]
        def call(self, x: Any) -> Any:
            return x

    with pytest.raises(Unsupported, match="is not a graph of layers"):
        tensors_of(Own(name="own"))
