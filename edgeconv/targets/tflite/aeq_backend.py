"""4-bit weights, and files in which some layers stay float: ai-edge-quantizer with our ranges.

The quantizer's calibration is not used: by default it keeps a moving average of extremes, which
clips what only some windows show (one output of a test network was cut off in 44 % of them).
"""

from __future__ import annotations

import re
import warnings
from collections.abc import Iterable, Mapping
from typing import TYPE_CHECKING, Any

from edgeconv.core import Variant
from edgeconv.errors import Unsupported
from edgeconv.ir.calibration import INT8_AFFINE
from edgeconv.ir.graph import Graph
from edgeconv.ir.nodes.activation import SIGMOID_RANGE, TANH_RANGE
from edgeconv.targets.file_graph import BITS, FileGraph, Op
from edgeconv.targets.tflite import reader
from edgeconv.targets.tflite.schemes import SCHEMES
from edgeconv.targets.tflite.serialize import pack

if TYPE_CHECKING:
    from edgeconv.ir.nodes.node import Range, Value

_CLIPPING = ("MINIMUM", "MAXIMUM", "RELU", "RELU6", "RELU_0_TO_1", "RELU_N1_TO_1")
_FIXED = {"SOFTMAX": SIGMOID_RANGE, "LOGISTIC": SIGMOID_RANGE, "TANH": TANH_RANGE}
# What `tf_lowering.py` calls the operations of one layer; the converter may number them.
_PARTS = "(_conv|_matmul|_bias)[0-9]*"


def quantize(
    data: bytes, network: Graph, ranges: Mapping[Value, Range], variant: Variant
) -> tuple[bytes, tuple[str, ...]]:
    """A float32 file with integer weights and activations, and its layers with 8-bit weights where
    the scheme has fewer bits.

    Args:
        data: the stock converter's file of `network`.
        ranges: of every value that becomes integers.

    Raises:
        Unsupported: a named layer does not exist, or has no weights.
    """
    from ai_edge_quantizer import qtyping, quantizer

    _check_names(network, (*variant.float_layers, *variant.int8_layers))
    engine = quantizer.Quantizer(bytearray(data))
    everything = qtyping.TFLOperationName.ALL_SUPPORTED
    bits = BITS[SCHEMES[variant.scheme].weights]
    engine.add_static_config(".*", everything, 8, bits)
    engine.add_static_config(".*", qtyping.TFLOperationName.DEPTHWISE_CONV_2D, 8, 8)
    graph = reader.parse_graph(data)
    for name in variant.int8_layers:
        engine.add_static_config(_operations_of(network, name), everything, 8, 8)
    patterns = [_operations_of(network, name) for name in variant.float_layers]
    for name in _float_results(graph, patterns):
        engine.update_quantization_recipe(
            f"^{re.escape(name)};?$", everything, algorithm_key="no_quantize"
        )
    if variant.io == "float":
        for side in (qtyping.TFLOperationName.INPUT, qtyping.TFLOperationName.OUTPUT):
            engine.update_quantization_recipe(".*", side, algorithm_key="no_quantize")
    limits = _by_tensor(graph, network, ranges)
    with warnings.catch_warnings():
        warnings.simplefilter("ignore", UserWarning)  # its interpreter keeps tensors, and says so
        result = engine.quantize(limits, enable_progress_bar=False, enable_progress_report=False)
    return _in_one_piece(bytes(result.quantized_model)), _in_8_bits(network, variant)


def _in_8_bits(network: Graph, variant: Variant) -> tuple[str, ...]:
    """Layers of an int4 file that have 8-bit weights: the named ones, and depthwise ones, for
    which no 4-bit kernels exist and which have few weights."""
    if variant.scheme == "int8":
        return ()
    deep = [network.label(node) for node in network.kernel_nodes if node.min_kernel_bits == 8]
    labels = dict.fromkeys((*variant.int8_layers, *deep))
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


def _operations_of(network: Graph, layer: str) -> str:
    """The operations of one layer, by the names that the converter joined with `;`."""
    nodes = {network.label(node): node for node in network.kernel_nodes}
    return f"(^|.*;){re.escape(network.node_name(nodes[layer]))}({_PARTS})?(;|$)"


def _float_results(graph: FileGraph, patterns: Iterable[str]) -> list[str]:
    """Results of the operations that stay float: those of the layers, and of their neighbours
    between them and the network's own input and output, which would only add rounding."""
    compiled = [re.compile(pattern) for pattern in patterns]
    results = [graph.tensors[op.outputs[0]].name for op in graph.ops]
    is_float = [any(pattern.match(name) for pattern in compiled) for name in results]
    kernels = [i for i, op in enumerate(graph.ops) if op.macs]
    for i in range(len(results)):
        before_first = i < kernels[0] and is_float[kernels[0]]
        after_last = i > kernels[-1] and is_float[kernels[-1]]
        is_float[i] = is_float[i] or before_first or after_last
    return [name for name, stays in zip(results, is_float, strict=True) if stays]


def _clipped(graph: FileGraph, op: Op, by_name: Mapping[str, Range]) -> Range | None:
    """The range of the only reader of an operation, if that one clips.

    What saturates at the end of the reader's range is what the reader would clip there.
    """
    readers = [each for each in graph.ops if op.outputs[0] in each.inputs]
    if len(readers) != 1 or readers[0].kind not in _CLIPPING:
        return None
    return _named_by(graph.tensors[readers[0].outputs[0]].name, by_name)


def _by_tensor(graph: FileGraph, network: Graph, ranges: Mapping[Value, Range]) -> dict[str, Any]:
    """Every activation's range in the file's own names.

    An operation whose result has no separate range keeps the range of its input.
    """
    by_name = {network.names[value]: limits for value, limits in ranges.items()}
    entry = graph.ops[0].inputs[0]
    by_index: dict[int, Range] = {entry: ranges[network.input]}
    for op in graph.ops:
        limits = _named_by(graph.tensors[op.outputs[0]].name, by_name)
        if op.kind in _FIXED:
            by_index[op.outputs[0]] = _FIXED[op.kind]
        elif limits is not None:
            by_index[op.outputs[0]] = limits
        elif op.macs and (clipped := _clipped(graph, op, by_name)) is not None:
            by_index[op.outputs[0]] = clipped
        elif op.macs:
            raise Unsupported(f"the converter hides the result of '{op.name}'", "use int8")
        else:
            by_index[op.outputs[0]] = by_index[op.inputs[0]]
    return {graph.tensors[i].name: _extremes(limits) for i, limits in by_index.items()}


def _named_by(tensor: str, by_name: Mapping[str, Range]) -> Range | None:
    """The range of the value whose name is among those that the converter joined; of a kernel
    without bias or function, only the operation's name is left."""
    parts = tensor.split(";")
    bare = [re.sub(f"{_PARTS}$", "", part) for part in parts]
    return next((by_name[part] for part in (*parts, *bare) if part in by_name), None)


def _extremes(limits: Range) -> dict[str, Any]:
    import numpy as np

    low, high = INT8_AFFINE.nudged(*limits)
    return {"min": np.array([[low]], np.float32), "max": np.array([[high]], np.float32)}
