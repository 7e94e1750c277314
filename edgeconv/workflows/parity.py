"""Do the files behave like the float model? Parity on real windows, golden vectors, accuracy."""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from dataclasses import dataclass, replace
from pathlib import Path
from typing import TYPE_CHECKING, Any

from edgeconv import bundle as bundles
from edgeconv.core import (
    NULL_PROGRESS,
    Artifact,
    Bundle,
    Dataset,
    EvaluationResult,
    ParityResult,
    Progress,
)
from edgeconv.environment import describe_machine
from edgeconv.errors import BadInput, Unsupported, UsageError
from edgeconv.parity import gates, noninferiority, verdict
from edgeconv.parity.checks.compression import with_promise
from edgeconv.parity.checks.contract import with_contract
from edgeconv.parity.checks.manifest import float_figures, with_record
from edgeconv.parity.checks.retrained import compressed_outputs, is_retrained, with_conversion
from edgeconv.parity.checks.saturation import saturated, saturation_of, with_shares
from edgeconv.parity.checks.weights import with_weights
from edgeconv.parity.drift.saturation import sentence as saturation_sentence
from edgeconv.parity.layerwise.artifacts import compare_layers
from edgeconv.parity.task_impact import with_readings
from edgeconv.runtimes import unavailable
from edgeconv.runtimes.predict import predict_file
from edgeconv.workflows.evaluate import judge_probabilities
from edgeconv.workflows.golden import golden_of, with_golden
from edgeconv.workflows.steps.parity_context import Trial, prepare
from edgeconv.workflows.steps.sources import labels_for

if TYPE_CHECKING:
    import numpy as np
    from numpy.typing import NDArray


@dataclass(frozen=True)
class Verification:
    """What one parity run found."""

    parity: tuple[ParityResult, ...]
    evaluations: dict[str, EvaluationResult]


def parity(
    path: Path,
    data: str | None = None,
    part: str = "test",
    runtimes: Sequence[str] = ("auto",),
    overrides: Mapping[str, float] | None = None,
    progress: Progress = NULL_PROGRESS,
    layers: bool = False,
) -> Bundle:
    """Check every artifact of a bundle against its float model; with `layers` also inside.

    Without `data`, the test people of the bundle's own data set are used, and the results are
    written back into the bundle.

    Raises:
        BadInput: no bundle, or one of its files has changed.
        UsageError: unknown gate, runtime or split, or no data to check on.
    """
    trial = prepare(path, data, part, overrides, progress)
    bundle = trial.bundle
    found = verify(
        bundle, trial.dataset, trial.reference, trial.facts, runtimes, trial.limits, progress
    )
    checked = replace(
        bundle, parity=found.parity, evaluations={**bundle.evaluations, **found.evaluations}
    )
    if layers:
        inside = compare_layers(
            bundle, trial.dataset, trial.facts, _jobs(bundle, runtimes), progress
        )
        checked = replace(checked, layers=inside)
    if data is None and part == "test":
        _write_back(checked, progress)
    return checked


def check_file(
    trial: Trial, name: str, runtimes: Sequence[str] = ("auto",), progress: Progress = NULL_PROGRESS
) -> tuple[ParityResult, ...]:
    """One file of a bundle, in every runtime that was asked for; nothing is written.

    Raises:
        UsageError: the bundle holds no such file, or an unknown runtime.
        BadInput: the file is damaged.
    """
    bundle = trial.bundle
    chosen = tuple(a for a in bundle.artifacts if a.name == name)
    if not chosen:
        names = ", ".join(a.name for a in bundle.artifacts) or "none"
        raise UsageError(f"{bundle.path} has no file '{name}'", f"it has: {names}")
    one = replace(bundle, artifacts=chosen)
    return verify(
        one, trial.dataset, trial.reference, trial.facts, runtimes, trial.limits, progress
    ).parity


def _write_back(bundle: Bundle, progress: Progress) -> None:
    """Keep the newest results with the files; a read-only bundle can be checked all the same."""
    try:
        bundles.write(bundle, bundle.path)
    except (OSError, BadInput) as error:
        progress.note(f"the results are not kept in the bundle: {error}")


def verify(
    bundle: Bundle,
    dataset: Dataset,
    reference: NDArray[np.float32],
    facts: dict[str, Any],
    runtimes: Sequence[str],
    overrides: Mapping[str, float],
    progress: Progress,
) -> Verification:
    """Every artifact in every runtime that was asked for."""
    labels = labels_for(bundle.model.signal, dataset)
    kept = golden_of(bundle)
    results: list[ParityResult] = []
    evaluations: dict[str, EvaluationResult] = {}
    jobs = _jobs(bundle, runtimes)
    networks = compressed_outputs(bundle, dataset, progress)
    figures = float_figures(bundle, dataset, labels, reference)
    asked = {k: v for k, v in overrides.items() if bundle.recipe.get("gates", {}).get(k) != v}
    for done, (artifact, runtime) in enumerate(jobs, 1):
        result, outputs = _check(artifact, runtime, dataset, labels, reference, overrides)
        if outputs is not None:
            result = with_conversion(artifact, result, networks, outputs, labels)
        result = with_promise(artifact, result)
        result = with_golden(bundle, kept, artifact, result)
        result = with_contract(bundle, artifact, result)
        result = with_weights(bundle, artifact, result)
        judged = None
        if outputs is not None:
            judged = judge_probabilities(
                *(artifact.path, artifact.signal, dataset, labels, outputs, result.runtime, facts)
            )
            evaluations.setdefault(artifact.name, judged)
        result = with_record(bundle, kept, artifact, result, figures, judged)
        results.append(replace(result, asked=asked))
        if told := saturation_sentence(result):
            progress.note(told)
        progress.update(done, len(jobs), f"{artifact.name}: {_words(result)}")
    return Verification(tuple(results), evaluations)


def _jobs(bundle: Bundle, runtimes: Sequence[str]) -> list[tuple[Artifact, str]]:
    return [(a, r) for a in bundle.artifacts for r in runtimes if _opens(a, r, runtimes)]


def _opens(artifact: Artifact, runtime: str, asked: Sequence[str]) -> bool:
    """With several runtimes, each takes the files that it opens; a lone one must open all."""
    if runtime == "auto" or len(asked) == 1:
        return True
    try:
        unavailable(artifact.path, runtime)
    except UsageError:
        return False
    return True


def _check(
    artifact: Artifact,
    runtime: str,
    dataset: Dataset,
    labels: NDArray[np.int64],
    reference: NDArray[np.float32],
    overrides: Mapping[str, float],
) -> tuple[ParityResult, NDArray[np.float32] | None]:
    machine = describe_machine()
    reason = unavailable(artifact.path, runtime)
    if reason:
        return verdict.not_run(artifact, runtime, reason, machine), None
    limits = gates.resolve_gates(
        artifact.target, artifact.scheme, overrides, retrained=is_retrained(artifact)
    )
    try:
        outputs, ran = predict_file(artifact.path, artifact.signal, dataset.windows, runtime)
    except Unsupported as error:
        if runtime == "auto":
            raise
        return verdict.not_run(artifact, runtime, str(error), machine), None
    level = noninferiority.level_of(overrides)
    shares = saturation_of(artifact, dataset)
    result = verdict.check_parity(
        *(artifact, ran, reference, outputs, labels, limits, machine, dataset.subjects, level),
        measured=saturated(shares),
    )
    import numpy as np

    result = with_shares(with_readings(result, dataset.windows), shares)
    return result, outputs if np.isfinite(outputs).all() else None


def _words(result: ParityResult) -> str:
    return str(result.status).replace("_", " ")
