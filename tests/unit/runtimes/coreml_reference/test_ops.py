"""Exact values for operations that coremltools' tests judge only with PyTorch, or not at all."""

from __future__ import annotations

import itertools
from typing import Any

import numpy as np
import pytest

from edgeconv.runtimes.coreml_reference.ops import OPS
from edgeconv.runtimes.coreml_reference.precision import Compute

from .programs import one_operation, run


def call(kind: str, **parameters: Any) -> Any:
    return OPS[kind].function(**parameters)


@pytest.mark.parametrize(
    ("kind", "expected"),
    [("logical_and", [0, 0, 0, 1]), ("logical_or", [0, 1, 1, 1]), ("logical_xor", [0, 1, 1, 0])],
)
def test_truth_tables(kind: str, expected: list[int]) -> None:
    x, y = np.array(list(itertools.product([False, True], repeat=2))).T
    assert call(kind, x=x, y=y).tolist() == list(map(bool, expected))


def test_logical_not() -> None:
    assert call("logical_not", x=np.array([True, False])).tolist() == [False, True]


def test_ceil_and_atan() -> None:
    assert call("ceil", x=np.array([-1.5, 0.2, 2.0])).tolist() == [-1.0, 1.0, 2.0]
    np.testing.assert_allclose(call("atan", x=np.array([0, 1, 1e9])), [0, np.pi / 4, np.pi / 2])


def test_round_takes_halves_to_even() -> None:
    assert call("round", x=np.array([0.5, 1.5, 2.5, -0.5])).tolist() == [0, 2, 2, 0]


def test_the_first_of_equal_probabilities_is_the_label() -> None:
    table = np.array([[0.4, 0.4, 0.2], [0.1, 0.2, 0.7]])
    labels, probabilities = call("classify", probabilities=table, classes=["a", "b", "c"])
    assert labels.tolist() == ["a", "c"]
    np.testing.assert_array_equal(probabilities, table)


def test_quantize_rounds_to_even_and_clips() -> None:
    x = np.array([0.25, 0.75, 1.25, 100.0, -100.0], np.float32)
    output = call("quantize", input=x, scale=np.float32(0.5), output_dtype="int8", zero_point=1)
    assert output.tolist() == [1, 3, 3, 127, -128]
    output = call("quantize", input=x, scale=np.float32(0.5), output_dtype="uint8")
    assert output.tolist() == [0, 2, 2, 200, 0]


def test_dequantize_by_channel() -> None:
    stored = np.array([[1, 2], [3, -128]], np.int8)
    output = call(
        "dequantize",
        input=stored,
        scale=np.array([0.5, 2], np.float32),
        zero_point=np.array([1, 127], np.int8),
        axis=0,
    )
    assert output.tolist() == [[0, 0.5], [-248, -510]]


def test_conv_transpose_spreads_each_input() -> None:
    x = np.array([[[1.0, 2.0]]])
    weight = np.array([[[1.0, 10.0, 100.0]]])
    full = [[[1, 10, 102, 20, 200]]]
    assert call("conv_transpose", x=x, weight=weight, strides=[2]).tolist() == full
    cropped = call("conv_transpose", x=x, weight=weight, strides=[2], pad_type="custom", pad=[1, 1])
    assert cropped.tolist() == [[[10, 102, 20]]]


def test_attention_without_preference_is_a_mean() -> None:
    query, key = np.zeros((1, 2, 4), np.float32), np.ones((1, 3, 4), np.float32)
    value = np.arange(6, dtype=np.float32).reshape(1, 3, 2)
    output = call("scaled_dot_product_attention", query=query, key=key, value=value)
    np.testing.assert_allclose(output, [[[2, 3], [2, 3]]], rtol=1e-6)
    mask = np.array([[True, False, False], [False, False, True]])
    output = call("scaled_dot_product_attention", query=query, key=key, value=value, attn_mask=mask)
    assert output.tolist() == [[[0, 1], [4, 5]]]


def sigmoid(x: float) -> float:
    return float(1 / (1 + np.exp(-x)))


@pytest.mark.parametrize("reset_after", [False, True])
def test_one_step_of_a_gru(reset_after: bool) -> None:
    """Gates in the order reset, new, update; the reset gate before or after the product."""
    x, h, b = 0.7, 0.4, 0.3
    output, last = call(
        "gru",
        x=np.array([[[x]]]),
        initial_h=np.array([[h]]),
        weight_ih=np.array([[1.0], [2.0], [3.0]]),
        weight_hh=np.array([[4.0], [5.0], [6.0]]),
        bias=np.array([0.1, b, 0.2]),
        reset_after=reset_after,
    )
    reset, update = sigmoid(x + 4 * h + 0.1), sigmoid(3 * x + 6 * h + 0.2)
    product = reset * (5 * h + b) if reset_after else 5 * reset * h + b
    expected = (1 - update) * np.tanh(2 * x + product) + update * h
    np.testing.assert_allclose(output, [[[expected]]])
    np.testing.assert_allclose(last, [[expected]])


def test_a_reverse_rnn_answers_in_its_own_order() -> None:
    x = np.array([1.0, 10.0]).reshape(2, 1, 1)
    one = np.ones((1, 1))
    output, last = call(
        "rnn",
        x=x,
        initial_h=np.zeros((1, 1)),
        weight_ih=one,
        weight_hh=2 * one,
        direction="reverse",
        output_sequence=True,
        activation="linear",
    )
    assert output.ravel().tolist() == [10, 21]
    assert last.tolist() == [[21]]


def test_sums_accumulate_in_float32_before_rounding() -> None:
    """1 + 2048 · 2⁻¹² is 1.5; in a float16 accumulator the small terms would vanish."""
    x = np.full((1, 2049), 2.0**-12, np.float32)
    x[0, 0] = 1
    block = one_operation("reduce_sum", {"x": x}, {"axes": [1]}, dtype="float16")
    assert run(block, {"x": x}, Compute.AS_SPECIFIED)[0].tolist() == [1.5]


def test_float16_overflows_to_infinity() -> None:
    x = np.array([[300.0]], np.float32)
    block = one_operation("square", {"x": x}, {}, dtype="float16")
    assert run(block, {"x": x}, Compute.AS_SPECIFIED)[0].tolist() == [[np.inf]]
    assert run(block, {"x": x}, Compute.FLOAT32)[0].tolist() == [[90000.0]]
