"""The verdict on one file: passed, failed, or not run and why."""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from dataclasses import replace
from typing import TYPE_CHECKING, Any

from edgeconv.core import Artifact, Check, ParityResult, ParityStatistics, Status, worst
from edgeconv.errors import BadInput
from edgeconv.parity.gates import direction_of, judge
from edgeconv.parity.metrics import compare
from edgeconv.parity.noninferiority import GATE, LEVEL, as_check, margin_of
from edgeconv.parity.task_impact import evidence

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
    subjects: NDArray[np.str_] | None = None,
    level: float = LEVEL,
    measured: Mapping[str, float] | None = None,
) -> ParityResult:
    """Outputs (n, classes) of a file against the float reference's, on the same windows.

    Without windows or gates the result is `not_run`. Another shape, NaN or infinity fail every
    gate. `subjects` (n,) names whose windows they are; `level` is the confidence of the bounds in
    `evidence`; `measured` are numbers of other sources that gates may ask for. Where the gate
    `max_drop` is set, too few windows to know make it `not_run`.

    Raises:
        BadInput: the reference itself holds NaN, or labels of another number of windows.
        UsageError: an unknown gate, or a `max_drop` or `level` that is no share.
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
    metrics = {**compare(reference, candidate, labels, subjects), **(measured or {})}
    names = artifact.signal.labels
    found = evidence(reference, candidate, labels, subjects, names, margin_of(gates), level)
    checks = tuple(
        as_check(found.drop)
        if name == GATE
        else _explained(judge(name, limit, metrics), artifact, reference, candidate, found)
        for name, limit in gates.items()
    )
    status = worst(check.status for check in checks)
    reason = failures(checks)
    return replace(
        base, status=status, metrics=metrics, checks=checks, reason=reason, evidence=found
    )


def not_run(
    artifact: Artifact, runtime: str, reason: str, machine: Mapping[str, Any]
) -> ParityResult:
    """The result of a check that could not be made."""
    return replace(_result(artifact, runtime, machine, 0), reason=reason)


def failures(checks: tuple[Check, ...]) -> str:
    """The failed and the undecided checks in one line."""
    return "; ".join(
        f"{c.name}: {c.reason}"
        if c.name == GATE
        else f"{c.name} is {c.value:.4g}, must be {c.direction} {c.limit:g}"
        for c in checks
        if c.status is not Status.PASSED and c.value is not None and c.limit is not None
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
    found: ParityStatistics,
) -> Check:
    """A failed check says where to look first."""
    if check.status is not Status.FAILED:
        return check
    reason = ""
    if check.name == "max_abs":
        reason = _furthest(artifact, reference, candidate)
    elif check.name == "top1_agreement":
        reason = (
            f"{len(found.flips)} of {len(reference)} windows have another answer than the float "
            f"model's{_first(found.flips.window)}"
        )
    elif check.name == "accuracy_drop":
        right, before = _share(found.per_class, "file"), _share(found.per_class, "reference")
        reason = f"accuracy {right:.4f} instead of {before:.4f} on {len(reference)} windows"
    elif check.name == "class_drop":
        reason = _hit(found.per_class, "recall of '{}'")
    elif check.name == "subject_drop":
        reason = _hit(found.per_subject, "accuracy of person {}")
    return replace(check, reason=reason)


def _first(windows: Sequence[int]) -> str:
    """None changed where the limit itself lies above 1."""
    return f", first window {windows[0]}" if windows else ""


def _furthest(artifact: Artifact, reference: NDArray[Any], candidate: NDArray[Any]) -> str:
    import numpy as np

    off = np.abs(reference.astype(np.float64) - candidate)
    row, column = map(int, np.unravel_index(off.argmax(), off.shape))
    return (
        f"furthest off in window {row}: {_label(artifact, column)} is "
        f"{candidate[row, column]:.4g} instead of {reference[row, column]:.4g}"
    )


def _share(table: Mapping[str, Mapping[str, float]], key: str) -> float:
    """A share over all groups again."""
    return sum(row[key] * row["n"] for row in table.values()) / sum(
        row["n"] for row in table.values()
    )


def _hit(table: Mapping[str, Mapping[str, float]], whose: str) -> str:
    """The group that lost most."""
    name, row = max(table.items(), key=lambda item: item[1]["drop"])
    return (
        f"{whose.format(name)} is {row['file']:.4f} instead of {row['reference']:.4f} on "
        f"{row['n']:.0f} windows"
    )


def _label(artifact: Artifact, column: int) -> str:
    labels = artifact.signal.labels
    return f"'{labels[column]}'" if column < len(labels) else f"class {column}"
