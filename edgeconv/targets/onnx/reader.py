"""`.onnx` files read from their protobuf message, also those of other tools; nothing is run."""

from __future__ import annotations

from collections import Counter
from collections.abc import Mapping, Sequence
from math import prod
from pathlib import Path
from typing import Any

from edgeconv.core import TensorSpec
from edgeconv.core.metadata import CONTRACT_KEY
from edgeconv.errors import BadInput
from edgeconv.targets.file_graph import FileGraph, Op, Tensor, peak_bytes, scheme_by_types
from edgeconv.targets.onnx import model_file
from edgeconv.targets.onnx.model_file import (
    HINT,
    LABELS_KEY,
    RECURRENT,
    copy,
    dtype_name,
    graphs_of,
    read_by,
)

Shape = tuple[int, ...]
_QUANTIZERS = ("QuantizeLinear", "DequantizeLinear")
_KERNEL_AT = {"Conv": 1, "ConvInteger": 1, "FusedConv": 1, "QLinearConv": 3}


def read_graph(path: Path) -> FileGraph:
    """Operations, tensors and cost of an `.onnx` file's main graph.

    Raises:
        BadInput: not an ONNX file, or a truncated or damaged one.
    """
    model = model_file.read(path)
    reading = _Reading(model, path.parent)
    try:
        return reading.graph()
    except (ValueError, IndexError, KeyError) as error:
        raise BadInput(f"{path} is truncated or damaged: {error}", HINT) from error


def scheme_of(path: Path, graph: FileGraph) -> str:
    """The scheme that the stored types show; other tools also use uint8."""
    del path
    types = {tensor.dtype for tensor in graph.tensors if tensor.constant and len(tensor.shape) > 1}
    if "QuantizeLinear" in graph.kinds and types & {"int8", "uint8"}:
        return "int8"
    if types & {"int8", "uint8"}:
        return "dynamic"
    return scheme_by_types(graph)


