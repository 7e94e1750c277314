"""Convolutions (MIL: conv.py, iOS15 and iOS17)."""

from __future__ import annotations

from collections.abc import Iterator, Sequence
from dataclasses import dataclass
from math import prod
from typing import Any

import numpy as np
from numpy.typing import NDArray

from edgeconv.runtime.mil.ops.windows import paddings, windows_last

SCRATCH = 1 << 20  # bytes of gathered windows at once, which stay in the cache


@dataclass(frozen=True)
class Kernel:
    """A convolution with its weights laid out for matrix products, once.

    Attributes:
        size, strides, dilations: of each spatial axis.
        matrices: (groups, kernel · in / groups, out / groups), contiguous.
    """

    size: tuple[int, ...]
    strides: list[int]
    dilations: list[int]
    pad_type: str
    pad: Any
    matrices: NDArray[Any]

    @classmethod
    def of(
        cls,
        weight: NDArray[Any],
        strides: Any,
        pad_type: str,
        pad: Any,
        dilations: Any,
        groups: Any,
    ) -> Kernel:
        """Out of MIL's parameters; weight (out, in / groups, *kernel)."""
        size, split = weight.shape[2:], int(groups)
        last = np.moveaxis(weight, 1, -1).reshape(split, len(weight) // split, -1)
        return cls(
            size,
            [int(s) for s in strides] if strides is not None else [1] * len(size),
            [int(d) for d in dilations] if dilations is not None else [1] * len(size),
            pad_type,
            pad,
            np.ascontiguousarray(last.transpose(0, 2, 1)),
        )

    @property
    def channels(self) -> int:
        """Of the output."""
        return int(self.matrices.shape[0] * self.matrices.shape[2])

    def windows(self, x: NDArray[Any]) -> NDArray[Any]:
        """A view (n, *outputs, *kernel, in) of x (n, in, *spatial), padded."""
        pads = paddings(
            self.pad_type, self.pad, x.shape[2:], self.size, self.strides, self.dilations
        )
        last = np.moveaxis(x, 1, -1)
        if any(map(any, pads)):
            last = np.pad(last, [(0, 0), *pads, (0, 0)])
        return windows_last(np.ascontiguousarray(last), self.size, self.strides, self.dilations)

    def sums(
        self, parts: Sequence[NDArray[Any]], out: NDArray[Any] | None = None
    ) -> Iterator[tuple[slice, list[NDArray[Any]]]]:
        """Sums (samples, *outputs, out) of a few samples at a time, and which these are.

        Windows are gathered and multiplied in one matrix product (im2col), so that sums accumulate
        in the type of the windows in the order BLAS chooses.

        Args:
            parts: windows of the same samples in arrays of one shape; as many arrays of sums.
            out: contiguous array for the sums of a single part; without it, they are overwritten
                by those of the next samples.
        """
        split = parts[0].ndim - len(self.size) - 1
        n, outputs, inner = len(parts[0]), parts[0].shape[1:split], parts[0].shape[split:]
        rows, dtype = prod(outputs), parts[0].dtype
        each = rows * max(len(parts) * prod(inner), 4 * self.channels) * dtype.itemsize
        block = max(1, min(n, SCRATCH // max(1, each)))
        gathered = np.empty((block * len(parts), *outputs, *inner), dtype)
        spare = np.empty((block * len(parts) if out is None else 0, rows, self.channels), dtype)
        for start in range(0, n, block):
            m = min(block, n - start)
            where = slice(start, start + m)
            have = gathered[: len(parts) * m]
            for i, part in enumerate(parts):
                np.copyto(have[i * m : i * m + m], part[where])
            made = spare[: len(parts) * m] if out is None else out[where]
            self._multiply(have.reshape(len(have) * rows, -1), made.reshape(len(have) * rows, -1))
            shaped = made.reshape(len(parts), m, *outputs, self.channels)
            yield where, list(shaped)

    def _multiply(self, rows: NDArray[Any], out: NDArray[Any]) -> None:
        """rows (n, kernel · in) times the matrices of their groups."""
        groups, taps, each = self.matrices.shape
        if groups == 1:
            np.matmul(rows, self.matrices[0], out=out)
            return
        split = rows.reshape(len(rows), prod(self.size), groups, -1).transpose(2, 0, 1, 3)
        parts = split.reshape(groups, len(rows), taps) @ self.matrices
        out.reshape(len(rows), groups, each)[...] = np.moveaxis(parts, 0, 1)


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

    The result is a channels-first view of channels-last memory, which a following convolution
    takes as it is.
    """
    kernel = Kernel.of(weight, strides, pad_type, pad, dilations, groups)
    windows = kernel.windows(x)
    outputs = windows.shape[1 : windows.ndim - len(kernel.size) - 1]
    made = np.empty((len(x), *outputs, kernel.channels), x.dtype)
    for _ in kernel.sums([windows], made):
        pass  # each writes its own part
    if bias is not None:
        made += bias
    return np.moveaxis(made, -1, 1)


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
