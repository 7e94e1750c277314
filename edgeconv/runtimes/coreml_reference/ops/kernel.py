"""Convolution by matrix products: weights are arranged once, windows gathered part by part.

The entry of one operation in the table.
"""

from __future__ import annotations

from collections.abc import Callable, Iterator, Sequence
from dataclasses import dataclass
from math import prod
from typing import Any

import numpy as np
from numpy.typing import NDArray

from edgeconv.runtimes.coreml_reference.batching import BatchRule
from edgeconv.runtimes.coreml_reference.ops.pool import paddings, windows_last


@dataclass(frozen=True)
class OpDefinition:
    """One operation of MIL.

    Attributes:
        function: takes MIL's parameters by their names; gives one result, or a tuple of them.
        batch_rule: when it may run on many samples at once; None for never.
        exact: it selects or moves values of one type, so that its result needs no rounding.
        draws: it draws random numbers, from the generator in its parameter `random`.
        stateful: it reads or changes a state.
        variadic: parameters that take several values.
    """

    function: Callable[..., Any]
    batch_rule: BatchRule | None = None
    exact: bool = False
    draws: bool = False
    stateful: bool = False
    variadic: tuple[str, ...] = ()


SCRATCH = 2 << 20  # bytes of gathered windows at once, which stay in the cache


@dataclass(frozen=True)
class ConvKernel:
    """A convolution whose weights are arranged once for matrix products.

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
    ) -> ConvKernel:
        """Build a kernel from MIL's parameters; weight (out, in / groups, *kernel)."""
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
        """The number of output channels."""
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
        """Yields sums (samples, *outputs, out) of a few samples at a time, and their slice.

        Windows are gathered and multiplied in one matrix product (im2col), so that sums accumulate
        in the type of the windows in the order BLAS chooses.

        Args:
            parts: windows of the same samples, in arrays of one shape; each gives an array of sums.
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
            stacked = gathered[: len(parts) * m]
            for i, part in enumerate(parts):
                np.copyto(stacked[i * m : i * m + m], part[where])
            products = spare[: len(parts) * m] if out is None else out[where]
            self._multiply(
                stacked.reshape(len(stacked) * rows, -1), products.reshape(len(stacked) * rows, -1)
            )
            shaped = products.reshape(len(parts), m, *outputs, self.channels)
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
