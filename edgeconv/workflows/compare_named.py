"""`edgeconv compare` without recordings: by named tensors, or on random windows of a contract."""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from dataclasses import replace
from pathlib import Path
from typing import TYPE_CHECKING, Any

from edgeconv.core import (
    Dataset,
    KerasModel,
    ModelFile,
    NamedTensor,
    ParityResult,
    Progress,
    Samples,
    Signal,
    Tensors,
    TensorSpec,
)
from edgeconv.core.paths import sha256
from edgeconv.core.tensors import PROBABILITIES
from edgeconv.datasets.chosen_windows import probe_windows
from edgeconv.datasets.in_memory import dataset_from_arrays
from edgeconv.datasets.samples import samples_of
from edgeconv.environment import describe_machine
from edgeconv.errors import BadInput, UsageError
from edgeconv.ir.keras_contents import is_keras
from edgeconv.parity.gates import gates_of
from edgeconv.parity.named_outputs import NamedReference, judge_named
from edgeconv.parity.output_comparison import not_run
from edgeconv.runtimes import (
    RUNTIMES,
    RuntimeChoice,
    open_runner,
    opens,
    runtime_for,
    unavailable,
)
from edgeconv.runtimes.arrays import Batching
from edgeconv.targets import files
from edgeconv.workflows.steps.models_under_test import tensors_in

if TYPE_CHECKING:
    from numpy.typing import NDArray

    from edgeconv.core import Runner


def random_dataset(signal: Signal) -> Dataset:
    """Windows that say nothing of a task: gravity in random directions and noise, without labels
    that mean anything."""
    windows = probe_windows(signal)
    labels = [*(signal.labels or ("unknown",))]
    repeated = [labels[n % len(labels)] for n in range(len(windows))]
    plain = Signal(
        channels=signal.channels,
        rate_hz=signal.rate_hz,
        window=signal.window,
        step=signal.step,
        labels=tuple(labels),
        kinds=signal.kinds,
    )
    dataset = dataset_from_arrays(windows, repeated, ["random"] * len(windows), plain)
    return replace(dataset, report=replace(dataset.report, source="random windows"))


def judge_random_windows(
    file: ModelFile,
    runtime: str,
    dataset: Dataset,
    outputs: tuple[NDArray[Any], NDArray[Any]],
    gates: Mapping[str, float],
    asked: Mapping[str, float],
) -> ParityResult:
    """A window model's outputs (n, classes) on random windows: the reference's, and the file's."""
    size = dataset.signal.flat_size
    classes = NamedTensor(PROBABILITIES, outputs[0].shape[1:], meaning=PROBABILITIES)
    contract = Tensors((NamedTensor("sensor", (size,)),), (classes,))
    origin = f"{len(dataset)} seeded random windows of the sensor contract"
    samples = Samples({"sensor": dataset.windows}, origin, random=True)
    first, second = ({PROBABILITIES: array} for array in outputs)
    reference = NamedReference(contract, samples, first)
    return judge_named(file, runtime, reference, second, gates, describe_machine(), asked)


