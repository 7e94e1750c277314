"""Activations of an integer file at the ends of their range: readings that calibration never saw.

A calibrated range holds what the calibration windows showed. Louder readings end at its last code,
and everything behind is computed from the cut value, whatever the outputs on other windows say.
"""

from __future__ import annotations

from dataclasses import dataclass
from typing import TYPE_CHECKING, Any

from edgeconv.core import ParityResult

if TYPE_CHECKING:
    from numpy.typing import NDArray

TOLD = 0.01
"""Share of one tensor's values from which it is said in a sentence."""


@dataclass
class Saturation:
    """Counts of one integer tensor, whose range is `low` to `high` in steps of `scale`.

    The lower end counts only where it lies below 0: a range that begins at 0 is a ReLU's, which
    ends there by itself.
    """

    scale: float
    low: float
    high: float
    count: int = 0
    reached: int = 0

    @classmethod
    def of(cls, scale: float, zero_point: int, dtype: str) -> Saturation:
        """For a tensor with this quantization."""
        import numpy as np

        limits = np.iinfo(dtype)
        low, high = ((int(end) - zero_point) * scale for end in (limits.min, limits.max))
        return cls(scale, low, high)

    def add(self, values: NDArray[Any]) -> None:
        """Its values as real numbers."""
        half = self.scale / 2
        self.count += values.size
        self.reached += int((values > self.high - half).sum())
        if self.low < -half:
            self.reached += int((values < self.low + half).sum())

    @property
    def share(self) -> float:
        return self.reached / self.count if self.count else 0.0


def sentence(result: ParityResult) -> str:
    """For a person; empty where no tensor saturates noticeably."""
    shares = result.evidence.saturation if result.evidence else {}
    name = max(shares, key=lambda key: shares[key], default="")
    if not name or shares[name] < TOLD:
        return ""
    return (
        f"{result.artifact}: {100 * shares[name]:.1f} % of '{name}' lie at the end of what it can "
        "hold: these readings are larger than those it was calibrated on"
    )
