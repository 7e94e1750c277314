"""Resizing and resampling images (MIL: image_resizing.py, iOS15–iOS17)."""

from __future__ import annotations

from typing import Any

import numpy as np
from numpy.typing import NDArray

Array = NDArray[Any]


def grid(size: float, outputs: int, mode: str) -> Array:
    """Where each output samples an axis of `size` (MIL: resize_bilinear, parameter sampling_mode).

    The points are not yet clamped to [0, size − 1]; `linear` does that.
    """
    i = np.arange(outputs, dtype=np.float64)
    if mode == "ALIGN_CORNERS" and outputs == 1:
        return np.array([(size - 1) / 2])
    if mode in ("STRICT_ALIGN_CORNERS", "ALIGN_CORNERS"):
        return i * ((size - 1) / max(outputs - 1, 1))
    if mode == "DEFAULT":
        return i * (size / outputs)
    if mode == "OFFSET_CORNERS":
        delta = max(1, size - 1) / outputs
        return (i + 0.5) * delta
    return (i + 0.5) * (size / outputs) - 0.5  # UNALIGN_CORNERS: half-pixel centres


def linear(x: Array, points: Array, axis: int) -> Array:
    """Linear interpolation along one axis at fractional points, clamped to the axis."""
    size = x.shape[axis]
    at = np.clip(points, 0, size - 1)
    low = np.floor(at).astype(np.intp)
    high = np.minimum(low + 1, size - 1)
    share = (at - low).reshape([-1 if a == axis % x.ndim else 1 for a in range(x.ndim)])
    kind = x.dtype if x.dtype.kind == "f" else np.dtype(np.float64)
    near = np.take(x, low, axis=axis).astype(kind)
    return np.asarray(near + (np.take(x, high, axis=axis) - near) * share.astype(kind))


def _plane(x: Array, height: int, width: int, mode: str) -> Array:
    tall = linear(x, grid(x.shape[-2], height, mode), x.ndim - 2)
    return linear(tall, grid(x.shape[-1], width, mode), x.ndim - 1)


def resize_bilinear(
    x: Array,
    target_size_height: Any = 1,
    target_size_width: Any = 1,
    sampling_mode: str = "DEFAULT",
) -> Array:
    """Bilinear interpolation of the last two axes to these lengths."""
    return _plane(x, int(target_size_height), int(target_size_width), sampling_mode)


def upsample_bilinear(
    x: Array,
    scale_factor_height: Any = 1,
    scale_factor_width: Any = 1,
    align_corners: Any = True,
    half_pixel_centers: Any = None,
) -> Array:
    """Bilinear interpolation to ⌊length · factor⌋; the factor is then recomputed from the lengths.

    Without `align_corners`, samples lie at half-pixel centres unless that is turned off (iOS16).
    """
    height = int(np.floor(x.shape[-2] * np.float32(scale_factor_height)))
    width = int(np.floor(x.shape[-1] * np.float32(scale_factor_width)))
    centres = not align_corners if half_pixel_centers is None else bool(half_pixel_centers)
    mode = "STRICT_ALIGN_CORNERS" if align_corners else "UNALIGN_CORNERS" if centres else "DEFAULT"
    return _plane(x, height, width, mode)


def resize_nearest_neighbor(x: Array, target_size_height: Any, target_size_width: Any) -> Array:
    """The entry at ⌊i · length / outputs⌋ along each of the last two axes."""
    tall = _nearest(x, int(target_size_height), x.ndim - 2)
    return _nearest(tall, int(target_size_width), x.ndim - 1)


def upsample_nearest_neighbor(
    x: Array, scale_factor_height: Any = 1, scale_factor_width: Any = 1
) -> Array:
    """resize_nearest_neighbor to ⌊length · factor⌋."""
    height = int(np.floor(x.shape[-2] * np.float32(scale_factor_height)))
    width = int(np.floor(x.shape[-1] * np.float32(scale_factor_width)))
    return resize_nearest_neighbor(x, height, width)


def _nearest(x: Array, outputs: int, axis: int) -> Array:
    size = x.shape[axis]
    return np.asarray(np.take(x, np.arange(outputs) * size // outputs, axis=axis))


def resize(
    x: Array,
    shape: Any,
    resized_dims: Any,
    interpolation_mode: str = "LINEAR",
    sampling_mode: str = "DEFAULT",
) -> Array:
    """The last `resized_dims` axes to the last lengths in `shape`; 0 keeps a length (iOS17).

    By default the nearest neighbour is the entry that holds the centre of the output's pixel, at
    ⌊(i + ½) · length / outputs⌋, as in coremltools' lowering of TensorFlow's half-pixel resize;
    resize_nearest_neighbor leaves the ½ out. In another mode it is the entry closest to the point.
    """
    count = int(resized_dims)
    resized = x
    for axis, length in enumerate(list(shape)[len(shape) - count :], start=x.ndim - count):
        size = x.shape[axis]
        points = grid(size, int(length) or size, sampling_mode)
        if interpolation_mode == "LINEAR":
            resized = linear(resized, points, axis)
        else:
            shift = size / len(points) / 2 if sampling_mode == "DEFAULT" else 0.5
            near = np.clip(np.floor(points + shift), 0, size - 1)
            resized = np.take(resized, near.astype(np.intp), axis)
    return resized
