"""What operations with a kernel say of their integers."""

from __future__ import annotations

import numpy as np

from edgeconv.core.affine import AffineMap
from edgeconv.ir.nodes import LINEAR, Activation, ActivationFunction, Dense, Value

ENTRY = (Value("x", (3,)),)
RELU, TANH = ActivationFunction("relu"), ActivationFunction("tanh")


def dense(activation: ActivationFunction = LINEAR) -> Dense:
    return Dense(
        label="d", inputs=ENTRY, kernel=np.ones((3, 2)), bias=np.zeros(2), activation=activation
    )


def test_quantized_values_of_a_linear_kernel_depend_on_what_follows() -> None:
    linear = dense()
    relu = Activation(label="r", inputs=linear.outputs, function=RELU)
    tanh = Activation(label="t", inputs=linear.outputs, function=TANH)
    assert linear.quantized_values(relu) == ()
    assert linear.quantized_values(tanh) == linear.outputs
    assert linear.quantized_values(None) == linear.outputs


def test_quantized_values_of_an_unfused_activation_are_before_it_and_after_it() -> None:
    node = dense(TANH)
    assert [value.label for value in node.quantized_values(None)] == ["d_bias", "d"]
    assert [part.label for part in node.split()] == ["d_bias", "d"]
    fused = dense(RELU)
    assert fused.split() == (fused,)


def test_absorb_output_refuses_behind_an_activation() -> None:
    double = AffineMap(np.full(2, 2.0), np.zeros(2))
    assert dense(RELU).absorb_output(double) is None
    merged = dense().absorb_output(double)
    assert merged is not None
    assert merged.kernel.tolist() == [[2, 2]] * 3
