"""`.tflite` files read straight from their flatbuffer, without TensorFlow."""

from __future__ import annotations

import struct
from math import prod
from pathlib import Path
from typing import Any

from edgeconv.core import TensorSpec
from edgeconv.errors import BadInput
from edgeconv.targets.file_graph import FileGraph, Op, Tensor, peak_bytes

_DAMAGED = (
    *(struct.error, IndexError, ValueError, TypeError, OverflowError, KeyError),
    AttributeError,  # a name that is no longer there
)
_FLOATS = {0: "<f4", 1: "<f2"}  # TensorType FLOAT32 and FLOAT16
_HINT = "export it again, or copy it again whole"


def read_bytes(path: Path) -> bytes:
    """The file's bytes.

    Raises:
        BadInput: missing, a folder, empty, or without the identifier of a TFLite file.
    """
    if not path.is_file():
        what = "is a folder" if path.is_dir() else "does not exist"
        raise BadInput(f"{path} {what}", "give the path of a .tflite file")
    data = path.read_bytes()
    if not data:
        raise BadInput(f"{path} is empty", _HINT)
    if data[4:8] != b"TFL3":
        raise BadInput(f"{path} is not a TFLite file (no TFL3 identifier)", _HINT)
    return data


def read_graph(path: Path) -> FileGraph:
    """Operations, tensors and cost of a `.tflite` file's main graph.

    Raises:
        BadInput: not a TFLite file, or a truncated or damaged one.
    """
    data = read_bytes(path)
    try:
        return _graph(data)
    except _DAMAGED as error:
        raise BadInput(f"{path} is truncated or damaged: {error}", _HINT) from error


def parse_graph(data: bytes) -> FileGraph:
    """`read_graph` of bytes that a converter has just made."""
    return _graph(data)


def check_finite(path: Path) -> None:
    """Make sure that no float constant is NaN or infinite.

    Raises:
        BadInput: one is; the message names its tensor.
    """
    import numpy as np
    from ai_edge_litert import schema_py_generated as schema

    model = schema.Model.GetRootAs(read_bytes(path), 0)
    for g in range(model.SubgraphsLength()):
        graph = model.Subgraphs(g)
        for i in range(graph.TensorsLength()):
            tensor = graph.Tensors(i)
            dtype = _FLOATS.get(tensor.Type())
            buffer = model.Buffers(tensor.Buffer())
            if dtype is None or buffer.DataIsNone():
                continue
            values = np.frombuffer(buffer.DataAsNumpy().tobytes(), dtype)
            if not np.isfinite(values).all():
                name = tensor.Name().decode()
                raise BadInput(f"{path}: constant '{name}' holds NaN or infinity", _HINT)


def _graph(data: bytes) -> FileGraph:
    from ai_edge_litert import schema_py_generated as schema

    model = schema.Model.GetRootAs(data, 0)
    if model.SubgraphsLength() < 1:
        raise ValueError("no graph inside")
    main = model.Subgraphs(0)
    codes = _op_kinds(schema, model)
    stored = [_stored_bytes(data, model.Buffers(i)) for i in range(model.BuffersLength())]
    types = _names(schema.TensorType)
    tensors = tuple(_tensor(main.Tensors(i), stored, types) for i in range(main.TensorsLength()))
    ops = tuple(_op(main.Operators(i), codes, tensors) for i in range(main.OperatorsLength()))
    inputs = [int(i) for i in main.InputsAsNumpy()]
    outputs = [int(i) for i in main.OutputsAsNumpy()]
    return FileGraph(
        ops=ops,
        tensors=tensors,
        inputs=_interface(model, tensors, inputs, "inputs"),
        outputs=_interface(model, tensors, outputs, "outputs"),
        parameters=_parameters(main, tensors),
        peak_tensor_bytes=peak_bytes(ops, tensors, inputs, outputs),
        extra={"schema": str(model.Version()), "subgraphs": str(model.SubgraphsLength())},
    )


def _names(enum: Any) -> dict[int, str]:
    """Number → name of one of the schema's enumerations."""
    return {v: k for k, v in vars(enum).items() if isinstance(v, int)}


def _op_kinds(schema: Any, model: Any) -> list[str]:
    """Name of each operator code; a custom one as `CUSTOM:Name` (Flex ops are such)."""
    names = _names(schema.BuiltinOperator)
    kinds = []
    for i in range(model.OperatorCodesLength()):
        code = model.OperatorCodes(i)
        # codes above 126 live in the second field; old files have only the first
        kind = names[max(code.BuiltinCode(), code.DeprecatedBuiltinCode())]
        custom = code.CustomCode()
        kinds.append(f"CUSTOM:{custom.decode()}" if custom else kind)
    return kinds


