"""The one table of Keras layers: what it refuses, and that its names are Keras' own."""

from __future__ import annotations

import inspect
from dataclasses import replace
from types import SimpleNamespace
from typing import Any

import pytest

from edgeconv.errors import Unsupported
from edgeconv.ir.keras_call import KerasCall, LayerRole
from edgeconv.ir.keras_catalogue import KERAS_LAYERS, fuses_activation, read_layer, role_of
from edgeconv.ir.nodes import KerasLayer, Value


def call(kind: str, **settings: Any) -> KerasCall:
    return KerasCall(SimpleNamespace(**settings), kind, "odd", (Value("x", (8, 3)),))


def left_to_keras(call: KerasCall) -> str:
    """Why a call is left to Keras, after it was refused where Keras is not there."""
    with pytest.raises(Unsupported, match="layer 'odd'"):
        read_layer(call)
    (node,) = read_layer(replace(call, run=lambda x: [x], results=call.inputs))
    assert isinstance(node, KerasLayer)
    return node.reason


def test_read_layer_leaves_what_it_does_not_know_to_keras() -> None:
    assert left_to_keras(call("Odd1D")) == ""


def test_read_layer_leaves_settings_that_change_the_meaning_to_keras() -> None:
    assert "channels-first" in left_to_keras(call("Conv1D", data_format="channels_first"))
    assert "quantized by Keras" in left_to_keras(call("Dense", quantization_mode="int8"))
    integers = replace(call("Flatten"), inputs=(Value("x", (8, 3), "int32"),))
    assert "reads integers" in left_to_keras(integers)


def test_read_layer_finds_a_reader_that_misunderstood_its_layer() -> None:
    turned = replace(call("Permute", dims=(2, 1)), results=(Value("odd", (8, 3)),))
    with pytest.raises(ValueError, match=r"gives \[\(8, 3\)\], its nodes \[\(3, 8\)\]"):
        read_layer(turned)


def test_training_only_layers_have_no_node() -> None:
    assert read_layer(call("Dropout")) == ()


def test_role_of_and_fuses_activation_of_unknown_layers() -> None:
    assert role_of("MyLayer") is LayerRole.OTHER
    assert not fuses_activation("MyLayer")
    assert fuses_activation("EinsumDense")


@pytest.mark.heavy
def test_every_name_is_a_layer_of_keras_and_stores_the_arrays_it_says() -> None:
    import keras

    for kind, entry in KERAS_LAYERS.items():
        if kind.startswith("ops."):
            continue
        layer_class = getattr(keras.layers, kind)
        if not entry.arrays:
            continue
        required = inspect.signature(layer_class).parameters
        settings = {"filters": 2, "kernel_size": 3, "units": 2, "groups": 1}
        settings |= {"input_dim": 3, "output_dim": 2}
        layer = layer_class(**{name: n for name, n in settings.items() if name in required})
        layer.build((None, 8, 8, 4) if "2D" in kind else (None, 8, 4))
        weights = [w for w in layer.weights if "seed" not in w.name]
        assert [w.name for w in weights] == [name for name, _ in entry.arrays]
