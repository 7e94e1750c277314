"""`edgeconv inspect`: a model file described from the file alone."""

from __future__ import annotations

from collections import Counter
from dataclasses import asdict, dataclass, field
from pathlib import Path
from typing import TYPE_CHECKING, Any

from edgeconv.core import (
    LOG_PROGRESS,
    Contract,
    Finding,
    InputConvention,
    PathLike,
    Progress,
    Tensors,
    TensorSpec,
    Windowing,
    as_path,
)
from edgeconv.core.paths import compressed_size, sha256, size
from edgeconv.datasets import DataSource, cut_into, describe_source
from edgeconv.datasets.rules import check_contract
from edgeconv.datasets.samples import is_npz, samples_of
from edgeconv.errors import UsageError
from edgeconv.ir import keras_file
from edgeconv.ir.keras_contents import is_keras
from edgeconv.targets import files
from edgeconv.targets.base import target_of
from edgeconv.workflows.steps.hazards import find_hazards
from edgeconv.workflows.steps.models_under_test import (
    class_names,
    embedded_contract,
    resolve_signal,
    tensors_in,
)
from edgeconv.workflows.steps.sources import load_part

if TYPE_CHECKING:
    from edgeconv.ir.model_inputs import Arrays


@dataclass(frozen=True)
class FileCost:
    """What one inference costs.

    Attributes:
        parameters: weights and biases.
        macs: multiply-accumulates; None for a Keras file.
        peak_tensor_bytes: largest sum of activation tensors alive at once; None for a Keras file.
    """

    parameters: int
    macs: int | None = None
    peak_tensor_bytes: int | None = None


@dataclass(frozen=True)
class StoredKernel:
    """How one kernel is stored in a file.

    Attributes:
        op: the operation that reads it.
        weights: how many.
        stored: in words, such as `palette of 16`.
        compressed: whether that takes fewer bits than the values have.
    """

    op: str
    weights: int
    stored: str
    compressed: bool


@dataclass(frozen=True)
class FileInspection:
    """What a file says about itself.

    Attributes:
        path: of the file.
        bytes: its size; of a package, that of all files in it.
        compressed_bytes: its size as one deflated archive, as a download takes it.
        sha256: of the file, or of all files in a package.
        scheme: by the types that are stored in it, not by its name.
        target: name of the target, or `keras`.
        cost: of one inference.
        contract: the embedded sensor contract; None if there is none.
        inputs, outputs: the public tensors; empty for a Keras file.
        ops: number of operations by kind; empty for a Keras file.
        labels: class names; empty where there are none. A classifier that numbers its classes has
            `0`, `1`, …
        kernels: how each kernel is stored, for formats with compressed weights.
        parts: bytes by part, the largest first; empty for a Keras file.
        lints: broken rules, the most severe first.
        samples: what the file was run on for rules about the size of numbers; empty: on nothing.
        lambda_layers: layers of a Keras file that hold Python code, which runs on opening.
        custom_classes: layers of a Keras file that need a class or function that is not of Keras,
            as `layer (registered name)`.
    """

    path: Path
    bytes: int
    compressed_bytes: int
    sha256: str
    scheme: str
    target: str
    cost: FileCost
    contract: Contract | None
    inputs: tuple[TensorSpec, ...] = ()
    outputs: tuple[TensorSpec, ...] = ()
    ops: dict[str, int] = field(default_factory=dict)
    labels: tuple[str, ...] = ()
    kernels: tuple[StoredKernel, ...] = ()
    parts: dict[str, int] = field(default_factory=dict)
    lints: tuple[Finding, ...] = ()
    samples: str = ""
    lambda_layers: tuple[str, ...] = ()
    custom_classes: tuple[str, ...] = ()

    def to_json(self) -> dict[str, Any]:
        """What `edgeconv inspect --json` writes."""
        sides = (("input", self.inputs), ("output", self.outputs))
        return {
            "path": str(self.path),
            "bytes": self.bytes,
            "compressed_bytes": self.compressed_bytes,
            "parts": self.parts,
            "sha256": self.sha256,
            "scheme": self.scheme,
            "target": self.target,
            "tensors": [{"direction": d, **asdict(t)} for d, tensors in sides for t in tensors],
            "cost": {name: n for name, n in asdict(self.cost).items() if n is not None},
            "ops": self.ops,
            "labels": list(self.labels),
            "kernels": [asdict(kernel) for kernel in self.kernels],
            "contract": self.contract.to_json() if self.contract else None,
            "lambda_layers": list(self.lambda_layers),
            "custom_classes": list(self.custom_classes),
            "lints": [finding.to_json() for finding in self.lints],
            "samples": self.samples,
        }


