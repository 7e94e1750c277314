"""Compare a retrained artifact with the compressed network that it was exported from.

Against the float model a retrained artifact is judged by its accuracy only, since other weights may
well predict other classes. Whether the conversion is right is another question: the compressed
network answers it number by number.
"""

from __future__ import annotations

from collections.abc import Iterator

from edgeconv.core import Check, Status, worst
from edgeconv.parity.artifact_run import ArtifactRun, conversion_gates
from edgeconv.parity.checks.base import ParityCheck
from edgeconv.parity.context import ParityContext
from edgeconv.parity.output_comparison import judge_outputs

NAME = "conversion"


def _judge(_: ParityContext, run: ArtifactRun) -> Iterator[Check]:
    compression = run.artifact.export.compression
    if compression is None or run.evaluation is None:
        return
    name = compression.name
    if run.conversion is None:
        reason = f"the bundle has no compressed network '{name}'"
        yield Check(NAME, Status.NOT_RUN, None, None, ">=", reason)
        return
    gates = conversion_gates(run.artifact)
    checks = judge_outputs(run.conversion, gates)
    sentences = "; ".join(check.sentence for check in checks if check.sentence)
    yield Check(
        NAME,
        worst(check.status for check in checks),
        run.conversion.metrics.get("snr_db"),
        gates.get("snr_db"),
        ">=",
        f"against compressed/{name}.keras: {sentences}" if sentences else "",
    )


CHECK = ParityCheck((NAME,), _judge)
