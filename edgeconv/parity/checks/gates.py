"""The limits of the scheme, the recipe and the caller, against the float model's outputs."""

from __future__ import annotations

from edgeconv.core import Check
from edgeconv.parity.artifact_run import ArtifactRun
from edgeconv.parity.checks.base import ParityCheck
from edgeconv.parity.context import ParityContext
from edgeconv.parity.gates import DIRECTIONS
from edgeconv.parity.output_comparison import judge_outputs


def _judge(_: ParityContext, run: ArtifactRun) -> tuple[Check, ...]:
    return judge_outputs(run.comparison, run.gates)


CHECK = ParityCheck(tuple(DIRECTIONS), _judge)
