"""Padding and sliding windows, which convolutions and pools share."""

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