def inspect_file(
    path: PathLike,
    data: DataSource | None = None,
    *,
    sensor: InputConvention | None = None,
    progress: Progress = LOG_PROGRESS,
) -> FileInspection:
    """Describe an artifact or a `.keras` file: tensors, cost, operations, contract and lints.

    No framework is imported. Nothing is run except files with flexible shapes, at the sizes that
    they declare, and with `data` the file on all of them, for rules about the size of numbers.
    There are no lints for `.keras` files.

    Args:
        path: a `.tflite`, `.mlpackage`, `.aimodel`, `.onnx` or `.keras` file.
        data: recordings, or arrays by the names of the inputs; None: nothing is run on samples.
        sensor: what the input of a file without a contract means.
        progress: receives stages, progress and notes.

    Returns:
        The facts, with `to_json` for the form that `--json` writes.

    Raises:
        BadInput: missing, damaged or of another kind, or data that do not fit.
        UsageError: data for a Keras model, which has no lints.
        MissingDependency: with data, nothing on this machine shows the values inside the file.
    """
    file = as_path(path, "path")
    if is_keras(file):
        return _keras(file, data)
    artifact = files.describe(file)
    contract: Contract | None = None
    samples: Arrays = ()
    origin = ""
    if data is not None:
        progress.stage(f"inspect: {file.name} on {describe_source(data)}")
        contract, samples, origin = _samples(file, data, sensor, progress)
    graph = files.read_graph(file)
    return FileInspection(
        path=file,
        bytes=artifact.bytes,
        compressed_bytes=artifact.export.compressed_bytes,
        sha256=artifact.sha256,
        scheme=artifact.scheme,
        target=artifact.target,
        cost=FileCost(graph.parameters, graph.macs, graph.peak_tensor_bytes),
        contract=files.read_contract(file),
        inputs=graph.inputs,
        outputs=graph.outputs,
        labels=files.read_labels(file),
        ops=dict(Counter(graph.kinds).most_common()),
        kernels=tuple(StoredKernel(**k) for k in target_of(file).reader.kernel_storage(file)),
        parts=files.size_breakdown(file),
        lints=tuple(find_hazards(file, contract, samples)),
        samples=origin,
    )


def _samples(
    path: Path, data: DataSource, sensor: InputConvention | None, progress: Progress
) -> tuple[Contract, Arrays, str]:
    """The contract of a file, samples as it takes them, and what they are."""
    contract = embedded_contract(path)
    if contract is None and is_npz(data):
        contract = tensors_in(path, data)
    if isinstance(contract, Tensors):
        if sensor is not None:
            raise UsageError(
                f"--sensor does not apply to {path}, which takes named tensors",
                "leave --sensor out",
            )
        named = samples_of(data, contract)
        return contract, tuple(named.arrays.values()), f"{named.origin}: {len(named)} samples"
    dataset, _ = load_part(cut_into(data, Windowing.of(contract)), "all", progress)
    names = class_names(path) if contract is None else ()
    signal = resolve_signal(path, contract, sensor, dataset, labels=names)
    check_contract(signal, dataset, path.name)
    origin = f"{describe_source(data)}: {len(dataset)} windows"
    return signal, (signal.encode(dataset.windows),), origin


def _keras(path: Path, data: DataSource | None) -> FileInspection:
    if data is not None:
        raise UsageError(
            f"--data does not apply to {path}: rules about the size of numbers are for files of "
            "phones",
            "export it and inspect the file",
        )
    contract = keras_file.read_contract(path)
    return FileInspection(
        path=path,
        bytes=size(path),
        compressed_bytes=compressed_size(path),
        sha256=sha256(path),
        scheme="float32",
        target="keras",
        cost=FileCost(keras_file.parameter_count(path)),
        contract=contract,
        lambda_layers=keras_file.lambda_layers(path),
        custom_classes=tuple(f"{k} ({v})" for k, v in keras_file.custom_classes(path).items()),
    )
