"""Values that a number format cannot represent: float16's two ends, calibrated integer ranges."""

from __future__ import annotations

import math
from collections.abc import Iterable, Mapping, Sequence
from dataclasses import dataclass
from typing import TYPE_CHECKING, Any

from edgeconv.core import Artifact
from edgeconv.core.layerwise import (
    PRE_ACTIVATION_SUFFIX,
    LayerInfo,
    LayerParity,
    QuantizedRange,
    RangeWarning,
)
from edgeconv.parity.layerwise.arrangement import dot
from edgeconv.parity.layerwise.file_values import readers_of, shaped
from edgeconv.parity.layerwise.matching import converter_name, layer_scores
from edgeconv.runtimes import inspectable, open_runner
from edgeconv.targets import files
from edgeconv.targets.base import find_target

if TYPE_CHECKING:
    import numpy as np
    from numpy.typing import NDArray

LARGEST = 65_504.0
"""Largest finite float16 (IEEE 754 binary16)."""
SMALLEST_NORMAL = 2.0**-14
SMALLEST = 2.0**-24
"""Smallest float16 above zero; between it and `SMALLEST_NORMAL` precision falls step by step."""
NOISE = 10**-7.1
"""Noise to signal of one float16 rounding: 20 lg(√3 · 2¹¹) = 71 dB."""
SATURATED = 0.001
"""Share of values beyond an integer tensor's range from which there is a warning."""
WIDE = 0.25
"""Part of an integer tensor's range, two bits less than all, below which it is too wide."""

_FIXED = frozenset({"LOGISTIC", "SOFTMAX", "TANH"})
"""Operations whose output range TFLite's specification fixes."""

_KEEP = "or keep this layer in float32"
_OVER = f"scale its weights down and those of the next layer up by the same factor, {_KEEP}"
_UNDER = f"scale its weights up and those of the next layer down by the same factor, {_KEEP}"
_CALIBRATE = "calibrate on windows like these, or limit outliers less"
_NARROW = "calibrate with a percentile or a limit instead of the extremes"


@dataclass
class Float16Range:
    """What float16 does to values, counted over chunks."""

    count: int = 0
    over: int = 0
    lost: int = 0
    subnormal: int = 0
    largest: float = 0.0
    energy: float = 0.0
    noise: float = 0.0  # Σ of the squares that rounding below `SMALLEST_NORMAL` costs

    def add(self, values: NDArray[Any]) -> None:
        """Count values as computed without float16."""
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
        """Count weights that the file stores as float16.

        What rounding cost can only be estimated: a twelfth of a squared step for each value below
        `SMALLEST_NORMAL`.
        """
        import numpy as np

        self.add(weights)
        size = np.abs(weights.astype(np.float64))
        subnormal = int(((size < SMALLEST_NORMAL) & (size > 0)).sum())
        self.noise += subnormal * SMALLEST**2 / 12


def float16_warnings(
    layer: str, tensor: str, what: str, counts: Float16Range
) -> list[RangeWarning]:
    """Warnings for overflow and underflow of one tensor.

    Overflow is reported from the first value on. Underflow is reported if it costs as much as
    float16's rounding of ordinary values: many values of a network may well become zero.
    """
    warnings = []
    largest = min(counts.largest, LARGEST) if math.isinf(counts.largest) else counts.largest
    if counts.over:
        share = counts.over / counts.count
        text = (
            f"{what}s of '{layer}' reach {counts.largest:.4g}; {share:.2%} are above 65,504, where "
            "float16 ends in infinity"
        )
        warnings.append(RangeWarning(layer, tensor, "overflow", what, share, largest, text, _OVER))
    if counts.noise > NOISE * counts.energy:
        share = (counts.lost + counts.subnormal) / counts.count
        text = (
            f"{what}s of '{layer}' are at most {counts.largest:.3g}: in float16 "
            f"{counts.lost / counts.count:.2%} become zero and "
            f"{counts.subnormal / counts.count:.2%} lose digits (below 2⁻¹⁴)"
        )
        warnings.append(
            RangeWarning(layer, tensor, "underflow", what, share, largest, text, _UNDER)
        )
    return warnings


