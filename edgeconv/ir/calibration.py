"""Ranges of activations over real windows: what an integer is to stand for.

The graph is run in NumPy, node by node, twice: once for the extremes of each value, once for a
histogram between them. Memory does not grow with the number of windows, every window counts, and
no converter or runtime has a say in it. Three methods choose the range:

- `minmax`: all that was seen; one outlier widens every step;
- `percentile`: all but the rarest 0.01 % at each end;
- `mse`: the share of the extremes at which the mean squared error of rounding and clipping is
  smallest, for the quantizer that the file will use.
"""

from __future__ import annotations

import sys
from collections.abc import Callable, Collection, Mapping
from dataclasses import dataclass
from typing import TYPE_CHECKING

from edgeconv.core.schemes import MINMAX, MSE, PERCENTILE
from edgeconv.ir.graph import Graph
from edgeconv.ir.nodes.node import Range, Value
from edgeconv.ir.numpy_interpreter import each_input, evaluate

if TYPE_CHECKING:
    import numpy as np
    from numpy.typing import NDArray

    from edgeconv.ir.numpy_interpreter import Inputs

    Array = NDArray[np.float64]

BINS = 4096  # 16 of them are one step of 8 bits over the whole range
TAIL = 1e-4  # share of numbers that `percentile` clips at each end
SHARES = 100  # ranges that `mse` tries: 1 %, 2 %, … of the extremes
READING_LIMIT = 40.0
"""m/s² at which readings are clipped before ranges are measured, after a training and for one: a
rare impact spike would cost all other readings their resolution."""
_CHUNK = 50  # windows evaluated at once


@dataclass(frozen=True)
class Quantizer:
    """How the file rounds: `levels` steps over the range, which `symmetric` centers on 0.

    The range always holds 0, so that padding is exact.
    """

    levels: int
    symmetric: bool

    def span(self, low: float, high: float) -> tuple[float, float]:
        """The range that the integers cover where `low` to `high` was measured."""
        if self.symmetric:
            high = max(abs(low), abs(high))
            return -high, high
        return min(low, 0.0), max(high, 0.0)

    def nudged(self, low: float, high: float) -> tuple[float, float]:
        """The same range, moved by less than half a step so that 0 is one of its numbers.

        A range so narrow that its step is not a normal number becomes one of width 1: nothing but
        zeros was seen, and any step will do.
        """
        low, high = self.span(low, high)
        if (high - low) / self.levels < sys.float_info.min:
            low, high = self.span(0.0, 1.0)
        step = (high - low) / self.levels
        below = round(-low / step)
        return -below * step, (self.levels - below) * step


INT8_SYMMETRIC = Quantizer(levels=254, symmetric=True)
"""−127 … 127 around 0: as coremltools quantizes activations."""
INT8_AFFINE = Quantizer(levels=255, symmetric=False)
"""−128 … 127 with a zero point: TFLite's int8."""


def activation_ranges(
    graph: Graph, windows: Inputs, method: str, quantizer: Quantizer = INT8_AFFINE
) -> dict[str, Range]:
    """For each layer with a kernel, the range (low, high) of what it reads, by the layer's label.

    Args:
        windows: (n, …) of each input, as the graph takes them.
        method: one of `CALIBRATION_METHODS`.
        quantizer: what `mse` measures the error of.
    """
    kernels = {graph.label(node): node.inputs[0] for node in graph.kernel_nodes}
    ranges = ranges_of(graph, windows, method, quantizer, set(kernels.values()))
    return {label: ranges[value] for label, value in kernels.items()}


def ranges_of(
    graph: Graph, windows: Inputs, method: str, quantizer: Quantizer, values: Collection[Value]
) -> dict[Value, Range]:
    """The ranges of some values of a graph, in computed order.

    Args:
        windows: (n, …) of each input, as the graph takes them.
    """
    extremes = _extremes(graph, windows, values)
    if method == MINMAX:
        return extremes
    counts = _histograms(graph, windows, extremes)
    choose = _METHODS[method]
    return {value: choose(counts[value], extremes[value], quantizer) for value in extremes}


def _observe(
    graph: Graph, windows: Inputs, values: Collection[Value], see: Callable[[Value, Array], None]
) -> None:
    looked_for = frozenset(values)

    def look(value: Value, array: Array) -> Array:
        if value in looked_for:
            see(value, array)
        return array

    arrays = each_input(windows)
    for start in range(0, len(arrays[0]), _CHUNK):
        evaluate(graph, *(array[start : start + _CHUNK] for array in arrays), at=look)


def _extremes(graph: Graph, windows: Inputs, values: Collection[Value]) -> dict[Value, Range]:
    extremes: dict[Value, Range] = {}

    def widen(value: Value, array: Array) -> None:
        low, high = extremes.get(value, (float("inf"), float("-inf")))
        extremes[value] = min(low, float(array.min())), max(high, float(array.max()))

    _observe(graph, windows, values, widen)
    return extremes


def _histograms(
    graph: Graph, windows: Inputs, extremes: Mapping[Value, Range]
) -> dict[Value, NDArray[np.int64]]:
    import numpy as np

    counts = {value: np.zeros(BINS, np.int64) for value in extremes}

    def count(value: Value, array: Array) -> None:
        counts[value] += np.histogram(array, BINS, extremes[value])[0]

    _observe(graph, windows, extremes, count)
    return counts


def _percentile(
    counts: NDArray[np.int64], extremes: tuple[float, float], quantizer: Quantizer
) -> tuple[float, float]:
    """Edges of the bins below and above which `TAIL` of all numbers lie."""
    import numpy as np

    del quantizer  # the same for every one
    edges = np.linspace(*extremes, BINS + 1)
    below = np.cumsum(counts) / counts.sum()
    low = int(np.searchsorted(below, TAIL, "right"))
    high = int(np.searchsorted(below, 1 - TAIL, "left"))
    return float(edges[low]), float(edges[min(high, BINS - 1) + 1])


def _least_error(
    counts: NDArray[np.int64], extremes: tuple[float, float], quantizer: Quantizer
) -> tuple[float, float]:
    """The share of the extremes with the smallest Σ count · (x − Q(x))² over the bins' middles."""
    import numpy as np

    edges = np.linspace(*extremes, BINS + 1)
    middles = (edges[:-1] + edges[1:]) / 2
    best, least = extremes, float("inf")
    for share in np.arange(1, SHARES + 1) / SHARES:
        low, high = quantizer.span(extremes[0] * share, extremes[1] * share)
        step = (high - low) / quantizer.levels
        if step == 0:
            continue
        rounded = np.clip(np.rint((middles - low) / step), 0, quantizer.levels) * step + low
        error = float(counts @ (middles - rounded) ** 2)
        if error <= least:  # of equal ones the widest
            best, least = (float(extremes[0] * share), float(extremes[1] * share)), error
    return best


_Choose = Callable[["NDArray[np.int64]", tuple[float, float], Quantizer], tuple[float, float]]
_METHODS: Mapping[str, _Choose] = {PERCENTILE: _percentile, MSE: _least_error}
