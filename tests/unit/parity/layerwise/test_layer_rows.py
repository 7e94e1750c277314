"""Errors gathered in chunks are those of the whole."""

from __future__ import annotations

import math

import numpy as np
import pytest
from hypothesis import given
from hypothesis import strategies as st

from edgeconv.parity.layerwise.layer_rows import ErrorSums, LayerErrorStats, OutputEffect


@given(st.integers(1, 40), st.integers(1, 12), st.integers(0, 2**16))
def test_error_sums_of_chunks(n: int, size: int, seed: int) -> None:
    random = np.random.default_rng(seed)
    reference = random.normal(size=(n, 5))
    candidate = reference + random.normal(scale=0.01, size=(n, 5))
    whole, parts = ErrorSums(), ErrorSums()
    whole.add(reference, candidate)
    for start in range(0, n, size):
        parts.add(reference[start : start + size], candidate[start : start + size])
    expected, measured = whole.metrics(), parts.metrics()
    assert measured == pytest.approx(expected, rel=1e-9)
    assert measured["max_abs"] == np.abs(reference - candidate).max()
    assert measured["rmse"] == pytest.approx(np.sqrt(((reference - candidate) ** 2).mean()))
    assert parts.reference_range == (reference.min(), reference.max())
    assert parts.range == (candidate.min(), candidate.max())


def test_error_sums_count_infinities() -> None:
    error = ErrorSums()
    error.add(np.array([1.0, 2.0, 3.0]), np.array([1.0, math.nan, math.inf]))
    measured = error.metrics()
    assert measured["non_finite"] == 2
    assert measured["max_abs"] == 0
    assert measured["snr_db"] == -200
    assert error.range == (1.0, 1.0)


def test_error_sums_without_finite_values() -> None:
    gathered = LayerErrorStats()
    gathered.error.add(np.ones(3), np.full(3, math.nan))
    gathered.own_error.add(np.ones(3), np.full(3, math.nan))
    measured = gathered.metrics()
    assert measured["max_abs"] is None
    assert measured["own_snr_db"] is None


def test_error_sums_cosine_of_zeros() -> None:
    error = ErrorSums()
    error.add(np.zeros(4), np.zeros(4))
    assert error.metrics()["cosine"] == 1.0


def test_output_effect_counts_disagreements() -> None:
    effect = OutputEffect()
    effect.add(
        np.array([[0.9, 0.1], [0.4, 0.6]], np.float32),
        np.array([[0.8, 0.2], [0.6, 0.4]], np.float32),
    )
    assert effect.metrics()["output_flips"] == 1
