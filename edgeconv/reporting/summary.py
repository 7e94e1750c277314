"""The rows of the closing table and the verdict over a bundle: one place for every output.

A result is taken into account only if it was measured on the artifact as it is now, by sha256.

Which runtime ran which artifact, and what its results do not show.
"""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass

from edgeconv.core import (
    Artifact,
    Bundle,
    EvaluationResult,
    ParityResult,
    ParityStatistics,
    ProfileResult,
    Status,
    Tensors,
    worst,
)
from edgeconv.reporting import formatting

WHAT = {
    "keras": "the float model itself, on TensorFlow",
    "litert": "LiteRT with XNNPACK, as on a phone's CPU, but on this machine's",
    "litert-reference": "LiteRT's built-in kernels, without XNNPACK",
    "tflite-micro": "Google's interpreter for microcontrollers, on this machine",
    "litertjs": "LiteRT.js in Node, as on a web page's CPU",
    "coreml": "Apple's Core ML on a Mac",
    "coreml-reference": "NumPy model of Core ML, not a phone",
    "onnxruntime": "ONNX Runtime on this machine's CPU",
    "coreai": "Apple's interpreter of Core AI on this machine, not a phone",
}
"""Each runtime in a few words."""

ONLY_CHECK = {
    "litert-reference": "of LiteRT's built-in kernels, which apps do not use",
    "coreai": (
        "of Apple's interpreter on this machine, operation by operation; it says nothing of a phone"
    ),
}
"""Runtimes that check files, and why their times are no speed."""

LIMITS = {
    "coreml-reference": (
        "The Core ML files were executed as they are saved, with sums in float32 and every result "
        "rounded to the type that the file declares; those with matrix products in float16 also "
        "with these added in float16, and the worse of both counts. How a phone's Neural Engine or "
        "GPU rounds is an assumption there, which only a Mac or a phone can confirm."
    ),
    "coreai": (
        "The Core AI files were run by the interpreter that Apple's package holds, operation by "
        "operation on this machine's processor. A phone compiles them for its GPU or Neural "
        "Engine, which round in their own way and have their own times."
    ),
}
"""What a result of a runtime does not show."""


@dataclass(frozen=True)
class RuntimeUse:
    """A runtime and the artifacts that it ran."""

    runtime: str
    what: str
    files: tuple[str, ...]
    limit: str = ""

    @property
    def text(self) -> str:
        """`coreml-reference (NumPy model of Core ML, not a phone): a.mlpackage, b.mlpackage`."""
        return f"{named(self.runtime)}: {', '.join(self.files)}"


def named(runtime: str) -> str:
    """A runtime with a description, if there is one."""
    return f"{runtime} ({WHAT[runtime]})" if runtime in WHAT else runtime


def runtimes_used(bundle: Bundle) -> list[RuntimeUse]:
    """The runtimes of the parity checks that ran on the files as they are now, in their order."""
    files: dict[str, list[str]] = {}
    for artifact in bundle.artifacts:
        for result in parity_of(bundle, artifact):
            if result.status is not Status.NOT_RUN:
                files.setdefault(result.runtime, []).append(artifact.name)
    return [
        RuntimeUse(runtime, WHAT.get(runtime, ""), tuple(names), LIMITS.get(runtime, ""))
        for runtime, names in files.items()
    ]


HEADINGS = (
    *("file", "size (compressed)", "vs float32", "accuracy", "Δ (pp)", "agreement", "parity"),
    *("p50", "vs float32"),
)


