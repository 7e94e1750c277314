"""Moving values between depth, batch and space, and reordering (MIL: tensor_transformation.py)."""

from __future__ import annotations

from typing import Any

import numpy as np
from numpy.typing import NDArray

Array = NDArray[Any]


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
