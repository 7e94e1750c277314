"""What was asked for: limits that a file keeps or not."""

from __future__ import annotations

import math
from dataclasses import asdict, dataclass

from edgeconv.errors import UsageError
from edgeconv.search.candidates import Outcome


@dataclass(frozen=True)
class Budgets:
    """None is no limit.

    Attributes:
        max_latency_us: of one inference on this machine, one thread; judged at the end only.
        max_drop: accuracy that may be lost against the recipe's own float network.
    """

    max_bytes: int | None = None
    max_macs: int | None = None
    max_latency_us: float | None = None
    max_drop: float | None = None

    def __post_init__(self) -> None:
        for name, value in asdict(self).items():
            if value is not None and not 0 <= value < math.inf:
                option = f"--{name.replace('_', '-')}"
                raise UsageError(f"{option} {value} is no limit", "give a number of 0 or above")

    def fits(self, size: int, macs: int) -> bool:
        """Whether a file of so many bytes and multiply-accumulates is within the limits."""
        return size <= _limit(self.max_bytes) and macs <= _limit(self.max_macs)

    def fitting(self, sizes: Outcome) -> tuple[str, ...]:
        """The schemes in which an untrained candidate is within the limits."""
        return tuple(s for s, size in sizes.bytes.items() if self.fits(size, sizes.macs))


def _limit(value: float | None) -> float:
    return math.inf if value is None else value
