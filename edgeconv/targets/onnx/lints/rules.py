"""An ONNX file as its lints see it, and the rules."""

from __future__ import annotations

from collections import Counter
from collections.abc import Iterator
from dataclasses import dataclass, field
from functools import cached_property
from pathlib import Path
from typing import TYPE_CHECKING, Any

from edgeconv.core import Contract, TensorSpec
from edgeconv.targets.file_graph import FileGraph, activations, computed_from_constants
from edgeconv.targets.lints import Ranges, Violation, converter_name, overflows, same_padding
from edgeconv.targets.onnx import model_file, reader
from edgeconv.targets.onnx.model_file import dtype_name

if TYPE_CHECKING:
    from numpy.typing import NDArray

_NEWEST_OPSET = 21
"""Of ONNX 1.16 (2024). Runtimes that apps ship are updated less often than converters."""
_RUNTIME_DOMAINS = ("ai.onnx", "ai.onnx.ml", "com.microsoft")
_LAYOUT = ("Transpose", "Reshape", "Squeeze", "Unsqueeze", "Flatten")
_RECURRENT = ("LSTM", "GRU", "RNN")
_MOST_TRANSPOSES = 1  # the readings of a phone lie time first, kernels want channels first
_CLASSIFIERS = ("Softmax", "LogSoftmax")
_WINDOWED = ("Conv", "AveragePool", "LpPool", "MaxPool")
_LARGEST_INT32 = 2**31 - 1
_BIASES = {"DequantizeLinear": 0, "QLinearConv": 8, "QGemm": 6}
"""Operation → position of the int32 bias among its inputs."""


@dataclass(frozen=True)
class ONNXFile:
    """One file as its rules see it; `ranges` is what samples gave inside it."""

    path: Path
    ranges: Ranges = field(default_factory=dict)

    @cached_property
    def model(self) -> Any:
        return model_file.read(self.path)

    @cached_property
    def graph(self) -> FileGraph:
        return reader.read_graph(self.path)

    @cached_property
    def contract(self) -> Contract | None:
        return model_file.read_contract(self.path)

    @property
    def ends(self) -> tuple[TensorSpec, ...]:
        return (*self.graph.inputs, *self.graph.outputs)

    @property
    def opset(self) -> int:
        domains = {entry.domain or "ai.onnx": entry.version for entry in self.model.opset_import}
        return int(domains.get("ai.onnx", 0))

    def names(self, side: str) -> set[str]:
        return {value.name for value in getattr(self.model.graph, side)}

    def float_constants(self) -> Iterator[tuple[str, NDArray[Any]]]:
        """Name and numbers of every constant of a float type."""
        for graph in model_file.graphs_of(self.model.graph):
            for tensor in graph.initializer:
                if dtype_name(tensor.data_type) in ("float16", "float32", "float64"):
                    yield tensor.name, model_file.numbers(tensor, self.path.parent)


def bias_overflow(file: ONNXFile) -> Iterator[Violation]:
    """A bias that a quantizer cut at the end of int32, because the scale was next to nothing."""
    import numpy as np

    for graph in model_file.graphs_of(file.model.graph):
        stored = {t.name: t for t in graph.initializer if dtype_name(t.data_type) == "int32"}
        for node in graph.node:
            at = _BIASES.get(node.op_type, len(node.input))
            name = node.input[at] if at < len(node.input) else ""
            if name in stored:
                bias = model_file.numbers(stored[name], file.path.parent).astype(np.int64)
                count = int((np.abs(bias) >= _LARGEST_INT32).sum())
                if count:
                    yield Violation(name, f"{count} of {bias.size} numbers end at ±2³¹")


def float16_overflow(file: ONNXFile) -> Iterator[Violation]:
    """Values of the samples that float16, in which phones' accelerators compute, cannot hold."""
    positions = activations(file.graph)
    tensors = file.graph.tensors
    floats = {name for name, i in positions.items() if tensors[i].dtype.startswith("float")}
    yield from overflows(file.ranges, floats)


