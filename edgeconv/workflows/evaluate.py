"""How well a model or artifact recognises labelled windows."""

from __future__ import annotations

from pathlib import Path
from typing import TYPE_CHECKING, Any

from edgeconv.bundle import source_bundle
from edgeconv.core import (
    NULL_PROGRESS,
    Dataset,
    EvaluationResult,
    InputConvention,
    Progress,
    Signal,
)
from edgeconv.core.digest import sha256
from edgeconv.parity.classification import evaluate as judge
from edgeconv.runtimes.predict import predict_file
from edgeconv.workflows.steps.sandbox import try_foreign
from edgeconv.workflows.steps.sources import (
    contract_of,
    find_model,
    labels_for,
    load_part,
)

if TYPE_CHECKING:
    import numpy as np
    from numpy.typing import NDArray


def evaluate(
    path: Path,
    data: str,
    part: str = "test",
    runtime: str = "auto",
    sensor: InputConvention | None = None,
    unsafe: bool = False,
    progress: Progress = NULL_PROGRESS,
) -> EvaluationResult:
    """A `.keras`, `.tflite` or `.mlpackage` on one part of a data set.

    The windows reach the file as its own sensor contract says: raw m/s², raw g, or normalized.

    Raises:
        UsageError, BadInput, LeakError: as `load_part` and `contract_of`.
        MissingDependency: nothing on this machine runs such a file.
    """
    path = find_model(path)
    progress.stage(f"evaluate: {path.name} on {data}")
    try_foreign(path)
    dataset, facts = load_part(data, part, progress, source_bundle(path))
    signal = contract_of(path, sensor, dataset)
    options = {"unsafe": unsafe} if path.suffix == ".keras" else {}
    return evaluate_file(path, signal, dataset, facts, runtime, **options)


def evaluate_file(
    path: Path,
    signal: Signal,
    dataset: Dataset,
    facts: dict[str, Any],
    runtime: str = "auto",
    **options: Any,
) -> EvaluationResult:
    """The same for a file whose contract is known."""
    labels = labels_for(signal, dataset)
    probabilities, ran = predict_file(path, signal, dataset.windows, runtime, **options)
    return judge_probabilities(path, signal, dataset, labels, probabilities, ran, facts)


def judge_probabilities(
    path: Path,
    signal: Signal,
    dataset: Dataset,
    labels: NDArray[np.int64],
    probabilities: NDArray[np.float32],
    runtime: str,
    facts: dict[str, Any],
) -> EvaluationResult:
    """The figures for outputs that were computed already."""
    return judge(
        probabilities,
        labels,
        dataset.subjects,
        signal.labels or dataset.signal.labels,
        runtime,
        sha256(path),
        facts,
    )
