"""Any batch through inferences of one size."""

from __future__ import annotations

from pathlib import Path
from typing import Any

import numpy as np
import pytest
from hypothesis import given
from hypothesis import strategies as st

from edgeconv.core import TensorSpec
from edgeconv.errors import BadInput, Unsupported
from edgeconv.runtimes.fixed_batch import Arrays, FixedBatch

FILE = Path("m.tflite")


def steps(size: int, scale: float | None = None) -> FixedBatch:
    """`size` samples an inference; 0: the tensors have no batch dimension."""
    head = (size,) if size else ()
    dtype, zero = ("int8", 3) if scale else ("float32", None)
    return FixedBatch(
        FILE,
        {"x": TensorSpec("x", (*head, 4), dtype, scale, zero)},
        {"y": TensorSpec("y", (*head, 2) if size else (5, 2), dtype, scale, zero)},
    )


def first_two(arrays: Arrays, count: int) -> Arrays:
    """The output of a sample is the start of its input."""
    x = arrays["x"]
    assert len(x) == count
    return {"y": x[..., :2]}


@given(
    st.integers(1, 4),
    st.sampled_from([(), (0,), (1,), (3,), (8,), (2, 3), (2, 0)]),
)
def test_each_sample_comes_back_in_its_place(size: int, leading: tuple[int, ...]) -> None:
    x = np.random.default_rng(0).normal(size=(*leading, 4)).astype(np.float32)
    found = steps(size).run({"x": x}, first_two)["y"]
    np.testing.assert_array_equal(found, x[..., :2])


def test_without_a_batch_dimension_a_sample_is_the_whole_shape() -> None:
    def spread(arrays: Arrays, count: int) -> Arrays:
        return {"y": np.broadcast_to(arrays["x"][:, None, :2], (count, 5, 2))}

    found = steps(0).run({"x": np.ones((3, 4), np.float32)}, spread)["y"]
    assert found.shape == (3, 5, 2)


def test_real_numbers_are_stored_and_read_by_scale_and_zero_point() -> None:
    def check(arrays: Arrays, count: int) -> Arrays:
        assert arrays["x"].dtype == np.int8
        np.testing.assert_array_equal(arrays["x"][0, 0], [3, 5, 1, 127])
        return first_two(arrays, count)

    found = steps(1, 0.5).run({"x": np.array([[0.0, 1.0, -1.0, 900.0]], np.float32)}, check)
    np.testing.assert_array_equal(found["y"], [[0.0, 1.0]])


@pytest.mark.parametrize("shape", [(-1, 4), (1, 0)])
def test_without_a_fixed_shape_it_is_refused(shape: tuple[int, ...]) -> None:
    with pytest.raises(Unsupported, match=r"'x' has no fixed shape.*batch 1"):
        FixedBatch(FILE, {"x": TensorSpec("x", shape, "float32")}, {})


def test_timing_takes_exactly_one_inference() -> None:
    two: dict[str, Any] = {"x": np.zeros((2, 4), np.float32)}
    single, leading = steps(2).single(two)
    assert single["x"].shape == (2, 4)
    assert leading == (2,)
    with pytest.raises(BadInput, match=r"takes 1 sample\(s\) for timing, got 2"):
        steps(1).single(two)