class _Reading:
    """One file's message with what its values are."""

    def __init__(self, model: Any, folder: Path) -> None:
        self.model, self.folder = model, folder
        self.main = model.graph
        self.shapes, self.types = _value_types(model)
        self.constants: dict[str, Any] = {t.name: t for t in self.main.initializer}
        for node in self.main.node:
            if node.op_type == "Constant" and node.attribute and node.attribute[0].HasField("t"):
                self.constants[node.output[0]] = node.attribute[0].t
        self.scales = self._scales()

    def graph(self) -> FileGraph:
        nodes = [node for node in self.main.node if node.op_type != "Constant"]
        inputs = [value for value in self.main.input if value.name not in self.constants]
        fixed = [node.output[0] for node in self.main.node if node.op_type == "Constant"]
        names = dict.fromkeys([*self.constants, *fixed, *(value.name for value in inputs)])
        for node in nodes:
            names.update(dict.fromkeys(filter(None, node.output)))
        places = {name: i for i, name in enumerate(names)}
        tensors = tuple(self._tensor(name, name in set(fixed)) for name in names)
        ops = tuple(self._op(node, places, tensors) for node in nodes)
        entries = [places[value.name] for value in inputs]
        ends = [places[value.name] for value in self.main.output]
        return FileGraph(
            ops=ops,
            tensors=tensors,
            inputs=tuple(self._spec(value.name) for value in inputs),
            outputs=tuple(self._spec(value.name) for value in self.main.output),
            parameters=self._parameters(),
            peak_tensor_bytes=peak_bytes(ops, tensors, entries, ends),
            extra=self._facts(),
        )

    def _facts(self) -> dict[str, str]:
        versions = {entry.domain or "ai.onnx": entry.version for entry in self.model.opset_import}
        facts = {
            "opset": ", ".join(f"{domain} {number}" for domain, number in versions.items()),
            "ir version": str(self.model.ir_version),
        }
        producer = f"{self.model.producer_name} {self.model.producer_version}".strip()
        if producer:
            facts["producer"] = producer
        outside = {
            model_file.external_file(tensor, self.folder)[0].name
            for tensor in self.main.initializer
            if tensor.data_location == tensor.EXTERNAL
        }
        if outside:
            facts["external data"] = ", ".join(sorted(outside))
        return facts

    def _tensor(self, name: str, fixed: bool) -> Tensor:
        scales, zeros = self.scales.get(name, ((), ()))
        constant = self.constants.get(name)
        if constant is not None:
            shape, dtype = tuple(constant.dims), dtype_name(constant.data_type)
        else:
            shape = tuple(max(n, 1) for n in self.shapes.get(name, ()))
            dtype = self.types.get(name, "float32")
        return Tensor(name, shape, dtype, scales, zeros, constant is not None or fixed)

    def _spec(self, name: str) -> TensorSpec:
        tensor = self._tensor(name, fixed=False)
        spec = tensor.spec()
        shape = self.shapes.get(name, tensor.shape)
        return TensorSpec(name, shape, spec.dtype, spec.scale, spec.zero_point)

    def _scales(self) -> dict[str, tuple[tuple[float, ...], tuple[int, ...]]]:
        """Scales and zero points of each value that is integers."""
        found = {}
        for node in self.main.node:
            if node.op_type not in _QUANTIZERS or len(node.input) < 2:
                continue
            integers = node.output[0] if node.op_type == "QuantizeLinear" else node.input[0]
            scale = self.constants.get(node.input[1])
            zero = self.constants.get(node.input[2]) if len(node.input) > 2 else None
            if scale is None:
                continue
            scales = tuple(float(s) for s in self._numbers(scale))
            zeros = (0,) * len(scales)
            if zero is not None:
                zeros = tuple(int(z) for z in self._numbers(zero))
            found[integers] = scales, zeros
        return found

    def _numbers(self, tensor: Any) -> Any:
        return model_file.numbers(tensor, self.folder).reshape(-1)

    def _op(self, node: Any, places: Mapping[str, int], tensors: Sequence[Tensor]) -> Op:
        read = read_by(node)
        inputs = tuple(places[name] for name in read if name in places)
        outputs = tuple(places[name] for name in node.output if name)
        kind = f"{node.domain}:{node.op_type}" if node.domain else node.op_type
        operands = [tensors[places[name]] for name in node.input if name in places]
        macs = _macs(node.op_type, operands, tensors[outputs[0]])
        return Op(kind, tensors[outputs[0]].name, inputs, outputs, macs)

    def _parameters(self) -> int:
        """Elements of the float or quantized constants, without scales and zero points."""
        helpers = {name for node in self.main.node for name in _scale_names(node)}
        return sum(
            prod(tensor.dims)
            for name, tensor in self.constants.items()
            if name not in helpers
            and (
                dtype_name(tensor.data_type).startswith(("float", "bfloat"))
                or dtype_name(tensor.data_type) in ("int8", "uint8", "int4", "uint4")
                or name in self.scales
            )
        )


def _value_types(model: Any) -> tuple[dict[str, Shape], dict[str, str]]:
    """Shape (−1: free) and element type of every value of the main graph that is known."""
    import onnx

    try:
        inferred = onnx.shape_inference.infer_shapes(model, data_prop=True).graph
    except (ValueError, RuntimeError, onnx.shape_inference.InferenceError):
        inferred = model.graph  # an operation that this version of onnx does not know
    shapes, types = {}, {}
    for value in (*inferred.value_info, *inferred.output, *inferred.input):
        tensor = value.type.tensor_type
        types[value.name] = dtype_name(tensor.elem_type)
        if tensor.HasField("shape"):
            shapes[value.name] = tuple(
                int(d.dim_value) if d.HasField("dim_value") else -1 for d in tensor.shape.dim
            )
    return shapes, types


