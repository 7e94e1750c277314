"""Model files of any origin: what the input of each means, what can run it, and its results."""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass, field, replace
from pathlib import Path
from typing import Any

from edgeconv import bundle as bundles
from edgeconv.core import (
    Artifact,
    Bundle,
    Contract,
    Dataset,
    InputConvention,
    KerasModel,
    ModelFile,
    NamedTensor,
    Normalization,
    Progress,
    Signal,
    Tensors,
    TensorSpec,
)
from edgeconv.core.artifact import sensor_contract
from edgeconv.core.paths import sha256
from edgeconv.core.signal import check_labels
from edgeconv.datasets.samples import shapes_in
from edgeconv.errors import BadInput, UsageError
from edgeconv.ir import keras_file
from edgeconv.ir.keras_contents import is_keras
from edgeconv.ir.keras_interface import tensors_of
from edgeconv.runtimes import RUNTIMES, open_runner, opens, runtime_for, runtimes_of
from edgeconv.runtimes.arrays import Batching
from edgeconv.targets import files


@dataclass(frozen=True)
class ModelUnderTest:
    """One of the two files of a comparison.

    Attributes:
        signal: what its input means.
        labels: its class names; empty if it has none.
        options: of the runner that opens it.
    """

    path: Path
    file: ModelFile
    signal: Signal
    labels: tuple[str, ...]
    options: dict[str, Any] = field(default_factory=dict)

    @property
    def is_keras(self) -> bool:
        return is_keras(self.path)


def embedded_contract(path: Path) -> Contract | None:
    """The contract inside a model file, if it has one."""
    return keras_file.read_contract(path) if is_keras(path) else files.read_contract(path)


def embedded_signal(path: Path) -> Signal | None:
    """The sensor contract inside a model file, if it has one.

    Raises:
        Unsupported: it has one of named tensors.
    """
    contract = embedded_contract(path)
    return None if contract is None else sensor_contract(contract, path.name)


def resolve_signal(
    path: Path,
    embedded: Signal | None,
    sensor: InputConvention | None,
    dataset: Dataset,
    normalization: Normalization | None = None,
    labels: tuple[str, ...] = (),
) -> Signal:
    """What the input of a file means: by its contract, else by `sensor`.

    Args:
        path: the file.
        embedded: its contract.
        sensor: what the caller says of its input.
        dataset: gives the channels, rate and window of a file without a contract.
        normalization: that of a file without a contract whose input is normalized, if known.
        labels: class names in a file without a contract; empty: it has the data's.

    Raises:
        BadInput: neither is given, or `sensor` is `normalized` and the normalization is unknown.
        UsageError: `sensor` contradicts the contract.
    """
    if embedded is not None:
        if sensor is not None and sensor is not embedded.sensor:
            raise UsageError(
                f"--sensor {sensor} contradicts the sensor contract in {path}, which says "
                f"{embedded.sensor}",
                "leave --sensor out",
            )
        return embedded
    if sensor is None:
        raise BadInput(
            f"{path} has no sensor contract, so what its input means is not known",
            "say what it expects: --sensor android (m/s²), ios (g) or normalized",
        )
    if sensor is InputConvention.NORMALIZED and normalization is None:
        raise BadInput(
            f"{path} expects normalized input and has no sensor contract, so its mean and standard "
            "deviation are not known",
            "use a file that edgeconv wrote, compare it with one, or use a file that expects raw "
            "readings",
        )
    named = replace(dataset.signal, labels=labels or dataset.signal.labels)
    return replace(named, sensor=sensor, normalization=normalization)


def class_names(path: Path) -> tuple[str, ...]:
    """The class names in an artifact without a contract; empty where it has none.

    A classifier that numbers its classes has none: its classes are then the data's, in their order.

    Raises:
        BadInput: the names are blank, there twice or hold a line break.
    """
    if is_keras(path):
        return ()
    labels = files.read_labels(path)
    check_labels(labels, str(path))
    return () if all(label.isdecimal() for label in labels) else labels


def resolve_models(
    paths: tuple[Path, Path],
    sensors: Sequence[InputConvention],
    dataset: Dataset,
    unsafe: bool,
    progress: Progress,
) -> tuple[ModelUnderTest, ModelUnderTest]:
    """Both files of a comparison with what the input of each means.

    A file without a contract takes the normalization of the other one. If neither has a contract
    and `sensors` names none, both get the canonical signal, m/s² with Android's sign.

    Args:
        paths: reference and candidate.
        sensors: one for every file without a contract, or one for each file in their order.
        dataset: the recordings that both get.
        unsafe: run code of a Keras model's own layers.
        progress: is told of an assumption.

    Raises:
        BadInput: a damaged file, or an input whose meaning is not known.
        UsageError: `sensors` contradict a contract, or are more than two.
    """
    if len(sensors) > len(paths):
        raise UsageError("--sensor is given more than twice", "once, or once for each file")
    models = [_describe(path, unsafe) for path in paths]
    contracts = [embedded_signal(path) for path in paths]
    requested = _requested(sensors, contracts)
    resolved = []
    for i, (model, contract) in enumerate(zip(models, contracts, strict=True)):
        other = contracts[1 - i]
        sensor = requested[i]
        if contract is None and other is None and sensor is None:
            progress.note(
                f"{model.path.name} has no sensor contract: it gets m/s² with Android's sign"
            )
            sensor = InputConvention.ANDROID
        normalization = other.normalization if other is not None else None
        signal = resolve_signal(model.path, contract, sensor, dataset, normalization, model.labels)
        labels = signal.labels if contract else model.labels
        resolved.append(replace(model, signal=signal, labels=labels))
    return resolved[0], resolved[1]


