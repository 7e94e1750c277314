"""What stands behind a parity verdict: intervals, every changed answer, and who is hit by them."""

from __future__ import annotations

from dataclasses import asdict, dataclass, field
from enum import StrEnum
from typing import Any


class Decision(StrEnum):
    """Is a file worse than the float model by more than is allowed? The data may not say."""

    NON_INFERIOR = "non-inferior"
    INFERIOR = "inferior"
    UNDECIDED = "undecided"


@dataclass(frozen=True)
class Interval:
    """A share with its confidence bounds. `level` is that of the whole interval."""

    value: float
    low: float
    high: float
    level: float
    method: str


@dataclass(frozen=True)
class NonInferiority:
    """The drop of accuracy (share; above 0 is worse) against the largest one allowed.

    Attributes:
        low, high: bounds of the drop, each with confidence `level` of its own (one-sided).
        lost, won: windows that only the float model, or only the file, answers rightly.
        people: subjects; their windows are not independent, which `method` accounts for.
        windows_needed: about how many windows would decide, None where that cannot be said.
        reason: the verdict in a sentence.
    """

    decision: Decision
    drop: float
    low: float
    high: float
    max_drop: float
    level: float
    method: str
    lost: int
    won: int
    people: int
    mcnemar_p: float
    windows_needed: int | None
    reason: str

    @classmethod
    def from_json(cls, data: dict[str, Any]) -> NonInferiority:
        return cls(**{**data, "decision": Decision(data["decision"])})


@dataclass(frozen=True)
class Disagreements:
    """Every window with another answer than the reference's, one column an attribute.

    Answers and truths are class numbers. `margin` is the reference's: how far its two largest
    probabilities were apart. A flip at a large margin is what no rounding explains. `readings` are
    the canonical windows (m/s², x0 y0 z0 x1 …) of those flips that the reference was surest of, by
    the window's number.
    """

    window: tuple[int, ...] = ()
    reference: tuple[int, ...] = ()
    answer: tuple[int, ...] = ()
    truth: tuple[int, ...] = ()
    margin: tuple[float, ...] = ()
    subject: tuple[str, ...] = ()
    readings: dict[str, tuple[float, ...]] = field(default_factory=dict)

    def __len__(self) -> int:
        return len(self.window)

    @classmethod
    def from_json(cls, data: dict[str, Any]) -> Disagreements:
        columns = {n: tuple(column) for n, column in data.items() if n != "readings"}
        kept = data.get("readings", {})
        return cls(**columns, readings={window: tuple(row) for window, row in kept.items()})

    def most_confident(self, most: int) -> list[int]:
        """Positions of the flips that the reference was surest of, those first."""
        return sorted(range(len(self)), key=lambda i: -self.margin[i])[:most]


@dataclass(frozen=True)
class ErrorHistogram:
    """How far single outputs are from the reference's, counted by size and by sign.

    Attributes:
        edges: ascending sizes, n + 1 for n bins; the first bin takes all that is smaller too.
        above, below: values of the file that lie above, or below, the reference's, a count a bin.
        equal: values that are the very same.
    """

    edges: tuple[float, ...]
    above: tuple[int, ...]
    below: tuple[int, ...]
    equal: int

    @property
    def total(self) -> int:
        """All values that were compared: windows times classes."""
        return self.equal + sum(self.above) + sum(self.below)

    @classmethod
    def from_json(cls, data: dict[str, Any]) -> ErrorHistogram:
        counts = {name: tuple(data[name]) for name in ("edges", "above", "below")}
        return cls(**counts, equal=data["equal"])


@dataclass(frozen=True)
class ParityStatistics:
    """Beside the metrics of a `ParityResult`.

    Attributes:
        errors: of all outputs; None in results of versions that did not count them.
        saturation: tensor → share of its values at the end of its range, of an integer file.
        labels: names of the classes that `flips` numbers.
        per_class: recall of the reference and the file, its drop, windows, flips, by class.
        per_subject: the same with accuracy, by subject.
    """

    agreement: Interval
    drop: NonInferiority
    flips: Disagreements = field(default_factory=Disagreements)
    labels: tuple[str, ...] = ()
    per_class: dict[str, dict[str, float]] = field(default_factory=dict)
    per_subject: dict[str, dict[str, float]] = field(default_factory=dict)
    errors: ErrorHistogram | None = None
    saturation: dict[str, float] = field(default_factory=dict)

    def to_json(self) -> dict[str, Any]:
        return asdict(self)

    @classmethod
    def from_json(cls, data: dict[str, Any]) -> ParityStatistics:
        errors = data.get("errors")
        return cls(
            **{
                **data,
                "agreement": Interval(**data["agreement"]),
                "drop": NonInferiority.from_json(data["drop"]),
                "flips": Disagreements.from_json(data["flips"]),
                "labels": tuple(data["labels"]),
                "errors": ErrorHistogram.from_json(errors) if errors else None,
            }
        )
