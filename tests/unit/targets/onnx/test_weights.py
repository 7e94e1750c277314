"""Kernels and biases come back as Keras has them."""

from __future__ import annotations

from pathlib import Path

import numpy as np
import pytest
from onnx import helper

from edgeconv.targets.onnx import storage, weights

from .networks import classifier, constant, model, value, write
from .networks import weights as stored


@pytest.mark.parametrize(
    ("store", "dtype", "limit"),
    [
        (storage.store_float32, "float32", 0.0),
        (storage.store_float16, "float16", 2e-3),
        (storage.store_int8_weights, "int8", 0.02),
    ],
)
def test_constants_of_layers(store: object, dtype: str, limit: float, tmp_path: Path) -> None:
    network = classifier()
    store(network)  # type: ignore[operator]
    (layer,) = weights.layer_constants(write(tmp_path / "m.onnx", network)) or []
    kernel, bias = stored()
    assert layer.constants["kernel"].dtype == dtype
    assert layer.constants["kernel"].per_channel
    assert np.abs(layer.constants["kernel"].values - kernel).max() <= limit
    assert np.abs(layer.constants["bias"].values - bias).max() <= limit
    ((numbers, axis),) = weights.kernels(tmp_path / "m.onnx")
    assert (numbers.shape, axis) == ((6, 3), 0)


def test_a_convolutions_kernel_has_its_output_channels_last(tmp_path: Path) -> None:
    kernel = np.arange(24).reshape(4, 3, 1, 2)  # outputs, inputs, height, taps
    network = model(
        [helper.make_node("Conv", ["x", "w"], ["y"])],
        [value("x", 1, 3, 1, 8)],
        [value("y", 1, 4, 1, 7)],
        [constant("w", kernel)],
    )
    path = write(tmp_path / "m.onnx", network)
    (layer,) = weights.layer_constants(path) or []
    np.testing.assert_array_equal(layer.constants["kernel"].values, kernel.transpose(2, 3, 1, 0))
    assert "bias" not in layer.constants
    assert [axis for _, axis in weights.kernels(path)] == [1]


def test_a_transposed_matrix_is_turned(tmp_path: Path) -> None:
    kernel = np.arange(12).reshape(4, 3)
    network = model(
        [helper.make_node("Gemm", ["x", "w"], ["y"], transB=1)],
        [value("x", 1, 3)],
        [value("y", 1, 4)],
        [constant("w", kernel)],
    )
    (layer,) = weights.layer_constants(write(tmp_path / "m.onnx", network)) or []
    np.testing.assert_array_equal(layer.constants["kernel"].values, kernel.T)


def test_a_kernel_that_is_computed_cannot_be_compared(tmp_path: Path) -> None:
    nodes = [
        helper.make_node("Exp", ["x"], ["square"]),
        helper.make_node("Sqrt", ["w"], ["root"]),
        helper.make_node("Gemm", ["square", "root"], ["y"]),
        helper.make_node("Mul", ["w", "two"], ["twice"]),
        helper.make_node("Gemm", ["y", "twice"], ["z"]),
    ]
    constants = [constant("w", np.ones((2, 2))), constant("two", 2)]
    network = model(nodes, [value("x", 1, 2)], [value("z", 1, 2)], constants)
    assert weights.layer_constants(write(tmp_path / "m.onnx", network)) is None
