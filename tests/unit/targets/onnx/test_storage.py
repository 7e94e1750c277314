"""Weights as they are stored: rounded once, to the nearest number that the format has."""

from __future__ import annotations

from pathlib import Path
from typing import Any

import numpy as np
import pytest
from hypothesis import given
from hypothesis import strategies as st
from hypothesis.extra.numpy import array_shapes, arrays
from onnx import TensorProto, helper, numpy_helper

from edgeconv.errors import Unsupported
from edgeconv.runtimes import open_runner
from edgeconv.targets.onnx import storage

from .networks import classifier, constant, expected, value, write
from .networks import model as network

KERNELS = arrays(
    np.float32,
    array_shapes(min_dims=2, max_dims=4, max_side=4),
    elements=st.floats(-1e3, 1e3, width=32),
)


@given(KERNELS, st.integers(0, 3))
def test_a_kernel_is_at_most_half_a_step_off(kernel: Any, axis: int) -> None:
    integers, scales = storage.quantized_kernel(kernel, axis % kernel.ndim)
    assert integers.dtype == np.int8
    assert integers.min(initial=0) >= -127
    assert (scales > 0).all()
    assert scales.size == kernel.shape[axis % kernel.ndim]
    off = np.abs(integers.astype(np.float64) * scales - kernel)
    assert (off <= scales * 0.5001 + 1e-30).all()


@pytest.mark.parametrize(
    ("store", "limit"),
    [
        (storage.store_float32, 1e-6),
        (storage.store_float16, 1e-3),
        (storage.store_int8_weights, 0.02),
    ],
)
def test_a_runtime_unpacks_what_was_stored(store: Any, limit: float, tmp_path: Path) -> None:
    model = classifier()
    store(model)
    x = np.random.default_rng(0).normal(size=(20, 6)).astype(np.float32)
    with open_runner(write(tmp_path / "m.onnx", model)) as runner:
        got = runner.run({"sensor": x})["probabilities"]
    off = float(np.abs(got - expected(x)).max())
    assert off < limit
    assert off > limit / 1000 or store is storage.store_float32


def test_a_weight_beyond_float16_is_refused() -> None:
    model = classifier()
    model.graph.initializer[1].CopyFrom(constant("bias", [0, 7e4, 0]))
    with pytest.raises(Unsupported, match="'bias' has numbers beyond"):
        storage.store_float16(model)


def rounded(kernel: Any, bias: Any) -> Any:
    """A product of 8-bit numbers, as the trace of an int8 file becomes it; `x_bias` is taken."""
    quantize = [
        helper.make_node(kind, [name, "step", "zero"], [into])
        for kind, name, into in (
            ("QuantizeLinear", "x", "q"),
            ("DequantizeLinear", "q", "d"),
            ("QuantizeLinear", "y", "r"),
            ("DequantizeLinear", "r", "y_bias"),
        )
    ]
    nodes = [*quantize[:2], helper.make_node("Gemm", ["d", "kernel", "b"], ["y"]), *quantize[2:]]
    return network(
        nodes,
        [value("x", 1, 2)],
        [value("y_bias", 1, 2)],
        [
            constant("kernel", kernel),
            constant("b", bias),
            constant("step", 0.05),
            constant("zero", 128, "uint8"),
        ],
    )


def test_an_integer_product_has_a_32_bit_bias_of_the_products_step(tmp_path: Path) -> None:
    kernel, bias = np.array([[1.0, -0.5], [0.25, 2.0]]), np.array([0.3, -0.7])
    model = rounded(kernel, bias)
    storage.store_int8(model)
    constants = {t.name: numpy_helper.to_array(t) for t in model.graph.initializer}
    steps = 0.05 * np.array([1.0, 2.0]) / 127
    np.testing.assert_allclose(constants["y_bias_1_scale"], steps, rtol=1e-6)
    np.testing.assert_array_equal(constants["y_bias_1_quantized"], np.rint(bias / steps))
    assert constants["zero"].dtype == np.int8
    assert constants["zero"] == 0
    x = np.array([[1.0, -1.0], [0.5, 0.25]], np.float32)
    with open_runner(write(tmp_path / "m.onnx", model)) as runner:
        got = runner.run({"x": x})["y_bias"]
    np.testing.assert_allclose(got, x @ kernel + bias, atol=0.026 + 0.02)


def test_a_product_of_floats_keeps_a_float_bias() -> None:
    model = classifier()
    storage.store_int8(model)
    types = {t.name: t.data_type for t in model.graph.initializer}
    assert types["kernel_quantized"] == TensorProto.INT8
    assert types["bias"] == TensorProto.FLOAT
    assert [node.op_type for node in model.graph.node] == ["Cast", "Mul", "Gemm", "Softmax"]
