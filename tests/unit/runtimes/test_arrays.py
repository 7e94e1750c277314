"""Shapes, batches, types and scales between a caller's arrays and a tensor."""

from __future__ import annotations

from typing import Any

import numpy as np
import pytest
from hypothesis import given
from hypothesis import strategies as st

from edgeconv.core import TensorSpec
from edgeconv.errors import BadInput
from edgeconv.runtimes.arrays import Batching, dequantize, prepare, quantize, store

FLOAT = TensorSpec("sensor", (1, 6), "float32")
INT8 = TensorSpec("sensor", (1, 6), "int8", 0.5, 3)
ONE = Batching(1)


@pytest.mark.parametrize(
    ("inputs", "outputs", "size"),
    [
        ((1, 6), (1, 3), 1),
        ((-1, 6), (-1, 3), -1),
        ((4, 6), (4, 3), 4),
        ((80, 3), (6,), 0),
        ((1, 6), (3,), 0),
        ((), (), 0),
    ],
)
def test_the_batch_is_the_first_dimension_that_all_share(
    inputs: tuple[int, ...], outputs: tuple[int, ...], size: int
) -> None:
    found = Batching.of([TensorSpec("a", inputs, "float32")], [TensorSpec("b", outputs, "float32")])
    assert found.size == size


@pytest.mark.parametrize("leading", [(), (1,), (5,), (2, 3), (0,)])
def test_any_leading_batch(leading: tuple[int, ...]) -> None:
    samples = prepare({"sensor": FLOAT}, ONE, {"sensor": np.zeros((*leading, 6), np.float32)})
    assert samples.leading == leading
    assert samples.arrays["sensor"].shape == (int(np.prod(leading)), 6)
    assert samples.n == int(np.prod(leading))


def test_a_free_dimension_takes_any_length() -> None:
    free = TensorSpec("tokens", (1, -1), "int32")
    samples = prepare({"tokens": free}, ONE, {"tokens": np.zeros((2, 9), np.int64)})
    assert samples.arrays["tokens"].shape == (2, 9)
    assert samples.arrays["tokens"].dtype == np.int32


@pytest.mark.parametrize(
    ("arrays", "message"),
    [
        ({"other": np.zeros((1, 6), np.float32)}, r"\['sensor'\].*\['other'\]"),
        ({}, r"given are \[\]"),
        ({"sensor": np.zeros((1, 5), np.float32)}, r"shape \(1, 5\).*\(…, 6\)"),
        ({"sensor": np.zeros((6, 1), np.float32)}, r"shape \(6, 1\)"),
        ({"sensor": np.float32(1)}, r"shape \(\)"),
        ({"sensor": np.zeros((1, 6), np.complex64)}, "complex64"),
        ({"sensor": np.array([list("abcdef")])}, "takes float32"),
        ({"sensor": np.zeros((1, 6), bool)}, "bool"),
        ({"sensor": np.full((1, 6), None)}, "object"),
    ],
)
def test_what_does_not_fit_is_named(arrays: dict[str, Any], message: str) -> None:
    with pytest.raises(BadInput, match=message):
        prepare({"sensor": FLOAT}, ONE, arrays)


def test_inputs_must_agree_on_the_batch() -> None:
    specs = {"a": FLOAT, "b": FLOAT}
    arrays = {"a": np.zeros((2, 6), np.float32), "b": np.zeros((3, 6), np.float32)}
    with pytest.raises(BadInput, match="different batches"):
        prepare(specs, ONE, arrays)


def test_stored_numbers_pass_as_they_are() -> None:
    stored = np.arange(6, dtype=np.int8)[None]
    assert store(INT8, stored) is stored
    with pytest.raises(BadInput, match=r"int16.*stored int8"):
        store(INT8, stored.astype(np.int16))


def test_integers_must_fit_the_tensor() -> None:
    tokens = TensorSpec("tokens", (1, 2), "int8")
    assert store(tokens, np.array([[-128, 127]])).dtype == np.int8
    with pytest.raises(BadInput, match="outside the range of int8"):
        store(tokens, np.array([[0, 128]]))
    with pytest.raises(BadInput, match="takes int8"):
        store(tokens, np.array([[0.0, 1.0]]))


def test_float_tensors_take_nan_and_quantized_ones_refuse_it() -> None:
    broken = np.array([[np.nan, 0, 0, 0, 0, 0]])
    assert np.isnan(store(FLOAT, broken)[0, 0])
    with pytest.raises(BadInput, match="NaN"):
        store(INT8, broken)


def test_halves_go_away_from_zero_and_infinities_saturate() -> None:
    real = np.array([0.25, -0.25, 0.75, np.inf, -np.inf, 0.0])
    assert quantize(INT8, real).tolist() == [4, 2, 5, 127, -128, 3]


@given(
    st.lists(st.floats(-60, 60, width=32), min_size=1, max_size=20),
    st.floats(2.0**-10, 0.5, width=32),
    st.integers(-20, 20),
)
def test_quantizing_costs_at_most_half_a_step_inside_the_range(
    real: list[float], scale: float, zero: int
) -> None:
    spec = TensorSpec("sensor", (len(real),), "int8", scale, zero)
    low, high = (-128 - zero) * scale, (127 - zero) * scale
    inside = np.clip(np.array(real, np.float32), low, high)
    error = np.abs(dequantize(spec, quantize(spec, inside)) - inside)
    assert (error <= scale / 2 * (1 + 1e-4) + 1e-6).all()
