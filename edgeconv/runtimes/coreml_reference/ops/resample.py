"""Sampling images at computed places (MIL: image_resizing.py: crop_resize, resample, affine).

Resizing and resampling images (MIL: image_resizing.py, iOS15–iOS17).
"""

from __future__ import annotations

from typing import Any

import numpy as np
from numpy.typing import NDArray


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
    """The entry that holds the center of the output's pixel, ⌊(i + ½) · length / outputs⌋.

    So on each of the last two axes: coremltools lowers TensorFlow's half-pixel resize to this.
    """
    tall = _nearest(x, int(target_size_height), x.ndim - 2, 0.5)
    return _nearest(tall, int(target_size_width), x.ndim - 1, 0.5)


def upsample_nearest_neighbor(
    x: Array, scale_factor_height: Any = 1, scale_factor_width: Any = 1
) -> Array:
    """The entry at ⌊i · length / outputs⌋, to ⌊length · factor⌋ outputs on the last two axes.

    Unlike resize_nearest_neighbor: coremltools lowers the resize without half pixels to this.
    """
    height = int(np.floor(x.shape[-2] * np.float32(scale_factor_height)))
    width = int(np.floor(x.shape[-1] * np.float32(scale_factor_width)))
    return _nearest(_nearest(x, height, x.ndim - 2, 0.0), width, x.ndim - 1, 0.0)


