"""Weights against those that were trained: rounding passes, everything else is named."""

from __future__ import annotations

import numpy as np
import pytest
from hypothesis import given
from hypothesis import strategies as st
from numpy.typing import NDArray

from edgeconv.core import Status
from edgeconv.parity.checks.weights import LIMIT, Pair, check_weights

Array = NDArray[np.float64]


def trained(seed: int = 0) -> Array:
    return np.random.default_rng(seed).normal(0, 0.1, (1, 5, 3, 8))


def int8(values: Array) -> Array:
    """As a converter rounds: the largest of an output channel is 127 steps."""
    step: Array = np.abs(values).max(axis=(0, 1, 2)) / 127
    return np.rint(values / step) * step


ROUNDED = {
    "float32": lambda v: v.astype(np.float32).astype(np.float64),
    "float16": lambda v: v.astype(np.float16).astype(np.float64),
    "int8": int8,
}


@pytest.mark.parametrize("dtype", ROUNDED)
@given(seed=st.integers(0, 1_000))
def test_check_weights_passes_rounding(dtype: str, seed: int) -> None:
    values = trained(seed)
    check = check_weights([Pair("conv", "kernel", values, ROUNDED[dtype](values), dtype)])
    assert check.status is Status.PASSED
    assert check.value is not None
    assert check.value <= 1.001


@pytest.mark.parametrize("dtype", ROUNDED)
@pytest.mark.parametrize("what", ["zero", "negated", "swapped", "scaled", "nan", "one weight"])
def test_check_weights_names_a_broken_channel(dtype: str, what: str) -> None:
    values = trained()
    stored = ROUNDED[dtype](values)
    if what == "swapped":
        stored[..., [5, 6]] = stored[..., [6, 5]]
    elif what == "one weight":
        stored[0, 2, 1, 5] += 2 * np.abs(stored[..., 5]).max() / 127
    else:
        stored[..., 5] *= {"zero": 0, "negated": -1, "scaled": 1.1, "nan": np.nan}[what]
    check = check_weights([Pair("conv", "kernel", values, stored, dtype)])
    assert check.status is Status.FAILED
    assert check.limit == LIMIT
    if what != "swapped":
        assert "kernel of 'conv', output channel 5: " in check.reason


def test_check_weights_biases_by_their_own_steps() -> None:
    values, steps = np.array([0.5, -1.0, 0.02]), np.array([0.1, 0.1, 0.01])
    stored = np.rint(values / steps) * steps
    assert (
        check_weights([Pair("d", "bias", values, stored, "int32", steps=steps)]).status == "passed"
    )
    moved = stored + np.array([0, 0, 0.02])
    check = check_weights([Pair("d", "bias", values, moved, "int32", steps=steps)])
    assert "bias of 'd', output channel 2" in check.reason


def test_check_weights_ignores_the_step_in_the_file() -> None:
    """A file whose scale is a hundred times too large rounds everything to zero."""
    values = trained()
    check = check_weights([Pair("conv", "kernel", values, np.zeros_like(values), "int8")])
    assert check.status is Status.FAILED
