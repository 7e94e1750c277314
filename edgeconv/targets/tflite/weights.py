"""The kernels and biases of a `.tflite` file: as they are stored, and the real numbers."""

from __future__ import annotations

from dataclasses import dataclass
from pathlib import Path
from typing import TYPE_CHECKING, Any

from edgeconv.targets.file_graph import FileGraph, Op
from edgeconv.targets.tflite.reader import numbers, read_bytes, read_graph

if TYPE_CHECKING:
    import numpy as np
    from numpy.typing import NDArray

    Array = NDArray[np.float64]

KINDS = ("CONV_2D", "DEPTHWISE_CONV_2D", "FULLY_CONNECTED", "BATCH_MATMUL", "TRANSPOSE_CONV")
"""Operations whose second operand may be a constant kernel."""

_OUTPUT_AXIS = {"DEPTHWISE_CONV_2D": 3, "BATCH_MATMUL": -1}  # 0 of every other
_TYPES = {
    **{"float32": "<f4", "float16": "<f2", "int4": "u1", "int8": "<i1", "int16": "<i2"},
    **{"int32": "<i4", "int64": "<i8"},
}


@dataclass(frozen=True, eq=False)
class TFLiteConstant:
    """Numbers of the file.

    Attributes:
        stored: in the shape of the tensor; whole numbers where it is quantized.
        dtype: their type in the file.
        steps: distance of neighbouring numbers, one per channel or one for all; None for floats.
        zero_points: as many as steps.
        axis: of the channels.
    """

    stored: NDArray[Any]
    dtype: str
    steps: Array | None = None
    zero_points: Array | None = None
    axis: int = 0

    @property
    def values(self) -> Array:
        """The real numbers: (stored − zero point) · step."""
        import numpy as np

        real = self.stored.astype(np.float64)
        if self.steps is None or self.zero_points is None:
            return real
        shape = [1] * real.ndim
        if self.steps.size > 1:
            shape[self.axis] = self.steps.size
        return (real - self.zero_points.reshape(shape)) * self.steps.reshape(shape)


@dataclass(frozen=True, eq=False)
class TFLiteKernel:
    """Kernel and bias of one operation.

    Attributes:
        name: of the value that the operation makes.
        weight: as it is stored (OHWI, 1HWC, or outputs × inputs); None where it is computed,
            sparse or of an unknown type.
        bias: None where it is missing or cannot be read as above; `has_bias` tells them apart.
    """

    kind: str
    name: str
    weight: TFLiteConstant | None
    bias: TFLiteConstant | None
    has_bias: bool


def read_kernels(path: Path) -> list[TFLiteKernel]:
    """The kernels in the order of execution.

    Raises:
        BadInput: not a TFLite file, or a truncated or damaged one.
    """
    from ai_edge_litert import schema_py_generated as schema

    graph = read_graph(path)
    model = schema.Model.GetRootAs(read_bytes(path), 0)
    source = {i: op for op in graph.ops for i in op.outputs}
    kernels = []
    for op in graph.ops:
        if op.kind in KINDS and len(op.inputs) > 1:
            read = op.inputs[1:3]
            if op.kind == "TRANSPOSE_CONV":  # reads a shape, the kernel, the values, and the bias
                read = (op.inputs[1], *op.inputs[3:4])
            weight, *biases = (_constant(model, graph, source, op, i) for i in read)
            bias = biases[0] if biases else None
            kernels.append(TFLiteKernel(op.kind, op.name, weight, bias, bool(biases)))
    return kernels


def read_tables(path: Path) -> list[tuple[str, TFLiteConstant]]:
    """The table of each embedding, whose rows are gathered, and the name of what they give."""
    from ai_edge_litert import schema_py_generated as schema

    graph = read_graph(path)
    model = schema.Model.GetRootAs(read_bytes(path), 0)
    source = {i: op for op in graph.ops for i in op.outputs}
    reads = [op for op in graph.ops if op.kind == "GATHER" and op.inputs]
    tables = [(op.name, _constant(model, graph, source, op, op.inputs[0])) for op in reads]
    return [(name, table) for name, table in tables if table is not None and table.stored.ndim == 2]


