"""Pools (MIL: pool.py), axis by axis, since maxima and sums are separable.

Padding and sliding windows, which convolutions and pools share.
"""

from __future__ import annotations

from collections.abc import Sequence
from typing import Any

import numpy as np
from numpy.typing import NDArray

Pads = list[tuple[int, int]]


def paddings(
    pad_type: str,
    pad: Any,
    sizes: Sequence[int],
    kernel: Sequence[int],
    strides: Sequence[int],
    dilations: Sequence[int],
) -> Pads:
    """Elements before and after each spatial axis (MIL: parameter `pad_type` of conv).

    `same` makes ceil(size / stride) outputs and puts an odd element after, `same_lower` before.
    """
    if pad_type == "custom":
        flat = [int(p) for p in pad] if pad is not None else [0] * 2 * len(sizes)
        return [(flat[2 * i], flat[2 * i + 1]) for i in range(len(sizes))]
    if pad_type == "valid":
        return [(0, 0)] * len(sizes)
    pads = []
    for size, k, stride, dilation in zip(sizes, kernel, strides, dilations, strict=True):
        outputs = -(-size // stride)
        total = max((outputs - 1) * stride + (k - 1) * dilation + 1 - size, 0)
        low, high = total // 2, total - total // 2
        pads.append((low, high) if pad_type == "same" else (high, low))
    return pads


def windows_last(
    x: NDArray[Any], kernel: Sequence[int], strides: Sequence[int], dilations: Sequence[int]
) -> NDArray[Any]:
    """A view (n, *outputs, *kernel, channels) of x (n, *spatial, channels)."""
    spatial = x.shape[1:-1]
    outputs = [
        (size - (k - 1) * d - 1) // s + 1
        for size, k, s, d in zip(spatial, kernel, strides, dilations, strict=True)
    ]
    if min(outputs) < 1:
        raise ValueError(f"the window {list(kernel)} is larger than its input {list(spatial)}")
    steps = x.strides[1:-1]
    return np.lib.stride_tricks.as_strided(
        x,
        (x.shape[0], *outputs, *kernel, x.shape[-1]),
        (
            x.strides[0],
            *(step * s for step, s in zip(steps, strides, strict=True)),
            *(step * d for step, d in zip(steps, dilations, strict=True)),
            x.strides[-1],
        ),
        writeable=False,
    )


def max_pool(
    x: NDArray[Any],
    kernel_sizes: Any,
    pad_type: str,
    strides: Any = None,
    pad: Any = None,
    ceil_mode: Any = False,
) -> NDArray[Any]:
    """The largest value of each window; padding never wins."""
    geometry = _geometry(x, kernel_sizes, pad_type, strides, pad, bool(ceil_mode))
    kernel, steps, pads, _ = geometry
    padded = np.pad(x, [(0, 0), (0, 0), *pads], constant_values=-np.inf)
    return reduce_windows(padded, kernel, steps, np.maximum)


def avg_pool(
    x: NDArray[Any],
    kernel_sizes: Any,
    pad_type: str,
    strides: Any = None,
    pad: Any = None,
    exclude_padding_from_average: Any = False,
    ceil_mode: Any = False,
) -> NDArray[Any]:
    """The mean of each window; padding counts as zeros unless it is excluded.

    Elements that `ceil_mode` adds beyond the padding never count, as in PyTorch.
    """
    kernel, steps, pads, extra = _geometry(x, kernel_sizes, pad_type, strides, pad, bool(ceil_mode))
    around = [(0, 0), (0, 0)]
    sums = reduce_windows(np.pad(x, [*around, *pads]), kernel, steps, np.add)
    counted = np.ones((1, 1, *x.shape[2:]), x.dtype)
    inner = [(low, high - more) for (low, high), more in zip(pads, extra, strict=True)]
    fill = 0 if exclude_padding_from_average else 1
    counted = np.pad(counted, [*around, *inner], constant_values=fill)
    counted = np.pad(counted, [*around, *((0, more) for more in extra)])
    mean: NDArray[Any] = sums / reduce_windows(counted, kernel, steps, np.add)
    return mean


def l2_pool(
    x: NDArray[Any],
    kernel_sizes: Any,
    pad_type: str,
    strides: Any = None,
    pad: Any = None,
    ceil_mode: Any = False,
) -> NDArray[Any]:
    """√ Σ x² of each window."""
    kernel, steps, pads, _ = _geometry(x, kernel_sizes, pad_type, strides, pad, bool(ceil_mode))
    squares = np.pad(np.square(x), [(0, 0), (0, 0), *pads])
    return np.asarray(np.sqrt(reduce_windows(squares, kernel, steps, np.add)))


def _geometry(
    x: NDArray[Any], kernel_sizes: Any, pad_type: str, strides: Any, pad: Any, ceil_mode: bool
) -> tuple[list[int], list[int], Pads, list[int]]:
    """ConvKernel, strides, padding, and how much of the padding behind is due to `ceil_mode`."""
    kernel = [int(k) for k in kernel_sizes]
    steps = [int(s) for s in strides] if strides is not None else [1] * len(kernel)
    pads = paddings(pad_type, pad, x.shape[2:], kernel, steps, [1] * len(kernel))
    extra = [0] * len(kernel)
    if ceil_mode:
        for i, (low, high) in enumerate(pads):
            extra[i] = _ceil_extra(x.shape[2 + i], low, high, kernel[i], steps[i])
            pads[i] = (low, high + extra[i])
    return kernel, steps, pads, extra


def _ceil_extra(size: int, low: int, high: int, kernel: int, stride: int) -> int:
    """Elements to add so that a last, partial window fits; it must begin inside the input."""
    outputs = -(-(size + low + high - kernel) // stride) + 1
    if (outputs - 1) * stride >= size + low and low + high > 0:
        outputs -= 1
    return max((outputs - 1) * stride + kernel - size - low - high, 0)


def reduce_windows(
    x: NDArray[Any], kernel: list[int], strides: list[int], join: Any, first: int = 2
) -> NDArray[Any]:
    """Join the entries of each window along the axes from `first` on, keeping the memory's order.

    Raises:
        ValueError: a window is larger than its axis.
    """
    for axis, (k, stride) in enumerate(zip(kernel, strides, strict=True), start=first):
        outputs = (x.shape[axis] - k) // stride + 1
        if outputs < 1:
            raise ValueError(f"the window {k} is larger than its input {x.shape[axis]}")
        span = (outputs - 1) * stride + 1
        taps = [x[(slice(None),) * axis + (slice(t, t + span, stride),)] for t in range(k)]
        reduced = join(taps[0], taps[1]) if k > 1 else taps[0].copy(order="K")
        for tap in taps[2:]:
            join(reduced, tap, out=reduced)
        x = reduced
    return x
