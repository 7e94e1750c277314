"""Lints of ONNX files: the message is read, nothing is run."""

from __future__ import annotations

from collections import Counter
from collections.abc import Iterator
from dataclasses import dataclass
from functools import cached_property
from math import prod
from pathlib import Path
from typing import TYPE_CHECKING, Any

from edgeconv.core import Contract, Signal, TensorSpec
from edgeconv.targets.file_graph import FileGraph, computed_from_constants
from edgeconv.targets.lints import Rule, Severity, Violation, converter_name
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


@dataclass(frozen=True)
class ONNXFile:
    """One file as its rules see it."""

    path: Path

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


def _not_a_number(file: ONNXFile) -> Iterator[Violation]:
    import numpy as np

    for name, array in file.float_constants():
        count = int(np.isnan(array).sum())
        if count:
            yield Violation(name, f"{count:,} of {array.size:,} values are NaN")


def _infinite(file: ONNXFile) -> Iterator[Violation]:
    """Infinity among constants of more than one number; as a mask, −∞ alone is in order."""
    import numpy as np

    for name, array in file.float_constants():
        count = int(np.isposinf(array).sum())
        if count and array.size > 1:
            yield Violation(name, f"{count:,} of {array.size:,} values are infinite")


def _against_contract(file: ONNXFile) -> Iterator[Violation]:
    """An input that cannot hold the readings that the file's own contract describes."""
    signal = file.contract
    if not isinstance(signal, Signal):
        return
    for spec in file.graph.inputs:
        size = prod(max(n, 1) for n in spec.shape)
        if size != signal.flat_size:
            window = f"{signal.window} × {len(signal.channels)}"
            yield Violation(
                spec.name, f"the contract's window has {window} values, the input {size}"
            )


def _none_at_all(file: ONNXFile) -> Iterator[Violation]:
    if file.graph.parameters == 0:
        yield Violation(file.path.name, "no operation has weights")


def _doubles(file: ONNXFile) -> Iterator[Violation]:
    for tensor in file.graph.tensors:
        if tensor.dtype == "float64":
            yield Violation(tensor.name, "it is in double precision")


def _new_opset(file: ONNXFile) -> Iterator[Violation]:
    import onnx

    if file.opset <= _NEWEST_OPSET:
        return
    since = next((row[0] for row in onnx.helper.VERSION_TABLE if row[2] == file.opset), "")
    release = f", which came with ONNX {since}" if since else ""
    yield Violation(file.path.name, f"it needs opset {file.opset}{release}")


def _custom(file: ONNXFile) -> Iterator[Violation]:
    local = {(f.domain, f.name) for f in file.model.functions}
    for node in model_file.nodes_of(file.model.graph):
        known = not node.domain or node.domain in _RUNTIME_DOMAINS
        if not known and (node.domain, node.op_type) not in local:
            where = next(filter(None, node.output))
            yield Violation(where, f"custom operation {node.domain}:{node.op_type}")


def _dynamic_batch(file: ONNXFile) -> Iterator[Violation]:
    for spec in file.graph.inputs:
        if spec.shape[:1] == (-1,):
            yield Violation(spec.name, "the input's first dimension is free")


def _dynamic_shape(file: ONNXFile) -> Iterator[Violation]:
    for spec in file.graph.inputs:
        if -1 in spec.shape[1:]:
            shape = " × ".join("?" if n < 0 else str(n) for n in spec.shape)
            yield Violation(spec.name, f"the input's shape is free: {shape}")


def _transposes(file: ONNXFile) -> Iterator[Violation]:
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


def _outside(file: ONNXFile) -> Iterator[Violation]:
    names = file.graph.extra.get("external data")
    if names:
        yield Violation(file.path.name, f"weights lie in another file: {names}")


def _unused_inputs(file: ONNXFile) -> Iterator[Violation]:
    read = {i for op in file.graph.ops for i in op.inputs}
    places = {tensor.name: i for i, tensor in enumerate(file.graph.tensors)}
    for spec in file.graph.inputs:
        if places[spec.name] not in read and spec.name not in file.names("output"):
            yield Violation(spec.name, "no operation reads this input")


