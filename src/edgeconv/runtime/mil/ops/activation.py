"""Activations (MIL: relu, softmax)."""

from __future__ import annotations

from typing import Any

import numpy as np
from numpy.typing import NDArray

Array = NDArray[Any]


def relu(x: Array) -> Array:
    """max(x, 0)."""
    return np.asarray(np.maximum(x, x.dtype.type(0)))


def softmax(x: Array, axis: Any = -1) -> Array:
    """exp(x) / Σ exp(x) along `axis`, shifted by the maximum so that nothing overflows."""
    powers = np.exp(x - np.max(x, axis=int(axis), keepdims=True))
    made: Array = powers / np.sum(powers, axis=int(axis), keepdims=True)
    return made