@dataclass(frozen=True)
class Row:
    """One artifact. None is "not measured", and `reasons` says why.

    Attributes:
        accuracy: share of test windows, measured on this file.
        change: accuracy minus that of the float model, as a fraction; negative is worse.
        evidence: statistics of the runtime in which the file agrees least with the float model.
        named: whether it takes named tensors, whose figures `named_outputs` gives.
        size_ratio: bytes of the float32 file over bytes of this one, of the same target if any.
        speed_up: p50 of the float32 file over p50 of this one, same target and runtime only.
        only_checks: its time is that of a runtime which only checks files, and no speed.
    """

    name: str
    target: str
    scheme: str
    sensor: str
    bytes: int
    accuracy: float | None
    change: float | None
    parity: Status
    p50_us: float | None
    size_ratio: float | None
    speed_up: float | None
    reasons: tuple[str, ...] = ()
    evidence: ParityStatistics | None = None
    compressed: int | None = None
    named: bool = False
    only_checks: bool = False

    def cells(self) -> tuple[str, ...]:
        """The row in words, in the order of HEADINGS."""
        return (
            self.name,
            self.size,
            formatting.times(self.size_ratio),
            *((NOT_APPLICABLE,) * 3 if self.named else self._task()),
            formatting.STATUS[self.parity],
            formatting.duration(self.p50_us),
            formatting.times(self.speed_up),
        )

    def _task(self) -> tuple[str, str, str]:
        """Accuracy, its change, and agreement with the float model."""
        evidence = self.evidence
        change = formatting.change(evidence.drop) if evidence else formatting.points(self.change)
        agreement = formatting.between(evidence.agreement if evidence else None)
        return formatting.percent(self.accuracy), change, agreement

    @property
    def size(self) -> str:
        """Size in an app, and compressed as in a download: `540 kB (489 kB)`."""
        packed = f" ({formatting.size(self.compressed)})" if self.compressed else ""
        return formatting.size(self.bytes) + packed


@dataclass(frozen=True)
class Verdict:
    """The outcome of the whole bundle."""

    status: Status
    title: str
    text: str


def summary_table(bundle: Bundle) -> list[Row]:
    """One row an artifact, in the bundle's order."""
    return [_row(bundle, artifact) for artifact in bundle.artifacts]


def verdict(bundle: Bundle) -> Verdict:
    """Failed if any gate failed; not run if any file was not checked; else passed."""
    statuses = [parity_status(bundle, artifact) for artifact in bundle.artifacts]
    if not statuses:
        return Verdict(Status.NOT_RUN, "Nothing was exported", "The bundle has no artifact.")
    failed, passed = statuses.count(Status.FAILED), statuses.count(Status.PASSED)
    text = f"{passed} of {formatting.plural(len(statuses), 'file')} passed every gate"
    if failed:
        text += f", {failed} failed"
    not_run = [
        artifact
        for artifact, status in zip(bundle.artifacts, statuses, strict=True)
        if status is Status.NOT_RUN
    ]
    undecided_files = sum(_undecided(bundle, artifact) for artifact in not_run)
    if undecided_files:
        text += f", {undecided_files} on too few windows to know"
    if unchecked := len(not_run) - undecided_files:
        text += f", {unchecked} not checked"
    titles = {
        Status.PASSED: "Every file passed its gates",
        Status.FAILED: f"{formatting.plural(failed, 'file')} must not ship",
        Status.NOT_RUN: "Not everything was checked" if unchecked else "Too few windows to know",
    }
    status = worst(statuses)
    return Verdict(status, titles[status], f"{text}.")


def _undecided(bundle: Bundle, artifact: Artifact) -> bool:
    not_run = [r for r in parity_of(bundle, artifact) if r.status is Status.NOT_RUN]
    return bool(not_run) and all(map(undecided, not_run))


def shared_reasons(rows: Sequence[Row]) -> list[tuple[list[str], tuple[str, ...]]]:
    """(files, their reasons), files with the same reasons together."""
    grouped: dict[tuple[str, ...], list[str]] = {}
    for row in rows:
        if row.reasons:
            grouped.setdefault(row.reasons, []).append(row.name)
    return [(names, reasons) for reasons, names in grouped.items()]


