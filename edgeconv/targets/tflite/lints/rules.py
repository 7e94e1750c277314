"""The rules for `.tflite` files.

A `.tflite` file as its lints see it.
"""

from __future__ import annotations

import struct
from collections.abc import Iterator
from functools import cached_property
from pathlib import Path
from types import MappingProxyType
from typing import TYPE_CHECKING, Any

from edgeconv.core import Contract, Signal
from edgeconv.core.signal import label_faults
from edgeconv.errors import BadInput
from edgeconv.targets.file_graph import FileGraph, Op, Tensor
from edgeconv.targets.lints import Ranges, Violation, converter_name
from edgeconv.targets.tflite import metadata, reader

if TYPE_CHECKING:
    from numpy.typing import NDArray

_FLOATS = {"float32": "<f4", "float16": "<f2", "float64": "<f8"}


class TFLiteFile:
    """The main graph of one file.

    Attributes:
        ranges: what samples gave inside it, as real numbers; empty without any.

    Raises:
        BadInput: missing, truncated or damaged.
    """

    def __init__(self, path: Path, ranges: Ranges = MappingProxyType({})) -> None:
        from ai_edge_litert import schema_py_generated as schema

        self.path = path
        self.ranges = ranges
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
            if dtype is not None and tensor.constant:
                yield tensor.name, self.numbers(index, dtype)

    def numbers(self, index: int, dtype: str) -> NDArray[Any]:
        """The numbers of a constant as they are stored.

        Raises:
            BadInput: the buffer does not fit the type.
        """
        import numpy as np

        buffer = self._model.Buffers(self._main.Tensors(index).Buffer())
        try:
            data = b"" if buffer.DataIsNone() else buffer.DataAsNumpy().tobytes()
            return np.frombuffer(data, dtype)
        except (ValueError, struct.error) as error:
            name = self.tensor(index).name
            raise BadInput(
                f"{self.path}: constant '{name}': {error}",
                "the file is damaged: export it again, or get it again",
            ) from error


_FLEX = "CUSTOM:Flex"
_BRIDGES = frozenset({"QUANTIZE", "DEQUANTIZE"})
_EFFECTS = (
    "ASSIGN",
    "VAR_",
    "CALL",
    "WHILE",
    "IF",
    "CUSTOM",
    "HASHTABLE",
    "STABLEHLO",
)  # work without an output


def flex(file: TFLiteFile) -> Iterator[Violation]:
    """TensorFlow operations, which need a library of some 20 MB beside the app."""
    for op in file.ops:
        if op.kind.startswith(_FLEX):
            yield Violation(op.name, f"operation {op.kind.removeprefix('CUSTOM:')}")


def custom(file: TFLiteFile) -> Iterator[Violation]:
    """Operations that an app must bring along and register."""
    for op in file.ops:
        if op.kind.startswith("CUSTOM:") and not op.kind.startswith(_FLEX):
            yield Violation(op.name, f"custom operation {op.kind.removeprefix('CUSTOM:')}")


def float_inside(file: TFLiteFile) -> Iterator[Violation]:
    """Operations of a quantized file that fall back to float between its ends.

    A DEQUANTIZE that feeds outputs only, and a QUANTIZE that reads inputs only, are allowed.
    """
    if not file.quantized:
        return
    outputs, rim = set(file.outputs), set(file.inputs)
    for op in file.ops:
        computed = set(op.outputs)
        if op.kind == "QUANTIZE" and rim.issuperset(op.inputs):
            continue
        if op.kind == "DEQUANTIZE" and computed <= outputs and not computed & set(file.readers):
            continue
        floats = [i for i in (*op.inputs, *op.outputs) if file.tensor(i).dtype == "float32"]
        live = [i for i in floats if not file.tensor(i).constant]
        if live and op.kind not in _BRIDGES:
            yield Violation(op.name, f"{op.kind} computes in float in a quantized file")
        elif live and op.kind == "DEQUANTIZE":
            yield Violation(op.name, "DEQUANTIZE in the middle of a quantized file")


