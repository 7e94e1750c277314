"""`edgeconv evaluate`: how well a model or artifact recognizes labeled windows."""

from __future__ import annotations

from collections.abc import Callable, Sequence
from dataclasses import asdict, dataclass, replace
from functools import partial
from pathlib import Path
from typing import TYPE_CHECKING, Any

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
from edgeconv.errors import Unsupported
from edgeconv.integration.personal import PersonalModel
from edgeconv.ir.keras_contents import is_keras
from edgeconv.parity import classification
from edgeconv.runtimes import RuntimeChoice
from edgeconv.runtimes.predict import WindowOutputs, predict_file, predict_outputs
from edgeconv.targets import files
from edgeconv.workflows.decisions import StreamDecisions, judge_streams
from edgeconv.workflows.named_tensors import evaluate_named, named_contract
from edgeconv.workflows.personalize import Personalized, personalize
from edgeconv.workflows.steps.models_under_test import (
    class_names,
    embedded_signal,
    resolve_signal,
)
from edgeconv.workflows.steps.sources import find_model, load_part

if TYPE_CHECKING:
    import numpy as np
    from numpy.typing import NDArray


def evaluate(
    model: PathLike,
    data: DataSource,
    *,
    split: str = "test",
    runtime: str | RuntimeChoice = "auto",
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
        runtime: what runs the file; a `RuntimeChoice` also says how it computes.
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
    choice = RuntimeChoice.of(runtime)
    choice.check_applies([path])
    name, computed = choice.names[0], choice.options(path, choice.names[0])
    progress.stage(f"evaluate: {path.name} on {describe_source(data)}")
    named = named_contract(path, data, unsafe)
    if named is not None:
        options: dict[str, Any] = {"unsafe": unsafe} if is_keras(path) else {**computed}
        return evaluate_named(path, named, data, name, **options)
    signal, dataset, facts = _under_test(path, data, split, sensor, progress)
    options = {**_options(path, unsafe), **computed}
    return evaluate_file(path, signal, dataset, facts, name, labels_of(data), **options)


@dataclass(frozen=True)
class UseOptions:
    """How an app would use a model, beyond one window after the other.

    Attributes:
        personalize: seconds of each activity of each subject that are enrolled; 0: none.
        streams: judge decisions over whole recordings.
        split: `train`, `val`, `test` or `all`.
        runtime: what runs the file; a `RuntimeChoice` also says how it computes.
        sensor: what the input of a file without a contract means.
        unsafe: run code of the model's own layers.
    """

    personalize: float = 0.0
    streams: bool = False
    split: str = "test"
    runtime: str | RuntimeChoice = "auto"
    sensor: InputConvention | None = None
    unsafe: bool = False


@dataclass(frozen=True)
class Use:
    """What `evaluate_use` was asked for; None of what was not."""

    personalized: Personalized | None
    streams: StreamDecisions | None

    def to_json(self) -> dict[str, object]:
        """The further keys of an evaluation's JSON."""
        personal = {"personalized": self.personalized.to_json()} if self.personalized else {}
        return personal | ({"streams": asdict(self.streams)} if self.streams else {})


def evaluate_use(
    model: PathLike,
    data: DataSource,
    options: UseOptions,
    *,
    progress: Progress = LOG_PROGRESS,
) -> Use:
    """Evaluate a model as an app's user meets it: personalized, and as decisions over time.

    Args:
        model: a model file, or a folder that `train` wrote.
        data: a specification, a `Dataset`, arrays or a data frame.
        options: what to evaluate.
        progress: receives stages, progress and notes.

    Returns:
        The gain of a personal layer by subject, and the decisions over whole recordings.

    Raises:
        UsageError, BadInput, LeakError: as `evaluate`.
        Unsupported: a model of named tensors, or one without an embedding.
    """
    path = find_model(as_path(model, "model"))
    choice = RuntimeChoice.of(options.runtime)
    choice.check_applies([path])
    _refuse_use(path, data, options)
    under_test = partial(_under_test, path, data, sensor=options.sensor, progress=progress)
    signal, dataset, _ = under_test(options.split)
    labels = classification.labels_for(signal, dataset)
    names = signal.labels or dataset.signal.labels
    more = {**_options(path, options.unsafe), **choice.options(path, choice.names[0])}
    if is_keras(path) and options.personalize:
        more["embedding"] = True

    def predict(windows: NDArray[np.float32]) -> WindowOutputs:
        outputs = predict_outputs(path, signal, windows, choice.names[0], **more)
        return replace(outputs, classes=classification.as_probabilities(outputs.classes))

    personalized = streams = None
    if options.personalize:
        progress.stage(f"personalize: {options.personalize:g} s of each activity")
        outputs = predict(dataset.windows)
        size = 0 if outputs.embedding is None else outputs.embedding.shape[1]
        layer = PersonalModel(sha256(path), tuple(names), max(size, 1))
        personalized = personalize(dataset, outputs, labels, layer, options.personalize)
    if options.streams:
        progress.stage("streams: decisions over whole recordings")
        judge = partial(_judge_streams, names=names, predict=predict)
        streams = judge(dataset)
        if options.split == "test":
            progress.stage("streams: settings of the decider, by the validation subjects")
            _, validation, facts = under_test("val")
            if len(validation.windows):
                streams = streams.with_choice_of(judge(validation), facts.trained_on)
    return Use(personalized, streams)


def _refuse_use(path: Path, data: DataSource, options: UseOptions) -> None:
    """Refuse models and recordings that an app would not use like this."""
    if named_contract(path, data, options.unsafe) is not None:
        raise Unsupported(
            f"{path} takes named tensors, and this is about windows of a sensor",
            "leave --personalize and --streams out",
        )
    if labels_of(data):
        raise Unsupported(
            "--personalize and --streams do not apply with --labels: a personal layer and an app "
            "decide between the model's own classes",
            "leave --labels out, or use recordings with the model's classes",
        )


def _judge_streams(
    dataset: Dataset,
    names: Sequence[str],
    predict: Callable[[NDArray[np.float32]], WindowOutputs],
) -> StreamDecisions:
    """The decisions on a part of the data, whose labels are numbered as the model's are."""
    numbers = [names.index(dataset.signal.labels[r.label]) for r in dataset.recordings]
    return judge_streams(dataset, numbers, lambda windows: predict(windows).classes)


def _under_test(
    path: Path,
    data: DataSource,
    split: str,
    sensor: InputConvention | None,
    progress: Progress,
) -> tuple[Signal, Dataset, EvaluationData]:
    """The contract of a file of windows, and the part of the data that it is judged on."""
    contract = embedded_signal(path)
    data = cut_into(data, Windowing.of(contract))
    dataset, facts = load_part(data, split, progress, source_bundle(path))
    labels = class_names(path) if contract is None else ()
    signal = resolve_signal(path, contract, sensor, dataset, labels=labels)
    check_contract(signal, dataset, path.name)
    return signal, dataset, facts


def _options(path: Path, unsafe: bool) -> dict[str, Any]:
    """Of the run of a file."""
    return {"unsafe": unsafe} if is_keras(path) else {}


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
