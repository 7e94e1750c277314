"""Sums, products, extremes and concatenations, against Keras and as pairs of operands."""

from __future__ import annotations

from collections.abc import Sequence
from typing import Any

import numpy as np
import pytest

from edgeconv.core.affine import AffineMap
from edgeconv.errors import Unsupported
from edgeconv.ir.keras_reader import read_graph
from edgeconv.ir.nodes import Activation, ActivationFunction, Affine, Concatenate, Merge, Value
from edgeconv.ir.numpy_interpreter import evaluate

RNG = np.random.default_rng(0)
SHAPE = (6, 4)
KINDS = ("Add", "Subtract", "Multiply", "Average", "Maximum", "Minimum")


def model_of(join: Any, shapes: Sequence[tuple[int, ...]]) -> Any:
    import keras

    inputs = [keras.Input(shape) for shape in shapes]
    return keras.Model(inputs, join(inputs))


def compare(model: Any) -> Any:
    """The model's graph, after its outputs were compared with Keras'."""
    graph = read_graph(model)
    arrays = [RNG.normal(size=(5, *tensor.shape[1:])) for tensor in model.inputs]
    (got,) = evaluate(graph, *arrays)
    expected = model([x.astype(np.float32) for x in arrays])
    np.testing.assert_allclose(got, np.asarray(expected), atol=1e-5)
    return graph


@pytest.mark.parametrize(
    ("kind", "count"),
    [(kind, count) for kind in KINDS for count in (2, 3) if kind != "Subtract" or count == 2],
)
def test_read_merge_computes_what_keras_does(kind: str, count: int) -> None:
    from keras import layers

    shapes = [SHAPE, (1, 4), SHAPE][:count]
    compare(model_of(getattr(layers, kind)(), shapes))
    compare(model_of(getattr(layers, kind)(), [(7,)] * count))


@pytest.mark.parametrize("axis", [-1, 2, 1, -2])
def test_read_concatenate_computes_what_keras_does(axis: int) -> None:
    from keras import layers

    over_time = axis in (1, -2)
    compare(model_of(layers.Concatenate(axis), [SHAPE, (3, 4) if over_time else (6, 2)]))


def test_operators_of_tensors_are_read() -> None:
    compare(model_of(lambda values: values[0] + values[1] * values[0], [SHAPE, SHAPE]))


@pytest.mark.parametrize("join", [lambda v: 1 - v[0], lambda v: v[0] + 2])
def test_constants_are_affine_operations(join: Any) -> None:
    (node,) = compare(model_of(join, [SHAPE])).nodes
    assert isinstance(node, Affine)


def test_different_ranks_are_left_to_keras() -> None:
    from keras import layers

    graph = compare(model_of(layers.Multiply(name="m"), [SHAPE, (4,)]))
    assert "joins values of different ranks: (6, 4), (4,)" in graph.nodes[0].reason


def test_concatenate_on_the_batch_is_refused() -> None:
    import keras

    model = model_of(lambda v: keras.ops.concatenate(v, axis=0), [SHAPE, SHAPE])
    with pytest.raises(Unsupported, match=r"layer 'concatenate.*' .* mixes the samples of a batch"):
        evaluate(read_graph(model), *[np.ones((2, *SHAPE))] * 2)


def values(count: int = 2) -> tuple[Value, ...]:
    return tuple(Value(f"v{i}", SHAPE) for i in range(count))


def test_a_relu_behind_a_sum_is_computed_by_it_and_behind_a_maximum_not() -> None:
    for kind, fused in [("add", True), ("average", True), ("maximum", False)]:
        node = Merge(label="m", inputs=values(3), kind=kind)
        relu = Activation(label="r", inputs=node.outputs, function=ActivationFunction("relu"))
        assert node.quantized_values(None) == (*node.inner, node.output)
        assert (node.quantized_values(relu) == node.inner) is fused


def maps(*scales: float, offset: float = 0.0) -> list[AffineMap]:
    return [
        AffineMap(np.full(SHAPE, s), np.full(SHAPE, offset * (i + 1))) for i, s in enumerate(scales)
    ]


@pytest.mark.parametrize(
    ("kind", "affines", "passes"),
    [
        ("add", maps(2, 2, offset=1), True),
        ("subtract", maps(2, 2, offset=1), True),
        ("average", maps(2, 2, offset=1), True),
        ("add", maps(2, 3), False),
        ("multiply", maps(2, 3), True),
        ("multiply", maps(2, 2, offset=1), False),
        ("maximum", maps(2, 2), True),
        ("maximum", maps(-2, -2), False),
        ("minimum", maps(2, 2, offset=1), False),
    ],
)
def test_pass_affines_only_where_it_is_exact(
    kind: str, affines: list[AffineMap], passes: bool
) -> None:
    node = Merge(label="m", inputs=values(), kind=kind)
    moved = node.pass_affines(affines)
    assert (moved is not None) is passes
    if moved is not None:
        arrays = [RNG.normal(size=(3, *SHAPE)) for _ in affines]
        mapped = node.evaluate(*(each.apply(x) for each, x in zip(affines, arrays, strict=True)))
        np.testing.assert_allclose(moved.apply(node.evaluate(*arrays)), mapped, atol=1e-12)


def test_split_of_an_average_ends_in_a_division() -> None:
    parts = Merge(label="m", inputs=values(3), kind="average").split()
    assert [type(part) for part in parts] == [Merge, Merge, Affine]


@pytest.mark.parametrize("kind", ["power", "divide"])
def test_unknown_operations_are_refused(kind: str) -> None:
    with pytest.raises(ValueError, match=f"unknown operation '{kind}'"):
        Merge(label="m", inputs=values(), kind=kind)
    with pytest.raises(ValueError, match="cannot be joined on axis 1"):
        Concatenate(label="c", inputs=(*values(1), Value("w", (5, 4))), axis=1)
