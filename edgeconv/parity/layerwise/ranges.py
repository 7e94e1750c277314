"""Numbers that a number format cannot hold: float16's two ends, and calibrated integer ranges."""

from __future__ import annotations

import math
from collections.abc import Sequence
from dataclasses import dataclass
from typing import TYPE_CHECKING, Any

from edgeconv.core.layerwise import BEFORE, LayerParity, QuantizedRange, RangeWarning
from edgeconv.parity.layerwise.values import dot

if TYPE_CHECKING:
    from numpy.typing import NDArray

LARGEST = 65_504.0
"""Largest finite float16 (IEEE 754 binary16)."""
SMALLEST_NORMAL = 2.0**-14
SMALLEST = 2.0**-24
"""Smallest float16 above zero; between it and `SMALLEST_NORMAL` digits are lost one by one."""
NOISE = 10**-7.1
"""Noise to signal of one float16 rounding: 20 lg(√3 · 2¹¹) = 71 dB."""
SATURATED = 0.001
"""Share of values beyond an integer tensor's range from which it is said."""
WIDE = 0.25
"""Part of an integer tensor's range, two bits less than all, below which it is called too wide."""

_FIXED = frozenset({"LOGISTIC", "SOFTMAX", "TANH"})
"""Operations whose output range TFLite's specification fixes."""

_KEEP = "or keep this layer in float32"
_OVER = f"scale its weights down and those of the next layer up by the same factor, {_KEEP}"
_UNDER = f"scale its weights up and those of the next layer down by the same factor, {_KEEP}"
_CALIBRATE = "calibrate on windows like these, or limit outliers less"
_NARROW = "calibrate with a percentile or a limit instead of the extremes"


@dataclass
class HalfRange:
    """What becomes of values as float16, gathered over chunks."""

    count: int = 0
    over: int = 0
    lost: int = 0
    subnormal: int = 0
    largest: float = 0.0
    energy: float = 0.0
    noise: float = 0.0  # Σ of the squares that rounding below `SMALLEST_NORMAL` costs

    def add(self, values: NDArray[Any]) -> None:
        """Values as computed without float16."""
        import numpy as np

        size = np.abs(values.reshape(-1).astype(np.float64))
        self.count += size.size
        self.over += int((size > LARGEST).sum()) + int(np.isnan(size).sum())
        finite = size[np.isfinite(size)]
        self.largest = max(self.largest, float(size.max(initial=0.0, where=~np.isnan(size))))
        small = finite[(finite > 0) & (finite < SMALLEST_NORMAL)]
        self.lost += int((small < SMALLEST).sum())
        self.subnormal += int((small >= SMALLEST).sum())
        self.energy += dot(finite, finite)
        rounded = small.astype(np.float16).astype(np.float64)
        self.noise += float(((small - rounded) ** 2).sum())

    def add_rounded(self, weights: NDArray[Any]) -> None:
        """Weights that the file stores as float16: what was lost can only be estimated, a twelfth
        of a squared step for each value below `SMALLEST_NORMAL`."""
        import numpy as np

        self.add(weights)
        size = np.abs(weights.astype(np.float64))
        inside = int(((size < SMALLEST_NORMAL) & (size > 0)).sum())
        self.noise += inside * SMALLEST**2 / 12


def half_warnings(layer: str, tensor: str, what: str, found: HalfRange) -> list[RangeWarning]:
    """What float16 does to a tensor, where it matters.

    Overflow matters from the first value on. Underflow matters where it costs as much as float16's
    rounding of ordinary values does: a network is full of values that may well be zero.
    """
    made = []
    if found.over:
        share = found.over / found.count
        text = (
            f"{what}s of '{layer}' reach {found.largest:.4g}; {share:.2%} are above 65,504, where "
            "float16 ends in infinity"
        )
        made.append(_warning(layer, tensor, "overflow", what, share, found.largest, text, _OVER))
    if found.noise > NOISE * found.energy:
        share = (found.lost + found.subnormal) / found.count
        text = (
            f"{what}s of '{layer}' are at most {found.largest:.3g}: in float16 "
            f"{found.lost / found.count:.2%} become zero and {found.subnormal / found.count:.2%} "
            "lose digits (below 2⁻¹⁴)"
        )
        made.append(_warning(layer, tensor, "underflow", what, share, found.largest, text, _UNDER))
    return made


