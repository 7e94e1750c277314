"""Constraints of kernels: zeros stay zeros, clusters stay one number each."""

from __future__ import annotations

import numpy as np
from hypothesis import given
from hypothesis import strategies as st

from edgeconv.compression.constraints import SparsityMask, cluster_weights
from edgeconv.compression.masks import largest

SEEDS = st.integers(0, 2**32 - 1)
SHAPE = (5, 8, 16)


def normal(seed: int) -> np.ndarray:
    return np.random.default_rng(seed).normal(size=SHAPE).astype(np.float32)


@given(SEEDS, st.floats(0, 1))
def test_sparsity_mask_changes_nothing_else(seed: int, sparsity: float) -> None:
    values = normal(seed)
    constraint = SparsityMask(largest(values, sparsity))
    moved = constraint(values + 1)
    assert (moved[~constraint.mask] == 0).all()
    assert (moved[constraint.mask] == (values + 1)[constraint.mask]).all()
    assert (constraint(moved) == moved).all()


@given(SEEDS, st.integers(1, 40))
def test_cluster_weights_gives_at_most_that_many(seed: int, count: int) -> None:
    values = normal(seed)
    constraint = cluster_weights(values, count)
    first, later = constraint(values), constraint(values + normal(seed + 1) / 10)
    assert np.unique(first).size <= count
    assert np.unique(later).size <= count
    assert np.allclose(constraint(first), first, atol=1e-6)
    # The nearest of all weights that share like this: each cluster's mean.
    assert ((values - first) ** 2).sum() <= ((values - later) ** 2).sum() * 1.0001


@given(SEEDS, st.integers(2, 40), st.floats(0.1, 0.9))
def test_cluster_weights_keeps_pruned_weights_at_zero(
    seed: int, count: int, sparsity: float
) -> None:
    values = normal(seed)
    mask = largest(values, sparsity)
    constraint = cluster_weights(values, count, mask)
    moved = constraint(values + 0.1)
    assert (moved[~mask] == 0).all()
    assert np.unique(moved).size <= count


def test_cluster_weights_into_sixteen_loses_little_of_normal_weights() -> None:
    """The best 16 numbers for a normal distribution leave 0.95 % of its variance (Max, 1960)."""
    values = np.random.default_rng(0).normal(size=(50, 20, 50)).astype(np.float32)
    lost = values - cluster_weights(values, 16)(values)
    assert 0.009 < lost.var() / values.var() < 0.0105
