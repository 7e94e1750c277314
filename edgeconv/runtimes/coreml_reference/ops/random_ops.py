"""Random operations (MIL: random.py). MIL defines their distributions, not their numbers: here they
are reproducible under a seed and differ from those of a phone."""

from __future__ import annotations

from typing import Any

import numpy as np
from numpy.typing import NDArray

Array = NDArray[Any]


def _generator(random: np.random.Generator, seed: Any) -> np.random.Generator:
    return random if int(seed) < 0 else np.random.default_rng(int(seed))


def _shape(shape: Any) -> tuple[int, ...]:
    return tuple(int(d) for d in np.atleast_1d(shape))


def random_bernoulli(
    shape: Any, random: np.random.Generator, prob: Any = 0.5, seed: Any = -1
) -> Array:
    """1 with probability `prob`, else 0."""
    return np.asarray(_generator(random, seed).random(_shape(shape)) < prob)


def random_normal(
    shape: Any, random: np.random.Generator, mean: Any = 0.0, stddev: Any = 1.0, seed: Any = -1
) -> Array:
    """Normally distributed numbers."""
    return _generator(random, seed).normal(float(mean), float(stddev), _shape(shape))


def random_uniform(
    shape: Any, random: np.random.Generator, low: Any = 0.0, high: Any = 1.0, seed: Any = -1
) -> Array:
    """Evenly distributed numbers in [low, high)."""
    return _generator(random, seed).uniform(float(low), float(high), _shape(shape))


def random_categorical(
    x: Array, random: np.random.Generator, mode: str = "logits", size: Any = 1, seed: Any = -1
) -> Array:
    """`size` class numbers per row, drawn by logits or probabilities along the last axis."""
    weights = np.exp(x - x.max(axis=-1, keepdims=True)) if mode == "logits" else x
    steps = np.cumsum(weights / weights.sum(axis=-1, keepdims=True), axis=-1)
    drawn = _generator(random, seed).random((*x.shape[:-1], int(size), 1))
    return np.asarray(np.sum(drawn > steps[..., None, :-1], axis=-1))
