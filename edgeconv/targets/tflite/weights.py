"""The kernels and biases of a `.tflite` file as the numbers that its operations compute with."""

from __future__ import annotations

from dataclasses import dataclass
from pathlib import Path
from typing import TYPE_CHECKING, Any

from edgeconv.targets.file_graph import FileGraph, Op
from edgeconv.targets.tflite.reader import read_bytes, read_graph

if TYPE_CHECKING:
    import numpy as np
    from numpy.typing import NDArray

    Array = NDArray[np.float64]

KINDS = ("CONV_2D", "DEPTHWISE_CONV_2D", "FULLY_CONNECTED")
_OUTPUT_AXIS = {"CONV_2D": 0, "DEPTHWISE_CONV_2D": 3, "FULLY_CONNECTED": 0}
_TYPES = {
    **{"float32": "<f4", "float16": "<f2", "int8": "<i1", "int16": "<i2"},
    **{"int32": "<i4", "int64": "<i8"},
}


@dataclass(frozen=True, eq=False)
class Constant:
    """Numbers of the file, unpacked.

    Attributes:
        dtype: as they are stored.
        steps: distance of neighbouring numbers, one a channel or one for all; None for floats.
    """

    values: Array
    dtype: str
    steps: Array | None


@dataclass(frozen=True, eq=False)
class Kernel:
    """Of one operation; `values` as it is stored (OHWI, 1HWC, or outputs × inputs)."""

    kind: str
    name: str
    weight: Constant
    bias: Constant | None


def read_kernels(path: Path) -> list[Kernel] | None:
    """The kernels in the order of execution; None where one is no constant of a type known here
    (int4, sparse, computed).

    Raises:
        BadInput: as `read_graph`.
    """
    from ai_edge_litert import schema_py_generated as schema

    graph = read_graph(path)
    main = schema.Model.GetRootAs(read_bytes(path), 0)
    source = {i: op for op in graph.ops for i in op.outputs}
    found = []
    for op in graph.ops:
        if op.kind not in KINDS:
            continue
        weight, *rest = (_constant(main, graph, source, op, i) for i in op.inputs[1:3])
        if weight is None or None in rest:
            return None
        found.append(Kernel(op.kind, op.name, weight, rest[0] if rest else None))
    return found


def _constant(
    model: Any, graph: FileGraph, source: dict[int, Op], reader: Op, i: int
) -> Constant | None:
    """A constant, or what a DEQUANTIZE makes of one."""
    import numpy as np

    while i in source and source[i].kind == "DEQUANTIZE":
        i = source[i].inputs[0]
    tensor = graph.tensors[i]
    table = model.Subgraphs(0).Tensors(i)
    if not tensor.constant or tensor.dtype not in _TYPES or table.Sparsity() is not None:
        return None
    raw = model.Buffers(table.Buffer()).DataAsNumpy()
    stored = np.frombuffer(raw.tobytes(), _TYPES[tensor.dtype], tensor.elements)
    values = stored.astype(np.float64).reshape(tensor.shape)
    if not tensor.scales:
        return Constant(values, tensor.dtype, None)
    shape = [1] * values.ndim
    if len(tensor.scales) > 1:
        shape[_OUTPUT_AXIS[reader.kind] if values.ndim > 1 else 0] = len(tensor.scales)
    scales = np.array(tensor.scales, np.float64).reshape(shape)
    zeros = np.array(tensor.zero_points, np.float64).reshape(shape)
    return Constant((values - zeros) * scales, tensor.dtype, scales.reshape(-1))