def read_loops(path: Path) -> list[tuple[str, TFLiteConstant]]:
    """The kernel of each fully connected operation inside a loop, and the name of its constant."""
    import numpy as np
    from ai_edge_litert import schema_py_generated as schema

    model = schema.Model.GetRootAs(read_bytes(path), 0)
    codes = [model.OperatorCodes(i).BuiltinCode() for i in range(model.OperatorCodesLength())]
    types = {v: k.lower() for k, v in vars(schema.TensorType).items() if isinstance(v, int)}
    kernels = []
    for graph in map(model.Subgraphs, range(1, model.SubgraphsLength())):
        ops = [graph.Operators(i) for i in range(graph.OperatorsLength())]
        widened = {
            op.Outputs(0): op.Inputs(0)
            for op in ops
            if codes[op.OpcodeIndex()] == schema.BuiltinOperator.DEQUANTIZE
        }
        for op in ops:
            if codes[op.OpcodeIndex()] != schema.BuiltinOperator.FULLY_CONNECTED:
                continue
            table = graph.Tensors(widened.get(op.Inputs(1), op.Inputs(1)))
            buffer, dtype = model.Buffers(table.Buffer()), types[table.Type()]
            if buffer.DataIsNone() or dtype not in ("float32", "float16", "int8"):
                continue
            stored = np.frombuffer(buffer.DataAsNumpy().tobytes(), _TYPES[dtype])
            stored = stored.reshape(table.ShapeAsNumpy())
            steps = zeros = None
            if dtype == "int8":
                steps = table.Quantization().ScaleAsNumpy().astype(np.float64)
                zeros = table.Quantization().ZeroPointAsNumpy().astype(np.float64)
            name = table.Name().decode()
            kernels.append((name, TFLiteConstant(stored, dtype, steps, zeros)))
    return kernels


GATES = 4
"""Of an LSTM, in Keras' order: input, forget, cell, output."""


def read_lstms(path: Path) -> list[dict[str, TFLiteConstant]]:
    """Kernels and biases of each LSTM that is one operation, gate by gate.

    Keys are `kernel0` … `kernel3`, (units, inputs), `recurrent0` … and `bias0` …; one that is
    computed or left out is missing.
    """
    from ai_edge_litert import schema_py_generated as schema

    graph = read_graph(path)
    model = schema.Model.GetRootAs(read_bytes(path), 0)
    main = model.Subgraphs(0)
    source = {i: op for op in graph.ops for i in op.outputs}
    layers = []
    for number, op in enumerate(graph.ops):
        if op.kind != "UNIDIRECTIONAL_SEQUENCE_LSTM":
            continue
        inputs = numbers(main.Operators(number).InputsAsNumpy())  # with those left out
        layer = {}
        for part, first in (("kernel", 1), ("recurrent", 5), ("bias", 12)):
            for gate, i in enumerate(inputs[first : first + GATES]):
                constant = None if i < 0 else _constant(model, graph, source, op, i)
                if constant is not None:
                    layer[f"{part}{gate}"] = constant
        layers.append(layer)
    return layers


def _constant(
    model: Any, graph: FileGraph, source: dict[int, Op], reader: Op, i: int
) -> TFLiteConstant | None:
    """A constant, or what a DEQUANTIZE makes of one."""
    import numpy as np

    while i in source and source[i].kind == "DEQUANTIZE":
        i = source[i].inputs[0]
    tensor = graph.tensors[i]
    table = model.Subgraphs(0).Tensors(i)
    if not tensor.constant or tensor.dtype not in _TYPES or table.Sparsity() is not None:
        return None
    data = model.Buffers(table.Buffer()).DataAsNumpy().tobytes()
    stored = _unpack(data, tensor.dtype, tensor.elements).reshape(tensor.shape)
    if not tensor.scales:
        return TFLiteConstant(stored, tensor.dtype)
    steps = np.array(tensor.scales, np.float64)
    zeros = np.array(tensor.zero_points or (0,) * steps.size, np.float64)
    axis = _OUTPUT_AXIS.get(reader.kind, 0) if stored.ndim > 1 else 0
    return TFLiteConstant(stored, tensor.dtype, steps, zeros, axis)


def _unpack(data: bytes, dtype: str, elements: int) -> NDArray[Any]:
    """A byte holds two int4 numbers, the first one in its lower half."""
    import numpy as np

    if dtype != "int4":
        return np.frombuffer(data, _TYPES[dtype], elements)
    packed = np.frombuffer(data, _TYPES[dtype])
    halves = np.stack([packed & 15, packed >> 4], axis=1).ravel()[:elements].astype(np.int8)
    return np.where(halves > 7, halves - 16, halves)
