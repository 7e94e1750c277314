"""Affine maps: what folding, layer comparison and contracts share."""

from __future__ import annotations

from typing import Any

import numpy as np
from hypothesis import given
from hypothesis import strategies as st

from edgeconv.core import InputConvention, Normalization, Signal
from edgeconv.core.affine import AffineMap

SEEDS = st.integers(0, 2**32 - 1)


def drawn(seed: int, *shape: int) -> AffineMap:
    rng = np.random.default_rng(seed)
    return AffineMap(
        rng.uniform(0.1, 3, shape) * rng.choice([-1, 1], shape), rng.normal(size=shape)
    )


@given(SEEDS)
def test_then_and_invert(seed: int) -> None:
    one, other = drawn(seed, 5, 3), drawn(seed + 1, 5, 3)
    values = np.random.default_rng(seed).normal(size=(4, 5, 3))
    np.testing.assert_allclose(one.then(other).apply(values), other.apply(one.apply(values)))
    np.testing.assert_allclose(one.invert(one.apply(values)), values)


@given(SEEDS)
def test_per_channel_and_broadcast_and_reshape(seed: int) -> None:
    channels = drawn(seed, 3)
    full = channels.broadcast((5, 3))
    again = full.per_channel()
    assert again is not None
    assert (again.scale == channels.scale).all()
    assert (again.offset == channels.offset).all()
    assert drawn(seed, 5, 3).per_channel() is None
    assert full.reshape((15,)).scale.shape == (15,)


def test_is_identity() -> None:
    assert AffineMap(np.ones(3), np.zeros(3)).is_identity
    assert not AffineMap(np.ones(3), np.array([0, 0, 1e-9])).is_identity


@given(SEEDS, st.floats(-10, 10), st.floats(-10, 10))
def test_map_range_holds_every_value_and_its_ends(seed: int, a: float, b: float) -> None:
    affine, limits = drawn(seed, 3), (min(a, b), max(a, b))
    low, high = affine.map_range(limits)
    ends = affine.apply(np.array([[limits[0]] * 3, [limits[1]] * 3]))
    assert low == ends.min()
    assert high == ends.max()


@given(
    st.sampled_from(list(InputConvention)),
    st.sampled_from(list(InputConvention)),
    SEEDS,
)
def test_signal_affine_to_turns_one_input_into_the_other(
    one: InputConvention, other: InputConvention, seed: int
) -> None:
    signal = Signal(window=4, step=2, normalization=Normalization((1.0, 9.0, 0.0), (2.0, 3.0, 4.0)))
    canonical = np.random.default_rng(seed).normal(0, 9, (2, 12)).astype(np.float32)
    first, second = signal.for_sensor(one), signal.for_sensor(other)
    steps: Any = first.encode(canonical).reshape(2, 4, 3).astype(np.float64)
    expected = second.encode(canonical).reshape(2, 4, 3)
    np.testing.assert_allclose(first.affine_to(second).apply(steps), expected, atol=1e-4)
