"""The one table of Keras layers: what it refuses, and that its names are Keras' own."""

from __future__ import annotations

from types import SimpleNamespace
from typing import Any

import pytest

from edgeconv.errors import Unsupported
from edgeconv.ir.keras_call import KerasCall, LayerRole
from edgeconv.ir.keras_catalogue import KERAS_LAYERS, fuses_activation, read_layer, role_of
from edgeconv.ir.nodes import Value


def call(kind: str, **settings: Any) -> KerasCall:
    return KerasCall(SimpleNamespace(**settings), kind, "odd", (Value("x", (8, 3)),))


def test_read_layer_names_what_it_cannot_read_and_lists_what_it_can() -> None:
    with pytest.raises(Unsupported, match="layer 'odd' is a Cropping1D") as caught:
        read_layer(call("Cropping1D"))
    assert "Conv1D" in caught.value.hint
    assert "Conv2D" not in caught.value.hint
    with pytest.raises(Unsupported, match="layer 'odd' is a Conv2D, which cannot be exported"):
        read_layer(call("Conv2D"))


def test_read_layer_refuses_settings_that_change_the_meaning() -> None:
    with pytest.raises(Unsupported, match=r"layer 'odd' \(Conv1D\) is channels-first"):
        read_layer(call("Conv1D", data_format="channels_first"))
    with pytest.raises(Unsupported, match="already quantized by Keras"):
        read_layer(call("Dense", quantization_mode="int8"))


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
        layer_class = getattr(keras.layers, kind)
        if not entry.arrays:
            continue
        settings: dict[str, dict[str, Any]] = {
            "Conv1D": {"filters": 2, "kernel_size": 3},
            "DepthwiseConv1D": {"kernel_size": 3},
            "SeparableConv1D": {"filters": 2, "kernel_size": 3},
            "Dense": {"units": 2},
            "BatchNormalization": {},
            "LayerNormalization": {},
        }
        layer = layer_class(**settings[kind])
        layer.build((None, 8, 4))
        weights = [w for w in layer.weights if "seed" not in w.name]
        assert [w.name for w in weights] == [name for name, _ in entry.arrays]
