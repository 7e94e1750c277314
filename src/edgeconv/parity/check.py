"""The verdict on one file: passed, failed, or not run and why."""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import replace
from typing import TYPE_CHECKING, Any

from edgeconv.errors import BadInput
from edgeconv.parity.gates import direction_of, judge
from edgeconv.parity.metrics import compare
from edgeconv.types import Artifact, Check, ParityResult, Status, worst

if TYPE_CHECKING:
    import numpy as np
    from numpy.typing import NDArray


def check_parity(
    artifact: Artifact,
    runtime: str,
    reference: NDArray[np.floating[Any]],
    candidate: NDArray[np.floating[Any]],
    labels: NDArray[np.integer[Any]],
    gates: Mapping[str, float],
    machine: Mapping[str, Any],
) -> ParityResult:
    """Outputs (n, classes) of a file against the float reference's, on the same windows.

    Without windows or gates the result is `not_run`. Another shape, NaN or infinity fail every
    gate.

    Raises:
        BadInput: the reference itself holds NaN, or labels of another number of windows.
        UsageError: an unknown gate.
    """
    import numpy as np

    _check_reference(reference, labels)
    base = _result(artifact, runtime, machine, len(reference))
    if not len(reference):
        return _without_numbers(base, gates, Status.NOT_RUN, "there are no windows to compare on")
    if not gates:
        return replace(base, reason="there is no gate to pass")
    if candidate.shape != reference.shape:
        reason = f"outputs have shape {candidate.shape}, the float model's {reference.shape}"
        return _without_numbers(base, gates, Status.FAILED, reason)
    broken = ~np.isfinite(candidate)
    if broken.any():
        return _without_numbers(base, gates, Status.FAILED, _not_finite(broken, artifact))
    metrics = compare(reference, candidate, labels)
    checks = tuple(
        _explained(judge(name, limit, metrics), artifact, reference, candidate, metrics)
        for name, limit in gates.items()
    )
    status = worst(check.status for check in checks)
    return replace(base, status=status, metrics=metrics, checks=checks, reason=failures(checks))


def not_run(
    artifact: Artifact, runtime: str, reason: str, machine: Mapping[str, Any]
) -> ParityResult:
    """The result of a check that could not be made."""
    return replace(_result(artifact, runtime, machine, 0), reason=reason)


def failures(checks: tuple[Check, ...]) -> str:
    """The failed checks in one line."""
    return "; ".join(
        f"{c.name} is {c.value:.4g}, must be {c.direction} {c.limit:g}"
        for c in checks
        if c.status is Status.FAILED and c.value is not None and c.limit is not None
    )


def _result(artifact: Artifact, runtime: str, machine: Mapping[str, Any], n: int) -> ParityResult:
    return ParityResult(
        artifact=artifact.name,
        sha256=artifact.sha256,
        scheme=artifact.scheme,
        target=str(artifact.target),
        runtime=runtime,
        status=Status.NOT_RUN,
        n=n,
        machine=dict(machine),
    )


def _without_numbers(
    base: ParityResult, gates: Mapping[str, float], status: Status, reason: str
) -> ParityResult:
    checks = tuple(
        Check(name, status, None, limit, direction_of(name), reason)
        for name, limit in gates.items()
    )
    return replace(base, status=status, checks=checks, reason=reason)


def _check_reference(reference: NDArray[Any], labels: NDArray[Any]) -> None:
    import numpy as np

    if reference.ndim != 2 or len(labels) != len(reference):
        raise BadInput(
            f"float outputs of shape {reference.shape} do not belong to {len(labels)} labels"
        )
    if not np.isfinite(reference).all():
        raise BadInput(
            "the float model itself outputs NaN or infinity: nothing can be compared with it",
            "train it again, or look for windows with broken values",
        )


def _not_finite(broken: NDArray[np.bool_], artifact: Artifact) -> str:
    windows = broken.any(axis=1)
    first = int(windows.argmax())
    return (
        f"outputs are NaN or infinite for {int(windows.sum())} of {windows.size} windows, "
        f"first for window {first}, class {_label(artifact, int(broken[first].argmax()))}"
    )


def _explained(
    check: Check,
    artifact: Artifact,
    reference: NDArray[Any],
    candidate: NDArray[Any],
    metrics: Mapping[str, float],
) -> Check:
    """A failed check says where to look first."""
    import numpy as np

    if check.status is not Status.FAILED:
        return check
    reason = ""
    if check.name == "max_abs":
        off = np.abs(reference.astype(np.float64) - candidate)
        row, column = map(int, np.unravel_index(off.argmax(), off.shape))
        reason = (
            f"furthest off in window {row}: {_label(artifact, column)} is "
            f"{candidate[row, column]:.4g} instead of {reference[row, column]:.4g}"
        )
    elif check.name == "top1_agreement":
        flipped = np.asarray(reference.argmax(axis=1) != candidate.argmax(axis=1))
        reason = (
            f"{int(flipped.sum())} of {flipped.size} windows have another answer than the float "
            f"model's, first window {int(flipped.argmax())}"
        )
    elif check.name == "accuracy_drop":
        reason = (
            f"accuracy {metrics['accuracy']:.4f} instead of {metrics['reference_accuracy']:.4f} "
            f"on {len(reference)} windows"
        )
    return replace(check, reason=reason)


def _label(artifact: Artifact, column: int) -> str:
    labels = artifact.signal.labels
    return f"'{labels[column]}'" if column < len(labels) else f"class {column}"
