"""`.tflite` files read straight from their flatbuffer, without TensorFlow."""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import replace
from math import prod
from pathlib import Path
from typing import Any, TypeVar

from edgeconv.core import TensorSpec
from edgeconv.errors import BadInput
from edgeconv.targets.file_graph import FileGraph, Op, Tensor, peak_bytes
from edgeconv.targets.tflite.verify import HINT, UNREADABLE, verify

_Item = TypeVar("_Item")

_FLOATS = {0: "<f4", 1: "<f2"}  # TensorType FLOAT32 and FLOAT16


class _Damage(ValueError):
    """Tables that can be read but contradict each other; the message names them."""


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
        raise BadInput(f"{path} is empty", HINT)
    if data[4:8] != b"TFL3":
        raise BadInput(f"{path} is not a TFLite file (no TFL3 identifier)", HINT)
    return data


def read_graph(path: Path) -> FileGraph:
    """Operations, tensors and cost of a `.tflite` file's main graph.

    Raises:
        BadInput: not a TFLite file, or a truncated or damaged one.
    """
    data = read_bytes(path)
    verify(path, data)
    try:
        return _graph(data)
    except _Damage as error:
        raise BadInput(f"{path} is truncated or damaged: {error}", HINT) from error
    except UNREADABLE as error:
        problem = "is truncated or damaged: its tables contradict each other"
        raise BadInput(f"{path} {problem}", HINT) from error


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
                raise BadInput(f"{path}: constant '{name}' holds NaN or infinity", HINT)


def _graph(data: bytes) -> FileGraph:
    from ai_edge_litert import schema_py_generated as schema

    model = schema.Model.GetRootAs(data, 0)
    if model.SubgraphsLength() < 1:
        raise _Damage("it holds no graph")
    codes = _op_kinds(model)
    stored = [_stored_bytes(data, model.Buffers(i)) for i in range(model.BuffersLength())]
    types = _names(schema.TensorType)
    graphs = [model.Subgraphs(g) for g in range(model.SubgraphsLength())]
    held = [
        tuple(_tensor(graph.Tensors(i), i, stored, types) for i in range(graph.TensorsLength()))
        for graph in graphs
    ]
    done = [
        [_op(graph.Operators(i), i, codes, each) for i in range(graph.OperatorsLength())]
        for graph, each in zip(graphs, held, strict=True)
    ]
    main, tensors = graphs[0], held[0]
    ops = tuple(
        replace(op, macs=_loop_macs(model, main.Operators(i), done)) if op.kind == "WHILE" else op
        for i, op in enumerate(done[0])
    )
    inputs, outputs = numbers(main.InputsAsNumpy()), numbers(main.OutputsAsNumpy())
    for i in (*inputs, *outputs):
        _at(tensors, i, "an input or output is tensor")
    return FileGraph(
        ops=ops,
        tensors=tensors,
        inputs=_interface(model, tensors, inputs, "inputs"),
        outputs=_interface(model, tensors, outputs, "outputs"),
        parameters=_parameters(graphs, held),
        peak_tensor_bytes=peak_bytes(ops, tensors, inputs, outputs),
        extra={"schema": str(model.Version()), "subgraphs": str(model.SubgraphsLength())},
    )


def _names(enum: Any) -> dict[int, str]:
    """Number → name of one of the schema's enumerations."""
    return {v: k for k, v in vars(enum).items() if isinstance(v, int)}


def _at(items: Sequence[_Item], index: int, what: str) -> _Item:
    """An item by its number, which the file gives."""
    if not 0 <= index < len(items):
        raise _Damage(f"{what} {index}, of {len(items)} that there are")
    return items[index]


def numbers(vector: Any) -> list[int]:
    """A vector of integers; the schema gives 0 for one that is absent."""
    return [int(i) for i in vector] if getattr(vector, "ndim", 0) else []


def _text(name: bytes | None, what: str) -> str:
    try:
        return (name or b"").decode()
    except UnicodeDecodeError as error:
        raise _Damage(f"the name of {what} is not text") from error


def _op_kinds(model: Any) -> list[str]:
    """Name of each operator code; a custom one as `CUSTOM:Name` (Flex ops are such)."""
    from ai_edge_litert.tools import flatbuffer_utils

    names = _names(flatbuffer_utils.BuiltinOperator)
    kinds = []
    for i in range(model.OperatorCodesLength()):
        code = model.OperatorCodes(i)
        number = flatbuffer_utils.get_builtin_code_from_operator_code(code)
        if number not in names:
            raise _Damage(f"operator code {i} has the number {number}, which is not known")
        custom = code.CustomCode()
        kinds.append(f"CUSTOM:{_text(custom, 'an operation')}" if custom else names[number])
    return kinds


def _stored_bytes(data: bytes, buffer: Any) -> int:
    """Length of a buffer; raises ValueError where it reaches past the end of the file."""
    if buffer.DataIsNone():
        return int(buffer.Size())
    length = int(buffer.DataLength())
    table = buffer._tab
    if table.Vector(table.Offset(4)) + length > len(data):
        raise _Damage("a weight reaches past the end of the file")
    return length


