"""Float16 rounding by float32 arithmetic gives the bits that the conversion gives."""

from __future__ import annotations

import numpy as np
import pytest
from hypothesis import given
from hypothesis import strategies as st
from hypothesis.extra.numpy import arrays
from numpy.typing import NDArray

from edgeconv.runtimes.coreml_reference.precision import (
    Compute,
    by_conversion,
    cast_result,
    half,
    half_in_place,
    rectify,
)

SIZE = 70_000  # above the size of a piece, and no multiple of it


def bits(x: NDArray[np.float32]) -> NDArray[np.uint32]:
    return np.ascontiguousarray(x).view(np.uint32)


def boundaries() -> NDArray[np.float32]:
    """Every finite float16, the middle to the next one, and the float32 numbers beside both."""
    exact = np.arange(0x7C00, dtype=np.uint16).view(np.float16).astype(np.float32)
    middle = (exact[:-1] + exact[1:]) / 2
    points = np.concatenate([exact, middle])
    around = [points, np.nextafter(points, np.inf), np.nextafter(points, -np.inf)]
    both = np.concatenate(around).astype(np.float32)
    return np.concatenate([both, -both])


def test_every_boundary_and_half() -> None:
    x = boundaries()
    x = x[np.abs(x) < 65520]
    assert x.size > 190_000
    np.testing.assert_array_equal(bits(half(x)), bits(by_conversion(x)))


def test_every_exponent_with_many_fractions() -> None:
    rng = np.random.default_rng(0)
    for exponent in range(143):  # up to 65,535
        fractions = rng.integers(0, 1 << 23, SIZE // 8, dtype=np.uint32)
        x = (fractions | np.uint32(exponent << 23)).view(np.float32)
        x = np.concatenate([x[x < 65520], -x[x < 65520]])
        np.testing.assert_array_equal(bits(half(x)), bits(by_conversion(x)))


@given(arrays(np.float32, 2048, elements=st.floats(width=32), fill=st.floats(width=32)))
def test_any_numbers(x: NDArray[np.float32]) -> None:
    with np.errstate(over="ignore"):
        np.testing.assert_array_equal(bits(half(x)), bits(by_conversion(x)))


@pytest.mark.parametrize("special", [np.nan, np.inf, -np.inf, 65520.0, -65520.0, 1e30])
def test_numbers_beyond_float16(special: float) -> None:
    x = np.linspace(-8, 8, SIZE, dtype=np.float32)
    x[SIZE // 2] = special
    with np.errstate(over="ignore"):
        expected = by_conversion(x)
        np.testing.assert_array_equal(bits(half(x)), bits(expected))
        positive = np.abs(x)
        half_in_place(positive)
    np.testing.assert_array_equal(bits(positive), bits(np.abs(expected)))


def test_the_argument_is_left_as_it_is_whatever_its_layout() -> None:
    x = np.random.default_rng(0).normal(size=(30, 40, 50)).astype(np.float32)
    for view in (x.transpose(2, 0, 1), x[:, ::2], x[::-1], np.broadcast_to(x[0], (9, 40, 50))):
        before = view.copy()
        found = half(view)
        assert not np.shares_memory(found, view)
        np.testing.assert_array_equal(bits(found), bits(by_conversion(before)))
        np.testing.assert_array_equal(view, before)


def test_in_place_over_several_pieces() -> None:
    x = np.random.default_rng(0).normal(0, 100, (7, 100, 100)).astype(np.float32)
    expected = np.maximum(by_conversion(x), 0)
    rectify(x)
    half_in_place(x)
    np.testing.assert_array_equal(x, expected)


def test_a_settled_float16_is_rounded_and_a_float32_is_not() -> None:
    x = np.full(SIZE, 0.1, np.float32)
    assert cast_result(x, "float16", Compute.AS_SPECIFIED)[0] == np.float16(0.1)
    assert cast_result(x, "float16", Compute.FLOAT32)[0] == x[0]
    assert cast_result(x, "float32", Compute.AS_SPECIFIED)[0] == x[0]