def evaluation_of(bundle: Bundle, name: str, sha256: str) -> EvaluationResult | None:
    """The evaluation of exactly these bytes."""
    evaluation = bundle.evaluations.get(name)
    return evaluation if evaluation is not None and evaluation.sha256 == sha256 else None


def parity_of(bundle: Bundle, artifact: Artifact) -> tuple[ParityResult, ...]:
    """Results for exactly these bytes, one a runtime."""
    return tuple(
        result
        for result in bundle.parity
        if result.artifact == artifact.name and result.sha256 == artifact.sha256
    )


def parity_status(bundle: Bundle, artifact: Artifact) -> Status:
    """The worst over runtimes; `not_run` without a result for these bytes."""
    return worst(result.status for result in parity_of(bundle, artifact))


def evidence_of(bundle: Bundle, artifact: Artifact) -> ParityStatistics | None:
    """The statistics of the runtime in which the file agrees least with the float model."""
    statistics = [r.evidence for r in parity_of(bundle, artifact) if r.evidence is not None]
    return min(statistics, key=lambda e: e.agreement.value, default=None)


def input_sentences(bundle: Bundle) -> tuple[str, ...]:
    """What is unusual about the recordings behind the results, each sentence once."""
    reports = (e.data.inputs for e in bundle.evaluations.values())
    return tuple(dict.fromkeys(r.sentence for r in reports if r is not None and r.sentence))


def undecided(result: ParityResult) -> bool:
    """Everything ran and nothing failed, but the windows are too few for `max_drop`."""
    checks = [c for c in result.checks if c.status is not Status.PASSED]
    return bool(checks) and all(c.name == "max_drop" and c.value is not None for c in checks)


def profile_of(bundle: Bundle, artifact: Artifact) -> ProfileResult | None:
    """The profile of exactly these bytes on the bundle's machine: the first that ran, or any."""
    results = [
        result
        for result in bundle.profile
        if result.artifact == artifact.name
        and result.sha256 == artifact.sha256
        and not result.device
    ]
    return next((r for r in results if r.status is Status.PASSED), results[0] if results else None)


def _row(bundle: Bundle, artifact: Artifact) -> Row:
    evaluation = evaluation_of(bundle, artifact.name, artifact.sha256)
    reference = evaluation_of(bundle, "model.keras", bundle.model.sha256)
    profile = profile_of(bundle, artifact)
    return Row(
        name=artifact.name,
        target=str(artifact.target),
        scheme=artifact.scheme,
        sensor=_input_of(artifact),
        bytes=artifact.bytes,
        accuracy=evaluation.accuracy if evaluation else _of_named(bundle, artifact, "accuracy"),
        change=_change(evaluation, reference, _of_named(bundle, artifact, "accuracy_drop")),
        parity=parity_status(bundle, artifact),
        p50_us=_p50(profile),
        size_ratio=_size_ratio(bundle.artifacts, artifact),
        speed_up=_speed_up(bundle, artifact),
        reasons=_reasons(bundle, artifact),
        evidence=evidence_of(bundle, artifact),
        compressed=artifact.export.compressed_bytes or None,
        named=isinstance(artifact.contract, Tensors),
        only_checks=profile is not None and profile.runtime in ONLY_CHECK,
    )


def _input_of(artifact: Artifact) -> str:
    contract = artifact.contract
    if isinstance(contract, Tensors):
        return ", ".join(tensor.name for tensor in contract.inputs)
    return str(contract.sensor)


NAMED_HEADINGS = ("file", "runtime", "SNR (dB)", "largest difference", "agreement", "accuracy")
NOT_APPLICABLE = "–"


