"""Convolutions (MIL: conv.py, iOS15 and iOS17)."""

from __future__ import annotations

from math import prod
from typing import Any

import numpy as np
from numpy.typing import NDArray

from edgeconv.runtime.mil.ops.windows import paddings, windows_last


def conv(
    x: NDArray[Any],
    weight: NDArray[Any],
    bias: NDArray[Any] | None = None,
    strides: Any = None,
    pad_type: str = "valid",
    pad: Any = None,
    dilations: Any = None,
    groups: Any = 1,
) -> NDArray[Any]:
    """Cross-correlation of x (n, in, *spatial) with weight (out, in / groups, *kernel).

    Windows are gathered channels-last and multiplied in one matrix product (im2col), so that sums
    accumulate in the type of x in the order BLAS chooses. The result is a channels-first view of
    channels-last memory, which a following convolution takes as it is.
    """
    kernel = weight.shape[2:]
    steps = [int(s) for s in strides] if strides is not None else [1] * len(kernel)
    spread = [int(d) for d in dilations] if dilations is not None else [1] * len(kernel)
    pads = paddings(pad_type, pad, x.shape[2:], kernel, steps, spread)
    last = np.moveaxis(x, 1, -1)
    if any(map(any, pads)):
        last = np.pad(last, [(0, 0), *pads, (0, 0)])
    windows = windows_last(np.ascontiguousarray(last), kernel, steps, spread)
    made = _product(windows, np.moveaxis(weight, 1, -1), int(groups))
    if bias is not None:
        made += bias
    return np.moveaxis(made, -1, 1)


def _product(windows: NDArray[Any], weight: NDArray[Any], groups: int) -> NDArray[Any]:
    """windows (n, *outputs, *kernel, in) · weight (out, *kernel, in / groups)."""
    kernel = weight.shape[1:-1]
    head = windows.shape[: windows.ndim - len(kernel) - 1]
    rows, taps, channels = prod(head), prod(kernel), windows.shape[-1]
    if groups == 1:
        made: NDArray[Any] = windows.reshape(rows, -1) @ weight.reshape(len(weight), -1).T
        return made.reshape(*head, -1)
    split = windows.reshape(rows, taps, groups, channels // groups).transpose(2, 0, 1, 3)
    kernels = weight.reshape(groups, len(weight) // groups, -1)
    parts: NDArray[Any] = split.reshape(groups, rows, -1) @ kernels.transpose(0, 2, 1)
    return np.moveaxis(parts, 0, 1).reshape(*head, -1)


def conv_transpose(
    x: NDArray[Any],
    weight: NDArray[Any],
    bias: NDArray[Any] | None = None,
    pad: Any = None,
    output_shape: Any = None,
    pad_type: str = "valid",
    strides: Any = None,
    dilations: Any = None,
    groups: Any = 1,
) -> NDArray[Any]:
    """Each input spreads weight (in, out / groups, *kernel) over the output, which is then cropped.

    `same` and `output_shape` crop evenly, an odd element behind (MIL: conv_transpose).
    """
    kernel, split = weight.shape[2:], int(groups)
    steps = [int(s) for s in strides] if strides is not None else [1] * len(kernel)
    spread = [int(d) for d in dilations] if dilations is not None else [1] * len(kernel)
    spans = [
        ((size - 1) * s + 1, (k - 1) * d)
        for size, s, k, d in zip(x.shape[2:], steps, kernel, spread, strict=True)
    ]
    last = np.moveaxis(x, 1, -1)
    parts = np.stack(np.split(last, split, axis=-1))
    kernels = weight.reshape(split, -1, *weight.shape[1:])
    full = np.zeros(
        (split, len(x), *(a + b for a, b in spans), weight.shape[1]), np.result_type(x, weight)
    )
    middle = (split,) + (1,) * (x.ndim - 2)
    for tap in np.ndindex(*kernel):
        taps = kernels[(slice(None), slice(None), slice(None), *tap)]
        where = (
            slice(t * d, t * d + span, s)
            for t, d, (span, _), s in zip(tap, spread, spans, steps, strict=True)
        )
        full[(slice(None), slice(None), *where)] += parts @ taps.reshape(*middle, *taps.shape[1:])
    joined = np.moveaxis(full, 0, -2).reshape(*full.shape[1:-1], -1)
    cropped = _crop(joined, _target(x, steps, pad_type, output_shape), pad_type, pad)
    if bias is not None:
        cropped = cropped + bias
    return np.moveaxis(cropped, -1, 1)


def _target(
    x: NDArray[Any], strides: list[int], pad_type: str, output_shape: Any
) -> list[int] | None:
    """The spatial lengths asked for, None if they follow from the padding."""
    if output_shape is not None:
        return [int(d) for d in output_shape[2:]]
    if pad_type in ("same", "same_lower"):
        return [size * s for size, s in zip(x.shape[2:], strides, strict=True)]
    return None


def _crop(full: NDArray[Any], target: list[int] | None, pad_type: str, pad: Any) -> NDArray[Any]:
    """Take away what the padding of the forward convolution would have covered."""
    sizes = full.shape[1:-1]
    flat = (
        [int(p) for p in pad] if pad is not None and pad_type == "custom" else [0] * 2 * len(sizes)
    )
    index: list[slice] = [slice(None)]
    behind = []
    for i, size in enumerate(sizes):
        low, length = flat[2 * i], size - flat[2 * i] - flat[2 * i + 1]
        if target is not None:
            excess = size - target[i]
            if pad_type != "custom":
                low = max(excess, 0) // 2 if pad_type != "same_lower" else -(-max(excess, 0) // 2)
            length = target[i]
        index.append(slice(low, low + length))
        behind.append((0, max(low + length - size, 0)))
    return np.pad(full, [(0, 0), *behind, (0, 0)])[tuple(index)]
