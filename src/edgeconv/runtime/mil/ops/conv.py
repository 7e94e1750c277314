"""Convolutions (MIL: conv, iOS15 and iOS17)."""

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
