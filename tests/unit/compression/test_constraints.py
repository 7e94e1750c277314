"""What a kernel is held to: zeros stay zeros, clusters stay one number each."""

from __future__ import annotations

import numpy as np
from hypothesis import given
from hypothesis import strategies as st

from edgeconv.compression.constraints import Masked, share
from edgeconv.compression.masks import largest

SEEDS = st.integers(0, 2**32 - 1)
SHAPE = (5, 8, 16)


def normal(seed: int) -> np.ndarray:
    return np.random.default_rng(seed).normal(size=SHAPE).astype(np.float32)


@given(SEEDS, st.floats(0, 1))
def test_a_mask_holds_and_changes_nothing_else(seed: int, sparsity: float) -> None:
    values = normal(seed)
    held = Masked(largest(values, sparsity))
    moved = held(values + 1)
    assert (moved[~held.mask] == 0).all()
    assert (moved[held.mask] == (values + 1)[held.mask]).all()
    assert (held(moved) == moved).all()


@given(SEEDS, st.integers(1, 40))
def test_clusters_are_as_many_as_promised_at_most(seed: int, count: int) -> None:
    values = normal(seed)
    held = share(values, count)
    first, later = held(values), held(values + normal(seed + 1) / 10)
    assert np.unique(first).size <= count
    assert np.unique(later).size <= count
    assert np.allclose(held(first), first, atol=1e-6)
    # The nearest of all weights that share like this: each cluster's mean.
    assert ((values - first) ** 2).sum() <= ((values - later) ** 2).sum() * 1.0001


@given(SEEDS, st.integers(2, 40), st.floats(0.1, 0.9))
def test_pruned_weights_are_a_cluster_at_zero(seed: int, count: int, sparsity: float) -> None:
    values = normal(seed)
    mask = largest(values, sparsity)
    held = share(values, count, mask)
    moved = held(values + 0.1)
    assert (moved[~mask] == 0).all()
    assert np.unique(moved).size <= count


def test_sixteen_clusters_lose_little_of_normal_weights() -> None:
    """The best 16 numbers for a normal distribution leave 0.95 % of its variance (Max, 1960)."""
    values = np.random.default_rng(0).normal(size=(50, 20, 50)).astype(np.float32)
    lost = values - share(values, 16)(values)
    assert 0.009 < lost.var() / values.var() < 0.0105