def _tensor(table: Any, number: int, stored: list[int], types: dict[int, str]) -> Tensor:
    name = _text(table.Name(), f"tensor {number}")
    if table.Type() not in types:
        raise _Damage(f"tensor '{name}' has the type number {table.Type()}, which is not known")
    quantization = table.Quantization()
    scales: tuple[float, ...] = ()
    zeros: tuple[int, ...] = ()
    if quantization is not None and not quantization.ScaleIsNone():
        scales = tuple(float(s) for s in quantization.ScaleAsNumpy())
        zeros = tuple(numbers(quantization.ZeroPointAsNumpy()))
    length = _at(stored, table.Buffer(), f"tensor '{name}' lies in buffer")
    tensor = Tensor(
        name=name,
        shape=tuple(numbers(table.ShapeAsNumpy())),
        dtype=types[table.Type()].lower(),
        scales=scales,
        zero_points=zeros,
        constant=length > 0,
    )
    if tensor.constant and length < tensor.bytes:
        raise _Damage(
            f"tensor '{name}' has {length} bytes, its shape {tensor.shape} needs {tensor.bytes}"
        )
    return tensor


def _op(table: Any, number: int, codes: list[str], tensors: tuple[Tensor, ...]) -> Op:
    kind = _at(codes, table.OpcodeIndex(), f"operation {number} has the operator code")
    # −1: an optional input left out
    inputs = tuple(i for i in numbers(table.InputsAsNumpy()) if i != -1)
    outputs = tuple(numbers(table.OutputsAsNumpy()))
    for i in (*inputs, *outputs):
        _at(tensors, i, f"operation {number} ({kind}) refers to tensor")
    if not outputs:
        raise _Damage(f"operation {number} ({kind}) has no output")
    name = tensors[outputs[0]].name
    try:
        macs = _macs(kind, [tensors[i] for i in inputs], tensors[outputs[0]])
    except IndexError as error:
        text = f"operation {number} ({kind}, '{name}')"
        raise _Damage(f"{text} lacks an operand, or one of its dimensions") from error
    return Op(kind, name, inputs, outputs, macs)


_RECURRENT = ("SEQUENCE_LSTM", "SEQUENCE_RNN")


def _macs(kind: str, inputs: list[Tensor], output: Tensor) -> int:
    """Multiply-accumulates of one operation.

    Kernels are OHWI, a depthwise kernel 1HWC: an output value costs one product for each kernel
    value that it reads. A fully connected kernel is (outputs, inputs). A transposed convolution
    multiplies each value of its input, its third operand, by a kernel of every output channel; a
    recurrent layer multiplies every step by all its matrices.
    """
    if kind.endswith(_RECURRENT):
        matrices = (each for each in inputs if each.constant and len(each.shape) == 2)
        return prod(inputs[0].shape[:-1]) * sum(each.elements for each in matrices)
    if kind == "TRANSPOSE_CONV":
        return inputs[2].elements * prod(inputs[1].shape[:3])
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
    model: Any, tensors: tuple[Tensor, ...], positions: list[int], side: str
) -> tuple[TensorSpec, ...]:
    """Inputs or outputs under the names of the signature, else under the tensors' own.

    Without a signature, the affixes of TensorFlow's exporter are removed, unless two names
    would then be equal.
    """
    names: dict[int, str] = {}
    for i in range(min(model.SignatureDefsLength(), 1)):
        signature = model.SignatureDefs(i)
        length, at = {
            "inputs": (signature.InputsLength, signature.Inputs),
            "outputs": (signature.OutputsLength, signature.Outputs),
        }[side]
        names = {int(at(j).TensorIndex()): at(j).Name().decode() for j in range(length())}
    bare = [_bare(tensors[i].name) for i in positions]
    if len(set(bare)) == len(bare):
        names = {**dict(zip(positions, bare, strict=True)), **names}
    return tuple(tensors[i].spec(names.get(i, "")) for i in positions)


def _bare(name: str) -> str:
    """`serving_default_sensor:0` is `sensor`."""
    return name.removeprefix("serving_default_").partition(":")[0]


def _loop_macs(model: Any, table: Any, done: Sequence[Sequence[Op]]) -> int:
    """Multiply-accumulates of a loop, such as a recurrent layer's: those of its body, as often as
    its condition says by `counter < constant`; 0 where it says something else."""
    from ai_edge_litert import schema_py_generated as schema

    options = schema.WhileOptions()
    options.Init(table.BuiltinOptions().Bytes, table.BuiltinOptions().Pos)
    condition, body = options.CondSubgraphIndex(), options.BodySubgraphIndex()
    _at(done, condition, "the condition of a loop is graph")
    graph = model.Subgraphs(condition)
    limits = [
        _integer(model, graph, number)
        for op in done[condition]
        if op.kind == "LESS"
        for number in op.inputs
    ]
    times = min((limit for limit in limits if limit is not None), default=0)
    return max(times, 0) * sum(op.macs for op in _at(done, body, "the body of a loop is graph"))


def _integer(model: Any, graph: Any, number: int) -> int | None:
    """The value of a constant int32 of one element; None for another tensor."""
    buffer = model.Buffers(graph.Tensors(number).Buffer())
    if buffer.DataIsNone() or buffer.DataLength() != 4:
        return None
    return int.from_bytes(buffer.DataAsNumpy().tobytes(), "little", signed=True)


def _parameters(graphs: Sequence[Any], held: Sequence[Sequence[Tensor]]) -> int:
    """Elements of the constant float or quantized tensors; two names of one buffer count once."""
    counted: dict[int, int] = {}
    for graph, tensors in zip(graphs, held, strict=True):
        for i, tensor in enumerate(tensors):
            if tensor.constant and (tensor.dtype.startswith("float") or tensor.scales):
                counted[graph.Tensors(i).Buffer()] = tensor.elements
    return sum(counted.values())
