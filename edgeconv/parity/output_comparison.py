"""The outputs of one model file against the float model's, measured and then judged by gates."""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from dataclasses import dataclass, field, replace
from typing import TYPE_CHECKING, Any

from edgeconv.core import (
    Check,
    MachineInfo,
    ModelFile,
    ParityResult,
    ParityStatistics,
    Status,
)
from edgeconv.errors import BadInput
from edgeconv.parity.gates import direction_of, judge
from edgeconv.parity.metrics import compare
from edgeconv.parity.significance import DROP, GATE, LEVEL, as_check, margin_of
from edgeconv.parity.task_impact import parity_statistics, with_readings

if TYPE_CHECKING:
    import numpy as np
    from numpy.typing import NDArray


@dataclass(frozen=True, eq=False)
class ReferenceOutputs:
    """What the reference, usually the float model, outputs for labeled windows.

    Attributes:
        probabilities: (windows, classes), finite.
        labels: (windows,) true classes, as numbers.
        class_names: names of the columns; a column without a name is `class i`.
        subjects: (windows,) names; None counts all windows as one subject's.
        windows: (windows, values) canonical readings, some of which the results keep; None keeps
            none.

    Raises:
        BadInput: NaN or infinity, or labels for another number of windows.
    """

    probabilities: NDArray[np.floating[Any]]
    labels: NDArray[np.integer[Any]]
    class_names: Sequence[str] = ()
    subjects: NDArray[np.str_] | None = None
    windows: NDArray[np.float32] | None = None

    def __post_init__(self) -> None:
        import numpy as np

        if self.probabilities.ndim != 2 or len(self.labels) != len(self.probabilities):
            raise BadInput(
                f"float outputs of shape {self.probabilities.shape} do not belong to "
                f"{len(self.labels)} labels",
                "give one row of outputs for each label",
            )
        if not np.isfinite(self.probabilities).all():
            raise BadInput(
                "the float model itself outputs NaN or infinity: nothing can be compared with it",
                "train it again, or look for windows with broken values",
            )

    def __len__(self) -> int:
        return len(self.probabilities)

    def class_name(self, column: int) -> str:
        """A class as messages name it."""
        names = self.class_names
        return f"'{names[column]}'" if column < len(names) else f"class {column}"


@dataclass(frozen=True, eq=False)
class OutputComparison:
    """What was measured on the outputs of one file.

    Attributes:
        metrics: every figure that a gate may ask for, by name.
        statistics: what stands behind them; None where nothing could be measured.
        problem: why nothing could be measured: no windows, another shape, NaN or infinity.
    """

    reference: ReferenceOutputs
    outputs: NDArray[np.floating[Any]]
    metrics: dict[str, float] = field(default_factory=dict)
    statistics: ParityStatistics | None = None
    problem: str = ""


def compare_outputs(
    reference: ReferenceOutputs,
    outputs: NDArray[np.floating[Any]],
    max_drop: float = DROP,
    level: float = LEVEL,
) -> OutputComparison:
    """Measure a file's outputs (windows, classes) against the reference's.

    Args:
        reference: outputs of the reference on the same windows.
        outputs: outputs of the file.
        max_drop: the accuracy drop, as a fraction, that the non-inferiority test is about.
        level: confidence of every bound.

    Raises:
        UsageError: `max_drop` or `level` is not a fraction.
    """
    import numpy as np

    probabilities = reference.probabilities
    if not len(reference):
        return OutputComparison(reference, outputs, problem="there are no windows to compare on")
    if outputs.shape != probabilities.shape:
        problem = f"outputs have shape {outputs.shape}, the float model's {probabilities.shape}"
        return OutputComparison(reference, outputs, problem=problem)
    broken = ~np.isfinite(outputs)
    if broken.any():
        return OutputComparison(reference, outputs, problem=_not_finite(broken, reference))
    labels, subjects = reference.labels, reference.subjects
    measured = parity_statistics(
        probabilities, outputs, labels, subjects, reference.class_names, max_drop, level
    )
    if reference.windows is not None:
        measured = with_readings(measured, reference.windows)
    metrics = compare(probabilities, outputs, labels, subjects)
    return OutputComparison(reference, outputs, metrics, measured)


def judge_outputs(comparison: OutputComparison, gates: Mapping[str, float]) -> tuple[Check, ...]:
    """One check for each gate. Outputs that could not be measured fail every gate.

    Raises:
        UsageError: an unknown gate.
        BadInput: the metric of a gate was not measured.
    """
    if comparison.problem:
        status = Status.FAILED if len(comparison.reference) else Status.NOT_RUN
        return tuple(
            Check(name, status, None, limit, direction_of(name), comparison.problem)
            for name, limit in gates.items()
        )
    return tuple(_judge(comparison, name, limit) for name, limit in gates.items())


