"""`edgeconv evaluate`: how well a model or artifact recognizes labeled windows."""

from __future__ import annotations

from dataclasses import replace
from pathlib import Path
from typing import Any

from edgeconv.bundle import source_bundle
from edgeconv.core import (
    LOG_PROGRESS,
    Dataset,
    EvaluationData,
    EvaluationResult,
    InputConvention,
    LabelMap,
    PathLike,
    Progress,
    Signal,
    Windowing,
    as_path,
)
from edgeconv.core.paths import sha256
from edgeconv.core.tensors import PROBABILITIES
from edgeconv.datasets import DataSource, cut_into, describe_source, labels_of
from edgeconv.datasets.rules import check_contract
from edgeconv.ir.keras_contents import is_keras
from edgeconv.parity import classification
from edgeconv.runtimes.predict import predict_file
from edgeconv.targets import files
from edgeconv.workflows.named_tensors import evaluate_named, named_contract
from edgeconv.workflows.steps.models_under_test import (
    class_names,
    embedded_signal,
    resolve_signal,
)
from edgeconv.workflows.steps.sandbox import probe_untrusted
from edgeconv.workflows.steps.sources import find_model, load_part


def evaluate(
    model: PathLike,
    data: DataSource,
    *,
    split: str = "test",
    runtime: str = "auto",
    sensor: InputConvention | None = None,
    unsafe: bool = False,
    progress: Progress = LOG_PROGRESS,
) -> EvaluationResult:
    """Evaluate a Keras model or an exported file on one part of a data set.

    The windows reach the file as its sensor contract says: in m/s², in g, or normalized.

    A label map in `data` says how labels of the recordings and classes of the model become common
    classes. Without one, that of the model's training is applied to the recordings.

    Args:
        model: a model file, or a folder that `train` wrote.
        data: a specification, a `Dataset`, arrays or a data frame; or `Recordings` with a label
            map.
        split: `train`, `val`, `test` or `all`.
        runtime: what runs the file.
        sensor: what the input of a file without a contract means.
        unsafe: run code of the model's own layers.
        progress: receives stages, progress and notes.

    Returns:
        Accuracy and the other figures, in total, by class and by subject.

    Raises:
        UsageError, BadInput, LeakError: as `load_part` and `resolve_signal`.
        MissingDependency: nothing on this machine runs such a file.
    """
    path = find_model(as_path(model, "model"))
    progress.stage(f"evaluate: {path.name} on {describe_source(data)}")
    probe_untrusted(path)
    named = named_contract(path, data, unsafe)
    if named is not None:
        return evaluate_named(path, named, data, runtime, unsafe)
    contract = embedded_signal(path)
    data = cut_into(data, Windowing.of(contract))
    dataset, facts = load_part(data, split, progress, source_bundle(path))
    names = class_names(path) if contract is None else ()
    signal = resolve_signal(path, contract, sensor, dataset, labels=names)
    check_contract(signal, dataset, path.name)
    options = {"unsafe": unsafe} if is_keras(path) else {"apart": source_bundle(path) is None}
    return evaluate_file(path, signal, dataset, facts, runtime, labels_of(data), **options)


def evaluate_file(
    path: Path,
    signal: Signal,
    dataset: Dataset,
    facts: EvaluationData,
    runtime: str = "auto",
    merged: LabelMap | None = None,
    **options: Any,
) -> EvaluationResult:
    """Evaluate a file whose contract is known.

    Of logits the softmax counts, as in `parity`. What a file calls probabilities must be some.
    Classes that `merged` makes one are one class, whose probability is their sum. What `merged`
    drops are windows only: a model that answers such a class is wrong.
    """
    classes = signal.labels
    if merged:
        signal = replace(signal, labels=merged.merged(classes))
    labels = classification.labels_for(signal, dataset)
    outputs, ran = predict_file(path, signal, dataset.windows, runtime, **options)
    named = () if is_keras(path) else (tensor.name for tensor in files.describe(path).outputs)
    if PROBABILITIES not in named:
        outputs = classification.as_probabilities(outputs)
    if merged and classes:
        outputs = classification.merged_probabilities(outputs, classes, merged)
    return classification.evaluate(
        outputs,
        labels,
        dataset.subjects,
        signal.labels or dataset.signal.labels,
        ran,
        sha256(path),
        facts,
    )
