"""How an artifact was made and what was found in the file afterwards."""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import asdict, dataclass, field
from enum import StrEnum
from typing import Any

from edgeconv.core.json_codec import decode_fields, encode_fields


class Severity(StrEnum):
    """How serious a finding in a model file is.

    A file with an error computes wrong results, or does not run. A warning is a conversion that
    could be better, or a file that lacks information for its user. A hint is our assumption.
    """

    ERROR = "error"
    WARNING = "warning"
    HINT = "hint"


@dataclass(frozen=True)
class Finding:
    """A rule that a file breaks, and where; `places` counts them all, `text` names the first.

    `number`, `rule` and `severity` are the rule's, `advice` is its cure.
    """

    number: str
    rule: str
    severity: Severity
    where: str
    text: str
    advice: str
    places: int = 1

    def to_json(self) -> dict[str, Any]:
        return {**asdict(self), "severity": str(self.severity)}

    @classmethod
    def from_json(cls, data: dict[str, Any]) -> Finding:
        return decode_fields(cls, data)


@dataclass(frozen=True)
class OutputAgreement:
    """Outputs of a fresh file on probe windows against the Keras model's.

    Attributes:
        status: `passed`, or `not_run` with a reason where nothing on this machine runs the file.
        n: number of windows.
        max_abs, mean_abs: largest and mean absolute difference of a probability.
    """

    status: str
    n: int = 0
    max_abs: float | None = None
    mean_abs: float | None = None
    reason: str = ""


@dataclass(frozen=True)
class FileChecks:
    """What was read from the finished file, or measured with it, before it was handed over.

    Attributes:
        interpreter_max_abs: largest difference between the folded network in NumPy and Keras.
        ops: number of operations in the file.
        layout_ops: how many of them only move values; None for a format where none can be told.
        agreement: of the file's outputs with the Keras model's.
    """

    interpreter_max_abs: float
    ops: int
    agreement: OutputAgreement
    layout_ops: int | None = None


@dataclass(frozen=True)
class KernelStatistics:
    """One kernel after compression: how many weights, zeros and different values."""

    weights: int
    zeros: int
    distinct: int


@dataclass(frozen=True)
class AppliedCompression:
    """The compression that an artifact's network went through before it was exported.

    Attributes:
        name: of the compression, such as `prune50`.
        sha256: of the compressed network's `.keras` file.
        kernels: what each compressed kernel held, by layer; the artifact must hold the same.
    """

    name: str
    sha256: str
    kernels: dict[str, KernelStatistics]


@dataclass(frozen=True)
class UncompressedLayer:
    """A layer that a compressing scheme left alone, and why."""

    layer: str
    reason: str


@dataclass(frozen=True)
class ExportReport:
    """How one artifact was made; for a file of another tool, only what the file itself says.

    Attributes:
        contract: `embedded`, or `none` for a file without a sensor contract.
        compressed_bytes: of the file as one deflated archive, which is what a download takes.
        format: facts of the file format: schema or specification version, number of subgraphs.
        sensor: the input convention that was asked for.
        io: `float` or `int8` input and output.
        deployment_target: oldest operating system of a Core ML file.
        calibration_windows: how many windows were measured; 0: none were needed.
        calibration_method: how activation ranges were chosen.
        activation_ranges: lowest and highest value at each quantization point, in the file's unit.
        unfolded_layers: layers that could not be folded and stay operations of the file.
        opaque_layers: layers that were converted as Keras computes them, with their class.
        float_layers, int8_layers: layers with more precision than the scheme gives the others.
        min_snr_db: the signal-to-noise ratio that was asked for.
        expected_snr_db: the one that was estimated when these layers were chosen.
        compressed_layers: layers whose weights the scheme compressed.
        uncompressed_layers: the others, with a reason.
        error_compensated_layers: layers whose weights were rounded with error compensation.
        checks: of the finished file; None for a file that edgeconv did not make just now.
        compression: what the network went through first; None: nothing.
        findings: the rules of docs/reference/lints.md that the finished file breaks.
    """

    contract: str = "none"
    compressed_bytes: int = 0
    format: dict[str, str] = field(default_factory=dict)
    sensor: str = ""
    io: str = "float"
    deployment_target: str = ""
    calibration_windows: int = 0
    calibration_method: str = ""
    activation_ranges: dict[str, tuple[float, float]] = field(default_factory=dict)
    unfolded_layers: tuple[str, ...] = ()
    opaque_layers: tuple[str, ...] = ()
    float_layers: tuple[str, ...] = ()
    int8_layers: tuple[str, ...] = ()
    min_snr_db: float | None = None
    expected_snr_db: float | None = None
    compressed_layers: tuple[str, ...] = ()
    uncompressed_layers: tuple[UncompressedLayer, ...] = ()
    error_compensated_layers: tuple[str, ...] = ()
    checks: FileChecks | None = None
    compression: AppliedCompression | None = None
    findings: tuple[Finding, ...] = ()

    def to_json(self) -> dict[str, Any]:
        return encode_fields(self)

    @classmethod
    def from_json(cls, data: dict[str, Any]) -> ExportReport:
        return decode_fields(cls, data)


@dataclass(frozen=True)
class BrokenRule:
    """A rule for model files, the first finding of it, and the files that break it."""

    finding: Finding
    files: tuple[str, ...]

    @property
    def text(self) -> str:
        """`warning L413 mixed-rank-broadcast: a.tflite, b.tflite: add: ADD of …; reshape …`."""
        finding = self.finding
        return (
            f"{finding.severity} {finding.number} {finding.rule}: {', '.join(self.files)}: "
            f"{finding.where}: {finding.text}; {finding.advice}"
        )


def broken_rules(reports: Mapping[str, ExportReport], *severities: Severity) -> list[BrokenRule]:
    """Every rule that a file breaks, once, the gravest first.

    Args:
        reports: by the file's name.
        severities: which ones; none named: all.
    """
    order = list(Severity)
    grouped: dict[tuple[int, str], list[tuple[str, Finding]]] = {}
    for name, report in reports.items():
        for found in report.findings:
            if found.severity in (severities or order):
                key = (order.index(found.severity), found.number)
                grouped.setdefault(key, []).append((name, found))
    return [
        BrokenRule(same[0][1], tuple(name for name, _ in same))
        for _, same in sorted(grouped.items())
    ]
