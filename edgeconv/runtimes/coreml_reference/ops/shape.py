"""Tensor transformations: the same values in another shape or order.

Moving values between depth, batch and space, and reordering (MIL: tensor_transformation.py).
"""

from __future__ import annotations

from typing import Any

import numpy as np
from numpy.typing import NDArray


def depth_to_space(x: Array, block_size: Any) -> Array:
    """(n, b·b·c, h, w) → (n, c, h·b, w·b), the block's position in the slow part of the depth."""
    n, c, h, w = x.shape
    b = int(block_size)
    parts = x.reshape(n, b, b, c // (b * b), h, w).transpose(0, 3, 4, 1, 5, 2)
    return parts.reshape(n, c // (b * b), h * b, w * b)


def space_to_depth(x: Array, block_size: Any) -> Array:
    """The inverse of depth_to_space."""
    n, c, h, w = x.shape
    b = int(block_size)
    parts = x.reshape(n, c, h // b, b, w // b, b).transpose(0, 3, 5, 1, 2, 4)
    return parts.reshape(n, c * b * b, h // b, w // b)


def pixel_shuffle(x: Array, upscale_factor: Any) -> Array:
    """(n, c·f·f, h, w) → (n, c, h·f, w·f), the block's position in the fast part of the depth."""
    n, c, h, w = x.shape
    f = int(upscale_factor)
    parts = x.reshape(n, c // (f * f), f, f, h, w).transpose(0, 1, 4, 2, 5, 3)
    return parts.reshape(n, c // (f * f), h * f, w * f)


def pixel_unshuffle(x: Array, downscale_factor: Any) -> Array:
    """The inverse of pixel_shuffle."""
    n, c, h, w = x.shape
    f = int(downscale_factor)
    parts = x.reshape(n, c, h // f, f, w // f, f).transpose(0, 1, 3, 5, 2, 4)
    return parts.reshape(n, c * f * f, h // f, w // f)


def space_to_batch(x: Array, block_shape: Any, paddings: Any) -> Array:
    """Pad with zeros, then move each position of a block into the batch, its slow part."""
    (top, bottom), (left, right) = ((int(a), int(b)) for a, b in paddings)
    rows, columns = (int(b) for b in block_shape)
    padded = np.pad(x, [(0, 0), (0, 0), (top, bottom), (left, right)])
    n, c, h, w = padded.shape
    parts = padded.reshape(n, c, h // rows, rows, w // columns, columns)
    return parts.transpose(3, 5, 0, 1, 2, 4).reshape(-1, c, h // rows, w // columns)


def batch_to_space(x: Array, block_shape: Any, crops: Any) -> Array:
    """The inverse of space_to_batch, its padding cropped."""
    (top, bottom), (left, right) = ((int(a), int(b)) for a, b in crops)
    rows, columns = (int(b) for b in block_shape)
    _, c, h, w = x.shape
    parts = x.reshape(rows, columns, -1, c, h, w).transpose(2, 3, 4, 0, 5, 1)
    uncropped = parts.reshape(-1, c, h * rows, w * columns)
    return uncropped[:, :, top : h * rows - bottom, left : w * columns - right]


def crop(x: Array, crop_height: Any, crop_width: Any) -> Array:
    """Crop the given numbers of elements off the ends of the last two axes."""
    (top, bottom), (left, right) = (tuple(int(v) for v in c) for c in (crop_height, crop_width))
    return x[..., top : x.shape[-2] - bottom, left : x.shape[-1] - right]


def reverse(x: Array, axes: Any = None) -> Array:
    """Reverse the order along `axes` (default: all)."""
    return np.flip(x, None if axes is None else tuple(int(a) for a in axes))


def reverse_sequence(x: Array, lengths: Any, seq_axis: Any = 0, batch_axis: Any = 0) -> Array:
    """Reverse each entry of `batch_axis` along `seq_axis`, within its length."""
    moved = np.moveaxis(x, (int(batch_axis), int(seq_axis)), (0, 1)).copy()
    for row, length in zip(moved, lengths, strict=True):
        row[: int(length)] = row[: int(length)][::-1].copy()
    return np.moveaxis(moved, (0, 1), (int(batch_axis), int(seq_axis)))


def sliding_windows(x: Array, axis: Any, size: Any, stride: Any = 1) -> Array:
    """All windows of `size` along `axis`, which becomes (windows, size)."""
    at = int(axis) % x.ndim
    views = np.lib.stride_tricks.sliding_window_view(x, int(size), axis=at)
    chosen = np.moveaxis(views, -1, at + 1)
    return chosen[(slice(None),) * at + (slice(None, None, int(stride)),)]


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
