"""4-bit weights, and files in which some layers stay float: ai-edge-quantizer with our ranges.

The quantizer's calibration is not used: by default it keeps a moving average of extremes, which
clips what only some windows show (one output of a test network was cut off in 44 % of them).
"""

from __future__ import annotations

import re
import warnings
from collections.abc import Iterable, Mapping, Sequence, Set
from typing import TYPE_CHECKING, Any

from edgeconv.core import Variant
from edgeconv.errors import Unsupported
from edgeconv.ir import quantization_points
from edgeconv.ir.calibration import INT8_AFFINE
from edgeconv.ir.graph import Graph
from edgeconv.ir.nodes.activation import SIGMOID_RANGE, TANH_RANGE, Activation
from edgeconv.ir.nodes.convolution import TransposedConv
from edgeconv.ir.tf_activation import RADICAND
from edgeconv.targets.file_graph import BITS, FileGraph, Op
from edgeconv.targets.tflite import reader
from edgeconv.targets.tflite.metadata import signature_name
from edgeconv.targets.tflite.schemes import SCHEMES
from edgeconv.targets.tflite.serialize import pack

if TYPE_CHECKING:
    from edgeconv.ir.nodes.node import Range, Value
    from edgeconv.ir.trace import Traced

_CLIPPING = ("MINIMUM", "MAXIMUM", "RELU", "RELU6", "RELU_0_TO_1", "RELU_N1_TO_1")
_MOVING = frozenset(
    (
        *("AVERAGE_POOL_2D", "MAX_POOL_2D", "REDUCE_MAX", "MEAN", "PAD", "PADV2", "MIRROR_PAD"),
        *("RESHAPE", "SQUEEZE", "EXPAND_DIMS", "TRANSPOSE", "REVERSE_V2", "DEPTH_TO_SPACE"),
        *("SLICE", "STRIDED_SLICE", "SPLIT", "TILE", "BROADCAST_TO", "RESIZE_NEAREST_NEIGHBOR"),
        *("SPACE_TO_BATCH_ND", "BATCH_TO_SPACE_ND", "SPACE_TO_DEPTH", "UNPACK", *_CLIPPING),
    )
)
"""Operations whose numbers are never beyond those that they read."""
_FIXED = {"SOFTMAX": SIGMOID_RANGE, "LOGISTIC": SIGMOID_RANGE, "TANH": TANH_RANGE}
_WITHOUT_4_BITS = ("DEPTHWISE_CONV_2D", "CONV_2D_TRANSPOSE")
# What `tf_lowering.py` calls the operations of one layer; the converter may number them.
_PARTS = "(_conv|_matmul|_bias|_gather)[0-9]*"


def quantize(
    data: bytes, traced: Traced, ranges: Mapping[Value, Range], variant: Variant
) -> tuple[bytes, tuple[str, ...]]:
    """A float32 file with integer weights and activations, and its layers with 8-bit weights where
    the scheme has fewer bits.

    Args:
        data: the stock converter's float file of `traced`.
        ranges: of every value that becomes integers.

    Raises:
        Unsupported: a named layer does not exist, or has no weights.
    """
    from ai_edge_quantizer import qtyping, quantizer

    network = traced.graph
    _check_names(network, (*variant.float_layers, *variant.int8_layers))
    engine = quantizer.Quantizer(bytearray(data))
    everything = qtyping.TFLOperationName.ALL_SUPPORTED
    bits = BITS[SCHEMES[variant.scheme].weights]
    engine.add_static_config(".*", everything, 8, bits)
    for operation in _WITHOUT_4_BITS:
        engine.add_static_config(".*", qtyping.TFLOperationName[operation], 8, 8)
    graph = reader.parse_graph(data)
    interface = _interface(data, traced, ranges)
    names = _names(graph, network, interface)
    chosen = _of_layers(names, network, variant.int8_layers)
    for op in (op for op, is_chosen in zip(graph.ops, chosen, strict=True) if is_chosen):
        engine.add_static_config(_scope(graph, op), everything, 8, 8)
    chosen = _of_layers(names, network, variant.float_layers)
    ranged = {network.names[value] for value in ranges}
    for op in _float_operations(graph, names, ranged, chosen):
        engine.update_quantization_recipe(
            _scope(graph, op), everything, algorithm_key="no_quantize"
        )
    if variant.io == "float":
        for side in (qtyping.TFLOperationName.INPUT, qtyping.TFLOperationName.OUTPUT):
            engine.update_quantization_recipe(".*", side, algorithm_key="no_quantize")
    limits = _by_tensor(graph, network, ranges, interface)
    with warnings.catch_warnings():
        warnings.simplefilter("ignore", UserWarning)  # its interpreter keeps tensors, and says so
        result = engine.quantize(limits, enable_progress_bar=False, enable_progress_report=False)
    return _in_one_piece(bytes(result.quantized_model)), _in_8_bits(network, variant)


