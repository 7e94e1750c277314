"""Reductions (MIL: reduction.py) and the classifier output (MIL: classify.py).

Without `axes`, a reduction runs over all of them.
"""

from __future__ import annotations

from collections.abc import Callable
from typing import Any

import numpy as np
from numpy.typing import NDArray

Array = NDArray[Any]
Axes = tuple[int, ...] | None
Reduce = Callable[..., Array]


def _axes(axes: Any) -> Axes:
    return None if axes is None else tuple(int(a) for a in np.atleast_1d(axes))


def over(reduce: Callable[[Array, Axes, bool], Any]) -> Reduce:
    """Turn a function of (x, axes, keep_dims) into an operation with MIL's parameters."""

    def operation(x: Array, axes: Any = None, keep_dims: Any = False) -> Array:
        return np.asarray(reduce(x, _axes(axes), bool(keep_dims)))

    operation.__doc__ = reduce.__doc__
    return operation


@over
def reduce_mean(x: Array, axes: Axes, keep: bool) -> Any:
    """The arithmetic mean."""
    return np.mean(x, axis=axes, keepdims=keep)


@over
def reduce_sum(x: Array, axes: Axes, keep: bool) -> Any:
    """The sum."""
    return np.sum(x, axis=axes, keepdims=keep)


@over
def reduce_max(x: Array, axes: Axes, keep: bool) -> Any:
    """The largest value."""
    return np.max(x, axis=axes, keepdims=keep)


@over
def reduce_min(x: Array, axes: Axes, keep: bool) -> Any:
    """The smallest value."""
    return np.min(x, axis=axes, keepdims=keep)


@over
def reduce_prod(x: Array, axes: Axes, keep: bool) -> Any:
    """The product."""
    return np.prod(x, axis=axes, keepdims=keep)


@over
def reduce_l1_norm(x: Array, axes: Axes, keep: bool) -> Any:
    """Σ |x|."""
    return np.sum(np.abs(x), axis=axes, keepdims=keep)


@over
def reduce_l2_norm(x: Array, axes: Axes, keep: bool) -> Any:
    """√ Σ x²."""
    return np.sqrt(np.sum(np.square(x), axis=axes, keepdims=keep))


@over
def reduce_log_sum(x: Array, axes: Axes, keep: bool) -> Any:
    """ln Σ x."""
    return np.log(np.sum(x, axis=axes, keepdims=keep))


@over
def reduce_log_sum_exp(x: Array, axes: Axes, keep: bool) -> Any:
    """ln Σ exp(x), shifted by the maximum so that nothing overflows."""
    top = np.max(x, axis=axes, keepdims=True)
    logs = np.log(np.sum(np.exp(x - top), axis=axes, keepdims=True)) + top
    return logs if keep else np.squeeze(logs, axes)


@over
def reduce_sum_square(x: Array, axes: Axes, keep: bool) -> Any:
    """Σ x²."""
    return np.sum(np.square(x), axis=axes, keepdims=keep)


def reduce_argmax(
    x: Array, axis: Any = -1, keep_dims: Any = False, output_dtype: str = "int32"
) -> Array:
    """Index of the largest value along `axis`, the first of equals."""
    del output_dtype  # the declared type of the result is the same
    return np.asarray(np.argmax(x, axis=int(axis), keepdims=bool(keep_dims)))


def reduce_argmin(
    x: Array, axis: Any = -1, keep_dims: Any = False, output_dtype: str = "int32"
) -> Array:
    """Index of the smallest value along `axis`, the first of equals."""
    del output_dtype
    return np.asarray(np.argmin(x, axis=int(axis), keepdims=bool(keep_dims)))


def classify(probabilities: Array, classes: list[Any]) -> tuple[Array, Array]:
    """Labels (samples,) of the largest probability, and the probabilities (samples, classes).

    Of equal probabilities the first one counts. MIL makes a dictionary of label → probability;
    here it is an array in the order of `classes`.
    """
    rows = np.reshape(probabilities, (-1, len(classes)))
    return np.array(classes)[np.argmax(rows, axis=1)], rows
