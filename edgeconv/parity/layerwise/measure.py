"""Errors of one layer, gathered over chunks of windows."""

from __future__ import annotations

import math
from dataclasses import dataclass, field
from typing import TYPE_CHECKING, Any

from edgeconv.core.decibels import decibels
from edgeconv.parity.layerwise.values import dot

if TYPE_CHECKING:
    import numpy as np
    from numpy.typing import NDArray


@dataclass
class Error:
    """Running sums of the difference between two arrays.

    Values of the candidate that are not finite are counted and left out of every other figure.
    Where the reference itself is not finite nothing can be asked.
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
        """Arrays of one shape."""
        import numpy as np

        ref, can = reference.reshape(-1), candidate.reshape(-1)
        asked = np.isfinite(ref)
        good = asked & np.isfinite(can)
        self.count += int(asked.sum())
        self.non_finite += int(asked.sum() - good.sum())
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
        """10 lg(Σ reference² / Σ difference²); None where not a single value is finite, and
        −200 where only some are: no number of decibels excuses an infinity."""
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
class Effect:
    """What an error inside does to the output, (n, classes)."""

    error: Error = field(default_factory=Error)
    flips: int = 0

    def add(self, reference: NDArray[np.float32], found: NDArray[np.float32]) -> None:
        """The float model's output, and its output when it goes on with the file's values."""
        self.error.add(reference, found)
        self.flips += int((reference.argmax(axis=1) != found.argmax(axis=1)).sum())

    def metrics(self) -> dict[str, float | None]:
        inner = self.error.metrics()
        return {
            "output_max_abs": inner["max_abs"],
            "output_rmse": inner["rmse"],
            "output_flips": self.flips,
        }


@dataclass
class Gathered:
    """All that is gathered for one layer: against the float model's own value, against what the
    float model makes of the file's values before it, and at the output."""

    error: Error = field(default_factory=Error)
    own: Error = field(default_factory=Error)
    within: Error | None = None  # as `own`, with what the tensor cannot hold cut off
    effect: Effect = field(default_factory=Effect)

    def metrics(self) -> dict[str, float | None]:
        return {
            **self.error.metrics(),
            "own_snr_db": self.own.snr_db,
            "own_non_finite": self.own.non_finite,
            "own_within_db": self.own.snr_db if self.within is None else self.within.snr_db,
            **self.effect.metrics(),
        }
