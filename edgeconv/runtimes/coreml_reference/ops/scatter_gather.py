"""Gathering and scattering (MIL: scatter_gather.py, iOS15–iOS17).

Negative indices count back from the end. With `validate_indices` they are an error, like those
beyond the end; without it, MIL leaves an index out of range undefined, and here it is an error.
"""

from __future__ import annotations

from collections.abc import Callable
from typing import Any

import numpy as np
from numpy.typing import NDArray

Array = NDArray[Any]

_MODES: dict[str, Callable[[Array, Any, Array], None]] = {
    "add": np.add.at,
    "sub": np.subtract.at,
    "mul": np.multiply.at,
    "div": np.divide.at,
    "max": np.maximum.at,
    "min": np.minimum.at,
}


def gather(
    x: Array, indices: Array, axis: Any = 0, batch_dims: Any = 0, validate_indices: Any = False
) -> Array:
    """Slices of x along `axis`; the first `batch_dims` axes of both go together."""
    at, shared = int(axis) % x.ndim, int(batch_dims)
    picks = _checked(indices, x.shape[at], validate_indices)
    if not shared:
        return np.take(x, picks, axis=at)
    lead = x.shape[:shared]
    flat = x.reshape(-1, *x.shape[shared:])
    rows = picks.reshape(-1, *picks.shape[shared:])
    slices = np.stack([np.take(a, b, axis=at - shared) for a, b in zip(flat, rows, strict=True)])
    return slices.reshape(lead + slices.shape[1:])


def gather_along_axis(
    x: Array, indices: Array, axis: Any = 0, validate_indices: Any = False
) -> Array:
    """x[…, indices[…, i, …], …]: NumPy's take_along_axis."""
    picks = _checked(indices, x.shape[int(axis)], validate_indices)
    return np.take_along_axis(x, picks, axis=int(axis))


def gather_nd(
    x: Array, indices: Array, batch_dims: Any = 0, validate_indices: Any = False
) -> Array:
    """Slices of x at the index tuples in the last axis of `indices`."""
    shared = int(batch_dims)
    sizes = x.shape[shared : shared + indices.shape[-1]]
    return x[_tuples(_checked(indices, sizes, validate_indices), shared)]


def scatter(
    data: Array,
    indices: Array,
    updates: Array,
    axis: Any = 0,
    mode: str = "add",
    validate_indices: Any = False,
) -> Array:
    """`data` with the slices at `indices` along `axis` changed by `updates`."""
    result = np.moveaxis(data.copy(), int(axis), 0)
    at = int(axis) % data.ndim
    picks = _checked(indices, data.shape[at], validate_indices)
    news = np.moveaxis(updates, range(at, at + picks.ndim), range(picks.ndim))
    _apply(result, picks, news, mode)
    return np.moveaxis(result, 0, int(axis))


def scatter_along_axis(
    data: Array,
    indices: Array,
    updates: Array,
    axis: Any = 0,
    mode: str = "add",
    validate_indices: Any = False,
) -> Array:
    """`data` with the entries that gather_along_axis would take changed by `updates`."""
    at = int(axis) % data.ndim
    where: list[Array] = list(np.indices(indices.shape, sparse=True))
    where[at] = _checked(indices, data.shape[at], validate_indices)
    result = data.copy()
    _apply(result, tuple(where), updates, mode)
    return result


def scatter_nd(
    data: Array, indices: Array, updates: Array, mode: str = "add", validate_indices: Any = False
) -> Array:
    """`data` with the slices that gather_nd would take changed by `updates`."""
    result = data.copy()
    picks = _checked(indices, data.shape[: indices.shape[-1]], validate_indices)
    _apply(result, _tuples(picks, 0), updates, mode)
    return result


def _checked(indices: Any, size: Any, validate: Any) -> Array:
    """Indices for NumPy. With `validate`, raises IndexError outside [0, size)."""
    picks = np.asarray(indices).astype(np.intp)
    if validate and ((picks < 0) | (picks >= np.asarray(size))).any():
        raise IndexError(f"an index is out of bounds: expected between 0 and {size}")
    return picks


def _apply(target: Array, where: Any, updates: Array, mode: str) -> None:
    """Change `target` in place. Repeated indices add up, except that `update` keeps the last."""
    if mode == "update":
        target[where] = updates
    else:
        _MODES[mode](target, where, updates)


def _tuples(indices: Array, batch_dims: int) -> tuple[Array, ...]:
    """NumPy's index for tuples in the last axis, under leading axes that go together."""
    picks = indices.astype(np.intp)
    lead: list[Array] = list(np.indices(picks.shape[:batch_dims], sparse=True))
    wide = [a.reshape(a.shape + (1,) * (picks.ndim - 1 - batch_dims)) for a in lead]
    return (*wide, *np.moveaxis(picks, -1, 0))
