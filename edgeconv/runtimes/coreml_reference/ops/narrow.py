"""Matrix products whose sums are float16 numbers too, as Apple's Core AI interpreter adds them.

Every product is rounded to float16, and so is the sum after each term, in the order of the terms.
Arrays are float32 with float16's numbers: a product of two is exact there, and rounding a sum
twice, to 24 and then to 11 bits, is the same as rounding it once.
"""

from __future__ import annotations

from collections.abc import Callable, Mapping
from math import sqrt
from typing import Any

import numpy as np
from numpy.typing import NDArray

from edgeconv.runtimes.coreml_reference.ops.activation import softmax
from edgeconv.runtimes.coreml_reference.precision import half

Array = NDArray[Any]


def product(x: Array, y: Array) -> Array:
    """As `np.matmul`, added term by term."""
    rows, columns = np.atleast_2d(x), y[:, None] if y.ndim == 1 else y
    if rows.shape[-1] != columns.shape[-2]:
        raise ValueError(f"a product of shapes {x.shape} and {y.shape}")
    batch = np.broadcast_shapes(rows.shape[:-2], columns.shape[:-2])
    total = np.zeros((*batch, rows.shape[-2], columns.shape[-1]), np.float32)
    for at in range(rows.shape[-1]):
        total = half(total + half(rows[..., at : at + 1] * columns[..., at : at + 1, :]))
    dropped = [axis for axis, vector in ((-2, x.ndim == 1), (-1, y.ndim == 1)) if vector]
    return np.squeeze(total, tuple(dropped))


def linear(x: Array, weight: Array, bias: Array | None = None) -> Array:
    """x · weightᵀ, then the bias."""
    products = product(x, weight.T)
    return products if bias is None else products + bias


def matmul(x: Array, y: Array, transpose_x: Any = False, transpose_y: Any = False) -> Array:
    """Over the last two axes; a vector has nothing to transpose."""
    left = np.swapaxes(x, -1, -2) if transpose_x and x.ndim > 1 else x
    right = np.swapaxes(y, -1, -2) if transpose_y and y.ndim > 1 else y
    return product(left, right)


def einsum(values: tuple[Array, ...], equation: str) -> Array:
    """Of two values; the labels that the result lacks are added in their order."""
    sides, result = equation.replace(" ", "").split("->")
    summed = "".join(dict.fromkeys(label for label in sides if label not in f"{result},"))
    products = half(np.asarray(np.einsum(f"{sides}->{result}{summed}", *values), np.float32))
    terms = products.reshape(*products.shape[: len(result)], -1)
    total = np.zeros(terms.shape[:-1], np.float32)
    for at in range(terms.shape[-1]):
        total = half(total + terms[..., at])
    return total


def scaled_dot_product_attention(
    query: Array, key: Array, value: Array, attn_mask: Array | None = None
) -> Array:
    """Two such products; scores and weights are rounded to float16."""
    scores = product(query, np.swapaxes(key, -1, -2))
    scores = half(scores / query.dtype.type(sqrt(query.shape[-1])))
    if attn_mask is not None and attn_mask.dtype == np.bool_:
        scores = np.where(attn_mask, scores, np.float32(-np.inf))
    elif attn_mask is not None:
        scores = half(scores + attn_mask)
    return product(half(softmax(scores, -1).astype(np.float32)), value)


NARROW: Mapping[str, Callable[..., Array]] = {
    "einsum": einsum,
    "linear": linear,
    "matmul": matmul,
    "scaled_dot_product_attention": scaled_dot_product_attention,
}
"""The operations that `float16-accumulate` computes in another way, where they give float16."""
