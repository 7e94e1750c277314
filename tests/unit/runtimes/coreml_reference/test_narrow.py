"""Matrix products that are rounded to float16 after each term, beside NumPy's own float16."""

from __future__ import annotations

from typing import Any

import numpy as np
import pytest
from hypothesis import given
from hypothesis import strategies as st

from edgeconv.runtimes.coreml_reference.ops import OPS
from edgeconv.runtimes.coreml_reference.ops.narrow import NARROW, product
from edgeconv.runtimes.coreml_reference.precision import Compute

from .programs import one_operation, run

RANDOM = np.random.default_rng(5)
ACCUMULATE = Compute.FLOAT16_ACCUMULATE


def halves(*shape: int, random: np.random.Generator = RANDOM, size: float = 1.0) -> Any:
    return random.normal(0, size, shape).astype(np.float16).astype(np.float32)


def by_hand(x: Any, y: Any) -> Any:
    """In NumPy's float16, whose every operation rounds once."""
    x, y = x.astype(np.float16), y.astype(np.float16)
    total = np.zeros((len(x), y.shape[1]), np.float16)
    for at in range(x.shape[1]):
        total = total + x[:, at, None] * y[None, at]
    return total.astype(np.float32)


@given(
    st.integers(0, 2**32 - 1),
    st.tuples(*[st.integers(1, 7)] * 3),
    st.sampled_from([1e-4, 1.0, 300.0]),  # subnormal products, plain ones, and overflow
)
def test_products_are_float16_sums(seed: int, sizes: tuple[int, int, int], size: float) -> None:
    rows, terms, columns = sizes
    random = np.random.default_rng(seed)
    x = halves(rows, terms, random=random, size=size)
    y = halves(terms, columns, random=random, size=size)
    with np.errstate(all="ignore"):
        np.testing.assert_array_equal(product(x, y), by_hand(x, y))


@pytest.mark.parametrize(
    ("left", "right"),
    [((4,), (4,)), ((4,), (2, 4, 5)), ((2, 1, 3, 4), (3, 4, 2)), ((3, 4), (4,))],
)
def test_shapes_are_those_of_numpy(left: tuple[int, ...], right: tuple[int, ...]) -> None:
    x, y = halves(*left), halves(*right)
    expected = np.matmul(x, y)
    found = product(x, y)
    assert found.shape == expected.shape
    np.testing.assert_allclose(found, expected, atol=0.01)
    with pytest.raises(ValueError, match="product of shapes"):
        product(x, halves(7, 2))


def test_einsum_adds_what_the_result_lacks() -> None:
    x, y = halves(1, 2, 3, 4), halves(1, 4, 3, 5)
    found = NARROW["einsum"]((x, y), "bchw,bwhu->bchu")
    for h in range(3):
        np.testing.assert_array_equal(found[0, :, h], by_hand(x[0, :, h], y[0, :, h]))


@pytest.mark.parametrize("mask", [None, "boolean", "added"])
def test_attention_is_near_the_wide_one(mask: str | None) -> None:
    given = {"query": halves(1, 2, 4, 8), "key": halves(1, 2, 5, 8), "value": halves(1, 2, 5, 6)}
    if mask is not None:
        given["attn_mask"] = np.eye(4, 5) < 1 if mask == "boolean" else halves(4, 5)
    wide = OPS["scaled_dot_product_attention"].function(**given)
    found = NARROW["scaled_dot_product_attention"](**given)
    assert 0 < np.abs(found - wide).max() < 0.01


@pytest.mark.parametrize("compute", list(Compute))
def test_only_float16_and_only_where_asked(compute: Compute) -> None:
    x, weight = halves(3, 64), halves(4, 64)
    for dtype in ("float16", "float32"):
        block = one_operation("linear", {"x": x}, {"x": ("x",), "weight": weight}, dtype)
        (found,) = run(block, {"x": x}, compute)
        narrow = compute is ACCUMULATE and dtype == "float16"
        assert np.array_equal(found, by_hand(x, weight.T)) == narrow


def test_every_narrow_operation_takes_the_parameters_of_the_wide_one() -> None:
    import inspect

    for name, function in NARROW.items():
        wide = inspect.signature(OPS[name].function).parameters
        assert list(inspect.signature(function).parameters) == list(wide)