class CodeUse:
    """How an integer tensor's values fill its range, counted over chunks."""

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
        """The float model's values for the tensor and the stored ones, both as real numbers."""
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

    def clip(self, values: NDArray[Any]) -> NDArray[Any]:
        """Real numbers clipped to what the tensor can represent."""
        import numpy as np

        clipped: NDArray[Any] = np.clip(values, self.low, self.high)
        return clipped

    def result(self) -> QuantizedRange:
        """The figures of the range. Raises ValueError if nothing was added."""
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

    A range that an operation fixes (as a sigmoid does) or takes over from its input (as pooling
    does) was not calibrated and is not called wide.
    """
    warnings: list[RangeWarning] = []
    before: tuple[float, int] | None = None
    for row in rows:
        quantized = row.quantized
        if quantized is None:
            continue
        same_as_before = before == (quantized.scale, quantized.zero_point)
        before = (quantized.scale, quantized.zero_point)
        if same_as_before:
            continue
        if quantized.saturated > SATURATED:
            warnings.append(_narrow(row, quantized))
        elif quantized.used < WIDE and row.operation not in _FIXED:
            warnings.append(_wide(row, quantized))
    return warnings


def _narrow(row: LayerParity, quantized: QuantizedRange) -> RangeWarning:
    text = (
        f"the range of '{row.layer}' is {quantized.low:.4g} to {quantized.high:.4g}, and "
        f"{quantized.saturated:.2%} of the float model's values lie beyond: they saturate"
    )
    return _warn(row, "saturation", quantized.saturated, text, _CALIBRATE)


def _wide(row: LayerParity, quantized: QuantizedRange) -> RangeWarning:
    lost = math.log2(1 / max(quantized.used, 2.0**-16))
    text = (
        f"the range of '{row.layer}' is {quantized.low:.4g} to {quantized.high:.4g}, but the "
        f"windows use {quantized.used:.0%} of it: the calibration range is too wide and costs "
        f"{lost:.1f} bits"
    )
    return _warn(row, "wide_range", quantized.used, text, _NARROW)


def _warn(row: LayerParity, kind: str, share: float, text: str, advice: str) -> RangeWarning:
    largest = max(map(abs, row.reference_range or (0.0,)))
    return RangeWarning(
        row.layer.removesuffix(PRE_ACTIVATION_SUFFIX),
        row.tensor,
        kind,
        "activation",
        share,
        largest,
        text,
        advice,
    )


def float16_range_warnings(
    artifact: Artifact,
    matched: Mapping[str, str],
    layers: Sequence[LayerInfo],
    chunks: Iterable[NDArray[np.float32]],
) -> list[RangeWarning]:
    """Warnings for the float16 values and weights of a file, in the program's order.

    The program runs in float32, so that the size of a value that overflows is known.

    Args:
        artifact: the file.
        matched: tensor → layer, of the tensors that were matched; the others go by their names.
        layers: of the float model.
        chunks: canonical windows.
    """
    runtime = find_target(artifact.target).reference_runtime
    counts: dict[str, Float16Range] = {}
    with open_runner(artifact.path, runtime, compute="float32") as opened:
        runner = inspectable(opened)
        halves = [name for name, t in runner.tensors.items() if t.dtype == "float16"]
        if not halves:
            return []
        start = next(iter(runner.inputs))
        for windows in chunks:
            given = {start: shaped(runner.inputs, start, artifact.signal.encode(windows))}
            for name, values in runner.intermediates(given, halves).items():
                counts.setdefault(name, Float16Range()).add(values)
    known = {converter_name(layer.name): layer.name for layer in layers}
    readers = readers_of(files.read_graph(artifact.path))
    warnings = []
    for name, value in _half_weights(artifact).items():
        owner = _layer(readers.get(name, name), matched, known)
        warnings += float16_warnings(owner, name, "weight", _stored(value))
    for name in halves:
        owner = _layer(name, matched, known)
        warnings += float16_warnings(owner, name, "activation", counts[name])
    return _each_once(warnings)


def _half_weights(artifact: Artifact) -> dict[str, NDArray[Any]]:
    """Kernels that the file stores as float16, by the names of their operations."""
    stored = find_target(artifact.target).reader.layer_constants(artifact.path) or []
    return {
        layer.name: constant.values
        for layer in stored
        for constant in layer.constants.values()
        if constant.dtype == "float16" and constant.values.ndim > 1
    }


def _stored(value: NDArray[Any]) -> Float16Range:
    counts = Float16Range()
    counts.add_rounded(value)
    return counts


def _layer(tensor: str, matched: Mapping[str, str], known: Mapping[str, str]) -> str:
    """The layer that a tensor belongs to, by match or name; else the tensor's own name."""
    if tensor in matched:
        return matched[tensor]
    scores = layer_scores([tensor], list(known))
    return known[max(scores, key=lambda name: scores[name])] if scores else tensor


def _each_once(warnings: list[RangeWarning]) -> list[RangeWarning]:
    """The first of each layer and kind: a value has one before and one after its activation."""
    first: dict[tuple[str, str, str], RangeWarning] = {}
    for warning in warnings:
        first.setdefault((warning.layer, warning.kind, warning.what), warning)
    return list(first.values())
