"""How well a model or artifact recognises labelled windows."""

from __future__ import annotations

from pathlib import Path
from typing import TYPE_CHECKING, Any

from edgeconv.formats.digest import sha256
from edgeconv.parity.classification import evaluate as judge
from edgeconv.pipeline.foreign import try_foreign
from edgeconv.pipeline.predict import predict_file
from edgeconv.pipeline.sources import contract_of, find_model, home_bundle, labels_for, load_part
from edgeconv.types import Dataset, EvaluationResult, Progress, Sensor, Signal, Silent

if TYPE_CHECKING:
    import numpy as np
    from numpy.typing import NDArray

_NOBODY = Silent()


def evaluate(
    path: Path,
    data: str,
    part: str = "test",
    runtime: str = "auto",
    sensor: Sensor | None = None,
    unsafe: bool = False,
    progress: Progress = _NOBODY,
) -> EvaluationResult:
    """A `.keras`, `.tflite` or `.mlpackage` on one part of a data set.

    The windows reach the file as its own sensor contract says: raw m/s², raw g, or normalised.

    Raises:
        UsageError, BadInput, LeakError: as `load_part` and `contract_of`.
        MissingDependency: nothing on this machine runs such a file.
    """
    path = find_model(path)
    progress.stage(f"evaluate: {path.name} on {data}")
    try_foreign(path)
    dataset, facts = load_part(data, part, progress, home_bundle(path))
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
