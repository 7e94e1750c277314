"""Tensor operations (MIL: tensor_operation.py, iOS15–iOS17)."""

from __future__ import annotations

from typing import Any

import numpy as np
from numpy.typing import NDArray

Array = NDArray[Any]


def band_part(x: Array, lower: Any = -1, upper: Any = -1) -> Array:
    """The band of each matrix from `lower` diagonals below to `upper` above; negative keeps all."""
    rows, columns = np.arange(x.shape[-2])[:, None], np.arange(x.shape[-1])
    keep = np.ones((x.shape[-2], x.shape[-1]), np.bool_)
    if int(lower) >= 0:
        keep &= rows - columns <= int(lower)
    if int(upper) >= 0:
        keep &= columns - rows <= int(upper)
    return np.where(keep, x, x.dtype.type(0))


def cumsum(x: Array, axis: Any = 0, exclusive: Any = False, reverse: Any = False) -> Array:
    """Running sums; exclusive ones begin with 0, reverse ones run from the end."""
    at = int(axis)
    ordered = np.flip(x, at) if reverse else x
    sums = np.cumsum(ordered, axis=at)
    if exclusive:
        sums = sums - ordered
    return np.flip(sums, at) if reverse else sums


def fill(shape: Any, value: Any = 0.0) -> Array:
    """A tensor of one value."""
    return np.full([int(d) for d in shape], value)


def fill_like(ref_tensor: Array, value: Any = 0.0) -> Array:
    """A tensor of one value in the shape of another."""
    return np.full(ref_tensor.shape, value)


def non_zero(x: Array) -> Array:
    """Indices of the entries that are not 0, one row each."""
    return np.argwhere(x)


def one_hot(
    indices: Array,
    one_hot_vector_size: Any,
    axis: Any = -1,
    on_value: Any = 1,
    off_value: Any = 0,
) -> Array:
    """`on_value` where the new axis equals the index, else `off_value`."""
    hot = np.asarray(indices)[..., None] == np.arange(int(one_hot_vector_size))
    return np.moveaxis(np.where(hot, on_value, off_value), -1, int(axis))


_PAD_MODES = {"constant": "constant", "reflect": "reflect", "replicate": "edge"}


def pad(x: Array, pad: Any, mode: str = "constant", constant_val: Any = 0.0) -> Array:
    """Pad before and after each of the last axes; `pad` holds two numbers for each."""
    flat = [int(p) for p in pad]
    around = [(flat[i], flat[i + 1]) for i in range(0, len(flat), 2)]
    around = [(0, 0)] * (x.ndim - len(around)) + around
    if mode == "constant":
        return np.pad(x, around, constant_values=constant_val)
    padded: Array = np.pad(x, around, mode=_PAD_MODES[mode])  # type: ignore[call-overload]
    return padded


def range_1d(end: Any, start: Any, step: Any) -> Array:
    """start, start + step, … below `end`."""
    return np.arange(start, end, step)


def tile(x: Array, reps: Any) -> Array:
    """Repeat x the given number of times along each axis."""
    return np.tile(x, [int(r) for r in reps])


def argsort(x: Array, axis: Any = -1, ascending: Any = False) -> Array:
    """Indices that sort x; equals keep their order."""
    return np.argsort(x if ascending else _descending(x), axis=int(axis), kind="stable")


def topk(
    x: Array,
    k: Any = 1,
    axis: Any = -1,
    ascending: Any = False,
    sort: Any = True,
    return_indices: Any = True,
    output_indices_dtype: str = "int32",
) -> Any:
    """The k largest values (smallest, if ascending), in order, and their indices."""
    del sort, output_indices_dtype  # sorted is one of the allowed orders
    at = int(axis)
    count = x.shape[at] if int(k) == -1 else int(k)
    order = np.take(argsort(x, at, ascending), np.arange(count), axis=at)
    values = np.take_along_axis(x, order, axis=at)
    return (values, order) if return_indices else values


def _descending(x: Array) -> Array:
    return -(x if x.dtype.kind == "f" else x.astype(np.int64))


def flatten2d(x: Array, axis: Any = 1) -> Array:
    """Join the axes before `axis` into one, and the others into another."""
    rows = int(np.prod(x.shape[: int(axis)], dtype=np.int64))
    return x.reshape(rows, -1 if x.size else int(np.prod(x.shape[int(axis) :])))


def shape(x: Array) -> Array:
    """Lengths of the axes."""
    return np.array(x.shape)


def split(
    x: Array, axis: Any, num_splits: Any = None, split_sizes: Any = None
) -> tuple[Array, ...]:
    """Equal parts, or parts of these sizes, along `axis`."""
    if split_sizes is None:
        return tuple(np.split(x, int(num_splits), int(axis)))
    return tuple(np.split(x, np.cumsum(split_sizes)[:-1], int(axis)))


def stack(values: tuple[Array, ...], axis: Any) -> Array:
    """Tensors of one shape along a new axis."""
    return np.stack(values, int(axis))


def non_maximum_suppression(
    boxes: Array,
    scores: Array,
    iou_threshold: Any,
    score_threshold: Any,
    max_boxes: Any,
    per_class_suppression: Any = False,
) -> tuple[Array, Array, Array, Array]:
    """Boxes (batch, n, 4) by falling best score, without those that overlap a better one too much.

    A box is (centre x, centre y, width, height). Outputs are boxes, scores, indices (−1 and zeros
    where fewer than `max_boxes` remain) and how many remain. The best box is kept even if its score
    is too low (as in coremltools' own reference of its tests).
    """
    limit, batch = int(max_boxes), len(boxes)
    chosen = np.full((batch, limit), -1, np.int64)
    for sample in range(batch):
        best = np.max(scores[sample], axis=-1)
        kinds = np.argmax(scores[sample], axis=-1) if per_class_suppression else np.zeros(len(best))
        indices = _suppress(
            boxes[sample], best, kinds, float(iou_threshold), float(score_threshold)
        )
        selected = (indices or [int(np.argmax(best))])[:limit]
        chosen[sample, : len(selected)] = selected
    there = (chosen >= 0)[..., None]
    rows = np.arange(batch)[:, None]
    return (
        np.where(there, boxes[rows, chosen], 0),
        np.where(there, scores[rows, chosen], 0),
        chosen,
        np.sum(chosen >= 0, axis=1),
    )


def _suppress(boxes: Array, best: Array, kinds: Array, iou: float, least: float) -> list[int]:
    selected: list[int] = []
    for i in np.argsort(-best, kind="stable"):
        if best[i] < least:
            break
        same = [j for j in selected if kinds[j] == kinds[i]]
        if all(_overlap(boxes[i], boxes[j]) <= iou for j in same):
            selected.append(int(i))
    return selected


def _overlap(one: Array, other: Array) -> float:
    """Intersection over union of two boxes (centre x, centre y, width, height)."""
    low = np.maximum(one[:2] - one[2:] / 2, other[:2] - other[2:] / 2)
    high = np.minimum(one[:2] + one[2:] / 2, other[:2] + other[2:] / 2)
    inner = float(np.prod(np.maximum(high - low, 0)))
    union = float(np.prod(one[2:]) + np.prod(other[2:])) - inner
    return inner / union if union > 0 else 0.0
