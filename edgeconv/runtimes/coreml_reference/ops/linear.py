"""Matrix products (MIL: linear.py; scaled_dot_product_attention of iOS18)."""

from __future__ import annotations

from math import sqrt
from typing import Any

import numpy as np
from numpy.typing import NDArray

from edgeconv.runtimes.coreml_reference.ops.activation import softmax

Array = NDArray[Any]


def linear(x: Array, weight: Array, bias: Array | None = None) -> Array:
    """x · weightᵀ + bias, weight (out, in)."""
    products: Array = x @ weight.T
    return products if bias is None else products + bias


def matmul(x: Array, y: Array, transpose_x: Any = False, transpose_y: Any = False) -> Array:
    """Matrix product over the last two axes, the others broadcast as in NumPy.

    A transpose flag is ignored for a vector, which has nothing to transpose.
    """
    left = np.swapaxes(x, -1, -2) if transpose_x and x.ndim > 1 else x
    right = np.swapaxes(y, -1, -2) if transpose_y and y.ndim > 1 else y
    return np.asarray(np.matmul(left, right))


def einsum(values: tuple[Array, ...], equation: str) -> Array:
    """Einstein summation in NumPy's notation."""
    return np.asarray(np.einsum(equation, *values, optimize=len(values) > 2))


def scaled_dot_product_attention(
    query: Array, key: Array, value: Array, attn_mask: Array | None = None
) -> Array:
    """softmax(query · keyᵀ / √E + mask) · value; a boolean mask forbids where it is false."""
    scores = np.matmul(query, np.swapaxes(key, -1, -2)) / query.dtype.type(sqrt(query.shape[-1]))
    if attn_mask is not None and attn_mask.dtype == np.bool_:
        scores = np.where(attn_mask, scores, -np.inf)
    elif attn_mask is not None:
        scores = scores + attn_mask
    return np.asarray(np.matmul(softmax(scores, -1).astype(value.dtype), value))
