"""`.mlpackage` folders read straight from their protobuf, on any system.

The message classes come from the installed coremltools, loaded without its `__init__`, which
imports TensorFlow and takes ten seconds.
"""

from __future__ import annotations

import importlib
import importlib.util
import json
import struct
import sys
import types
from collections.abc import Iterator
from dataclasses import replace
from math import prod
from pathlib import Path
from typing import Any

from edgeconv.errors import BadInput
from edgeconv.formats.card import CONTRACT_KEY, parse_contract
from edgeconv.formats.graph import Graph, Op, Tensor, peak_bytes
from edgeconv.plugins import missing
from edgeconv.types import Signal, TensorSpec

WEIGHTS = Path("weights") / "weight.bin"
_PROTO = "edgeconv_coreml_proto"
_HINT = "export it again, or copy the whole .mlpackage folder again"
_BLOB = struct.Struct("<IIQQ")  # sentinel, data type, bytes, offset of the data
_BLOB_SENTINEL = 0xDEADBEEF


def proto(name: str) -> Any:
    """A message module of coremltools, such as `Model_pb2` or `MIL_pb2`.

    Raises:
        MissingDependency: coremltools is not installed.
    """
    if _PROTO not in sys.modules:
        spec = importlib.util.find_spec("coremltools")
        if spec is None or not spec.submodule_search_locations:
            raise missing(ModuleNotFoundError("No module named 'coremltools'", name="coremltools"))
        package = types.ModuleType(_PROTO)
        package.__path__ = [str(Path(spec.submodule_search_locations[0]) / "proto")]
        sys.modules[_PROTO] = package
    return importlib.import_module(f"{_PROTO}.{name}")


def model_file(path: Path) -> Path:
    """The `.mlmodel` inside the package, as its manifest names it.

    Raises:
        BadInput: no package, or an incomplete one.
    """
    if not path.is_dir():
        what = "is not a folder" if path.exists() else "does not exist"
        raise BadInput(f"{path} {what}", "give the path of a .mlpackage folder")
    try:
        manifest = json.loads((path / "Manifest.json").read_text())
        entry = manifest["itemInfoEntries"][manifest["rootModelIdentifier"]]
        inside = path / "Data" / str(entry["path"])
    except (OSError, ValueError, KeyError, TypeError) as error:
        raise BadInput(f"{path}: Manifest.json is missing or damaged: {error}", _HINT) from error
    if not inside.is_file():
        raise BadInput(f"{path}: the model file {entry['path']} is missing", _HINT)
    return inside


def read_spec(path: Path) -> Any:
    """The `Model` message of a package.

    Raises:
        BadInput: no package, or a damaged one.
    """
    file = model_file(path)
    from google.protobuf.message import DecodeError

    spec = proto("Model_pb2").Model()
    try:
        spec.ParseFromString(file.read_bytes())
    except DecodeError as error:
        raise BadInput(f"{path}: {file.name} is truncated or damaged: {error}", _HINT) from error
    if not spec.specificationVersion:
        raise BadInput(f"{path}: {file.name} is empty", _HINT)
    return spec


def read_contract(path: Path) -> Signal | None:
    """The sensor contract among the user-defined fields, None where there is none."""
    fields = read_spec(path).description.metadata.userDefined
    return parse_contract(fields[CONTRACT_KEY], str(path)) if CONTRACT_KEY in fields else None


def read_labels(path: Path) -> tuple[str, ...]:
    """Class names of a classifier; empty for another model."""
    return _Program(read_spec(path), path).labels


def read_graph(path: Path) -> Graph:
    """Operations, tensors and cost of an ML program.

    Raises:
        BadInput: no package, a damaged one, or one that holds no ML program.
    """
    return _Program(read_spec(path), path).graph()


def blobs(path: Path) -> Iterator[tuple[str, str, bytes]]:
    """Name, data type and bytes of every weight that lies in `weight.bin`.

    Raises:
        BadInput: the file is missing or shorter than the program says.
    """
    spec = read_spec(path)
    file = model_file(path).parent / WEIGHTS
    data = file.read_bytes() if file.is_file() else b""
    types_ = _dtypes()
    for op in _operations(spec, str(path)):
        for value in op.attributes.values():
            if value.WhichOneof("value") == "blobFileValue":
                start, length = _blob(
                    data, value.blobFileValue.offset, f"{path}: {op.outputs[0].name}"
                )
                dtype = types_[value.type.tensorType.dataType]
                yield op.outputs[0].name, dtype, data[start : start + length]


def _blob(data: bytes, offset: int, where: str) -> tuple[int, int]:
    """Start and length of a weight whose header stands at `offset`."""
    try:
        sentinel, _, length, start = _BLOB.unpack_from(data, offset)
    except struct.error as error:
        raise BadInput(f"{where}: its weights are missing from weight.bin", _HINT) from error
    if sentinel != _BLOB_SENTINEL or start + length > len(data):
        raise BadInput(f"{where}: weight.bin is truncated or damaged", _HINT)
    return start, length


def _dtypes() -> dict[int, str]:
    """Number → name of MIL's data types, as everywhere else in this project."""
    return {v: k.lower() for k, v in proto("MIL_pb2").DataType.items()}


