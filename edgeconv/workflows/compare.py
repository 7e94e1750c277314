"""`edgeconv compare`: any two model files on the same recordings."""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from dataclasses import dataclass, field, replace
from pathlib import Path
from typing import TYPE_CHECKING, cast

from edgeconv import bundle as bundles
from edgeconv.core import (
    LOG_PROGRESS,
    Artifact,
    Contract,
    Dataset,
    EvaluationData,
    InputConvention,
    LayerSample,
    ParityResult,
    PathLike,
    Progress,
    Signal,
    Tensors,
    Windowing,
    as_path,
)
from edgeconv.core.layerwise import LayersResult
from edgeconv.datasets import DataSource, cut_into, describe_source
from edgeconv.datasets.chosen_windows import calibration_windows
from edgeconv.datasets.rules import check_contract
from edgeconv.environment import describe_machine
from edgeconv.errors import BadInput, EdgeconvError, Unsupported, UsageError
from edgeconv.ir.keras_contents import is_keras
from edgeconv.parity import significance
from edgeconv.parity.classification import as_probabilities, labels_for
from edgeconv.parity.gates import gates_of
from edgeconv.parity.layerwise.comparison import SAMPLE, SEED, compare_one, not_compared
from edgeconv.parity.layerwise.pairwise import OpenFile, compare_pairwise
from edgeconv.parity.output_comparison import ReferenceOutputs, judge_file, not_run
from edgeconv.runtimes import RuntimeChoice, inspectable, open_runner, runtime_for, unavailable
from edgeconv.runtimes.predict import predict_file
from edgeconv.workflows.compare_named import (
    compare_named,
    judge_random_windows,
    random_dataset,
)
from edgeconv.workflows.steps.models_under_test import (
    ModelUnderTest,
    embedded_contract,
    resolve_models,
    supported_runtimes,
)
from edgeconv.workflows.steps.sources import find_model, load_part

if TYPE_CHECKING:
    import numpy as np
    from numpy.typing import NDArray

    from edgeconv.runtimes.keras_runner import KerasRunner


@dataclass(frozen=True)
class CompareOptions:
    """How two files are compared.

    Attributes:
        split: `train`, `val`, `test` or `all` of the data set.
        runtimes: each file runs in those that open it; the reference only in the first of them. A
            `RuntimeChoice` also says how they compute.
        gates: limits that replace those of the candidate's scheme.
        sensors: what the input of a file without a sensor contract means: one for all such files,
            or one for each file in their order.
        unsafe: run code of a Keras model's own layers.
        layers: also compare the values inside.
    """

    split: str = "test"
    runtimes: Sequence[str] | RuntimeChoice = ("auto",)
    gates: Mapping[str, float] = field(default_factory=dict)
    sensors: Sequence[InputConvention] = ()
    unsafe: bool = False
    layers: bool = False

    @property
    def choice(self) -> RuntimeChoice:
        """The runtimes, and how they compute."""
        return RuntimeChoice.of(self.runtimes)


@dataclass(frozen=True)
class FileComparison:
    """A parity result for each runtime of the candidate, and one of its layers if requested."""

    parity: tuple[ParityResult, ...]
    layers: tuple[LayersResult, ...] = ()


@dataclass(frozen=True, eq=False)
class _Pair:
    """Both files and the windows that they get."""

    reference: ModelUnderTest
    candidate: ModelUnderTest
    dataset: Dataset
    data: EvaluationData
    options: CompareOptions


