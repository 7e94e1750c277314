"""The vocabulary of layer-by-layer comparison.

It is a diagnosis and not a gate: `suspect` names a place to look and fails nothing.
"""

from __future__ import annotations

from dataclasses import asdict, dataclass, field
from enum import StrEnum
from typing import Any

from edgeconv.core.evaluation_data import LayerSample

PRE_ACTIVATION_SUFFIX = ":linear"
"""Ends the name of a layer's value before its activation function."""


@dataclass(frozen=True)
class LayerInfo:
    """A layer of the float model.

    Attributes:
        kind: its Keras class, such as `Conv1D`.
        shape: one sample of its output.
        sources: names of the layers (or the input) that it reads.
        activation: its activation function, such as `relu`; empty for none or linear.
        weights: number of trained weights.
    """

    name: str
    kind: str
    shape: tuple[int, ...]
    sources: tuple[str, ...]
    activation: str = ""
    weights: int = 0


class LayerMatchStatus(StrEnum):
    """Whether a layer of the float model has a value in the file."""

    COMPARED = "compared"
    FOLDED = "folded"  # its arithmetic is in another layer's weights
    FUSED = "fused"  # part of an operation that shows only its result
    REMOVED = "removed"  # acts in training only
    UNMATCHED = "unmatched"  # no value of the file could be matched with it


class LayerwiseVerdict(StrEnum):
    """The outcome of a layer-by-layer comparison."""

    CLEAR = "clear"
    SUSPECT = "suspect"
    NOT_RUN = "not_run"


@dataclass(frozen=True)
class QuantizedRange:
    """How well an integer tensor's calibrated range fits the float model's values there.

    Attributes:
        low, high: smallest and largest real number that the tensor can hold.
        saturated: share of the float model's values beyond them by more than half a step.
        used: share of the range between the float model's smallest and largest value.
        typical: the same between its 0.1 and 99.9 per cent quantiles, as stored by the file.
    """

    scale: float
    zero_point: int
    dtype: str
    low: float
    high: float
    saturated: float
    used: float
    typical: float


@dataclass(frozen=True)
class LayerParity:
    """One layer of the float model and the matching value of the file.

    Attributes:
        layer: its name; with `PRE_ACTIVATION_SUFFIX` at the end the value before its activation.
        tensor, operation: of the file; empty unless compared.
        matched_by: what suggests the match: `name`, `output`, `values`, `order`.
        similarity: 0 to 1, of the values that the match was confirmed by.
        note: why it was not compared, or what it was compared before or after.
        covers: the layers whose error `own_snr_db` measures.
        metrics: of the error accumulated up to here `max_abs`, `mean_abs`, `rmse`,
            `snr_db`, `cosine`, `non_finite`; of the error that this layer adds `own_snr_db`,
            `own_non_finite` (values that are NaN or infinity and need not be), `own_within_db`
            (without what saturates in an integer tensor), `own_limit_db` (what its number format
            explains); of the error as it stands here, carried on to the output by the float
            model, `output_max_abs`, `output_rmse`, `output_flips`. None where there is none.
        reference_range, range: smallest and largest value, float model and file.
    """

    layer: str
    kind: str
    presence: LayerMatchStatus
    tensor: str = ""
    operation: str = ""
    dtype: str = ""
    matched_by: tuple[str, ...] = ()
    similarity: float | None = None
    note: str = ""
    covers: tuple[str, ...] = ()
    metrics: dict[str, float | None] = field(default_factory=dict)
    reference_range: tuple[float, float] | None = None
    range: tuple[float, float] | None = None
    quantized: QuantizedRange | None = None

    @classmethod
    def from_json(cls, data: dict[str, Any]) -> LayerParity:
        """Of what `LayersResult.to_json` wrote."""
        changed = {
            "presence": LayerMatchStatus(data["presence"]),
            "matched_by": tuple(data["matched_by"]),
            "covers": tuple(data["covers"]),
            "reference_range": _pair(data["reference_range"]),
            "range": _pair(data["range"]),
            "quantized": data["quantized"] and QuantizedRange(**data["quantized"]),
        }
        return cls(**{**data, **changed})


@dataclass(frozen=True)
class RangeWarning:
    """Values that a layer's number format cannot represent.

    Attributes:
        kind: `overflow`, `underflow`, `saturation` or `wide_range`.
        what: `activation` or `weight`.
        share: of the values concerned, 0 to 1.
        largest: largest magnitude.
        text, advice: the problem, and what to do about it.
    """

    layer: str
    tensor: str
    kind: str
    what: str
    share: float
    largest: float
    text: str
    advice: str


@dataclass(frozen=True)
class LayersResult:
    """One artifact against the float model, layer by layer.

    Attributes:
        n: windows it was measured on; `sample` says how they were chosen.
        suspects: layers whose error their number format does not explain; it begins in the first.
        text: the verdict in a sentence.
    """

    artifact: str
    sha256: str
    scheme: str
    target: str
    runtime: str
    outcome: LayerwiseVerdict
    n: int
    text: str
    sample: LayerSample | None = None
    layers: tuple[LayerParity, ...] = ()
    suspects: tuple[str, ...] = ()
    warnings: tuple[RangeWarning, ...] = ()

    def to_json(self) -> dict[str, Any]:
        return {**asdict(self), "sample": self.sample and self.sample.to_json()}

    @classmethod
    def from_json(cls, data: dict[str, Any]) -> LayersResult:
        sample = data.get("sample")
        changed = {
            "sample": LayerSample.from_json(sample) if sample else None,
            "outcome": LayerwiseVerdict(data["outcome"]),
            "layers": tuple(LayerParity.from_json(row) for row in data["layers"]),
            "suspects": tuple(data["suspects"]),
            "warnings": tuple(RangeWarning(**w) for w in data["warnings"]),
        }
        return cls(**{**data, **changed})


def _pair(values: list[float] | None) -> tuple[float, float] | None:
    return None if values is None else (values[0], values[1])
