"""Ranges of activations over real windows: what an integer is to stand for.

The plan is run in NumPy, layer by layer, twice: once for the extremes of what each kernel reads,
once for a histogram between them. Memory does not grow with the number of windows, every window
counts, and no converter or runtime has a say in it. Three methods choose the range:

- `minmax`: all that was seen; one outlier widens every step;
- `percentile`: all but the rarest 0.01 % at each end;
- `mse`: the share of the extremes at which the mean squared error of rounding and clipping is
  smallest, for the quantizer that the file will use.
"""

from __future__ import annotations

import sys
from collections.abc import Callable, Mapping
from dataclasses import dataclass
from typing import TYPE_CHECKING

from edgeconv.core.schemes import MINMAX, MSE, PERCENTILE
from edgeconv.ir.graph import Conv, Dense, Depthwise, Layer, Plan
from edgeconv.ir.numpy_interpreter import evaluate

if TYPE_CHECKING:
    import numpy as np
    from numpy.typing import NDArray

    Array = NDArray[np.float64]
    Ranges = dict[str, tuple[float, float]]

BINS = 4096  # 16 of them are one step of 8 bits over the whole range
TAIL = 1e-4  # share of numbers that `percentile` clips at each end
SHARES = 100  # ranges that `mse` tries: 1 %, 2 %, … of the extremes
_CHUNK = 50  # windows evaluated at once


@dataclass(frozen=True)
class Quantizer:
    """How the file rounds: `levels` steps over the range, which `symmetric` centres on 0.

    The range always holds 0, so that padding is exact.
    """

    levels: int
    symmetric: bool

    def span(self, low: float, high: float) -> tuple[float, float]:
        """The range that is really used for a wanted one."""
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
"""−127 … 127 around 0: what Core ML's own quantization of activations writes."""
INT8_AFFINE = Quantizer(levels=255, symmetric=False)
"""−128 … 127 with a zero point: TFLite's int8."""


def activation_ranges(
    plan: Plan, windows: Array, method: str, quantizer: Quantizer = INT8_AFFINE
) -> Ranges:
    """For each layer with a kernel, the range (low, high) of what it reads, by the layer's name.

    Args:
        windows: (n, features), as the plan takes them.
        method: one of `CALIBRATION_METHODS`.
        quantizer: what `mse` measures the error of.
    """
    kernels = {
        i: layer.name
        for i, layer in enumerate(plan.layers)
        if isinstance(layer, Conv | Depthwise | Dense)
    }
    return ranges_of(plan, windows, method, quantizer, kernels)


def ranges_of(
    plan: Plan, windows: Array, method: str, quantizer: Quantizer, wanted: Mapping[int, str]
) -> Ranges:
    """The ranges of some values, each under a name of the caller's.

    Args:
        wanted: number of a value → its name; value `i` is what layer `i` reads, and the last one
            is the output.
    """
    extremes = _extremes(plan, windows, wanted)
    if method == MINMAX:
        return extremes
    counts = _histograms(plan, windows, wanted, extremes)
    choose = _METHODS[method]
    return {name: choose(counts[name], extremes[name], quantizer) for name in extremes}


def _observe(
    plan: Plan, windows: Array, wanted: Mapping[int, str], see: Callable[[str, Array], None]
) -> None:
    numbers = {id(layer): i for i, layer in enumerate(plan.layers)}

    def look(layer: Layer, value: Array) -> None:
        name = wanted.get(numbers[id(layer)])
        if name is not None:
            see(name, value)

    last = wanted.get(len(plan.layers))
    for start in range(0, len(windows), _CHUNK):
        outputs = evaluate(plan, windows[start : start + _CHUNK], look)
        if last is not None:
            see(last, outputs)


def _extremes(plan: Plan, windows: Array, wanted: Mapping[int, str]) -> Ranges:
    found: Ranges = {}

    def widen(name: str, value: Array) -> None:
        low, high = found.get(name, (float("inf"), float("-inf")))
        found[name] = min(low, float(value.min())), max(high, float(value.max()))

    _observe(plan, windows, wanted, widen)
    return found


def _histograms(
    plan: Plan, windows: Array, wanted: Mapping[int, str], extremes: Ranges
) -> dict[str, NDArray[np.int64]]:
    import numpy as np

    found = {name: np.zeros(BINS, np.int64) for name in extremes}

    def count(name: str, value: Array) -> None:
        found[name] += np.histogram(value, BINS, extremes[name])[0]

    _observe(plan, windows, wanted, count)
    return found


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
