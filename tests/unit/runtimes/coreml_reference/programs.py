"""Programs for tests, made without coremltools: as plain blocks, or as packages on disk."""

from __future__ import annotations

import inspect
import json
import struct
from collections.abc import Mapping
from pathlib import Path
from typing import Any

import numpy as np
from numpy.typing import NDArray

from edgeconv.runtimes.coreml_reference.executor import Engine
from edgeconv.runtimes.coreml_reference.ops import OPS
from edgeconv.runtimes.coreml_reference.plan import Planner
from edgeconv.runtimes.coreml_reference.precision import Compute
from edgeconv.targets.coreml.package import proto
from edgeconv.targets.coreml.program import Argument, Block, Operation
from edgeconv.targets.coreml.values import Constant, ProgramValue, ValueType

Array = NDArray[Any]
BLOB_TYPES = {"float16": 1, "float32": 2, "uint8": 3, "int8": 4}


def constant(value: Any) -> Constant:
    """A constant as the program reader would hand it over."""
    if isinstance(value, str | list):
        kind = "tensor" if isinstance(value, str) else "list"
        return Constant.of(value, ValueType("string", (), kind))
    array = np.asarray(value)
    if array.dtype == np.float64:
        array = array.astype(np.float32)
    if array.dtype == np.int64:
        array = array.astype(np.int32)
    return Constant.of(array, ValueType(array.dtype.name, array.shape))


def one_operation(
    kind: str, inputs: dict[str, Array], parameters: Mapping[str, Any], dtype: str = "float32"
) -> Block:
    """`kind` of named inputs and constant parameters; a tuple of names is a variadic parameter.

    The declared shapes of its outputs are those of one run.
    """
    arguments: dict[str, tuple[Argument, ...]] = {name: (name,) for name in inputs}
    for name, value in parameters.items():
        arguments[name] = value if isinstance(value, tuple) else (constant(value),)
    used = {a for group in arguments.values() for a in group if isinstance(a, str)}
    arguments = {
        k: v for k, v in arguments.items() if not (k in inputs and k not in parameters_of(kind))
    }
    assert used <= set(inputs)
    values: dict[str, Any] = {}
    for name, group in arguments.items():
        found = [inputs[a] if isinstance(a, str) else a.value for a in group]
        values[name] = tuple(found) if name in OPS[kind].variadic else found[0]
    made = OPS[kind].function(**values)
    results = made if isinstance(made, tuple) else (made,)
    kinds = ["string" if np.asarray(r).dtype.kind == "U" else dtype for r in results]
    outputs = tuple(
        ProgramValue(f"y{i}", ValueType(k, np.shape(r)))
        for i, (k, r) in enumerate(zip(kinds, results, strict=True))
    )
    types = {name: ValueType(a.dtype.name, a.shape) for name, a in inputs.items()}
    op = Operation(kind, 0, arguments, outputs)
    return Block(types, tuple(name for name, _ in outputs), (op,))


def parameters_of(kind: str) -> set[str]:
    """Names that the operation's function takes."""
    return set(inspect.signature(OPS[kind].function).parameters)


def run(block: Block, inputs: dict[str, Array], compute: Compute = Compute.FLOAT32) -> list[Any]:
    """The outputs of a block, in order."""
    return list(Engine(compute).run(Planner(compute).plan(block), inputs).values())


class Package:
    """Writes a package of one function, operation by operation."""

    def __init__(self, path: Path) -> None:
        self.path = path
        self.mil = proto("MIL_pb2")
        self.spec = proto("Model_pb2").Model(specificationVersion=8)
        self.main = self.spec.mlProgram.functions["main"]
        self.main.opset = "CoreML7"
        self.block = self.main.block_specializations["CoreML7"]
        self.blob = bytearray(struct.pack("<II", 0, 2).ljust(64, b"\0"))

    def input(self, name: str, shape: tuple[int, ...], dtype: str = "float32") -> None:
        self._feature(self.spec.description.input.add(name=name), shape, dtype)
        self._type(self.main.inputs.add(name=name).type, shape, dtype)

    def output(self, name: str, shape: tuple[int, ...], dtype: str = "float32") -> None:
        self._feature(self.spec.description.output.add(name=name), shape, dtype)
        self.block.outputs.append(name)

    def weight(self, name: str, array: Array) -> int:
        """A constant in the blob file; gives the offset of its record."""
        op = self.block.operations.add(type="const")
        self._type(op.outputs.add(name=name).type, array.shape, array.dtype.name)
        offset = len(self.blob)
        op.attributes["val"].type.CopyFrom(op.outputs[0].type)
        op.attributes["val"].blobFileValue.offset = offset
        data = array.tobytes()
        kind = BLOB_TYPES[array.dtype.name]
        self.blob += struct.pack("<IIQQQ", 0xDEADBEEF, kind, len(data), offset + 64, 0).ljust(
            64, b"\0"
        )
        self.blob += data.ljust(-(-len(data) // 64) * 64, b"\0")
        return offset

    def op(
        self,
        kind: str,
        out: str,
        shape: tuple[int, ...],
        out_type: str = "float32",
        /,
        **inputs: Any,
    ) -> None:
        """An operation; a string names a value, anything else (np.str_ too) is a constant."""
        op = self.block.operations.add(type=kind)
        for name, value in inputs.items():
            binding = op.inputs[name].arguments.add()
            if isinstance(value, str) and not isinstance(value, np.str_):
                binding.name = value
                continue
            array = np.asarray(value)
            self._type(binding.value.type, array.shape, _NAMES[array.dtype.kind])
            tensor = binding.value.immediateValue.tensor
            field = {"f": tensor.floats, "i": tensor.ints, "b": tensor.bools, "U": tensor.strings}
            field[array.dtype.kind].values.extend(array.ravel().tolist())
        self._type(op.outputs.add(name=out).type, shape, out_type)

    def write(self) -> Path:
        data = self.path / "Data" / "com.apple.CoreML"
        (data / "weights").mkdir(parents=True)
        (data / "weights" / "weight.bin").write_bytes(self.blob)
        (data / "model.mlmodel").write_bytes(self.spec.SerializeToString())
        entry = {"path": "com.apple.CoreML/model.mlmodel"}
        manifest = {"itemInfoEntries": {"m": entry}, "rootModelIdentifier": "m"}
        (self.path / "Manifest.json").write_text(json.dumps(manifest))
        return self.path

    def _type(self, type_: Any, shape: tuple[int, ...], dtype: str) -> None:
        tensor = type_.tensorType
        tensor.dataType, tensor.rank = getattr(self.mil, dtype.upper()), len(shape)
        for size in shape:
            dimension = tensor.dimensions.add()
            if size < 0:
                dimension.unknown.variadic = False
            else:
                dimension.constant.size = size

    def _feature(self, feature: Any, shape: tuple[int, ...], dtype: str) -> None:
        array = proto("FeatureTypes_pb2").ArrayFeatureType
        feature.type.multiArrayType.shape.extend(max(n, 1) for n in shape)
        feature.type.multiArrayType.dataType = getattr(array, dtype.upper())


_NAMES = {"f": "float32", "i": "int32", "b": "bool", "U": "string"}
