"""The statistics behind a parity verdict: intervals, every disagreement, drops by group.

Ratios of two powers in decibels, as every comparison of this package states them.
"""

from __future__ import annotations

import math
from dataclasses import asdict, dataclass, field
from enum import StrEnum
from typing import Any

from edgeconv.errors import BadInput

MAX_DB = 200.0
"""Cap of all decibel measures, so that identical outputs have a number that JSON can hold. One
float32 rounding of every output is about 150 dB: nothing that was computed lies above the cap."""


def decibels(signal: float, noise: float) -> float:
    """10 lg(signal / noise) of two powers, or sums or means of squares, within ±`MAX_DB`."""
    if noise == 0:
        return MAX_DB
    if signal == 0:
        return -MAX_DB
    return max(-MAX_DB, min(10 * (math.log10(signal) - math.log10(noise)), MAX_DB))


class Decision(StrEnum):
    """Whether a file is worse than the float model by more than is allowed."""

    NON_INFERIOR = "non-inferior"
    INFERIOR = "inferior"
    UNDECIDED = "undecided"


@dataclass(frozen=True)
class Interval:
    """A share with its confidence bounds; `level` is the confidence of the whole interval."""

    value: float
    low: float
    high: float
    level: float
    method: str


@dataclass(frozen=True)
class NonInferiority:
    """The drop of accuracy (share; above 0 is worse) against the largest one allowed.

    Attributes:
        low, high: one-sided bounds of the drop, each with confidence `level`.
        lost, won: regressions and improvements: windows that only the float model, or only the
            file, classifies correctly.
        subjects: number of subjects, whose windows are not independent; `method` accounts for that.
        windows_needed: about how many windows would decide; None if that is not known.
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
    subjects: int
    mcnemar_p: float
    windows_needed: int | None
    reason: str

    @classmethod
    def from_json(cls, data: dict[str, Any]) -> NonInferiority:
        fields = {**data, "decision": Decision(data["decision"])}
        if "people" in fields:  # the key before 0.2
            fields["subjects"] = fields.pop("people")
        return cls(**fields)


@dataclass(frozen=True)
class Disagreements:
    """Every window that the file and the reference classify differently, one column an attribute.

    Attributes:
        window: number of the window.
        reference, answer, truth: predicted class of the reference and the file, and true class.
        margin: difference between the reference's two largest probabilities. Rounding does not
            explain a disagreement at a large margin.
        subject: whose window it is.
        readings: canonical windows (m/s², x0 y0 z0 x1 …) of the most confident disagreements, by
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
        readings = {window: tuple(row) for window, row in data.get("readings", {}).items()}
        return cls(**columns, readings=readings)

    def most_confident(self, n: int) -> list[int]:
        """Positions of the `n` disagreements with the largest margin of the reference, in order."""
        return sorted(range(len(self)), key=lambda i: -self.margin[i])[:n]


@dataclass(frozen=True)
class ErrorHistogram:
    """Errors of single outputs against the reference's, counted by size and sign.

    Attributes:
        edges: ascending sizes, n + 1 for n bins; the first bin also counts everything smaller.
        above, below: number of values above, or below, the reference's in each bin.
        equal: number of identical values.
    """

    edges: tuple[float, ...]
    above: tuple[int, ...]
    below: tuple[int, ...]
    equal: int

    @property
    def total(self) -> int:
        """Number of compared values: windows times classes."""
        return self.equal + sum(self.above) + sum(self.below)

    @classmethod
    def from_json(cls, data: dict[str, Any]) -> ErrorHistogram:
        counts = {name: tuple(data[name]) for name in ("edges", "above", "below")}
        return cls(**counts, equal=data["equal"])


@dataclass(frozen=True)
class StreamAnswers:
    """What a file answers on one raw stream of a held-out subject; one entry a window.

    The stream is the subject's recordings in the unit and sign of the file's own sensor; of each
    activity some windows in a row.

    Attributes:
        subject: whose recordings.
        first: the stream's first reading, one number a channel, as the file's sensor gives it.
        window: number of the window.
        seconds: where it begins in its recording.
        truth: true class.
        reference: probabilities of the reference, for each window one a class.
        file: those of the file.
    """

    subject: str
    first: tuple[float, ...]
    window: tuple[int, ...]
    seconds: tuple[float, ...]
    truth: tuple[int, ...]
    reference: tuple[tuple[float, ...], ...]
    file: tuple[tuple[float, ...], ...]

    def __post_init__(self) -> None:
        columns = (self.window, self.seconds, self.truth, self.reference, self.file)
        if len({len(column) for column in columns}) > 1:
            raise BadInput(
                "answers on a stream: its columns have different lengths",
                "measure again: edgeconv parity BUNDLE",
            )

    def __len__(self) -> int:
        return len(self.window)

    @classmethod
    def from_json(cls, data: dict[str, Any]) -> StreamAnswers:
        rows: dict[str, Any] = {n: tuple(map(tuple, data[n])) for n in ("reference", "file")}
        columns = {n: tuple(data[n]) for n in ("first", "window", "seconds", "truth")}
        return cls(**{**data, **columns, **rows})


@dataclass(frozen=True)
class ParityStatistics:
    """What a `ParityResult` has beside its metrics.

    Attributes:
        errors: of all outputs; None in results of versions that did not count them.
        stream: answers on one subject's raw stream; None where there are no recordings.
        flips: the disagreements.
        saturation: tensor → share of its values at the end of its range, of an integer file.
        labels: class names by number.
        per_class: recall of the reference and the file, its drop, windows, disagreements, by class.
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
    stream: StreamAnswers | None = None

    def to_json(self) -> dict[str, Any]:
        return asdict(self)

    @classmethod
    def from_json(cls, data: dict[str, Any]) -> ParityStatistics:
        errors, stream = data.get("errors"), data.get("stream")
        return cls(
            **{
                **data,
                "agreement": Interval(**data["agreement"]),
                "drop": NonInferiority.from_json(data["drop"]),
                "flips": Disagreements.from_json(data["flips"]),
                "labels": tuple(data["labels"]),
                "errors": ErrorHistogram.from_json(errors) if errors else None,
                "stream": StreamAnswers.from_json(stream) if stream else None,
            }
        )
