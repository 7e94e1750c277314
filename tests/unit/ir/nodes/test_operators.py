"""Operators and operations of Keras, against Keras itself."""

from __future__ import annotations

from typing import Any

import numpy as np
import pytest

from edgeconv.errors import Unsupported
from edgeconv.ir.keras_reader import read_graph
from edgeconv.ir.nodes import Embedding, KerasLayer, MatrixProduct, Value
from edgeconv.ir.numpy_interpreter import evaluate

RNG = np.random.default_rng(0)


def compare(build: Any, *shapes: tuple[int, ...]) -> list[Any]:
    """The nodes of a model, after its output was compared with Keras'."""
    import keras

    inputs = [keras.Input(shape) for shape in shapes or [(6, 4)]]
    model = keras.Model(inputs, build(*inputs))
    graph = read_graph(model)
    arrays = [RNG.normal(size=(3, *tensor.shape[1:])) for tensor in inputs]
    (got,) = evaluate(graph, *arrays)
    expected = model([x.astype(np.float32) for x in arrays])
    np.testing.assert_allclose(got, np.asarray(expected), atol=1e-5)
    return list(graph.nodes)


BUILDS = {
    "plus": lambda x: x + np.arange(4, dtype="float32"),
    "minus": lambda x: x - 2,
    "from": lambda x: 1 - x,
    "times": lambda x: x * 0.5,
    "divided": lambda x: x / 2,
    "negative": lambda x: -x,
    "itself": lambda x: x + x,
    "rows": lambda x: x[:, 1:],
    "steps": lambda x: x[:, ::2, :3],
    "last": lambda x: x[:, -1],
    "channel": lambda x: x[..., 1],
    "backwards": lambda x: x[:, ::-1],
}


@pytest.mark.parametrize("name", BUILDS)
def test_operators_of_tensors_have_nodes(name: str) -> None:
    nodes = compare(BUILDS[name])
    assert not any(isinstance(node, KerasLayer) for node in nodes)


def test_operations_have_nodes() -> None:
    from keras import ops

    for build in (
        *(lambda x: ops.mean(x, axis=1), lambda x: ops.sum(x, axis=(1, 2), keepdims=True)),
        *(lambda x: ops.clip(x, -0.5, 1), lambda x: ops.maximum(x, 0.3), ops.square),
        *(lambda x: ops.transpose(x, (0, 2, 1)), lambda x: ops.reshape(x, (-1, 3, 8))),
        lambda x: ops.squeeze(ops.expand_dims(x, 2), 2),
        lambda x: ops.concatenate([x, x * 2], axis=1),
        lambda x: ops.matmul(x, ops.transpose(x, (0, 2, 1))),
    ):
        assert not any(isinstance(node, KerasLayer) for node in compare(build))


@pytest.mark.parametrize("axes", [1, 2, (1, 1), (2, 2)])
def test_read_dot(axes: Any) -> None:
    from keras import layers

    assert any(
        isinstance(node, MatrixProduct)
        for node in compare(lambda x, y: layers.Dot(axes)([x, y]), (6, 4), (6, 4))
    )
    compare(lambda x, y: layers.Dot(1)([x, y]), (5,), (5,))


def test_what_has_no_nodes_is_left_to_keras() -> None:
    from keras import layers, ops

    for build in (lambda x: x / (ops.abs(x) + 1), lambda x: 1 / (ops.abs(x) + 1)):
        assert isinstance(compare(build)[-1], KerasLayer)
    (dot,) = compare(lambda x, y: layers.Dot(2, normalize=True)([x, y]), (6, 4), (6, 4))
    assert "normalizes" in dot.reason


@pytest.mark.parametrize("dtype", ["int32", "float32"])
def test_read_embedding_of_integers_and_of_floats(dtype: str) -> None:
    import keras

    tokens = keras.Input((5,), dtype=dtype)
    model = keras.Model(tokens, keras.layers.Embedding(9, 4)(tokens))
    rows = np.array([[0, 8, 3, 3, 1]])
    (got,) = evaluate(read_graph(model), rows)
    np.testing.assert_allclose(got, np.asarray(model(rows.astype(dtype))))


def test_a_row_that_the_table_has_not_is_refused_by_name() -> None:
    node = Embedding(label="words", inputs=(Value("x", (2,), "int32"),), table=np.ones((3, 2)))
    with pytest.raises(Unsupported, match=r"layer 'words' .* has 3 rows, but is asked for row -1"):
        node.evaluate(np.array([[-1, 2]]))
