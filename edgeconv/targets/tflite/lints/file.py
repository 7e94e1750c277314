"""A `.tflite` file as its lints see it."""

from __future__ import annotations

import struct
from collections.abc import Iterator
from functools import cached_property
from pathlib import Path
from typing import TYPE_CHECKING, Any

from edgeconv.core import Contract
from edgeconv.errors import BadInput
from edgeconv.targets.file_graph import FileGraph, Op, Tensor
from edgeconv.targets.tflite import metadata, reader

if TYPE_CHECKING:
    from numpy.typing import NDArray

_FLOATS = {"float32": "<f4", "float16": "<f2", "float64": "<f8"}


class TFLiteFile:
    """The main graph of one file.

    Raises:
        BadInput: missing, truncated or damaged.
    """

    def __init__(self, path: Path) -> None:
        from ai_edge_litert import schema_py_generated as schema

        self.path = path
        self.graph: FileGraph = reader.read_graph(path)
        self._model: Any = schema.Model.GetRootAs(reader.read_bytes(path), 0)
        self._main = self._model.Subgraphs(0)
        self.inputs = tuple(reader.numbers(self._main.InputsAsNumpy()))
        self.outputs = tuple(reader.numbers(self._main.OutputsAsNumpy()))

    @property
    def ops(self) -> tuple[Op, ...]:
        return self.graph.ops

    def tensor(self, index: int) -> Tensor:
        return self.graph.tensors[index]

    @cached_property
    def readers(self) -> dict[int, tuple[Op, ...]]:
        """Which operations read a tensor."""
        readers: dict[int, tuple[Op, ...]] = {}
        for op in self.ops:
            for index in dict.fromkeys(op.inputs):
                readers[index] = (*readers.get(index, ()), op)
        return readers

    @cached_property
    def quantized(self) -> bool:
        """Whether activations are whole numbers with a scale."""
        computed = (self.tensor(i) for op in self.ops for i in op.outputs)
        return any(t.dtype in ("int8", "uint8", "int16") and t.scales for t in computed)

    @property
    def signatures(self) -> int:
        return int(self._model.SignatureDefsLength())

    @property
    def contract(self) -> Contract | None:
        return metadata.read_contract(self.path)

    @property
    def labels(self) -> tuple[str, ...]:
        return metadata.read_labels(self.path)

    def free_shape(self, index: int) -> tuple[int, ...]:
        """The shape with −1 for what the caller may choose."""
        tensor = self._main.Tensors(index)
        if tensor.ShapeSignatureIsNone():
            return self.tensor(index).shape
        return tuple(int(d) for d in tensor.ShapeSignatureAsNumpy())

    def float_constants(self) -> Iterator[tuple[str, NDArray[Any]]]:
        """Name and values of every float constant, and the scales of quantized tensors.

        Raises:
            BadInput: a buffer does not fit its type.
        """
        import numpy as np

        for index, tensor in enumerate(self.graph.tensors):
            if tensor.scales:
                yield tensor.name, np.asarray(tensor.scales, np.float32)
            dtype = _FLOATS.get(tensor.dtype)
            if dtype is None or not tensor.constant:
                continue
            buffer = self._model.Buffers(self._main.Tensors(index).Buffer())
            try:
                data = b"" if buffer.DataIsNone() else buffer.DataAsNumpy().tobytes()
                yield tensor.name, np.frombuffer(data, dtype)
            except (ValueError, struct.error) as error:
                raise BadInput(f"{self.path}: constant '{tensor.name}': {error}") from error
