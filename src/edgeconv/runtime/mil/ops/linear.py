"""Matrix products (MIL: linear, matmul)."""

from __future__ import annotations

from typing import Any

import numpy as np
from numpy.typing import NDArray

Array = NDArray[Any]


def linear(x: Array, weight: Array, bias: Array | None = None) -> Array:
    """x · weightᵀ + bias, weight (out, in)."""
    made: Array = x @ weight.T
    return made if bias is None else made + bias


def matmul(x: Array, y: Array, transpose_x: Any = False, transpose_y: Any = False) -> Array:
    """Matrix product over the last two axes, the others broadcast as in NumPy.

    A transpose flag is ignored for a vector, which has nothing to transpose.
    """
    left = np.swapaxes(x, -1, -2) if transpose_x and x.ndim > 1 else x
    right = np.swapaxes(y, -1, -2) if transpose_y and y.ndim > 1 else y
    return np.asarray(np.matmul(left, right))