def compare(
    reference: PathLike,
    candidate: PathLike,
    data: DataSource | None = None,
    options: CompareOptions | None = None,
    *,
    progress: Progress = LOG_PROGRESS,
) -> FileComparison:
    """Judge the candidate against the reference, by the gates of the candidate's own scheme.

    Both get the same windows, each as its own sensor contract says. If neither file has a contract
    and `options.sensors` is empty, both get m/s² with Android's sign. A file that outputs logits is
    judged by their softmax. With `options.layers`, each layer's own error is known against a
    `.keras` reference; against another file only the error that has accumulated.

    Args:
        reference: any model file, or a folder that edgeconv wrote.
        candidate: another one.
        data: a specification, a `Dataset`, arrays or a data frame; None: seeded random inputs,
            which say how alike the files are and nothing of a task.
        options: see `CompareOptions`.
        progress: receives stages, progress and notes.

    Returns:
        The parity of the candidate in each runtime, and of its layers if they were compared.

    Raises:
        BadInput: no such file, different classes, an input that fits no such window, or one whose
            meaning is not known.
        UsageError: an unknown runtime, gate or split, `sensors` that contradict a contract, or
            `layers` with a Keras model as candidate.
    """
    options = options or CompareOptions()
    first = find_model(as_path(reference, "reference"))
    second = find_model(as_path(candidate, "candidate"))
    if options.layers and is_keras(second):
        raise UsageError(
            f"--layers looks for another file's values inside {second.name}",
            "name the Keras model first, and the file that was exported from it second",
        )
    options.choice.check_applies([first, second])
    source_text = describe_source(data) if data is not None else "random inputs"
    progress.stage(f"compare: {second.name} with {first.name} on {source_text}")
    without = _without_recordings((first, second), data, options, progress)
    if without is not None:
        return without
    assert data is not None  # or the comparison was made without
    source = bundles.source_bundle(first) or bundles.source_bundle(second)
    data = cut_into(data, Windowing.of(embedded_contract(first) or embedded_contract(second)))
    dataset, facts = load_part(data, options.split, progress, source)
    models = resolve_models((first, second), options.sensors, dataset, options.unsafe, progress)
    for model in models:
        check_contract(model.signal, dataset, model.path.name)
    pair = _Pair(*models, dataset, facts, options)
    results = _compare_outputs(pair)
    if not options.layers:
        return FileComparison(results)
    progress.stage(f"layers: {second.name} with {first.name}")
    return FileComparison(results, _compare_layers(pair))


def _without_recordings(
    paths: tuple[Path, Path], data: DataSource | None, options: CompareOptions, progress: Progress
) -> FileComparison | None:
    """By named tensors, or on random windows; None where recordings are needed."""
    contracts = [embedded_contract(path) for path in paths]
    if _by_name(contracts, data, options):
        choice, gates, unsafe = options.choice, options.gates, options.unsafe
        compared = compare_named(paths, contracts, data, choice, gates, unsafe, progress)
        return FileComparison(compared)
    return None if data is not None else _on_random_windows(paths, contracts, options, progress)


def _by_name(
    contracts: Sequence[Contract | None], data: DataSource | None, options: CompareOptions
) -> bool:
    """Whether the files are compared by named tensors, for which `--layers` is not.

    They are if a contract says so, or if nothing says that they take windows of a sensor.
    """
    named = any(isinstance(contract, Tensors) for contract in contracts)
    if not named:
        silent = data is None or (isinstance(data, str) and data.startswith("npz:"))
        named = silent and not any(contracts) and not options.sensors
    if named and options.layers:
        raise Unsupported(
            "--layers does not apply: the files take named tensors",
            "compare the outputs; `edgeconv inspect FILE` shows the operations",
        )
    return named


def _on_random_windows(
    paths: tuple[Path, Path],
    contracts: Sequence[Contract | None],
    options: CompareOptions,
    progress: Progress,
) -> FileComparison:
    signal = next((c for c in contracts if isinstance(c, Signal)), None)
    if signal is None or options.layers:
        raise UsageError("two window models are compared on recordings", "name some: --data SPEC")
    dataset = random_dataset(signal)
    models = resolve_models(paths, options.sensors, dataset, options.unsafe, progress)
    progress.note(
        f"no data are named: the figures are of {len(dataset)} seeded random windows of the "
        "sensor contract, and say nothing of a task; name recordings with --data SPEC"
    )
    first, second = models
    gates = gates_of(second.file, options.gates)
    choice = options.choice
    expected = _run(first, dataset, supported_runtimes(first, choice.names)[0], choice)
    results = []
    for runtime in supported_runtimes(second, choice.names):
        got = _run(second, dataset, runtime, choice)
        if isinstance(expected, str) or isinstance(got, str):
            reason = expected if isinstance(expected, str) else str(got)
            result, ran = not_run(second.file, runtime, reason, describe_machine()), ""
        else:
            outputs, ran = (expected[0], got[0]), expected[1]
            result = judge_random_windows(
                second.file, got[1], dataset, outputs, gates, options.gates
            )
        against = {"name": first.file.name, "sha256": first.file.sha256, "runtime": ran}
        compute = choice.options(second.path, runtime).get("compute", "")
        results.append(replace(result, reference=against, compute=compute))
    return FileComparison(tuple(results))