def compare_named(
    paths: tuple[Path, Path],
    contracts: Sequence[object],
    data: object,
    choice: RuntimeChoice,
    asked: Mapping[str, float],
    unsafe: bool,
    progress: Progress,
) -> tuple[ParityResult, ...]:
    """Judge the candidate against the reference on the same named tensors.

    Inputs and outputs are bound by name; where the names differ, by their order.

    Args:
        paths: reference and candidate.
        contracts: of both; the first of named tensors counts, else what the reference itself says.
        data: `npz:FILE`, arrays by name, or None: seeded random inputs.
        choice: each file runs in those runtimes that open it.
        asked: limits that the caller set.
        unsafe: run code of a Keras model's own layers.
        progress: is told of assumptions.

    Raises:
        BadInput: the files have other inputs or outputs, or the data do not fit.
        UsageError: a limit that does not apply, or data of another kind.
    """
    first, second = paths
    named = next((c for c in contracts if isinstance(c, Tensors)), None)
    contract = named or tensors_in(first, data, unsafe)
    samples = samples_of(data, contract)
    if samples.random:
        progress.note(
            f"no data are named: the figures are of {samples.origin}, and say nothing of a task; "
            "name real ones with --data npz:FILE"
        )
    candidate = KerasModel(second, sha256(second)) if is_keras(second) else files.describe(second)
    gates = gates_of(candidate, asked)
    runs_first = _able(first, choice.names)[0]
    reason = unavailable(first, runs_first)
    if reason:
        reason = f"the reference {first.name} cannot run: {reason}"
        return (not_run(candidate, "", reason, describe_machine()),)
    options = _options(first, runs_first, choice, unsafe)
    expected, ran = _run(first, runs_first, contract, samples, **options)
    judged = contract if samples.labels is None else contract.with_logits
    reference = NamedReference(judged, samples, expected)
    results = []
    for runtime in _able(second, choice.names):
        options = _options(second, runtime, choice, unsafe)
        reason = unavailable(second, runtime)
        if reason:
            result = not_run(candidate, runtime, reason, describe_machine())
        else:
            outputs, name = _run(second, runtime, contract, samples, **options)
            machine = describe_machine()
            result = judge_named(candidate, name, reference, outputs, gates, machine, asked)
        against = {"name": first.name, "sha256": sha256(first), "runtime": ran}
        compute = options.get("compute", "")
        results.append(replace(result, reference=against, compute=compute))
    return tuple(results)


def _options(path: Path, runtime: str, choice: RuntimeChoice, unsafe: bool) -> dict[str, Any]:
    return {"unsafe": unsafe} if is_keras(path) else choice.options(path, runtime)


def _able(path: Path, runtimes: Sequence[str]) -> list[str]:
    for name in runtimes:
        if name != "auto" and name not in RUNTIMES:
            runtime_for(path, name)  # an unknown name: raises
    return [name for name in runtimes if opens(name, path)] or [runtime_for(path)]


def _run(
    path: Path, runtime: str, contract: Tensors, samples: Samples, **options: Any
) -> tuple[dict[str, NDArray[Any]], str]:
    """Outputs under the contract's names."""
    with open_runner(path, runtime, **options) as runner:
        inputs = _bound(path, runner.inputs, contract.inputs, "inputs")
        outputs = _bound(path, runner.outputs, contract.outputs, "outputs")
        given = _shaped(path, runner, inputs, contract, samples)
        results = runner.run(given)
        n = len(samples)
        shaped = {}
        for tensor in contract.outputs:
            array = results[outputs[tensor.name]]
            if array.size != n * tensor.size:
                raise BadInput(
                    f"{path.name} gives {array.shape[1:]} for '{tensor.name}' where {tensor.shape} "
                    "is expected",
                    "compare files of the same model",
                )
            shaped[tensor.name] = array.reshape(n, *tensor.shape)
        return shaped, runner.runtime


def _shaped(
    path: Path,
    runner: Runner,
    names: Mapping[str, str],
    contract: Tensors,
    samples: Samples,
) -> dict[str, NDArray[Any]]:
    """The samples in the shapes of a file, which may have other axes of length 1."""
    batching = Batching.of([*runner.inputs.values()], [*runner.outputs.values()])
    given = {}
    for tensor in contract.inputs:
        spec = runner.inputs[names[tensor.name]]
        shape = batching.sample_shape(spec)
        array = samples.arrays[tensor.name]
        if -1 not in shape and shape != tensor.shape:
            if [n for n in shape if n != 1] != [n for n in tensor.shape if n != 1]:
                raise UsageError(
                    f"{path.name} takes {shape} as '{spec.name}', the other file {tensor.shape}: "
                    "the order of the numbers is not known",
                    "if they are windows of a sensor, name recordings: --data SPEC",
                )
            array = array.reshape(len(array), *shape)
        given[spec.name] = array
    return given


def _bound(
    path: Path, specs: Mapping[str, TensorSpec], tensors: Sequence[NamedTensor], side: str
) -> dict[str, str]:
    """The contract's name of each tensor → the file's: by name, or by order."""
    names = [tensor.name for tensor in tensors]
    if set(names) <= set(specs):
        return {name: name for name in names}
    if len(names) != len(specs):
        raise UsageError(
            f"{path.name} has the {side} {', '.join(specs)}, the other file {', '.join(names)}",
            "compare files with the same inputs and outputs",
        )
    return dict(zip(names, specs, strict=True))
