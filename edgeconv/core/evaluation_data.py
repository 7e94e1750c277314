"""Which windows a result was measured on, and whether they look like the training data."""

from __future__ import annotations

from dataclasses import dataclass, field
from typing import Any

from edgeconv.core.json_codec import decode_fields, encode_fields
from edgeconv.core.label_map import LabelMap


@dataclass(frozen=True)
class InputFinding:
    """One input error in a sentence; `or_else` names kinds that the data cannot tell from it."""

    kind: str
    sentence: str
    or_else: tuple[str, ...] = ()


@dataclass(frozen=True)
class InputReport:
    """How recordings compare with the readings of a model's training subjects.

    Attributes:
        findings: input errors that explain the difference.
        distance: of the readings as they are; None if they hold no class of the training.
        usual: the largest distance that is usual for so many subjects.
        distances: after each input error was inverted, by its kind.
        outside: share of readings beyond the range of the training, by axis.
        gravity: median length of a window's mean, in m/s².
        rate_hz: the sampling rate that the step frequencies suggest; None if no subject walks.
        classes: the classes that were compared.
        windows: how many were compared.
    """

    findings: tuple[InputFinding, ...]
    distance: float | None
    usual: float
    distances: dict[str, float]
    outside: dict[str, float]
    gravity: float
    rate_hz: float | None
    classes: tuple[str, ...]
    windows: int

    @property
    def sentence(self) -> str:
        """What is unusual, for a person to read; empty if nothing is."""
        if self.findings:
            return "; ".join(f"{f.sentence}{_others(f)}" for f in self.findings)
        if self.distance is not None and self.distance > self.usual:
            return (
                "these readings differ from the training data (distance "
                f"{self.distance:.1f}, up to {self.usual:.1f} is usual): another phone, place on "
                "the body, or kind of subject"
            )
        return ""

    def to_json(self) -> dict[str, Any]:
        return {**encode_fields(self), "sentence": self.sentence}

    @classmethod
    def from_json(cls, data: dict[str, Any]) -> InputReport:
        return decode_fields(cls, {k: v for k, v in data.items() if k != "sentence"})


def _others(finding: InputFinding) -> str:
    return f" (or {', '.join(finding.or_else)}: these data cannot tell)" if finding.or_else else ""


@dataclass(frozen=True)
class EvaluationData:
    """The windows that a result was measured on.

    Attributes:
        spec: the specification of the data set; empty for data that were handed over in memory.
        name: the specification without its path.
        split: `train`, `val`, `test` or `all`.
        subjects: how many subjects the windows are of; 0 where none are known.
        sha256: digest of windows, labels and subjects.
        trained_on: how many of these subjects the model was trained on.
        inputs: how the readings compare with those of the training; None if that is not known.
        unit: what one of them is called: `window`, `text` or `sample`.
        labels: how labels of the recordings became the classes that were judged.
    """

    spec: str = ""
    name: str = ""
    split: str = ""
    subjects: int = 0
    sha256: str = ""
    trained_on: int = 0
    inputs: InputReport | None = None
    unit: str = "window"
    labels: LabelMap = field(default_factory=LabelMap)

    def to_json(self) -> dict[str, Any]:
        data = encode_fields(self)
        if not self.labels:
            del data["labels"]
        return data

    @classmethod
    def from_json(cls, data: dict[str, Any]) -> EvaluationData:
        return decode_fields(cls, data)


@dataclass(frozen=True)
class LayerSample:
    """The windows that layers were compared on: some of a data set, drawn with a seed.

    Attributes:
        data: the part of the data set that they were drawn from.
        windows: how many were drawn.
        reference: name of the reference file, if it is not the bundle's float model.
    """

    data: EvaluationData
    windows: int
    seed: int
    reference: str = ""

    def to_json(self) -> dict[str, Any]:
        """One flat object: the facts of the data, then those of the sample."""
        own = {"windows": self.windows, "seed": self.seed}
        named = {"reference": self.reference} if self.reference else {}
        return {**self.data.to_json(), **own, **named}

    @classmethod
    def from_json(cls, data: dict[str, Any]) -> LayerSample:
        """Read what `to_json` wrote. Raises ValueError."""
        rest = dict(data)
        own = {k: rest.pop(k) for k in ("windows", "seed", "reference") if k in rest}
        return decode_fields(cls, {"data": rest, **own})