def tensors_in(path: Path, data: object, unsafe: bool = False) -> Tensors:
    """What a file without a contract says of its inputs and outputs.

    Args:
        path: the file.
        data: arrays by name, or `npz:FILE`, that set free dimensions of a Keras model.
        unsafe: run code of a Keras model's own layers.

    Raises:
        BadInput: a dimension is variable, or the file cannot be opened.
    """
    if is_keras(path):
        return tensors_of(keras_file.load_model(path, unsafe), shapes_in(data))
    with open_runner(path) as runner:
        batching = Batching.of([*runner.inputs.values()], [*runner.outputs.values()])
        inputs = tuple(_tensor(spec, batching) for spec in runner.inputs.values())
        outputs = tuple(_tensor(spec, batching) for spec in runner.outputs.values())
    return Tensors(inputs, outputs)


def _tensor(spec: TensorSpec, batching: Batching) -> NamedTensor:
    shape = batching.sample_shape(spec)
    if -1 in shape:
        raise BadInput(
            f"'{spec.name}' has the variable shape {shape}",
            "compare it with a file whose contract says the size",
        )
    whole = spec.dtype.startswith(("int", "uint")) and not spec.quantized
    return NamedTensor(spec.name, shape, "int32" if whole else "float32")


def supported_runtimes(model: ModelUnderTest, requested: Sequence[str]) -> list[str]:
    """Those of the requested runtimes that open the file; its default if none does."""
    for name in requested:
        if name != "auto" and name not in RUNTIMES:
            runtime_for(model.path, name)  # an unknown name: raises
    able = [name for name in requested if opens(name, model.path)]
    return able or [runtime_for(model.path)]


def named_artifacts(bundle: Bundle, names: Sequence[str]) -> tuple[Artifact, ...]:
    """Those of a bundle's files that are named; all of them where none is.

    Raises:
        UsageError: the bundle has no file of that name.
    """
    known = {artifact.name: artifact for artifact in bundle.artifacts}
    for name in names:
        if name not in known:
            choices = ", ".join(known) or "none"
            raise UsageError(f"{bundle.path} has no file '{name}'", f"it has: {choices}")
    return tuple(known[name] for name in names) if names else bundle.artifacts


def runtime_pairs(
    artifacts: Sequence[Artifact], requested: Sequence[str]
) -> list[tuple[Artifact, str]]:
    """Each artifact with each of the requested runtimes that opens it; with `""` if none does.

    Raises:
        UsageError: an unknown runtime, or none of the files is for any of them.
    """
    pairs = []
    for artifact in artifacts:
        able = [r for r in requested if r == "auto" or opens(r, artifact.path)]
        pairs += [(artifact, runtime) for runtime in able or [""]]
    for name in requested if artifacts else ():
        if name not in RUNTIMES or not any(runtime for _, runtime in pairs):
            runtime_for(artifacts[0].path, name)  # raises
    return pairs


def not_opened(path: Path) -> str:
    """Why a file was left out: the reason of a `not_run`."""
    names = " or ".join(runtimes_of(path))
    return f"no runtime that was asked for opens it: add --runtime {names}"


def store_results(checked: Bundle, earlier: Bundle, progress: Progress) -> None:
    """Write new results of parity into a bundle; a read-only bundle can be checked as well.

    A file that nothing ran this time keeps its earlier results, such as a Core ML file under
    `parity --runtime litert`: they are still true of its bytes.

    Args:
        checked: with the new results.
        earlier: the same bundle before them.
        progress: is told of files that keep their results, and of a bundle that cannot be written.
    """
    results, unchanged = [], []
    for artifact in checked.artifacts:
        new = [r for r in checked.parity if r.artifact == artifact.name]
        ran_earlier = [
            r
            for r in earlier.parity
            if r.artifact == artifact.name and r.sha256 == artifact.sha256 and r.n
        ]
        keeps = bool(ran_earlier) and not any(result.n for result in new)
        unchanged += [artifact.name] if keeps else []
        results += ran_earlier if keeps else new
    try:
        bundles.write(replace(checked, parity=tuple(results)), checked.path)
    except (OSError, BadInput) as error:
        progress.note(f"the results could not be written into the bundle: {error}")
    else:
        if unchanged:
            progress.note(
                f"not run now, so the bundle keeps earlier results: {', '.join(unchanged)}"
            )


def _requested(
    sensors: Sequence[InputConvention], contracts: Sequence[Signal | None]
) -> list[InputConvention | None]:
    """What the caller says of each file; a single word is for the files without a contract."""
    if len(sensors) == len(contracts):
        return [*sensors]
    single = next(iter(sensors), None)
    some_without = any(contract is None for contract in contracts)
    return [None if contract and some_without else single for contract in contracts]


def _describe(path: Path, unsafe: bool) -> ModelUnderTest:
    if not is_keras(path):
        artifact = files.describe(path)
        return ModelUnderTest(path, artifact, artifact.signal, class_names(path))
    keras_file.check(path)
    flat = Signal(channels=("value",), sensor=InputConvention.NORMALIZED)
    return ModelUnderTest(path, KerasModel(path, sha256(path)), flat, (), {"unsafe": unsafe})