def _warning(
    layer: str, tensor: str, kind: str, what: str, share: float, largest: float, text: str,
    advice: str,
) -> RangeWarning:  # fmt: skip
    size = largest if math.isfinite(largest) else LARGEST  # JSON has no infinity
    return RangeWarning(layer, tensor, kind, what, share, size, text, advice)


class CodeUse:
    """How an integer tensor's values fill its range, gathered over chunks."""

    def __init__(self, scale: float, zero_point: int, dtype: str) -> None:
        import numpy as np

        self.scale, self.zero_point, self.dtype = scale, zero_point, dtype
        limits = np.iinfo(dtype)
        self._first = int(limits.min)
        self.low = (int(limits.min) - zero_point) * scale
        self.high = (int(limits.max) - zero_point) * scale
        self._codes = np.zeros(int(limits.max) - int(limits.min) + 1, np.int64)
        self._count = self._beyond = 0
        self._least, self._most = math.inf, -math.inf

    def add(self, reference: NDArray[Any], stored: NDArray[Any]) -> None:
        """The float model's values as the tensor should hold them, and the tensor's own, both as
        real numbers."""
        import numpy as np

        half = self.scale / 2
        self._count += reference.size
        self._beyond += int(((reference < self.low - half) | (reference > self.high + half)).sum())
        self._least = min(self._least, float(reference.min()))
        self._most = max(self._most, float(reference.max()))
        codes = np.rint(stored.reshape(-1) / self.scale + self.zero_point - self._first)
        self._codes += np.bincount(
            np.clip(codes, 0, len(self._codes) - 1).astype(np.int64), minlength=len(self._codes)
        )

    def cut(self, values: NDArray[Any]) -> NDArray[Any]:
        """Real numbers as far as the tensor can hold them."""
        import numpy as np

        cut: NDArray[Any] = np.clip(values, self.low, self.high)
        return cut

    def result(self) -> QuantizedRange:
        """Raises ValueError where nothing was added."""
        import numpy as np

        if not self._count:
            raise ValueError("no values")
        reach = np.cumsum(self._codes) / self._codes.sum()
        low, high = np.searchsorted(reach, (0.001, 0.999))
        used = max(0.0, min(self._most, self.high) - max(self._least, self.low))
        return QuantizedRange(
            scale=self.scale,
            zero_point=self.zero_point,
            dtype=self.dtype,
            low=self.low,
            high=self.high,
            saturated=self._beyond / self._count,
            used=used / (self.high - self.low),
            typical=float(high - low) / (len(self._codes) - 1),
        )


def code_warnings(rows: Sequence[LayerParity]) -> list[RangeWarning]:
    """Integer ranges that are too narrow for the windows, or far wider than they need.

    A range that an operation fixes (a sigmoid's) or hands on (a pooling's) is nobody's calibration
    and is not called wide.
    """
    made: list[RangeWarning] = []
    before: tuple[float, int] | None = None
    for row in rows:
        found = row.quantized
        if found is None:
            continue
        handed_on = before == (found.scale, found.zero_point)
        before = (found.scale, found.zero_point)
        if handed_on:
            continue
        if found.saturated > SATURATED:
            made.append(_narrow(row, found))
        elif found.used < WIDE and row.operation not in _FIXED:
            made.append(_wide(row, found))
    return made


def _narrow(row: LayerParity, found: QuantizedRange) -> RangeWarning:
    text = (
        f"'{row.layer}' holds {found.low:.4g} to {found.high:.4g}, and {found.saturated:.2%} of "
        "the float model's values lie beyond: they saturate"
    )
    return _warn(row, "saturation", found.saturated, text, _CALIBRATE)


def _wide(row: LayerParity, found: QuantizedRange) -> RangeWarning:
    lost = math.log2(1 / max(found.used, 2.0**-16))
    text = (
        f"'{row.layer}' holds {found.low:.4g} to {found.high:.4g}, but the windows use "
        f"{found.used:.0%} of that: the calibration range is too wide and costs {lost:.1f} bits"
    )
    return _warn(row, "wide_range", found.used, text, _NARROW)


def _warn(row: LayerParity, kind: str, share: float, text: str, advice: str) -> RangeWarning:
    largest = max(map(abs, row.reference_range or (0.0,)))
    return RangeWarning(
        row.layer.removesuffix(BEFORE), row.tensor, kind, "activation", share, largest, text, advice
    )