def judge_file(
    model: ModelFile,
    runtime: str,
    outputs: NDArray[np.floating[Any]],
    reference: ReferenceOutputs,
    gates: Mapping[str, float],
    machine: MachineInfo,
    level: float = LEVEL,
) -> ParityResult:
    """Compare a file's outputs with the reference's and judge them by `gates` and nothing else.

    Without windows or gates the result is `not_run`. Where the gate `max_drop` is set, too few
    windows to decide make it `not_run`.

    Args:
        model: the file.
        runtime: what ran it.
        outputs: its outputs, (windows, classes).
        reference: what they are compared with.
        gates: limits by gate.
        machine: where it ran.
        level: confidence of every bound.

    Raises:
        UsageError: an unknown gate, or a `max_drop` or `level` that is not a fraction.
    """
    comparison = compare_outputs(reference, outputs, margin_of(gates), level)
    result = result_of(model, runtime, comparison, machine)
    if not gates:
        return replace(result, status=Status.NOT_RUN, reason="there is no gate to pass")
    return result.with_checks(*judge_outputs(comparison, gates))


def result_of(
    model: ModelFile, runtime: str, comparison: OutputComparison, machine: MachineInfo
) -> ParityResult:
    """A result with the measurements and without checks."""
    empty = not_run(model, runtime, "", machine)
    return replace(
        empty,
        status=Status.PASSED,
        n=len(comparison.reference),
        metrics=comparison.metrics,
        evidence=comparison.statistics,
    )


def badness(result: ParityResult) -> tuple[bool, float]:
    """A key that is larger for the worse of two results: gates that fail, then the largest error.

    Outputs that could not be measured are the worst.
    """
    return result.status is Status.FAILED, result.metrics.get("max_abs", float("inf"))


def not_run(model: ModelFile, runtime: str, reason: str, machine: MachineInfo) -> ParityResult:
    """The result for a file that could not be run."""
    return ParityResult(
        artifact=model.name,
        sha256=model.sha256,
        scheme=model.scheme,
        target=str(model.target),
        runtime=runtime,
        status=Status.NOT_RUN,
        n=0,
        reason=reason,
        machine=machine,
    )


def _judge(comparison: OutputComparison, name: str, limit: float) -> Check:
    if name == GATE and comparison.statistics is not None:
        return as_check(comparison.statistics.drop)
    check = judge(name, limit, comparison.metrics)
    if check.status is not Status.FAILED or comparison.statistics is None:
        return check
    return replace(check, reason=_explanation(name, comparison, comparison.statistics))


def _not_finite(broken: NDArray[np.bool_], reference: ReferenceOutputs) -> str:
    windows = broken.any(axis=1)
    first = int(windows.argmax())
    column = int(broken[first].argmax())
    return (
        f"outputs are NaN or infinite for {int(windows.sum())} of {windows.size} windows, "
        f"first for window {first}, class {reference.class_name(column)}"
    )


def _explanation(name: str, comparison: OutputComparison, measured: ParityStatistics) -> str:
    """Where to look first."""
    n = len(comparison.reference)
    if name == "max_abs":
        return _largest_error(comparison)
    if name == "top1_agreement":
        changed = measured.flips.window
        first = f", first window {changed[0]}" if changed else ""
        return (
            f"{len(changed)} of {n} windows are classified differently than by the float model"
            f"{first}"
        )
    if name == "accuracy_drop":
        ours, before = (_mean(measured.per_class, key) for key in ("file", "reference"))
        return f"accuracy {ours:.4f} instead of {before:.4f} on {n} windows"
    if name == "class_drop":
        return _largest_drop(measured.per_class, "recall of '{}'")
    if name == "subject_drop":
        return _largest_drop(measured.per_subject, "accuracy of subject {}")
    return ""


def _largest_error(comparison: OutputComparison) -> str:
    import numpy as np

    reference, outputs = comparison.reference, comparison.outputs
    error = np.abs(reference.probabilities.astype(np.float64) - outputs)
    row, column = map(int, np.unravel_index(error.argmax(), error.shape))
    return (
        f"largest error in window {row}: {reference.class_name(column)} is "
        f"{outputs[row, column]:.4g} instead of {reference.probabilities[row, column]:.4g}"
    )


def _mean(table: Mapping[str, Mapping[str, float]], key: str) -> float:
    """The mean over all windows from the means of groups."""
    rows = table.values()
    return sum(row[key] * row["n"] for row in rows) / sum(row["n"] for row in rows)


def _largest_drop(table: Mapping[str, Mapping[str, float]], subject: str) -> str:
    name, row = max(table.items(), key=lambda item: item[1]["drop"])
    return (
        f"{subject.format(name)} is {row['file']:.4f} instead of {row['reference']:.4f} on "
        f"{row['n']:.0f} windows"
    )
