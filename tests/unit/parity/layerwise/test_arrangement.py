"""Shapes up to permutations, and similarity."""

from __future__ import annotations

import math
from typing import Any

import hypothesis.extra.numpy as hnp
import numpy as np
import pytest
from hypothesis import given
from hypothesis import strategies as st

from edgeconv.core.parity_statistics import MAX_DB, decibels
from edgeconv.parity.layerwise.arrangement import arrangements, similarity


@given(
    hnp.array_shapes(min_dims=1, max_dims=3, max_side=5),
    st.booleans(),
    st.integers(0, 2**16),
)
def test_arrangements_contain_the_true_one(shape: tuple[int, ...], first: bool, seed: int) -> None:
    """A file may hold a value with its axes permuted and axes of length 1 anywhere."""
    random = np.random.default_rng(seed)
    reference = random.normal(size=(3, *shape))
    axes = tuple(random.permutation(len(shape)))
    stored = np.expand_dims(reference.transpose(0, *(a + 1 for a in axes)), 1)
    arranged = [a.apply(stored) for a in arrangements(shape, stored.shape[1:], first)]
    assert any(np.array_equal(each, reference) for each in arranged)
    assert all(each.shape == reference.shape for each in arranged)


def test_arrangements_channels_first_comes_first() -> None:
    value = np.arange(9.0).reshape(1, 3, 1, 3)  # as many channels as steps
    first = arrangements((3, 3), (3, 1, 3), channels_first=True)[0].apply(value)
    last = arrangements((3, 3), (3, 1, 3), channels_first=False)[0].apply(value)
    np.testing.assert_array_equal(first[0], value[0, :, 0].T)
    np.testing.assert_array_equal(last[0], value[0, :, 0])


@pytest.mark.parametrize("flat_in_file", [True, False])
def test_arrangements_of_a_flattened_value(flat_in_file: bool) -> None:
    value = np.arange(12.0).reshape(2, 3, 2)  # (n, steps, channels)
    moved = value.transpose(0, 2, 1)
    stored = moved.reshape(2, 6) if flat_in_file else moved
    flat = value.reshape(2, 6)
    ways = arrangements((6,), stored.shape[1:], channels_first=True, inner=(3, 2))
    assert any(np.array_equal(way.apply(stored), flat) for way in ways)


@pytest.mark.parametrize("candidate", [(4, 2), (7,), (1, 2, 2, 2, 1, 2)])
def test_arrangements_of_another_size_are_none(candidate: tuple[int, ...]) -> None:
    assert arrangements((3, 2), candidate, channels_first=False) == ()


@given(hnp.arrays(np.float32, (4, 6), elements=st.floats(-100, 100, width=32)))
def test_similarity_of_itself(value: Any) -> None:
    alike, db = similarity(value, value)
    assert db == MAX_DB
    assert alike == pytest.approx(1.0) or np.ptp(value) < 1e-3


def test_similarity_of_scaled_values() -> None:
    value = np.random.default_rng(0).normal(size=(50, 7))
    alike, db = similarity(value, value * 1.1)
    assert alike == pytest.approx(1.0)
    assert db == pytest.approx(20.0, abs=1e-6)


def test_similarity_of_infinities() -> None:
    value = np.random.default_rng(0).normal(size=(50, 7))
    assert similarity(value, np.full_like(value, math.inf))[0] == 0
    assert decibels(1.0, math.inf) == -MAX_DB
    assert decibels(0.0, 0.0) == MAX_DB
