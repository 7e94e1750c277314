"""Any two model files on the same recordings, also files that edgeconv did not make."""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from dataclasses import replace
from pathlib import Path
from typing import TYPE_CHECKING

from edgeconv import bundle as bundles
from edgeconv.core import NULL_PROGRESS, Dataset, InputConvention, ParityResult, Progress
from edgeconv.environment import describe_machine
from edgeconv.errors import BadInput, Unsupported
from edgeconv.parity import gates, noninferiority, verdict
from edgeconv.parity.logits import as_probabilities
from edgeconv.parity.task_impact import with_readings
from edgeconv.runtimes import runtime_for, unavailable
from edgeconv.runtimes.predict import predict_file
from edgeconv.workflows.steps.models_under_test import Side, runtimes_of, sides_of
from edgeconv.workflows.steps.sandbox import try_foreign
from edgeconv.workflows.steps.sources import find_model, labels_for, load_part

if TYPE_CHECKING:
    import numpy as np
    from numpy.typing import NDArray


def compare_files(
    reference: Path,
    candidate: Path,
    data: str,
    part: str = "test",
    runtimes: Sequence[str] = ("auto",),
    overrides: Mapping[str, float] | None = None,
    sensors: Sequence[InputConvention] = (),
    unsafe: bool = False,
    progress: Progress = NULL_PROGRESS,
) -> tuple[ParityResult, ...]:
    """The second file judged against the first, by the gates of its own scheme.

    Both get the same windows, each as its own sensor contract says. A file without a contract gets
    what `sensors` names (one for all such files, or one a file in their order); where neither file
    has one, both get the canonical signal, m/s² with Android's sign. A file that gives logits is
    judged by their softmax.

    Args:
        runtimes: each file takes those that open it; the reference runs in the first of its own.

    Raises:
        BadInput: no such file, unlike classes, an input that holds no such window, or a contract
            that nobody knows.
        UsageError: an unknown runtime, gate or part, or `sensors` that contradict a contract.
    """
    reference, candidate = find_model(reference), find_model(candidate)
    limits = dict(overrides or {})
    progress.stage(f"parity: {candidate.name} against {reference.name} on {data}")
    for path in (reference, candidate):
        try_foreign(path)
    home = bundles.source_bundle(reference) or bundles.source_bundle(candidate)
    dataset, _ = load_part(data, part, progress, home)
    first, second = sides_of((reference, candidate), sensors, dataset, unsafe, progress)
    scheme = gates.resolve_gates(second.artifact.target, second.artifact.scheme, limits)
    base = _run(first, dataset, runtimes_of(first, runtimes)[0])
    if isinstance(base, str):
        return (_not_run(first, second, f"the reference {reference.name} cannot run: {base}"),)
    outputs, ran = base
    return tuple(
        _judge(first, second, dataset, outputs, ran, runtime, scheme, limits)
        for runtime in runtimes_of(second, runtimes)
    )


def _judge(
    first: Side,
    second: Side,
    dataset: Dataset,
    reference: NDArray[np.float32],
    ran: str,
    runtime: str,
    limits: Mapping[str, float],
    overrides: Mapping[str, float],
) -> ParityResult:
    found = _run(second, dataset, runtime)
    if isinstance(found, str):
        return _not_run(first, second, found, runtime)
    outputs, own = found
    names = first.labels or second.labels or dataset.signal.labels
    _check_classes(first, second, reference, names)
    if first.labels and second.labels and outputs.shape[1] == len(names):
        outputs = outputs[:, [second.labels.index(name) for name in names]]
    known = replace(dataset.signal, labels=names)
    labelled = replace(second.artifact, signal=replace(second.artifact.signal, labels=names))
    result = verdict.check_parity(
        labelled,
        own,
        reference,
        outputs,
        labels_for(known, dataset),
        limits,
        describe_machine(),
        dataset.subjects,
        noninferiority.level_of(overrides),
    )
    return _named(with_readings(result, dataset.windows), first, second, ran)


def _run(side: Side, dataset: Dataset, runtime: str) -> tuple[NDArray[np.float32], str] | str:
    """Outputs and the runtime that gave them, or why there are none."""
    reason = unavailable(side.path, runtime)
    if reason:
        return reason
    try:
        outputs, ran = predict_file(
            side.path, side.signal, dataset.windows, runtime, **side.options
        )
    except Unsupported as error:
        if runtime == runtime_for(side.path):
            raise
        return str(error)
    return as_probabilities(outputs), ran


def _check_classes(
    first: Side, second: Side, reference: NDArray[np.float32], names: tuple[str, ...]
) -> None:
    if first.labels and second.labels and set(first.labels) != set(second.labels):
        raise BadInput(
            f"{first.path.name} knows {', '.join(first.labels)}; "
            f"{second.path.name} knows {', '.join(second.labels)}",
            "compare files of the same classes",
        )
    if reference.shape[1] != len(names):
        raise BadInput(
            f"{first.path.name} gives {reference.shape[1]} values a window, but there are "
            f"{len(names)} classes: {', '.join(names)}",
            "compare on data with the model's own classes",
        )


def _not_run(first: Side, second: Side, reason: str, runtime: str = "") -> ParityResult:
    result = verdict.not_run(second.artifact, runtime, reason, describe_machine())
    return _named(result, first, second, "")


def _named(result: ParityResult, first: Side, second: Side, ran: str) -> ParityResult:
    target = "keras" if second.path.suffix == ".keras" else result.target
    of = {"name": first.path.name, "sha256": first.artifact.sha256, "runtime": ran}
    return replace(result, target=target, reference=of)
