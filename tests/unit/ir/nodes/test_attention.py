"""Attention: the numbers of Keras for itself and across sequences, integers, refusals."""

from __future__ import annotations

from typing import Any

import numpy as np
import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from edgeconv.errors import Unsupported
from edgeconv.ir.keras_reader import read_graph
from edgeconv.ir.nodes import Attention, Value
from edgeconv.ir.numpy_interpreter import evaluate

RNG = np.random.default_rng(0)


def _compare_with_keras(model: Any) -> None:
    arrays = [RNG.normal(size=(2, *t.shape[1:])) for t in model.inputs]
    expected = model([x.astype(np.float32) for x in arrays])
    graph = read_graph(model)
    assert not any(node.opaque for node in graph.nodes)
    (got,) = evaluate(graph, *arrays)
    np.testing.assert_allclose(got, expected, rtol=1e-5, atol=1e-5)


@settings(max_examples=15)
@given(
    heads=st.integers(1, 3),
    size=st.integers(1, 4),
    width=st.none() | st.integers(1, 4),
    bias=st.booleans(),
    causal=st.booleans(),
    inputs=st.integers(1, 3),
)
def test_attention_computes_what_keras_does(
    heads: int, size: int, width: int | None, bias: bool, causal: bool, inputs: int
) -> None:
    import keras

    layer = keras.layers.MultiHeadAttention(
        heads, size, width, use_bias=bias, bias_initializer="normal"
    )
    entries = [keras.Input(shape) for shape in ((4, 3), (5, 2), (5, 6))[:inputs]]
    query, *others = entries
    # by keywords, which Keras sorts by their names
    read = dict(zip(("value", "key"), others or entries, strict=False))
    output = layer(query, use_causal_mask=causal, **read)
    _compare_with_keras(keras.Model(entries, output))


@pytest.mark.parametrize("case", ["mask", "scores", "axes"])
def test_other_attention_is_left_to_keras(case: str) -> None:
    import keras

    layer = keras.layers.MultiHeadAttention(2, 3)
    entry = keras.Input((4, 3, 2) if case == "axes" else (4, 3))
    entries = [entry]
    if case == "mask":
        entries.append(keras.Input((4, 4), dtype="bool"))
        output: Any = layer(entry, entry, attention_mask=entries[1])
    elif case == "scores":
        output = layer(entry, entry, return_attention_scores=True)
    else:
        output = layer(entry, entry)
    (node,) = read_graph(keras.Model(entries, output)).nodes
    assert node.opaque


def test_causal_attention_cannot_be_computed_in_integers() -> None:
    values = tuple(Value("x", (4, 6)) for _ in range(3))
    node = Attention(label="att", inputs=values, heads=2, causal=True)
    with pytest.raises(Unsupported, match="layer 'att'"):
        node.quantized_values(None)


def test_heads_that_do_not_fit_are_a_mistake_of_the_reader() -> None:
    with pytest.raises(ValueError, match="4 heads"):
        Attention(label="a", inputs=tuple(Value("x", (4, 6)) for _ in range(3)), heads=4)