def _in_8_bits(network: Graph, variant: Variant) -> tuple[str, ...]:
    """Layers of an int4 file that have 8-bit weights: the named ones, and those for which no 4-bit
    kernels exist: depthwise ones, which have few weights, and transposed convolutions."""
    if variant.scheme == "int8":
        return ()
    without_4_bits = [
        network.label(node)
        for node in network.kernel_nodes
        if node.min_kernel_bits == 8 or isinstance(node, TransposedConv)
    ]
    labels = dict.fromkeys((*variant.int8_layers, *without_4_bits))
    return tuple(name for name in labels if name not in variant.float_layers)


def _in_one_piece(data: bytes) -> bytes:
    """The file with its weights inside the flatbuffer, where every reader looks for them.

    Where a kernel stays float, the quantizer stores weights after the flatbuffer.
    """
    from ai_edge_litert import schema_py_generated as schema

    tree = schema.ModelT.InitFromPackedBuf(data, 0)
    for buffer in tree.buffers:
        if buffer.offset > 1:  # smaller numbers mean none
            buffer.data = data[buffer.offset : buffer.offset + buffer.size]
            buffer.offset = buffer.size = 0
    return pack(tree)


def _check_names(network: Graph, names: Iterable[str]) -> None:
    labels = [network.label(node) for node in network.kernel_nodes]
    for name in names:
        if name not in labels:
            raise Unsupported(
                f"no layer '{name}' with weights in model '{network.name}'",
                f"choose from: {', '.join(labels)}",
            )


def _names(graph: FileGraph, network: Graph, interface: Mapping[int, Value]) -> list[set[str]]:
    """For each operation, the names that the converter joined with `;`, and of one whose result is
    an output, which gets another name, that of the value."""
    return [
        {*_name(graph, op).split(";"), *(network.names[interface[i]] for i in op.outputs[:1])}
        if op.outputs[0] in interface
        else set(_name(graph, op).split(";"))
        for op in graph.ops
    ]


def _name(graph: FileGraph, op: Op) -> str:
    return graph.tensors[op.outputs[0]].name


def _scope(graph: FileGraph, op: Op) -> str:
    """The quantizer's expression for one operation."""
    return f"^{re.escape(_name(graph, op))};?$"


def _of_layers(names: Sequence[set[str]], network: Graph, layers: Iterable[str]) -> list[bool]:
    """Whether each operation belongs to one of the layers."""
    nodes = {network.label(node): network.node_name(node) for node in network.kernel_nodes}
    chosen = {nodes[layer] for layer in layers}
    return [bool(chosen & {*own, *map(_bare, own)}) for own in names]


def _bare(name: str) -> str:
    """The name of the node, of one of its parts."""
    return re.sub(f"{_PARTS}$", "", name)


def _float_operations(
    graph: FileGraph, names: Sequence[set[str]], ranged: Set[str], of_layers: Sequence[bool]
) -> list[Op]:
    """The operations that stay float.

    Those of the layers, of what computes with nothing but their numbers, and of what stands
    between them and the network's own input and output: integers would only add rounding. What
    moves their numbers to a layer in integers does so in integers.

    Args:
        names: of each operation.
        ranged: names of the values with a range of their own.
        of_layers: which operations belong to a layer that stays float.
    """
    kernels = [i for i, op in enumerate(graph.ops) if op.macs]
    if not kernels:
        return []
    chosen = [
        stays
        or (i < kernels[0] and of_layers[kernels[0]])
        or (i > kernels[-1] and of_layers[kernels[-1]])
        for i, stays in enumerate(of_layers)
    ]
    floats = list(chosen)
    makers = {t: i for i, op in enumerate(graph.ops) for t in op.outputs}
    for i, op in enumerate(graph.ops):
        read = [makers[t] for t in op.inputs if t in makers]
        floats[i] |= bool(read) and not op.macs and all(floats[j] for j in read)
    for i, op in reversed(list(enumerate(graph.ops))):
        moves = op.kind in _MOVING and not ranged & names[i]
        if moves and not chosen[i]:
            readers = [j for j, each in enumerate(graph.ops) if set(op.outputs) & set(each.inputs)]
            floats[i] &= all(floats[j] for j in readers)
    return [op for op, stays in zip(graph.ops, floats, strict=True) if stays]


