"""Normalizations against Keras."""

from __future__ import annotations

from typing import Any

import numpy as np
import pytest

from edgeconv.errors import Unsupported
from edgeconv.ir.keras_reader import read_graph
from edgeconv.ir.nodes import Affine
from edgeconv.ir.numpy_interpreter import evaluate
from tests.unit.small_models import randomise


def compare(layer: Any, shape: tuple[int, ...] = (6, 4)) -> Any:
    """The graph of a model of one layer, after its outputs were compared with Keras'."""
    import keras

    model = randomise(keras.Sequential([keras.Input(shape), layer])) if layer.trainable else None
    model = model or keras.Sequential([keras.Input(shape), layer])
    graph = read_graph(model)
    x = np.random.default_rng(0).normal(0, 3, (8, *shape))
    (got,) = evaluate(graph, x)
    np.testing.assert_allclose(got, np.asarray(model(x.astype(np.float32))), rtol=1e-5, atol=1e-5)
    return graph


def adapted(**settings: Any) -> Any:
    from keras import layers

    layer = layers.Normalization(trainable=False, **settings)
    layer.adapt(np.random.default_rng(1).normal(2, 3, (50, 6, 4)).astype(np.float32))
    return layer


@pytest.mark.parametrize("settings", [{}, {"axis": None}, {"axis": (1, 2)}, {"invert": True}])
def test_read_normalization_that_was_adapted(settings: dict[str, Any]) -> None:
    (node,) = compare(adapted(**settings)).nodes
    assert isinstance(node, Affine)


def test_read_normalization_of_given_statistics_and_rescaling() -> None:
    from keras import layers

    compare(layers.Normalization(mean=[1.0, 2, 3, 4], variance=[1.0, 2, 3, 0], trainable=False))
    compare(layers.Rescaling(1 / 255, -0.5, trainable=False))
    compare(layers.Rescaling([1.0, 2, 3, 4], trainable=False))


def test_read_normalization_without_statistics_is_refused_by_name() -> None:
    from edgeconv.ir.nodes.normalization import read_normalization
    from tests.unit.ir.nodes.calls import call

    with pytest.raises(Unsupported, match=r"layer 'odd' \(Normalization\) has no mean"):
        read_normalization(call("Normalization", (6, 4)))


@pytest.mark.parametrize("settings", [{}, {"scale": False}, {"center": False}, {"epsilon": 0.1}])
@pytest.mark.parametrize("shape", [(6, 4), (7,)])
def test_read_layer_normalization(settings: dict[str, Any], shape: tuple[int, ...]) -> None:
    from keras import layers

    compare(layers.LayerNormalization(**settings), shape)


def test_normalizations_of_other_axes() -> None:
    from keras import layers

    shape = (3, 6, 4)
    for each in (
        *(layers.LayerNormalization(axis=1), layers.LayerNormalization(axis=(2, 3))),
        *(layers.BatchNormalization(axis=1), layers.UnitNormalization(axis=(1, 3))),
        *(layers.GroupNormalization(2), layers.RMSNormalization()),
    ):
        graph = compare(each, shape)
        assert not any(node.opaque for node in graph.nodes)


def test_unit_normalization_of_zeros_is_zero() -> None:
    import keras

    model = keras.Sequential([keras.Input((4,)), keras.layers.UnitNormalization()])
    (got,) = evaluate(read_graph(model), np.zeros((1, 4)))
    assert got.tolist() == [[0, 0, 0, 0]]


def test_groups_of_another_axis_are_left_to_keras() -> None:
    from keras import layers

    (node,) = compare(layers.GroupNormalization(3, axis=1, name="n")).nodes
    assert node.reason == "layer 'n' (GroupNormalization) groups axis 1"