def _dead(file: ONNXFile) -> Iterator[Violation]:
    ends = file.names("output")
    alive = {i for i, tensor in enumerate(file.graph.tensors) if tensor.name in ends}
    for op in reversed(file.graph.ops):
        if alive & set(op.outputs):
            alive |= set(op.inputs)
    for op in file.graph.ops:
        if not alive & set(op.outputs):
            yield Violation(op.name, f"no output needs this {op.kind}")


def _names(file: ONNXFile) -> Iterator[Violation]:
    for spec in file.ends:
        if converter_name(spec.name):
            yield Violation(spec.name, "the name was generated by a converter")


def _no_contract(file: ONNXFile) -> Iterator[Violation]:
    if file.contract is None:
        yield Violation(
            file.path.name, "it does not say which unit, sign, rate and order its input takes"
        )


def _no_labels(file: ONNXFile) -> Iterator[Violation]:
    for op in file.graph.ops:
        ends = {file.graph.tensors[i].name for i in op.outputs} & file.names("output")
        if op.kind in _CLASSIFIERS and ends and not model_file.read_labels(file.path):
            yield Violation(
                op.name, "it gives a probability for each class, but the classes have no names"
            )


_ERROR, _WARNING = Severity.ERROR, Severity.WARNING

RULES: tuple[Rule[ONNXFile], ...] = (
    Rule(
        "L102",
        "weights-nan",
        _ERROR,
        _not_a_number,
        "the trained model diverged or calibration saw NaN: look at both",
    ),
    Rule(
        "L103",
        "weights-infinite",
        _ERROR,
        _infinite,
        "scale the weights, or convert with float32 weights",
    ),
    Rule(
        "L201",
        "contract-input",
        _ERROR,
        _against_contract,
        "export again with an input of the contract's size",
    ),
    Rule(
        "L104",
        "weights-none",
        _WARNING,
        _none_at_all,
        "make sure that the trained model was converted, not an empty one",
    ),
    Rule(
        "L403",
        "float64",
        _WARNING,
        _doubles,
        "convert in float32: mobile kernels have no double precision, or are slow in it",
    ),
    Rule(
        "L503",
        "newer-than-runtimes",
        _WARNING,
        _new_opset,
        "convert with opset 17 to 21, or make sure that the app's ONNX Runtime is recent enough",
    ),
    Rule(
        "L402",
        "custom-operation",
        _WARNING,
        _custom,
        "register the operation's library in the app, or replace the layer",
    ),
    Rule(
        "L304",
        "dynamic-batch",
        _WARNING,
        _dynamic_batch,
        "convert with a batch of 1: the accelerators of phones (NNAPI, Core ML, QNN) want one",
    ),
    Rule(
        "L305",
        "dynamic-shape",
        _WARNING,
        _dynamic_shape,
        "convert with a fixed shape: the accelerators of phones (NNAPI, Core ML, QNN) want one",
    ),
    Rule(
        "L406",
        "layout-operations",
        _WARNING,
        _transposes,
        "convert from a channels-first trace, so that kernels need no transposes around them",
    ),
    Rule("L105", "external-data", _WARNING, _outside, "ship both files, in the same folder"),
    Rule("L208", "unused-input", _WARNING, _unused_inputs, "drop the input"),
    Rule("L409", "dead-operations", _WARNING, _dead, "convert again"),
    Rule(
        "L205",
        "converter-names",
        _WARNING,
        _names,
        "name inputs and outputs when converting (PyTorch: input_names, output_names)",
    ),
    Rule(
        "L202",
        "no-contract",
        _WARNING,
        _no_contract,
        "export with edgeconv, which writes the sensor contract into the file",
    ),
    Rule(
        "L203",
        "no-labels",
        _WARNING,
        _no_labels,
        "add the class names to the file's metadata, or export with edgeconv",
    ),
)
"""Every rule, the gravest first."""