def _nearest(x: Array, outputs: int, axis: int, shift: float) -> Array:
    """The entries at ⌊(i + shift) · length / outputs⌋ of an axis; shift is 0 or ½."""
    doubled = 2 * np.arange(outputs) + round(2 * shift)
    return np.asarray(np.take(x, doubled * x.shape[axis] // (2 * outputs), axis=axis))


def resize(
    x: Array,
    shape: Any,
    resized_dims: Any,
    interpolation_mode: str = "LINEAR",
    sampling_mode: str = "DEFAULT",
) -> Array:
    """The last `resized_dims` axes to the last lengths in `shape`; 0 keeps a length (iOS17).

    By default the nearest neighbor is that of resize_nearest_neighbor; in another mode it is the
    entry closest to the point.
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


Array = NDArray[Any]


def crop_resize(
    x: Array,
    roi: Array | None = None,
    boxes: Array | None = None,
    box_indices: Array | None = None,
    target_height: Any = 1,
    target_width: Any = 1,
    normalized_coordinates: Any = False,
    spatial_scale: Any = 1.0,
    box_coordinate_mode: str = "CORNERS_HEIGHT_FIRST",
    sampling_mode: str = "DEFAULT",
    pad_value: Any = 0.0,
) -> Array:
    """Boxes of images, resized bilinearly.

    Up to iOS16 boxes are `roi` (n, 1, 4 or 5, 1, 1), each for all images or for the one that its
    first number names; from iOS17 on `boxes` (n, 4), each for image `box_indices[i]`, or i.
    """
    frame = (int(target_height), int(target_width), sampling_mode, pad_value)
    table = np.asarray(roi if roi is not None else boxes, np.float64)
    table = table.reshape(len(table), -1)
    corners = _corners(table[:, -4:], box_coordinate_mode) * float(spatial_scale)
    if normalized_coordinates:
        corners = corners * np.tile([x.shape[-2] - 1, x.shape[-1] - 1], 2)
    if roi is None:
        images = np.arange(len(table)) if box_indices is None else box_indices.astype(np.intp)
        crops = [_crop(x[i], box, *frame) for i, box in zip(images, corners, strict=True)]
        return np.stack(crops)
    if table.shape[1] == 5:
        crops = [_crop(x[int(r[0])], b, *frame) for r, b in zip(table, corners, strict=True)]
        return np.stack(crops)[:, None]
    return np.stack([np.stack([_crop(i, box, *frame) for i in x]) for box in corners])


def _corners(boxes: Array, mode: str) -> Array:
    """Boxes as (top, left, bottom, right)."""
    if mode.endswith("WIDTH_FIRST"):
        boxes = boxes[:, [1, 0, 3, 2]]
    if mode.startswith("CENTER_SIZE"):
        half = boxes[:, 2:] / 2
        return np.concatenate([boxes[:, :2] - half, boxes[:, :2] + half], axis=1)
    return boxes


def _crop(image: Array, box: Array, height: int, width: int, mode: str, pad_value: Any) -> Array:
    # A box from pixel a to pixel b is sampled like an image of b − a + 1 pixels.
    rows = box[0] + grid(box[2] - box[0] + 1, height, mode)
    columns = box[1] + grid(box[3] - box[1] + 1, width, mode)
    ys, xs = np.meshgrid(rows, columns, indexing="ij")
    return _bilinear(image, ys, xs, "clamp", pad_value)


def resample(
    x: Array,
    coordinates: Array,
    sampling_mode: str,
    padding_mode: str,
    padding_value: Any,
    coordinates_mode: str,
    align_corners: Any,
) -> Array:
    """Each image at `coordinates` (batch, rows, columns, (x, y)), as torch's grid_sample."""
    points = np.asarray(coordinates, np.float64)
    height, width = x.shape[-2:]
    columns = _unnormalized(points[..., 0], width, coordinates_mode, bool(align_corners))
    rows = _unnormalized(points[..., 1], height, coordinates_mode, bool(align_corners))
    columns = _fold(columns, width, padding_mode, bool(align_corners))
    rows = _fold(rows, height, padding_mode, bool(align_corners))
    if sampling_mode == "nearest":
        rows, columns = np.rint(rows), np.rint(columns)
    edge = "constant" if padding_mode == "constant" else "clamp"
    return np.stack(
        [_bilinear(i, r, c, edge, padding_value) for i, r, c in zip(x, rows, columns, strict=True)]
    )


def affine(
    x: Array,
    transform_matrix: Array,
    output_height: Any,
    output_width: Any,
    sampling_mode: str,
    padding_mode: str,
    padding_value: Any,
    coordinates_mode: str,
    align_corners: Any,
) -> Array:
    """Resample at the places to which a 2 × 3 matrix maps the output's coordinates."""
    ys = _centres(int(output_height), bool(align_corners))
    xs = _centres(int(output_width), bool(align_corners))
    columns, rows = np.meshgrid(xs, ys)
    grid_points = np.stack([columns, rows, np.ones_like(rows)], axis=-1)
    matrices = np.broadcast_to(transform_matrix, (len(x), 6)).reshape(-1, 2, 3)
    places = np.einsum("hwk,bjk->bhwj", grid_points, np.asarray(matrices, np.float64))
    return resample(
        x, places, sampling_mode, padding_mode, padding_value, coordinates_mode, align_corners
    )


def _centres(n: int, align_corners: bool) -> Array:
    """Pixels of an axis in coordinates from −1 to 1."""
    if align_corners:
        return np.linspace(-1, 1, n)
    return (np.arange(n) * 2 + 1) / n - 1


def _unnormalized(points: Array, size: int, mode: str, align_corners: bool) -> Array:
    """Coordinates in pixels, 0 at the centre of the first one."""
    if mode == "unnormalized":
        return points
    unit = (points + 1) / 2 if mode == "normalized_minus_one_to_one" else points
    return unit * (size - 1) if align_corners else unit * size - 0.5


def _fold(points: Array, size: int, mode: str, align_corners: bool) -> Array:
    """Move places outside the image back into it by the rule of the padding mode."""
    if mode == "constant":
        return points
    if mode == "reflection":
        low, span = (0.0, size - 1) if align_corners else (-0.5, size)
        points = _mirror(points - low, span) + low
    elif mode == "symmetric":
        points = _mirror(points + 0.5, size) - 0.5
    return np.clip(points, 0, size - 1)


def _mirror(points: Array, span: float) -> Array:
    """Reflect back and forth between 0 and `span`."""
    if span == 0:
        return np.zeros_like(points)
    around = np.mod(points, 2 * span)
    return np.where(around > span, 2 * span - around, around)


def _bilinear(image: Array, rows: Array, columns: Array, edge: str, pad_value: Any) -> Array:
    """Values (channels, …) at fractional places.

    `constant` pads each of the four neighbours separately; `clamp` pads only places outside the
    image, as tf.image.crop_and_resize extrapolates.
    """
    height, width = image.shape[-2:]
    top, left = np.floor(rows), np.floor(columns)
    down, right = rows - top, columns - left
    total = np.zeros((len(image), *rows.shape), np.float64)
    for y, x, share in (
        (top, left, (1 - down) * (1 - right)),
        (top, left + 1, (1 - down) * right),
        (top + 1, left, down * (1 - right)),
        (top + 1, left + 1, down * right),
    ):
        ys = np.clip(y, 0, height - 1).astype(np.intp)
        xs = np.clip(x, 0, width - 1).astype(np.intp)
        values = image[:, ys, xs]
        if edge == "constant":
            in_image = (y >= 0) & (y < height) & (x >= 0) & (x < width)
            values = np.where(in_image, values, pad_value)
        total += np.where(share > 0, values * share, 0)
    if edge == "clamp":
        in_image = (rows >= 0) & (rows <= height - 1) & (columns >= 0) & (columns <= width - 1)
        total = np.where(in_image, total, pad_value)
    return total