def _compare_outputs(pair: _Pair) -> tuple[ParityResult, ...]:
    first, second = pair.reference, pair.candidate
    gates = gates_of(second.file, pair.options.gates)
    choice = pair.options.choice
    runtimes = supported_runtimes(second, choice.names)
    run = _run(first, pair.dataset, supported_runtimes(first, choice.names)[0], choice)
    if isinstance(run, str):
        reason = f"the reference {first.path.name} cannot run: {run}"
        return (_against(pair, not_run(second.file, "", reason, describe_machine()), ""),)
    outputs, ran = run
    return tuple(_against(pair, _judge(pair, outputs, gates, runtime), ran) for runtime in runtimes)


def _judge(
    pair: _Pair, outputs: NDArray[np.float32], gates: Mapping[str, float], runtime: str
) -> ParityResult:
    first, second, dataset = pair.reference, pair.candidate, pair.dataset
    choice = pair.options.choice
    run = _run(second, dataset, runtime, choice)
    if isinstance(run, str):
        return not_run(second.file, runtime, run, describe_machine())
    candidate, ran = run
    names = first.labels or second.labels or dataset.signal.labels
    _check_classes(first, second, outputs, names)
    if first.labels and second.labels and candidate.shape[1] == len(names):
        candidate = candidate[:, [second.labels.index(name) for name in names]]
    reference = ReferenceOutputs(
        outputs,
        labels_for(replace(dataset.signal, labels=names), dataset),
        names,
        dataset.subjects,
        dataset.windows,
    )
    level = significance.level_of(pair.options.gates)
    result = judge_file(second.file, ran, candidate, reference, gates, describe_machine(), level)
    return replace(result, compute=choice.options(second.path, runtime).get("compute", ""))


def _run(
    model: ModelUnderTest, dataset: Dataset, runtime: str, choice: RuntimeChoice
) -> tuple[NDArray[np.float32], str] | str:
    """Probabilities and the runtime that computed them, or why there are none."""
    reason = unavailable(model.path, runtime)
    if reason:
        return reason
    try:
        outputs, ran = predict_file(
            model.path,
            model.signal,
            dataset.windows,
            runtime,
            **model.options,
            **choice.options(model.path, runtime),
        )
    except Unsupported as error:
        if runtime == runtime_for(model.path):
            raise
        return str(error)
    return as_probabilities(outputs), ran


def _check_classes(
    first: ModelUnderTest,
    second: ModelUnderTest,
    outputs: NDArray[np.float32],
    names: tuple[str, ...],
) -> None:
    if first.labels and second.labels and set(first.labels) != set(second.labels):
        raise BadInput(
            f"{first.path.name} has the classes {', '.join(first.labels)}; "
            f"{second.path.name} has {', '.join(second.labels)}",
            "compare files with the same classes",
        )
    if outputs.shape[1] != len(names):
        raise BadInput(
            f"{first.path.name} outputs {outputs.shape[1]} values a window, but there are "
            f"{len(names)} classes: {', '.join(names)}",
            "compare on data with the model's own classes",
        )


def _against(pair: _Pair, result: ParityResult, runtime: str) -> ParityResult:
    file = pair.reference.file
    return replace(result, reference={"name": file.name, "sha256": file.sha256, "runtime": runtime})


def _compare_layers(pair: _Pair) -> tuple[LayersResult, ...]:
    windows = calibration_windows(pair.dataset, SAMPLE, SEED)
    sample = LayerSample(pair.data, len(windows), SEED, reference=pair.reference.path.name)
    runtimes = supported_runtimes(pair.candidate, pair.options.choice.names)
    return tuple(_compare_one(pair, runtime, windows, sample) for runtime in runtimes)


def _compare_one(
    pair: _Pair, runtime: str, windows: NDArray[np.float32], sample: LayerSample
) -> LayersResult:
    first, second = pair.reference, pair.candidate
    artifact = replace(cast("Artifact", second.file), contract=second.signal)
    reference_runtime = supported_runtimes(first, ())[0]
    reason = unavailable(first.path, reference_runtime) or unavailable(second.path, runtime)
    if reason:
        return not_compared(artifact, runtime, reason, sample)
    with open_runner(first.path, reference_runtime, **first.options) as opened:
        if first.is_keras:
            keras = cast("KerasRunner", opened)
            return compare_one(keras, first.signal, artifact, runtime, windows, sample)
        with open_runner(second.path, runtime) as runner:
            try:
                files = (
                    OpenFile(cast("Artifact", first.file), first.signal, inspectable(opened)),
                    OpenFile(artifact, second.signal, inspectable(runner)),
                )
                return compare_pairwise(*files, windows, sample)
            except EdgeconvError as error:
                return not_compared(artifact, runner.runtime, str(error), sample)
