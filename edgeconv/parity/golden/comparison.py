"""Does a file still answer the golden inputs as it did?"""

from __future__ import annotations

from dataclasses import replace
from typing import TYPE_CHECKING, Any

from edgeconv.core import Artifact, Check, Status
from edgeconv.parity.golden.vectors import Expectation, GoldenSet, Run

if TYPE_CHECKING:
    import numpy as np
    from numpy.typing import NDArray

NAME = "golden"

AT_HOME = 0.005
"""Tolerance where runtime, its version and the architecture are those that recorded the answers.
Integer kernels are exact there. A float16 may round the other way where more threads or vector
lanes order a sum otherwise: a step of float16 at a logit of 10 is 2^-7, a quarter of it 0.002 of a
probability. A broken channel, which could hide in what another device may do, is found."""


def check(
    golden: GoldenSet,
    artifact: Artifact,
    run: Run | None,
    reason: str = "",
    at_home: bool = False,
) -> Check:
    """Run the golden inputs once more: `value` is the largest deviation, `limit` the tolerance,
    not above `AT_HOME` where `run` is what recorded the answers.

    Failed where a value deviates (the reason names vector, class and both values), the file is not
    the one that the vectors were made from, or the set contradicts itself. Not run without an
    expectation or `run`; `reason` says why there is no `run`.
    """
    expected = golden.expected.get(artifact.name)
    if golden.conflicts:
        return _verdict(Status.FAILED, "; ".join(golden.conflicts))
    if expected is None:
        return _verdict(Status.NOT_RUN, "the golden set has no expectation for this file")
    if expected.sha256 != artifact.sha256:
        return _verdict(Status.FAILED, "file changed since golden vectors were made")
    if expected.outputs is None:
        return _verdict(expected.status, expected.reason, expected.tolerance)
    if run is None:
        return _verdict(Status.NOT_RUN, reason, expected.tolerance)
    if at_home:
        expected = replace(expected, tolerance=min(expected.tolerance, AT_HOME))
    return compare(golden, expected, run(artifact.path, golden.inputs[expected.sensor]))


def compare(golden: GoldenSet, expected: Expectation, outputs: NDArray[np.floating[Any]]) -> Check:
    """Recorded answers (n, classes), whoever computed them, against the expected ones."""
    import numpy as np

    wanted = expected.outputs
    if wanted is None:
        return _verdict(Status.NOT_RUN, expected.reason, expected.tolerance)
    if outputs.shape != wanted.shape:
        return _verdict(
            Status.FAILED,
            f"{outputs.shape} values instead of {wanted.shape}",
            expected.tolerance,
        )
    deviation = np.abs(outputs.astype(np.float64) - wanted)
    deviation = np.where(np.isfinite(deviation), deviation, np.inf)
    row, column = map(int, np.unravel_index(deviation.argmax(), deviation.shape))
    largest = float(deviation[row, column])
    if largest <= expected.tolerance:
        return Check(NAME, Status.PASSED, largest, expected.tolerance, "<=")
    several = int((deviation > expected.tolerance).any(axis=1).sum())
    reason = (
        f"vector {row} ({', '.join(golden.why[row])}): '{golden.signal.labels[column]}' is "
        f"{outputs[row, column]:.4g} instead of {wanted[row, column]:.4g}"
    )
    if several > 1:
        reason += f"; {several} of {len(deviation)} vectors deviate"
    value = largest if np.isfinite(largest) else None
    return Check(NAME, Status.FAILED, value, expected.tolerance, "<=", reason)


def _verdict(status: Status, reason: str, tolerance: float | None = None) -> Check:
    return Check(NAME, status, None, tolerance, "<=", reason)
