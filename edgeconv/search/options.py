"""The options of a search: budgets, effort, and where it runs."""

from __future__ import annotations

import math
from dataclasses import asdict, dataclass, field
from pathlib import Path

from edgeconv.errors import UsageError
from edgeconv.recipes import SEARCH_TARGET
from edgeconv.search.candidates import TaskOutcome
from edgeconv.targets.base import schemes_of


@dataclass(frozen=True)
class Budgets:
    """Limits of a file; None sets none.

    Attributes:
        max_latency_us: of one inference on this machine, one thread; checked at the end only.
        max_drop: largest accuracy drop below the recipe's float network.
        max_subject_drop: largest accuracy drop on a subject, below the recipe's file in the same
            scheme.
    """

    max_bytes: int | None = None
    max_macs: int | None = None
    max_latency_us: float | None = None
    max_drop: float | None = None
    max_subject_drop: float | None = None

    def __post_init__(self) -> None:
        for name, value in asdict(self).items():
            if value is not None and not 0 <= value < math.inf:
                option = f"--{name.replace('_', '-')}"
                raise UsageError(f"{option} {value} is not a limit", "give a number of 0 or above")

    def fits(self, size: int, macs: int) -> bool:
        """Whether a file of so many bytes and multiply-accumulates is within the limits."""
        return size <= _limit(self.max_bytes) and macs <= _limit(self.max_macs)

    def fitting(self, sizes: TaskOutcome) -> tuple[str, ...]:
        """The schemes in which an untrained candidate is within the limits."""
        return tuple(s for s, size in sizes.bytes.items() if self.fits(size, sizes.macs))


def _limit(value: float | None) -> float:
    return math.inf if value is None else value


MINUTES = 50.0
_COUNTS = ("trials", "minutes", "confirm_seeds", "max_results", "max_in_flight", "workers")


@dataclass(frozen=True)
class SearchOptions:
    """The options of a search besides its recipe.

    Attributes:
        minutes: for the whole search; None: no limit if `trials` is given, else `MINUTES`.
        confirm_seeds: number of further seeds that confirm the points of the Pareto front.
        max_results: of the front that get a bundle, at most.
        max_in_flight: candidates that run at a time.
        compress: compressions that candidates may have, besides none.
        allow: data rules whose errors do not stop the search.
        warm_start: folders of earlier searches. Of the same settings: their outcomes are used. Of
            others: the networks of their fronts are tried first.
    """

    budgets: Budgets = field(default_factory=Budgets)
    trials: int | None = None
    minutes: float | None = None
    folds: int = 5
    confirm_seeds: int = 1
    max_results: int = 6
    max_in_flight: int = 6
    schemes: tuple[str, ...] = ("int8",)
    compress: tuple[str, ...] = ()
    executor: str = "local"
    workers: int | None = None
    address: str = ""
    tracking_uri: str = ""
    force: bool = False
    allow: tuple[str, ...] = ()
    warm_start: tuple[Path, ...] = ()

    def __post_init__(self) -> None:
        if self.address and self.executor != "ray":
            raise UsageError("--address applies to --executor ray only", "leave it out")
        unknown = [s for s in self.schemes if s not in schemes_of(SEARCH_TARGET)]
        if unknown:
            raise UsageError(
                f"--quantize {unknown[0]}: the search evaluates TFLite files only",
                f"choose from: {', '.join(schemes_of(SEARCH_TARGET))}",
            )
        for name in _COUNTS:
            value = getattr(self, name)
            # NaN is not enough of anything either.
            if value is not None and not value >= (0 if name == "confirm_seeds" else 1e-9):
                option = "--" + name.replace("_", "-")
                raise UsageError(f"{option} {value} is too few", "give a larger number")

    @property
    def limit(self) -> float | None:
        """Minutes for the whole search."""
        if self.minutes is None and self.trials is None:
            return MINUTES
        return self.minutes