def _macs(kind: str, inputs: Sequence[Tensor], output: Tensor) -> int:
    """Multiply-accumulates of one operation; 0 where shapes are not known."""
    try:
        if kind in _KERNEL_AT:
            return output.elements * prod(inputs[_KERNEL_AT[kind]].shape[1:])
        if kind == "ConvTranspose":
            return inputs[0].elements * prod(inputs[1].shape[1:])
        if kind in RECURRENT:
            return prod(inputs[0].shape[:2]) * (inputs[1].elements + inputs[2].elements)
        if kind == "Gemm":
            return output.elements * (inputs[1].elements // max(output.shape[-1], 1))
        if kind in ("MatMul", "MatMulInteger"):
            return output.elements * inputs[0].shape[-1]
    except IndexError:  # the shape of a custom operation's result is not known
        return 0
    return 0


def _scale_names(node: Any) -> list[str]:
    return list(node.input[1:3]) if node.op_type in _QUANTIZERS else []


# --- size -------------------------------------------------------------------------------------

STRUCTURE = "structure"


def size_breakdown(path: Path) -> dict[str, int]:
    """Part → bytes, as in `files.size_breakdown`. Constants outside the file are not counted."""
    model = model_file.read(path)
    parts = _constant_parts(model.graph)
    counts: Counter[str] = Counter()
    for graph in graphs_of(model.graph):
        for tensor in graph.initializer:
            counts[parts.get(tensor.name, "constants")] += _stored_bytes(tensor)
            counts["names"] += len(tensor.name.encode())
        for value in (*graph.input, *graph.output, *graph.value_info):
            counts["names"] += len(value.name.encode())
            counts["metadata"] += len(value.doc_string.encode())
        for node in graph.node:
            for name in (*node.input, *node.output, node.name):
                counts["names"] += len(name.encode())
        counts["metadata"] += len(graph.doc_string.encode())
    kinds = {CONTRACT_KEY: "contract", LABELS_KEY: "labels"}
    for entry in model.metadata_props:
        counts[kinds.get(entry.key, "metadata")] += len(entry.value.encode())
        counts["metadata"] += len(entry.key.encode())
    counts[STRUCTURE] += path.stat().st_size - counts.total()
    return {part: count for part, count in counts.items() if count}


def _constant_parts(graph: Any) -> dict[str, str]:
    """The part that each constant belongs to."""
    parts: dict[str, str] = {}
    for tensor in graph.initializer:
        dtype = dtype_name(tensor.data_type)
        learnt = dtype.startswith(("float", "bfloat", "int8", "uint8", "int4", "uint4"))
        if learnt:
            parts[tensor.name] = "weights" if len(tensor.dims) > 1 else "biases"
    for node in graph.node:
        if node.op_type in _QUANTIZERS:
            integers, *rest = node.input
            if node.op_type == "DequantizeLinear" and parts.get(integers) is None:
                parts[integers] = "biases"
            parts.update(zip(rest, ("scales", "zero points"), strict=False))
        if node.op_type == "Mul" and node.input[-1].endswith("_scale"):
            parts[node.input[-1]] = "scales"
    return parts


def _stored_bytes(tensor: Any) -> int:
    if tensor.HasField("raw_data"):
        return len(tensor.raw_data)
    return int(tensor.ByteSize()) - len(tensor.name.encode())


# --- cut files --------------------------------------------------------------------------------


def prefixes(path: Path, counts: Sequence[int]) -> list[bytes]:
    """The file cut after each number of operations, so that they can be timed by difference."""
    model = model_file.read(path)
    shapes, types = _value_types(model)
    return [_cut(model, count, shapes, types) for count in counts]


def _cut(model: Any, count: int, shapes: Mapping[str, Shape], types: Mapping[str, str]) -> bytes:
    import onnx

    cut = onnx.ModelProto()
    cut.CopyFrom(model)
    graph = cut.graph
    whole = [node for node in graph.node if node.op_type != "Constant"]
    kept = [id(node) for node in whole[:count]]
    nodes = [node for node in graph.node if node.op_type == "Constant" or id(node) in kept]
    nodes = [copy(node) for node in nodes]
    del graph.node[:]
    graph.node.extend(nodes)
    constants = {tensor.name for tensor in graph.initializer}
    fixed = set(constants)
    ends: dict[str, None] = {v.name: None for v in graph.input if v.name not in constants}
    for node in nodes:
        if fixed.issuperset(filter(None, node.input)):
            fixed.update(node.output)
            continue
        for name in node.input:
            ends.pop(name, None)
        ends.update(dict.fromkeys(filter(None, node.output)))
    del graph.output[:]
    for name in ends:
        value = graph.output.add()
        value.name = name
        value.type.tensor_type.elem_type = _type_number(types.get(name, "float32"))
        if name in shapes:
            for size in shapes[name]:
                dimension = value.type.tensor_type.shape.dim.add()
                if size >= 0:
                    dimension.dim_value = size
    read = {name for node in nodes for name in node.input}
    tensors = [copy(tensor) for tensor in graph.initializer if tensor.name in read]
    del graph.initializer[:]
    graph.initializer.extend(tensors)
    data: bytes = cut.SerializeToString(deterministic=True)
    return data


def _type_number(name: str) -> int:
    return next((n for n in range(1, 30) if dtype_name(n) == name), 1)