def _clipped(graph: FileGraph, op: Op, by_name: Mapping[str, Range]) -> Range | None:
    """The range of the only reader of an operation, if that one clips.

    What saturates at the end of the reader's range is what the reader would clip there.
    """
    readers = [each for each in graph.ops if op.outputs[0] in each.inputs]
    if len(readers) != 1 or readers[0].kind not in _CLIPPING:
        return None
    return _named_by(graph.tensors[readers[0].outputs[0]].name, by_name)


def _interface(data: bytes, traced: Traced, ranges: Mapping[Value, Range]) -> dict[int, Value]:
    """The value whose integers each input and output has, by its place among the file's tensors.

    The converter names outputs anew, and does not keep the order of either. Inputs of indices
    have no integers.
    """
    from ai_edge_litert import schema_py_generated as schema

    network = traced.graph
    outputs = dict(zip(traced.outputs, network.outputs, strict=True))
    inputs = {signature_name(network.names[value]): value for value in network.inputs}
    signature = schema.ModelT.InitFromPackedBuf(data, 0).signatureDefs[0]
    holders = {
        each.tensorIndex: quantization_points.holder(network, values[each.name.decode()], ranges)
        for maps, values in ((signature.inputs, inputs), (signature.outputs, outputs))
        for each in maps
    }
    return {i: value for i, value in holders.items() if value is not None}


def _by_tensor(
    graph: FileGraph,
    network: Graph,
    ranges: Mapping[Value, Range],
    interface: Mapping[int, Value],
) -> dict[str, Any]:
    """Every activation's range in the file's own names.

    Args:
        interface: the values of the tensors that are inputs and outputs.

    Raises:
        Unsupported: an operation has no range, which the converter's names hide or which only a
            measurement would tell.
    """
    by_name = {network.names[value]: limits for value, limits in ranges.items()}
    added = _radicands(network)
    by_index = {i: ranges[value] for i, value in interface.items()}
    for op in graph.ops:
        name = graph.tensors[op.outputs[0]].name
        source = next((by_index[i] for i in op.inputs if i in by_index), None)
        limits = by_index.get(op.outputs[0]) or _named_by(name, by_name)
        if op.kind in _FIXED:
            limits = _FIXED[op.kind]
        elif limits is None and op.macs:
            limits = _clipped(graph, op, by_name)
        elif limits is None and source is not None and name in added:
            limits = source[0] + added[name], source[1] + added[name]
        elif limits is None and op.kind in _MOVING:
            limits = source
        if limits is not None:
            by_index |= dict.fromkeys(op.outputs, limits)
        elif any(graph.tensors[i].dtype == "float32" for i in op.outputs):
            raise Unsupported(
                f"no range is known for the result of '{op.name}' ({op.kind})",
                "use int8 without a choice of layers, or dynamic",
            )
    return {graph.tensors[i].name: _extremes(limits) for i, limits in by_index.items()}


def _radicands(network: Graph) -> dict[str, float]:
    """What a reciprocal root adds to its input, by the name of the sum."""
    return {
        f"{network.node_name(node)}_{RADICAND}": node.function.value
        for node in network.nodes
        if isinstance(node, Activation) and node.function.kind == "rsqrt"
    }


def _named_by(tensor: str, by_name: Mapping[str, Range]) -> Range | None:
    """The range of the value whose name is among those that the converter joined; of a kernel
    without bias or function, only the operation's name is left."""
    parts = tensor.split(";")
    candidates = (*parts, *map(_bare, parts))
    return next((by_name[part] for part in candidates if part in by_name), None)


def _extremes(limits: Range) -> dict[str, Any]:
    import numpy as np

    low, high = INT8_AFFINE.nudged(*limits)
    return {"min": np.array([[low]], np.float32), "max": np.array([[high]], np.float32)}
