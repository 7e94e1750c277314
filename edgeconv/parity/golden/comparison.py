"""Compare outputs for the golden inputs with the expected ones."""

from __future__ import annotations

from dataclasses import replace
from typing import TYPE_CHECKING, Any

from edgeconv.core import Artifact, Check, Status
from edgeconv.parity.golden.vectors import Expectation, GoldenSet, Run

if TYPE_CHECKING:
    import numpy as np
    from numpy.typing import NDArray

NAME = "golden"

SAME_ENVIRONMENT = 0.005
"""Tolerance if runtime, its version and the architecture are those that recorded the outputs.
Integer kernels are exact then. A float16 may round the other way if more threads or vector lanes
sum in another order: a step of float16 at a logit of 10 is 2^-7, a quarter of it 0.002 of a
probability. A broken channel, which the tolerance for other devices could hide, is found."""


def check_golden(
    golden: GoldenSet,
    artifact: Artifact,
    run: Run | None,
    reason: str = "",
    same_environment: bool = False,
) -> Check:
    """Run the golden inputs again: `value` is the largest deviation, `limit` the tolerance.

    It fails if a value deviates (the reason names vector, class and both values), if the file is
    not the one that the vectors were made from, or if the set contradicts itself. It is not run
    without an expectation or `run`.

    Args:
        golden: the set.
        artifact: the file.
        run: runs it.
        reason: why there is no `run`.
        same_environment: `run` is what recorded the outputs: the tolerance is then at most
            `SAME_ENVIRONMENT`.
    """
    expected = golden.expected.get(artifact.name)
    if golden.conflicts:
        return _verdict(Status.FAILED, "; ".join(golden.conflicts))
    if expected is None:
        return _verdict(Status.NOT_RUN, "the golden set has no expectation for this file")
    if expected.sha256 != artifact.sha256:
        return _verdict(Status.FAILED, "the file has changed since the golden vectors were made")
    if expected.outputs is None:
        return _verdict(expected.status, expected.reason, expected.tolerance)
    if run is None:
        return _verdict(Status.NOT_RUN, reason, expected.tolerance)
    if same_environment:
        expected = replace(expected, tolerance=min(expected.tolerance, SAME_ENVIRONMENT))
    return compare(golden, expected, run(artifact.path, golden.inputs[expected.sensor]))


def compare(golden: GoldenSet, expected: Expectation, outputs: NDArray[np.floating[Any]]) -> Check:
    """Compare outputs (vectors, classes) of any runtime or device with the expected ones."""
    import numpy as np

    target = expected.outputs
    if target is None:
        return _verdict(Status.NOT_RUN, expected.reason, expected.tolerance)
    if outputs.shape != target.shape:
        return _verdict(
            Status.FAILED,
            f"{outputs.shape} values instead of {target.shape}",
            expected.tolerance,
        )
    deviation = np.abs(outputs.astype(np.float64) - target)
    deviation = np.where(np.isfinite(deviation), deviation, np.inf)
    row, column = map(int, np.unravel_index(deviation.argmax(), deviation.shape))
    largest = float(deviation[row, column])
    if largest <= expected.tolerance:
        return Check(NAME, Status.PASSED, largest, expected.tolerance, "<=")
    several = int((deviation > expected.tolerance).any(axis=1).sum())
    reason = (
        f"vector {row} ({', '.join(golden.why[row])}): '{golden.signal.labels[column]}' is "
        f"{outputs[row, column]:.4g} instead of {target[row, column]:.4g}"
    )
    if several > 1:
        reason += f"; {several} of {len(deviation)} vectors deviate"
    value = largest if np.isfinite(largest) else None
    return Check(NAME, Status.FAILED, value, expected.tolerance, "<=", reason)


def _verdict(status: Status, reason: str, tolerance: float | None = None) -> Check:
    return Check(NAME, status, None, tolerance, "<=", reason)
