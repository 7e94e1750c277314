"""One artifact run on the windows of a parity context, and everything that is measured on it."""

from __future__ import annotations

import math
from collections.abc import Mapping
from dataclasses import dataclass, replace
from typing import TYPE_CHECKING

from edgeconv.core import Artifact, EvaluationResult, ParityResult
from edgeconv.core.parity_statistics import decibels
from edgeconv.errors import Unsupported
from edgeconv.parity.classification import evaluate, softmax
from edgeconv.parity.context import ParityContext, gives_logits, is_retrained, source_model
from edgeconv.parity.gates import EMBEDDING_SNR, default_gates, resolve_gates
from edgeconv.parity.output_comparison import OutputComparison, compare_outputs, result_of
from edgeconv.parity.saturation import saturated_shares
from edgeconv.parity.significance import margin_of
from edgeconv.runtimes import unavailable
from edgeconv.runtimes.predict import predict_outputs

if TYPE_CHECKING:
    import numpy as np
    from numpy.typing import NDArray


@dataclass(frozen=True, eq=False)
class ArtifactRun:
    """What one artifact computed on the windows of a context, in one runtime.

    Attributes:
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

    Raises:
        BadInput: a damaged file, or outputs for other classes.
        Unsupported: no runtime can run it, and `runtime` is `auto`.
        UsageError: an unknown runtime or gate.
    """
    import numpy as np

    reason = unavailable(artifact.path, runtime)
    if reason:
        return reason
    if not len(context.dataset):
        return "there are no windows to compare on"
    retrained = is_retrained(artifact)
    gates = resolve_gates(
        artifact.target,
        artifact.scheme,
        context.limits,
        retrained=retrained,
        embedding=bool(artifact.embedding),
    )
    windows = context.dataset.windows
    try:
        computed = predict_outputs(artifact.path, artifact.signal, windows, runtime)
    except Unsupported as error:
        if runtime == "auto":
            raise
        return str(error)
    outputs, ran = computed.classes, computed.runtime
    if gives_logits(artifact):
        outputs = softmax(outputs)
    comparison = _comparison(context, artifact, outputs, gates)
    if artifact.embedding:
        snr = _embedding_snr(context, artifact, computed.embedding)
        comparison = replace(comparison, metrics={**comparison.metrics, EMBEDDING_SNR: snr})
    run = ArtifactRun(artifact, ran, gates, comparison)
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