def _operations(spec: Any, where: str) -> Any:
    """The operations of the main function's only block."""
    if spec.WhichOneof("Type") != "mlProgram":
        raise BadInput(f"{where} holds no ML program", "export it for iOS 15 or later")
    functions = spec.mlProgram.functions
    main = functions["main"] if "main" in functions else next(iter(functions.values()), None)
    blocks = list(main.block_specializations.values()) if main is not None else []
    if not blocks:
        raise BadInput(f"{where}: its ML program is empty", _HINT)
    return blocks[0].operations


class _Program:
    """Walks one program once, numbering its values."""

    def __init__(self, spec: Any, path: Path) -> None:
        self.spec, self.path = spec, path
        self.types = _dtypes()
        self.tensors: list[Tensor] = []
        self.number: dict[str, int] = {}
        self.operations = _operations(spec, str(path))
        for name, feature in ((f.name, f.type) for f in spec.description.input):
            self._add(replace(self._feature(name, feature), name=name))
        for op in self.operations:
            for out in op.outputs:
                self._add(self._value(out, op.type == "const"))

    @property
    def labels(self) -> tuple[str, ...]:
        """Class names of the `classify` operation, which stand in it or in a constant."""
        constants = {op.outputs[0].name: op for op in self.operations if op.type == "const"}
        for op in self.operations:
            if op.type == "classify":
                binding = op.inputs["classes"].arguments[0]
                value = binding.value
                if binding.WhichOneof("binding") == "name":
                    value = constants[binding.name].attributes["val"]
                return _strings(value.immediateValue)
        return ()

    def graph(self) -> Graph:
        ops = tuple(self._op(op) for op in self.operations if op.type != "const")
        inputs = tuple(self._feature(f.name, f.type) for f in self.spec.description.input)
        outputs = tuple(self._feature(f.name, f.type) for f in self.spec.description.output)
        ends = [self.number[t.name] for t in outputs if t.name in self.number]
        starts = [self.number[t.name] for t in inputs]
        return Graph(
            ops=ops,
            tensors=tuple(self.tensors),
            inputs=tuple(t.spec() for t in inputs),
            outputs=self._named(outputs),
            parameters=self._parameters(),
            peak_tensor_bytes=peak_bytes(ops, self.tensors, starts, ends),
            extra={"specification": str(self.spec.specificationVersion)},
        )

    def _named(self, outputs: tuple[Tensor, ...]) -> tuple[TensorSpec, ...]:
        """A classifier's dictionary has as many entries as there are labels."""
        n = len(self.labels)
        return tuple(
            replace(t, shape=(n,)).spec() if t.dtype == "dictionary" else t.spec() for t in outputs
        )

    def _add(self, tensor: Tensor) -> None:
        self.number[tensor.name] = len(self.tensors)
        self.tensors.append(tensor)

    def _value(self, out: Any, constant: bool) -> Tensor:
        kind = out.type.tensorType
        shape = tuple(
            int(d.constant.size) if d.WhichOneof("dimension") == "constant" else -1
            for d in kind.dimensions
        )
        return Tensor(out.name, shape, self.types[kind.dataType], constant=constant)

    def _feature(self, name: str, feature: Any) -> Tensor:
        kind = feature.WhichOneof("Type")
        if kind != "multiArrayType":
            return Tensor(name, (), kind.removesuffix("Type"))
        array = feature.multiArrayType
        dtype = proto("FeatureTypes_pb2").ArrayFeatureType.ArrayDataType.Name(array.dataType)
        return Tensor(name, tuple(int(d) for d in array.shape), dtype.lower())

    def _op(self, op: Any) -> Op:
        inputs = {
            key: tuple(self.number[a.name] for a in argument.arguments if a.name in self.number)
            for key, argument in op.inputs.items()
        }
        outputs = tuple(self.number[out.name] for out in op.outputs)
        named = {key: self.tensors[found[0]] for key, found in inputs.items() if found}
        macs = _macs(op.type, named, self.tensors[outputs[0]])
        flat = tuple(i for key in sorted(inputs) for i in inputs[key])
        return Op(op.type, op.outputs[0].name, flat, outputs, macs)

    def _parameters(self) -> int:
        """Elements of float constants of rank ≥ 1; a compressed weight by its unpacked shape."""
        packed: set[str] = set()
        total = 0
        for op in self.operations:
            if op.type.startswith("constexpr_"):
                packed.update(a.name for v in op.inputs.values() for a in v.arguments)
        for op in self.operations:
            tensor = self.tensors[self.number[op.outputs[0].name]]
            weight = op.type == "const" and tensor.dtype.startswith("float") and tensor.shape
            unpacks = op.type.startswith("constexpr_")
            if (weight or unpacks) and tensor.name not in packed:
                total += tensor.elements
        return total


def _strings(value: Any) -> tuple[str, ...]:
    """Strings of an immediate value, which is a list of scalars or one tensor."""
    if value.WhichOneof("value") == "list":
        return tuple(v.immediateValue.tensor.strings.values[0] for v in value.list.values)
    return tuple(value.tensor.strings.values)


def _macs(kind: str, inputs: dict[str, Tensor], output: Tensor) -> int:
    """Multiply-accumulates; kernels are (out, in / groups, height, width)."""
    if kind == "conv":
        return output.elements * prod(inputs["weight"].shape[1:])
    if kind in ("linear", "matmul"):
        return output.elements * inputs["x"].shape[-1]
    return 0