def dynamic_batch(file: TFLiteFile) -> Iterator[Violation]:
    """A free first dimension: an app must resize it, and GPU and NPU delegates refuse it."""
    for spec, index in zip(file.graph.inputs, file.inputs, strict=True):
        if file.free_shape(index)[:1] == (-1,):
            yield Violation(spec.name, "the input's first dimension is free")


def dynamic_shape(file: TFLiteFile) -> Iterator[Violation]:
    """Other free dimensions."""
    for spec, index in zip(file.graph.inputs, file.inputs, strict=True):
        if -1 in file.free_shape(index)[1:]:
            shape = " × ".join("?" if n < 0 else str(n) for n in file.free_shape(index))
            yield Violation(spec.name, f"the input's shape is free: {shape}")


def unscaled(file: TFLiteFile) -> Iterator[Violation]:
    """An int8 or uint8 input or output without a scale: its numbers have no meaning."""
    for spec in (*file.graph.inputs, *file.graph.outputs):
        if spec.dtype in ("int8", "uint8", "int16") and spec.scale is None:
            yield Violation(spec.name, f"it is {spec.dtype} and has no scale")


def against_contract(file: TFLiteFile) -> Iterator[Violation]:
    """An input that cannot hold the readings that the file's own contract describes."""
    signal = file.contract
    if not isinstance(signal, Signal):
        return
    for spec in file.graph.inputs:
        if not spec.dtype.startswith("float") and spec.scale is None:
            yield Violation(
                spec.name,
                f"the contract has readings in {signal.unit}, but the input is {spec.dtype}",
            )
        size = 1
        for dimension in spec.shape:
            size *= max(dimension, 1)
        if size != signal.flat_size:
            yield Violation(
                spec.name,
                f"the contract's window has {signal.window} × {len(signal.channels)} values, the "
                f"input {size}",
            )


def contract(file: TFLiteFile) -> Iterator[Violation]:
    """A file that does not say what its numbers mean."""
    if file.contract is None:
        yield Violation(
            file.path.name, "it does not say which unit, sign, rate and order its input takes"
        )


def labels(file: TFLiteFile) -> Iterator[Violation]:
    """Probabilities of classes that have no names."""
    ends = set(file.outputs)
    for op in reversed(file.ops):
        if op.kind == "SOFTMAX" and ends & set(op.outputs) and not file.labels:
            yield Violation(
                op.name, "it gives a probability for each class, but the classes have no names"
            )
        if op.kind in _BRIDGES and ends & set(op.outputs):
            ends |= set(op.inputs)


def broken_labels(file: TFLiteFile) -> Iterator[Violation]:
    """Class names that are blank, there twice, or not as many as the classes."""
    for fault in label_faults(file.labels):
        yield Violation(file.path.name, fault)
    ends = {op.outputs[0] for op in file.ops if op.kind == "SOFTMAX"} & set(file.outputs)
    for end in ends:
        size = file.tensor(end).shape[-1] if file.tensor(end).shape else 1
        if file.labels and size != len(file.labels):
            yield Violation(file.path.name, f"{len(file.labels)} class names for {size} classes")


def names(file: TFLiteFile) -> Iterator[Violation]:
    """Inputs and outputs that a converter named: without a signature, by their tensors' names."""
    ends = (*file.inputs, *file.outputs)
    for spec, index in zip((*file.graph.inputs, *file.graph.outputs), ends, strict=True):
        name = spec.name if file.signatures else file.tensor(index).name
        if converter_name(name):
            yield Violation(name, "the name was generated by a converter and describes nothing")


def unused_inputs(file: TFLiteFile) -> Iterator[Violation]:
    """Inputs that no operation reads."""
    for spec, index in zip(file.graph.inputs, file.inputs, strict=True):
        if index not in file.readers and index not in file.outputs:
            yield Violation(spec.name, "no operation reads this input")


def dead_operations(file: TFLiteFile) -> Iterator[Violation]:
    """Operations that no output needs."""
    alive = set(file.outputs)
    for op in reversed(file.ops):
        if alive & set(op.outputs) or not op.outputs:
            alive |= set(op.inputs)
    for op in file.ops:
        if op.outputs and not alive & set(op.outputs) and not op.kind.startswith(_EFFECTS):
            yield Violation(op.name, f"no output needs this {op.kind}")
