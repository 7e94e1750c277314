"""Tensor transformations: the same values in another shape or order."""

from __future__ import annotations

from typing import Any

import numpy as np
from numpy.typing import NDArray

Array = NDArray[Any]


def reshape(x: Array, shape: Any) -> Array:
    """Row-major reshape; −1 is the remaining length.

    0 takes over the dimension of x at the same place counted from the end, or is 1 where x has
    none there (iOS17; before, both had to have the same rank).
    """
    target = [int(d) for d in shape]
    aligned = [1] * (len(target) - x.ndim) + list(x.shape[max(x.ndim - len(target), 0) :])
    if x.size:  # in an empty tensor, a 0 really means 0
        target = [h if d == 0 else d for d, h in zip(target, aligned, strict=True)]
    return x.reshape(target)


def transpose(x: Array, perm: Any) -> Array:
    """Axes in the order `perm`: a view."""
    return np.transpose(x, [int(p) for p in perm])


def expand_dims(x: Array, axes: Any) -> Array:
    """New axes of length 1 at these places of the result."""
    return np.expand_dims(x, tuple(int(a) for a in axes))


def squeeze(x: Array, axes: Any = None) -> Array:
    """Drop the given axes of length 1 (default: all). Longer axes stay, as in PyTorch."""
    candidates = range(x.ndim) if axes is None else [int(a) % x.ndim for a in axes]
    return np.squeeze(x, tuple({a for a in candidates if x.shape[a] == 1}))


def concat(values: tuple[Array, ...], axis: Any, interleave: Any = False) -> Array:
    """Join along `axis`, scalars to a vector; interleaved, entry i of every part comes before
    entry i + 1 of any part."""
    values = tuple(np.atleast_1d(part) for part in values)
    if not interleave:
        return np.concatenate(values, int(axis))
    at = int(axis) % values[0].ndim
    stacked = np.stack(values, at + 1)
    shape = list(values[0].shape)
    shape[at] *= len(values)
    return stacked.reshape(shape)


def slice_by_index(
    x: Array,
    begin: Any,
    end: Any,
    stride: Any = None,
    begin_mask: Any = None,
    end_mask: Any = None,
    squeeze_mask: Any = None,
) -> Array:
    """x[begin:end:stride] for each axis. A mask ignores its bound; squeezing takes one entry."""
    return x[slices(x.shape, begin, end, stride, begin_mask, end_mask, squeeze_mask)]


def slices(
    shape: tuple[int, ...],
    begin: Any,
    end: Any,
    stride: Any = None,
    begin_mask: Any = None,
    end_mask: Any = None,
    squeeze_mask: Any = None,
) -> tuple[slice | int, ...]:
    """NumPy's index for the parameters of slice_by_index."""
    index: list[slice | int] = []
    for i, size in enumerate(shape):
        step = 1 if stride is None else int(stride[i])
        if squeeze_mask is not None and squeeze_mask[i]:
            index.append(int(begin[i]))
            continue
        low = None if begin_mask is not None and begin_mask[i] else int(begin[i])
        high = None if end_mask is not None and end_mask[i] else int(end[i])
        if low is not None and low < 0:
            low = max(low + size, 0)
        if high is not None and high < 0:
            high += size
        # NumPy has no number for counting down to 0 inclusive: −1 would mean the last entry.
        index.append(slice(low, None if high is not None and high < 0 else high, step))
    return tuple(index)


def slice_by_size(x: Array, begin: Any, size: Any) -> Array:
    """`size` entries from `begin` on; −1 means all up to the end."""
    index = []
    for i, have in enumerate(x.shape):
        low = int(begin[i]) % have if have else 0
        count = int(size[i])
        index.append(slice(low, have if count == -1 else low + count))
    return x[tuple(index)]


def slice_update(
    x: Array,
    update: Array,
    begin: Any,
    end: Any,
    stride: Any = None,
    begin_mask: Any = None,
    end_mask: Any = None,
    squeeze_mask: Any = None,
) -> Array:
    """x with the slice that slice_by_index would take replaced (iOS18)."""
    result = x.copy()
    result[slices(x.shape, begin, end, stride, begin_mask, end_mask, squeeze_mask)] = update
    return result


def reshape_like(
    x: Array,
    ref_tensors: tuple[Array, ...],
    begins: tuple[Any, ...],
    ends: tuple[Any, ...],
    end_masks: tuple[Any, ...],
) -> Array:
    """x in a shape put together from parts of the shapes of other tensors (iOS16)."""
    target: list[int] = []
    for ref, begin, end, open_ended in zip(ref_tensors, begins, ends, end_masks, strict=True):
        target += ref.shape[int(begin) : None if open_ended else int(end)]
    return x.reshape(target)
