"""Errors of one layer, accumulated over chunks of windows."""

from __future__ import annotations

import math
from dataclasses import dataclass, field
from typing import TYPE_CHECKING, Any

from edgeconv.core.decibels import decibels
from edgeconv.parity.layerwise.arrangement import dot

if TYPE_CHECKING:
    import numpy as np
    from numpy.typing import NDArray


@dataclass
class ErrorSums:
    """Running sums of the difference between two arrays.

    Values of the candidate that are not finite are counted and left out of every other figure.
    Values that are not finite in the reference itself do not count.
    """

    count: int = 0
    non_finite: int = 0
    signal: float = 0.0  # Σ reference²
    noise: float = 0.0  # Σ (reference − candidate)²
    energy: float = 0.0  # Σ candidate²
    product: float = 0.0  # Σ reference · candidate
    absolute: float = 0.0
    largest: float = 0.0
    reference_range: tuple[float, float] | None = None
    range: tuple[float, float] | None = None

    def add(self, reference: NDArray[Any], candidate: NDArray[Any]) -> None:
        """Add two arrays of one shape."""
        import numpy as np

        ref, can = reference.reshape(-1), candidate.reshape(-1)
        compared = np.isfinite(ref)
        good = compared & np.isfinite(can)
        self.count += int(compared.sum())
        self.non_finite += int(compared.sum() - good.sum())
        ref, can = ref[good].astype(np.float64), can[good].astype(np.float64)
        if not ref.size:
            return
        off = np.abs(ref - can)
        self.signal += dot(ref, ref)
        self.noise += dot(off, off)
        self.energy += dot(can, can)
        self.product += dot(ref, can)
        self.absolute += float(off.sum())
        self.largest = max(self.largest, float(off.max()))
        self.reference_range = _wider(self.reference_range, ref)
        self.range = _wider(self.range, can)

    @property
    def snr_db(self) -> float | None:
        """10 lg(Σ reference² / Σ difference²); None if no value is finite, and −200 if
        only some are, since nothing outweighs an infinity."""
        if self.non_finite == self.count:
            return None
        return decibels(self.signal, math.inf if self.non_finite else self.noise)

    def metrics(self) -> dict[str, float | None]:
        """`max_abs`, `mean_abs`, `rmse`, `snr_db`, `cosine` over all finite values."""
        n = self.count - self.non_finite
        lengths = math.sqrt(self.signal * self.energy)
        both_zero = self.signal == self.energy == 0
        return {
            "non_finite": self.non_finite,
            "max_abs": self.largest if n else None,
            "mean_abs": self.absolute / n if n else None,
            "rmse": math.sqrt(self.noise / n) if n else None,
            "snr_db": self.snr_db,
            "cosine": min(1.0, self.product / lengths) if lengths else float(both_zero),
        }


def _wider(known: tuple[float, float] | None, values: NDArray[Any]) -> tuple[float, float]:
    low, high = float(values.min()), float(values.max())
    return (low, high) if known is None else (min(low, known[0]), max(high, known[1]))


@dataclass
class OutputEffect:
    """What an error inside the network does to its output, (n, classes)."""

    error: ErrorSums = field(default_factory=ErrorSums)
    flips: int = 0

    def add(self, reference: NDArray[np.float32], output: NDArray[np.float32]) -> None:
        """Add the float model's output, and its output when it continues from the file's values."""
        self.error.add(reference, output)
        self.flips += int((reference.argmax(axis=1) != output.argmax(axis=1)).sum())

    def metrics(self) -> dict[str, float | None]:
        inner = self.error.metrics()
        return {
            "output_max_abs": inner["max_abs"],
            "output_rmse": inner["rmse"],
            "output_flips": self.flips,
        }


@dataclass
class LayerErrorStats:
    """All errors of one layer.

    Attributes:
        error: against the float model's value: the accumulated error.
        own_error: against what the float model computes from the file's values before it.
        in_range_error: as `own_error`, without values beyond the tensor's range; None for floats.
        effect: at the output.
    """

    error: ErrorSums = field(default_factory=ErrorSums)
    own_error: ErrorSums = field(default_factory=ErrorSums)
    in_range_error: ErrorSums | None = None
    effect: OutputEffect = field(default_factory=OutputEffect)

    def metrics(self) -> dict[str, float | None]:
        return {
            **self.error.metrics(),
            "own_snr_db": self.own_error.snr_db,
            "own_non_finite": self.own_error.non_finite,
            "own_within_db": self.own_error.snr_db
            if self.in_range_error is None
            else self.in_range_error.snr_db,
            **self.effect.metrics(),
        }