def named_outputs(bundle: Bundle) -> list[tuple[str, ...]]:
    """How close the outputs of each file with named tensors are, the worst output of it; in the
    order of `NAMED_HEADINGS`. Differences of numbers that are no probabilities are shares of the
    output's largest one."""
    rows = []
    for artifact in bundle.artifacts:
        if not isinstance(artifact.contract, Tensors):
            continue
        for result in parity_of(bundle, artifact):
            figures = result.metrics
            shares = (figures.get(name) for name in ("top1_agreement", "accuracy"))
            rows.append(
                (
                    artifact.name,
                    result.runtime,
                    formatting.number(figures.get("snr_db")),
                    formatting.number(figures.get("max_abs")),
                    *(NOT_APPLICABLE if s is None else formatting.percent(s) for s in shares),
                )
            )
    return rows


def random_inputs(bundle: Bundle) -> tuple[str, ...]:
    """What files were given where no data were named, each sentence once."""
    sentences = [
        f"parity was measured on {result.inputs}; it says nothing of a task"
        for result in bundle.parity
        if result.inputs
    ]
    return tuple(dict.fromkeys(sentences))


def _of_named(bundle: Bundle, artifact: Artifact, figure: str) -> float | None:
    """A figure of parity on samples with labels, which nothing else evaluates such a file on."""
    if not isinstance(artifact.contract, Tensors):
        return None
    ran = (r.metrics[figure] for r in parity_of(bundle, artifact) if figure in r.metrics)
    return next(ran, None)


def _change(
    evaluation: EvaluationResult | None, reference: EvaluationResult | None, drop: float | None
) -> float | None:
    """Accuracy minus the float model's, where both were measured on the same windows."""
    if drop is not None:
        return -drop
    if evaluation is None or reference is None:
        return None
    if evaluation.data.sha256 != reference.data.sha256:
        return None
    return evaluation.accuracy - reference.accuracy


def _p50(profile: ProfileResult | None) -> float | None:
    return profile.latency_us.get("p50") if profile else None


def _float32(artifacts: Sequence[Artifact], like: Artifact) -> Artifact | None:
    """The float32 file to compare with: of the same target if there is one."""
    floats = [a for a in artifacts if a.scheme == "float32"]
    same = [a for a in floats if a.target == like.target]
    return next(iter(same or floats), None)


def _size_ratio(artifacts: Sequence[Artifact], artifact: Artifact) -> float | None:
    base = _float32(artifacts, artifact)
    return base.bytes / artifact.bytes if base and artifact.bytes else None


def _speed_up(bundle: Bundle, artifact: Artifact) -> float | None:
    base = _float32(bundle.artifacts, artifact)
    theirs = profile_of(bundle, base) if base else None
    ours = profile_of(bundle, artifact)
    if not theirs or not ours or theirs.runtime != ours.runtime or ours.runtime in ONLY_CHECK:
        return None
    base_us, own_us = _p50(theirs), _p50(ours)
    return base_us / own_us if base_us and own_us else None


def _reasons(bundle: Bundle, artifact: Artifact) -> tuple[str, ...]:
    """Why something is missing or failed, each reason once."""
    parity = parity_of(bundle, artifact)
    reasons = [f"parity: {r.reason}" for r in parity if r.status is not Status.PASSED and r.reason]
    if not parity:
        reasons.append(f"parity: {_absent(artifact.name in {r.artifact for r in bundle.parity})}")
    of_windows = not isinstance(artifact.contract, Tensors)
    if of_windows and evaluation_of(bundle, artifact.name, artifact.sha256) is None:
        reasons.append(f"accuracy: {_absent(artifact.name in bundle.evaluations)}")
    profile = profile_of(bundle, artifact)
    if profile is None:
        reasons.append(f"latency: {_absent(artifact.name in {r.artifact for r in bundle.profile})}")
    elif profile.status is not Status.PASSED:
        reasons.append(f"latency: {profile.reason or formatting.NOT_RUN}")
    elif profile.runtime in ONLY_CHECK:
        reasons.append(f"latency: {ONLY_CHECK[profile.runtime]}")
    return tuple(dict.fromkeys(reasons))


def _absent(stale: bool) -> str:
    return "measured on other bytes than the file has now" if stale else "no result in the bundle"
