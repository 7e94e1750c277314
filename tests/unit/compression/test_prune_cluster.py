"""Constraints of kernels: zeros stay zeros, clusters stay one number each.

Exactly as many weights are left out as promised, and the smallest ones.
"""

from __future__ import annotations

import numpy as np
from hypothesis import given
from hypothesis import strategies as st

from edgeconv.compression.prune_cluster import (
    SparsityMask,
    cluster_weights,
    largest,
    ramp,
    two_of_four,
)

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


MASKS_SEEDS = st.integers(0, 2**32 - 1)


def weights(seed: int, *shape: int) -> np.ndarray:
    """Some of them equal, some of them 0 already."""
    rng = np.random.default_rng(seed)
    return (rng.integers(-6, 7, shape) / 4).astype(np.float32)


@given(MASKS_SEEDS, st.integers(1, 300), st.floats(0, 1))
def test_largest_is_exact_and_drops_the_smallest(seed: int, size: int, sparsity: float) -> None:
    values = weights(seed, size)
    mask = largest(values, sparsity)
    assert (~mask).sum() == round(sparsity * size)
    if 0 < mask.sum() < size:
        assert np.abs(values[mask]).min() >= np.abs(values[~mask]).max()


@given(MASKS_SEEDS, st.floats(0, 0.5), st.floats(0.5, 1))
def test_largest_keeps_zeros_at_zero(seed: int, first: float, then: float) -> None:
    values = np.random.default_rng(seed).normal(size=200)
    mask = largest(values, first)
    again = largest(np.where(mask, values, 0), then)
    assert not (again & ~mask).any()


@given(MASKS_SEEDS, st.integers(0, 2), st.integers(1, 5))
def test_two_of_four_keeps_two_of_each_four(seed: int, axis: int, groups: int) -> None:
    shape = [3, 5, 2]
    shape[axis] = 4 * groups
    values = weights(seed, *shape)
    mask = two_of_four(values, axis)
    assert mask.shape == values.shape
    sets = np.moveaxis(mask, axis, -1).reshape(-1, 4)
    assert (sets.sum(axis=1) == 2).all()
    sizes = np.moveaxis(np.abs(values), axis, -1).reshape(-1, 4)
    kept = np.where(sets, sizes, np.inf).min(axis=1)
    gone = np.where(sets, -np.inf, sizes).max(axis=1)
    assert (kept >= gone).all()


def test_two_of_four_are_neighbors_in_the_kernels_of_both_runtimes() -> None:
    """Keras (steps, in, out) → TFLite (out, 1, steps, in), Core ML (out, in, 1, steps)."""
    mask = two_of_four(weights(0, 3, 8, 5), axis=1)
    tflite = mask.transpose(2, 0, 1)[:, None]
    coreml = mask.transpose(2, 1, 0)[:, :, None]
    assert (tflite.reshape(-1, 4).sum(axis=1) == 2).all()
    assert (np.moveaxis(coreml, 1, -1).reshape(-1, 4).sum(axis=1) == 2).all()


@given(st.floats(0, 1), st.floats(0, 1), st.floats(0.1, 1), st.floats(0.1, 1))
def test_ramp_climbs_to_its_end(one: float, other: float, final: float, until: float) -> None:
    early, late = sorted([one, other])
    assert 0 <= ramp(early, final, until) <= ramp(late, final, until) <= final
    assert ramp(until, final, until) == final
    assert ramp(0, final, until) == 0
