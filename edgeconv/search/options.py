"""What a search is asked for, and who follows it."""

from __future__ import annotations

from dataclasses import dataclass, field
from typing import Protocol

from edgeconv.core import Progress
from edgeconv.errors import UsageError
from edgeconv.recipes import SEARCH_TARGET
from edgeconv.search import Budgets
from edgeconv.search.progress_board import Board
from edgeconv.targets.base import schemes_of

MINUTES = 50.0
_COUNTS = ("trials", "minutes", "confirm_seeds", "max_results", "max_in_flight", "workers")


class Watcher(Progress, Protocol):
    """Follows a search besides its stages."""

    def board(self, board: Board) -> None:
        """Trials have begun or ended."""


@dataclass(frozen=True)
class SearchOptions:
    """What a search is asked for besides its recipe.

    Attributes:
        minutes: for all of it; None: no limit, where `trials` is given, else `MINUTES`.
        confirm_seeds: how many further seeds the members of the front are confirmed with.
        max_results: of the front that get a bundle, at most.
        max_in_flight: candidates under way at a time.
        compress: methods that candidates may be trained on with, besides none.
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

    def __post_init__(self) -> None:
        unknown = [s for s in self.schemes if s not in schemes_of(SEARCH_TARGET)]
        if unknown:
            raise UsageError(
                f"--quantize {unknown[0]}: the search judges TFLite files only",
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
        """Minutes for all of it."""
        if self.minutes is None and self.trials is None:
            return MINUTES
        return self.minutes