def negative_padding(file: ONNXFile) -> Iterator[Violation]:
    """Padding that cuts, written as such or implied by SAME."""
    shapes = {tensor.name: tensor.shape for tensor in file.graph.tensors}
    for node in model_file.nodes_of(file.model.graph):
        if node.op_type not in _WINDOWED:
            continue
        pads = model_file.attribute(node, "pads", ())
        if any(pad < 0 for pad in pads):
            text = ", ".join(map(str, pads))
            yield Violation(node.output[0], f"{node.op_type} with the pads {text}")
        if model_file.attribute(node, "auto_pad", b"") not in (b"SAME_UPPER", b"SAME_LOWER"):
            continue
        weight = shapes.get(node.input[1], ()) if node.op_type == "Conv" else ()
        kernel = model_file.attribute(node, "kernel_shape", weight[2:])
        strides = model_file.attribute(node, "strides", (1,) * len(kernel))
        steps = model_file.attribute(node, "dilations", (1,) * len(kernel))
        sizes = shapes.get(node.input[0], ())[2:]
        for size, width, stride, step in zip(sizes, kernel, strides, steps, strict=False):
            total = same_padding(size, width, stride, step)
            if size > 0 and total < 0:
                yield Violation(
                    node.output[0],
                    f"{node.op_type} with SAME padding over {size} steps, a kernel of {width} and "
                    f"a stride of {stride}: the padding is {total}",
                )


def doubles(file: ONNXFile) -> Iterator[Violation]:
    """Values in double precision."""
    for tensor in file.graph.tensors:
        if tensor.dtype == "float64":
            yield Violation(tensor.name, "it is in double precision")


def new_opset(file: ONNXFile) -> Iterator[Violation]:
    """An operation set that runtimes in apps may not have yet."""
    import onnx

    if file.opset <= _NEWEST_OPSET:
        return
    since = next((row[0] for row in onnx.helper.VERSION_TABLE if row[2] == file.opset), "")
    release = f", which came with ONNX {since}" if since else ""
    yield Violation(file.path.name, f"it needs opset {file.opset}{release}")


def custom(file: ONNXFile) -> Iterator[Violation]:
    """Operations that an app must bring along and register."""
    local = {(f.domain, f.name) for f in file.model.functions}
    for node in model_file.nodes_of(file.model.graph):
        known = not node.domain or node.domain in _RUNTIME_DOMAINS
        if not known and (node.domain, node.op_type) not in local:
            where = next(filter(None, node.output))
            yield Violation(where, f"custom operation {node.domain}:{node.op_type}")


def transposes(file: ONNXFile) -> Iterator[Violation]:
    """Operations that only move numbers, beyond what kernels need."""
    unpacked = computed_from_constants(file.graph)
    counts = Counter(
        op.kind
        for op in file.graph.ops
        if op.kind in _LAYOUT and not unpacked.issuperset(op.outputs)
    )
    recurrent = any(op.kind in _RECURRENT for op in file.graph.ops)  # these want time first
    if counts["Transpose"] > _MOST_TRANSPOSES + recurrent:
        found = ", ".join(f"{count} × {kind}" for kind, count in counts.most_common())
        yield Violation(file.path.name, f"operations that only move values: {found}")


def outside(file: ONNXFile) -> Iterator[Violation]:
    """Weights that lie in another file."""
    names = file.graph.extra.get("external data")
    if names:
        yield Violation(file.path.name, f"weights lie in another file: {names}")


def unused_inputs(file: ONNXFile) -> Iterator[Violation]:
    """Inputs that no operation reads."""
    read = {i for op in file.graph.ops for i in op.inputs}
    places = {tensor.name: i for i, tensor in enumerate(file.graph.tensors)}
    for spec in file.graph.inputs:
        if places[spec.name] not in read and spec.name not in file.names("output"):
            yield Violation(spec.name, "no operation reads this input")


def dead(file: ONNXFile) -> Iterator[Violation]:
    """Operations that no output needs."""
    ends = file.names("output")
    alive = {i for i, tensor in enumerate(file.graph.tensors) if tensor.name in ends}
    for op in reversed(file.graph.ops):
        if alive & set(op.outputs):
            alive |= set(op.inputs)
    for op in file.graph.ops:
        if not alive & set(op.outputs):
            yield Violation(op.name, f"no output needs this {op.kind}")


def names(file: ONNXFile) -> Iterator[Violation]:
    """Inputs and outputs that a converter named."""
    for spec in file.ends:
        if converter_name(spec.name):
            yield Violation(spec.name, "the name was generated by a converter")


def no_labels(file: ONNXFile) -> Iterator[Violation]:
    """Probabilities of classes that have no names."""
    for op in file.graph.ops:
        ends = {file.graph.tensors[i].name for i in op.outputs} & file.names("output")
        if op.kind in _CLASSIFIERS and ends and not model_file.read_labels(file.path):
            yield Violation(
                op.name, "it gives a probability for each class, but the classes have no names"
            )
