"""One artifact run on the windows of a parity context, and everything that is measured on it."""

from __future__ import annotations

import math
from collections.abc import Mapping
from dataclasses import dataclass, replace
from pathlib import Path
from typing import TYPE_CHECKING, Any

from edgeconv.core import Artifact, EvaluationResult, ParityResult
from edgeconv.core.parity_statistics import decibels
from edgeconv.errors import Unsupported
from edgeconv.parity.classification import evaluate, softmax
from edgeconv.parity.context import ParityContext, gives_logits, is_retrained, source_model
from edgeconv.parity.gates import EMBEDDING_SNR, default_gates, resolve_gates
from edgeconv.parity.output_comparison import (
    OutputComparison,
    badness,
    compare_outputs,
    judge_outputs,
    result_of,
)
from edgeconv.parity.saturation import saturated_shares
from edgeconv.parity.significance import margin_of
from edgeconv.parity.stream_answers import answers_on_stream
from edgeconv.runtimes import (
    RUNTIMES,
    RuntimeChoice,
    pessimistic_compute,
    runtime_for,
    unavailable,
)
from edgeconv.runtimes.predict import predict_outputs

if TYPE_CHECKING:
    import numpy as np
    from numpy.typing import NDArray


@dataclass(frozen=True, eq=False)
class ArtifactRun:
    """What one artifact computed on the windows of a context, in one runtime.

    Attributes:
        compute: how the runtime computed; empty where it has one way.
        gates: limits that hold for it against the float model.
        comparison: its outputs against the float model's.
        conversion: its outputs against those of the compressed network that it was exported from;
            None for every other artifact.
        evaluation: its accuracy; None if its outputs are not finite.
    """

    artifact: Artifact
    runtime: str
    gates: Mapping[str, float]
    comparison: OutputComparison
    compute: str = ""
    conversion: OutputComparison | None = None
    evaluation: EvaluationResult | None = None

    def result(self, context: ParityContext) -> ParityResult:
        """The measurements as a result without checks."""
        result = result_of(self.artifact, self.runtime, self.comparison, context.machine)
        measured = self.conversion.metrics if self.conversion else {}
        conversion = {
            f"conversion_{name}": measured[name]
            for name in conversion_gates(self.artifact)
            if name in measured
        }
        return replace(
            result,
            metrics={**result.metrics, **conversion},
            asked=context.requested_limits,
            compute=self.compute,
        )


def conversion_gates(artifact: Artifact) -> dict[str, float]:
    """The limits of a retrained artifact against the compressed network it was exported from.

    Accuracy is not among them: it is judged against the float model.
    """
    gates = default_gates(artifact.target, artifact.scheme)
    gates.pop("accuracy_drop")
    return gates


def run_artifact(context: ParityContext, artifact: Artifact, runtime: str) -> ArtifactRun | str:
    """Run an artifact and measure its outputs, or say why it cannot be run here.

    Where a phone may compute in a worse way than the runtime does by default, both are measured,
    and the worse one counts.

    Raises:
        BadInput: a damaged file, or outputs for other classes.
        Unsupported: no runtime can run it, and `runtime` is `auto`.
        UsageError: an unknown runtime or gate.
    """
    reason = unavailable(artifact.path, runtime)
    if reason:
        return reason
    if not len(context.dataset):
        return "there are no windows to compare on"
    try:
        runs = [
            _run(context, artifact, runtime, compute)
            for compute in computes(artifact.path, runtime, context.choice)
        ]
    except Unsupported as error:
        if runtime == "auto":
            raise
        return str(error)

    def judged(run: ArtifactRun) -> ParityResult:
        return run.result(context).with_checks(*judge_outputs(run.comparison, run.gates))

    return max(runs, key=lambda run: badness(judged(run))) if len(runs) > 1 else runs[0]


def computes(path: Path, runtime: str, choice: RuntimeChoice) -> tuple[str, ...]:
    """The ways in which parity lets a file be computed, by its runtime's option `compute`.

    What the caller chose, else as the file says and what a phone may do worse; `("",)` for a
    runtime with one way.
    """
    if options := choice.options(path, runtime):
        return (options["compute"],)
    if worse := pessimistic_compute(path, runtime):
        return (RUNTIMES[runtime_for(path, runtime)].computes[0], worse)
    return ("",)


def _run(context: ParityContext, artifact: Artifact, runtime: str, compute: str) -> ArtifactRun:
    import numpy as np

    retrained = is_retrained(artifact)
    gates = resolve_gates(
        artifact.target,
        artifact.scheme,
        context.limits,
        retrained=retrained,
        embedding=bool(artifact.embedding),
    )
    options: dict[str, Any] = {"compute": compute} if compute else {}
    windows = context.dataset.windows
    computed = predict_outputs(artifact.path, artifact.signal, windows, runtime, **options)
    outputs, ran = computed.classes, computed.runtime
    if gives_logits(artifact):
        outputs = softmax(outputs)
    comparison = _comparison(context, artifact, outputs, gates)
    if artifact.embedding:
        snr = _embedding_snr(context, artifact, computed.embedding)
        comparison = replace(comparison, metrics={**comparison.metrics, EMBEDDING_SNR: snr})
    run = ArtifactRun(artifact, ran, gates, comparison, compute)
    if not np.isfinite(outputs).all():
        return run
    return replace(
        run,
        conversion=_conversion(context, artifact, outputs),
        evaluation=evaluate(
            outputs,
            context.labels,
            context.dataset.subjects,
            artifact.signal.labels or context.dataset.signal.labels,
            ran,
            artifact.sha256,
            context.data,
        ),
    )


def _comparison(
    context: ParityContext,
    artifact: Artifact,
    outputs: NDArray[np.float32],
    gates: Mapping[str, float],
) -> OutputComparison:
    comparison = compare_outputs(context.reference, outputs, margin_of(gates), context.level)
    if comparison.statistics is None:
        return comparison
    stream = answers_on_stream(context.dataset, artifact.signal, context.reference, outputs)
    comparison = replace(comparison, statistics=replace(comparison.statistics, stream=stream))
    shares = saturated_shares(artifact, context.dataset)
    if comparison.statistics is None or shares is None:
        return comparison
    return replace(
        comparison,
        metrics={**comparison.metrics, "saturated": max(shares.values(), default=0.0)},
        statistics=replace(comparison.statistics, saturation=shares),
    )


def _embedding_snr(
    context: ParityContext, artifact: Artifact, embedding: NDArray[np.float32] | None
) -> float:
    """How far a file's embedding is above its error, in dB; NaN where it is no such vector."""
    wanted = context.embedding(source_model(context.bundle, artifact)).astype("float64")
    if embedding is None or embedding.shape != wanted.shape:
        return math.nan
    return decibels(float((wanted**2).sum()), float(((embedding - wanted) ** 2).sum()))


def _conversion(
    context: ParityContext, artifact: Artifact, outputs: NDArray[np.float32]
) -> OutputComparison | None:
    compression = artifact.export.compression
    if compression is None:
        return None
    reference = context.compressed_reference(compression.name)
    return compare_outputs(reference, outputs) if reference is not None else None