def _stored_bytes(data: bytes, buffer: Any) -> int:
    """Length of a buffer; raises ValueError where it reaches past the end of the file."""
    if buffer.DataIsNone():
        return int(buffer.Size())
    length = int(buffer.DataLength())
    table = buffer._tab
    if table.Vector(table.Offset(4)) + length > len(data):
        raise ValueError("a weight reaches past the end of the file")
    return length


def _tensor(tensor: Any, stored: list[int], types: dict[int, str]) -> Tensor:
    shape = () if tensor.ShapeIsNone() else tuple(int(d) for d in tensor.ShapeAsNumpy())
    quantization = tensor.Quantization()
    scales: tuple[float, ...] = ()
    zeros: tuple[int, ...] = ()
    if quantization is not None and not quantization.ScaleIsNone():
        scales = tuple(float(s) for s in quantization.ScaleAsNumpy())
        zeros = tuple(int(z) for z in quantization.ZeroPointAsNumpy())
    made = Tensor(
        name=tensor.Name().decode(),
        shape=shape,
        dtype=types[tensor.Type()].lower(),
        scales=scales,
        zero_points=zeros,
        constant=stored[tensor.Buffer()] > 0,
    )
    if made.constant and stored[tensor.Buffer()] < made.bytes:
        raise ValueError(f"tensor '{made.name}' has fewer bytes than its shape needs")
    return made


def _op(op: Any, codes: list[str], tensors: tuple[Tensor, ...]) -> Op:
    inputs = tuple(int(i) for i in op.InputsAsNumpy() if i >= 0)  # −1: an optional input left out
    outputs = tuple(int(i) for i in op.OutputsAsNumpy())
    kind = codes[op.OpcodeIndex()]
    name = tensors[outputs[0]].name if outputs else kind
    return Op(
        kind, name, inputs, outputs, _macs(kind, [tensors[i] for i in inputs], tensors[outputs[0]])
    )


def _macs(kind: str, inputs: list[Tensor], output: Tensor) -> int:
    """Multiply-accumulates of one operation.

    Kernels are OHWI, a depthwise kernel 1HWC: an output value costs one product for each kernel
    value that it reads. A fully connected kernel is (outputs, inputs).
    """
    if kind == "CONV_2D":
        return output.elements * prod(inputs[1].shape[1:])
    if kind == "DEPTHWISE_CONV_2D":
        return output.elements * prod(inputs[1].shape[1:3])
    if kind == "FULLY_CONNECTED":
        return output.elements * inputs[1].shape[-1]
    if kind == "BATCH_MATMUL":
        return output.elements * inputs[0].shape[-1]
    return 0


def _interface(
    model: Any, tensors: tuple[Tensor, ...], wanted: list[int], side: str
) -> tuple[TensorSpec, ...]:
    """Inputs or outputs under the names of the signature, else under the tensors' own.

    Without a signature, what TensorFlow's exporter put round a name is taken off, unless two of
    them would then be the same.
    """
    names: dict[int, str] = {}
    for i in range(min(model.SignatureDefsLength(), 1)):
        signature = model.SignatureDefs(i)
        length, at = {
            "inputs": (signature.InputsLength, signature.Inputs),
            "outputs": (signature.OutputsLength, signature.Outputs),
        }[side]
        names = {int(at(j).TensorIndex()): at(j).Name().decode() for j in range(length())}
    bare = [_bare(tensors[i].name) for i in wanted]
    if len(set(bare)) == len(bare):
        names = {**dict(zip(wanted, bare, strict=True)), **names}
    return tuple(tensors[i].spec(names.get(i, "")) for i in wanted)


def _bare(name: str) -> str:
    """`serving_default_sensor:0` is `sensor`."""
    return name.removeprefix("serving_default_").partition(":")[0]


def _parameters(graph: Any, tensors: tuple[Tensor, ...]) -> int:
    """Elements of the constant float or quantized tensors; two names of one buffer count once."""
    counted: dict[int, int] = {}
    for i, tensor in enumerate(tensors):
        if tensor.constant and (tensor.dtype.startswith("float") or tensor.scales):
            counted[graph.Tensors(i).Buffer()] = tensor.elements
    return sum(counted.values())
