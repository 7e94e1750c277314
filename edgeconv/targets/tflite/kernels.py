"""The kernels of a `.tflite` file as they are stored, read without TensorFlow."""

from __future__ import annotations

from dataclasses import dataclass
from pathlib import Path
from typing import TYPE_CHECKING, Any

from edgeconv.targets.tflite.reader import read_bytes, read_graph

if TYPE_CHECKING:
    from numpy.typing import NDArray

_KINDS = ("CONV_2D", "FULLY_CONNECTED", "BATCH_MATMUL")
_TYPES = {"float32": "<f4", "float16": "<f2", "int8": "i1", "int4": "u1"}


@dataclass(frozen=True, eq=False)
class StoredKernel:
    """One kernel.

    Attributes:
        op: name of the value that the operation with this kernel makes.
        values: (outputs, …, inputs) as stored: whole numbers where it is quantized.
    """

    op: str
    dtype: str
    values: NDArray[Any]


def read_kernels(path: Path) -> list[StoredKernel]:
    """Every constant kernel of a convolution or a dense layer, in the order of the operations;
    those of depthwise convolutions are not among them.

    Raises:
        BadInput: not a TFLite file, or a truncated or damaged one.
    """
    from ai_edge_litert import schema_py_generated as schema

    graph = read_graph(path)
    model = schema.Model.GetRootAs(read_bytes(path), 0)
    source = {op.outputs[0]: op.inputs[0] for op in graph.ops if op.kind == "DEQUANTIZE"}
    found = []
    for op in graph.ops:
        if op.kind not in _KINDS:
            continue
        number = source.get(op.inputs[1], op.inputs[1])
        tensor = graph.tensors[number]
        if tensor.constant and tensor.dtype in _TYPES:
            buffer = model.Buffers(model.Subgraphs(0).Tensors(number).Buffer())
            values = _unpack(buffer.DataAsNumpy().tobytes(), tensor.dtype, tensor.elements)
            found.append(StoredKernel(op.name, tensor.dtype, values.reshape(tensor.shape)))
    return found


def _unpack(data: bytes, dtype: str, elements: int) -> NDArray[Any]:
    """Two int4 numbers lie in a byte, the first one in its lower half."""
    import numpy as np

    stored = np.frombuffer(data, _TYPES[dtype])
    if dtype != "int4":
        return stored
    halves = np.stack([stored & 15, stored >> 4], axis=1).ravel()[:elements].astype(np.int8)
    return np.where(halves > 7, halves - 16, halves)
