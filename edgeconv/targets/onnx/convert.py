"""ONNX: one traced network through tf2onnx, with names and bytes that do not depend on the run.

tf2onnx turns the trace's fake quantization into QuantizeLinear and DequantizeLinear with our
ranges; weights are stored by our own passes (`storage.py`).
"""

from __future__ import annotations

import logging
import re
import warnings
from collections.abc import Iterator, Mapping
from dataclasses import replace
from pathlib import Path
from typing import TYPE_CHECKING, Any

from edgeconv.core import Variant
from edgeconv.errors import Unsupported
from edgeconv.ir import quantization_points
from edgeconv.ir.calibration import INT8_AFFINE
from edgeconv.ir.trace import trace
from edgeconv.targets.base import ConversionSettings
from edgeconv.targets.onnx import model_file
from edgeconv.targets.onnx.lowering import LOWERINGS, handlers
from edgeconv.targets.onnx.model_file import RECURRENT
from edgeconv.targets.onnx.schemes import SCHEMES

if TYPE_CHECKING:
    from edgeconv.ir.model_inputs import Arrays
    from edgeconv.ir.nodes.node import Range, Value
    from edgeconv.ir.trace import Traced

OPSET = 17
"""ONNX Runtime reads it since 1.12 (2022); it has everything that a trace needs."""
IR_VERSION = 8
PRODUCER = "edgeconv"

_PARTS = {
    **dict.fromkeys(("Conv", "ConvTranspose", "Gemm", "MatMul"), ("kernel", "bias")),
    **dict.fromkeys(RECURRENT, ("kernel", "recurrent_kernel", "bias")),
}
"""Names of an operation's weights, by their places among its inputs."""
_COUNTER = re.compile(r"__\d+|(?<=_frozen)_\d+")
_LINEAR = re.compile(r"(_Gemm|_matmul|_bias)+$")
_OPERATION = re.compile(
    r"(_Gemm|_Squeeze|_Reshape|_Transpose|_conv|_matmul|_bias|_native|_layer)+$"
)


def convert(
    traced: Traced,
    variant: Variant,
    calibration: Arrays | None,
    ranges: Mapping[Value, Range] | None,
    path: Path,
) -> ConversionSettings:
    """The converter's file. With 8-bit activations the trace itself rounds its values."""
    scheme = SCHEMES[variant.scheme]
    settings = ConversionSettings()
    if scheme.accepts_external_ranges:
        method = variant.calibration_method or scheme.methods[0]
        method, limits = quantization_points.choose_ranges(
            traced.graph, calibration, method, INT8_AFFINE, ranges
        )
        labelled = quantization_points.by_label(traced.graph, limits)
        settings = ConversionSettings(calibration_method=method, activation_ranges=labelled)
        graph = traced.graph
        stay = tuple(graph.label(node) for node in graph.nodes if node.stays_float)
        settings = replace(settings, float_layers=stay)
        traced = trace(graph, traced.labels, True, limits, LOWERINGS, outputs=traced.outputs)
    model = _converted(traced)
    _tidy(model, dict(zip(_tensor_names(traced), _public_names(traced), strict=True)))
    scheme.store(model)
    model_file.write(path, model)
    return settings


def _converted(traced: Traced) -> Any:
    """tf2onnx's own model.

    Raises:
        Unsupported: an operation that it cannot express in ONNX.
    """
    import tensorflow as tf

    with warnings.catch_warnings():
        warnings.simplefilter("ignore")  # tf2onnx 1.17 asks NumPy for `np.object`
        from tf2onnx import optimizer, tf_loader, tfonnx, utils

    logging.getLogger("tf2onnx").setLevel(logging.ERROR)
    names = _tensor_names(traced)
    count = len(traced.graph.inputs)
    inputs, outputs = names[:count], names[count:]
    frozen = tf_loader.from_function(traced.function, inputs, outputs)
    with tf.Graph().as_default() as graph:
        tf.import_graph_def(frozen, name="")
        utils.INTERNAL_NAME = 1  # the counter of its names, which sets the order of its sets
        try:
            converted = tfonnx.process_tf_graph(
                graph,
                opset=OPSET,
                input_names=inputs,
                output_names=outputs,
                custom_op_handlers=dict(handlers(traced.graph)),
            )
            passes = {
                name: make
                for name, make in optimizer._get_optimizers().items()
                if name != "merge_duplication"  # which of several equal operations stays is chance
            }
            model = optimizer.optimize_graph(converted, optimizers=passes).make_model("main")
        except (ValueError, NotImplementedError, RuntimeError, AssertionError) as error:
            # tf2onnx has no error class of its own: its handlers raise these for what they lack
            raise _refused(str(error)) from error
    _check_operations(model)
    return model


def _refused(reason: str) -> Unsupported:
    text = " ".join(reason.split()) or "it gives no reason"
    return Unsupported(
        f"tf2onnx cannot express this network in ONNX: {text}",
        "replace the layer that the message names, or export for another target",
    )


def _check_operations(model: Any) -> None:
    """An operation that tf2onnx does not know stays in its file under TensorFlow's name."""
    import onnx

    for node in model_file.nodes_of(model.graph):
        if node.domain in ("", "ai.onnx") and not onnx.defs.has(node.op_type):
            raise _refused(f"operation {node.op_type} ('{node.name}') has no counterpart")


# --- names ------------------------------------------------------------------------------------


def _tensor_names(traced: Traced) -> list[str]:
    """TensorFlow's names of the inputs and outputs, in the graph's order."""
    import tensorflow as tf

    function = traced.function
    inputs = [tensor.name for tensor in function.inputs if tensor.dtype != tf.resource]
    return [*inputs, *(function.structured_outputs[name].name for name in traced.outputs)]


def _public_names(traced: Traced) -> list[str]:
    inputs = [traced.graph.names[value] for value in traced.graph.inputs]
    return [*inputs, *traced.outputs]


def _tidy(model: Any, public: Mapping[str, str]) -> None:
    """Names for people, and nothing that differs from one run to the next.

    tf2onnx numbers its names with a counter that never starts again, and the order of its
    operations is that of a set.
    """
    graph = model.graph
    for each in model_file.graphs_of(graph):
        _sort(each)
        _drop_unread_outputs(each)
    _merge_constants(graph)
    model_file.rename(graph, _new_names(graph, public))
    for node in model_file.nodes_of(graph):
        node.ClearField("doc_string")
        if node.op_type in ("QuantizeLinear", "DequantizeLinear"):
            node.ClearField("attribute")  # an axis, of which one scale for all values has none
    for each in model_file.graphs_of(graph):
        each.name = _clean(each.name)
        each.ClearField("doc_string")
        each.ClearField("value_info")
    domains = {node.domain or "" for node in model_file.nodes_of(graph)}
    for i in reversed(range(len(model.opset_import))):
        if model.opset_import[i].domain not in domains:
            del model.opset_import[i]
    model.ir_version = IR_VERSION
    model.producer_name = PRODUCER
    model.ClearField("producer_version")
    model.ClearField("doc_string")


def _sort(graph: Any) -> None:
    """Each operation directly before the first that needs it; what no output needs is dropped."""
    makers = {output: i for i, node in enumerate(graph.node) for output in node.output}
    placed: dict[int, None] = {}

    def place(name: str) -> None:
        waiting = [name]
        while waiting:
            at = makers.get(waiting[-1])
            if at is None or at in placed:
                waiting.pop()
                continue
            node = graph.node[at]
            before = [n for n in model_file.read_by(node) if makers.get(n, at) not in (at, *placed)]
            if before:
                waiting += before[::-1]
            else:
                placed[at] = None

    for value in graph.output:
        place(value.name)
    nodes = [model_file.copy(graph.node[i]) for i in placed]
    del graph.node[:]
    graph.node.extend(nodes)


def _drop_unread_outputs(graph: Any) -> None:
    """A recurrent operation computes only those of its outputs that have a name."""
    read = {name for node in graph.node for name in model_file.read_by(node)}
    read.update(value.name for value in graph.output)
    for node in graph.node:
        if node.op_type in RECURRENT:
            kept = [name if name in read else "" for name in node.output]
            while kept and not kept[-1]:
                kept.pop()
            node.output[:] = kept


def _merge_constants(graph: Any) -> None:
    """Of equal constants of the main graph the first one stays; they are sorted by first use."""
    constants = {tensor.name: tensor for tensor in graph.initializer}
    first: dict[bytes, str] = {}
    same: dict[str, str] = {}
    for name in (name for node in graph.node for name in model_file.read_by(node)):
        if name in constants and name not in same:
            nameless = model_file.copy(constants[name])
            nameless.ClearField("name")
            same[name] = first.setdefault(nameless.SerializeToString(deterministic=True), name)
    for node in model_file.nodes_of(graph):
        node.input[:] = [same.get(name, name) for name in node.input]
    kept = [model_file.copy(constants[name]) for name in dict.fromkeys(same.values())]
    del graph.initializer[:]
    graph.initializer.extend(kept)


class _Names:
    """New names of values: each is given once, and no two differ in the case of letters alone."""

    def __init__(self, public: Mapping[str, str]) -> None:
        self.given = dict(public)
        self._taken = {name.lower() for name in public.values()}

    def give(self, old: str, wanted: str) -> None:
        if not old or old in self.given:
            return
        new, number = wanted, 0
        while new.lower() in self._taken:
            number += 1
            new = f"{wanted}_{number}"
        self._taken.add(new.lower())
        self.given[old] = new


def _new_names(graph: Any, public: Mapping[str, str]) -> dict[str, str]:
    """Old name → new name of every value: inputs and outputs as they are public, quantized values
    after the value that they stand for, weights after the operation that reads them."""
    names = _Names(public)
    for source, integers, floats in _quantized_values(graph):
        bare = names.given.get(source) or _LINEAR.sub("_linear", _clean(source))
        names.give(integers, f"{bare}_quantized")
        names.give(floats, f"{bare}_dequantized" if source in names.given else bare)
        names.give(source, f"{bare}_float")
    graphs = list(model_file.graphs_of(graph))
    for value in (value for each in graphs for value in each.input):
        names.give(value.name, _clean(value.name))
    nodes = list(model_file.nodes_of(graph))
    for output in (output for node in nodes for output in node.output):
        names.give(output, _LINEAR.sub("_linear", _clean(output)))
    for node in nodes:
        for at, name in enumerate(node.input):
            names.give(name, _constant_name(node, at))
    return names.given


def _quantized_values(graph: Any) -> Iterator[tuple[str, str, str]]:
    """Each value that is rounded, its integers, and what they are read as."""
    read_by = {name: node for node in graph.node for name in node.input}
    for node in graph.node:
        if node.op_type == "QuantizeLinear":
            reader = read_by.get(node.output[0])
            if reader is not None and reader.op_type == "DequantizeLinear":
                yield node.input[0], node.output[0], reader.output[0]


def _constant_name(node: Any, at: int) -> str:
    output = next(filter(None, node.output))
    layer = _OPERATION.sub("", _clean(output))
    parts = _PARTS.get(node.op_type, ())
    if 1 <= at <= len(parts):
        return f"{layer}_{parts[at - 1]}"
    if node.op_type in ("QuantizeLinear", "DequantizeLinear"):
        return f"{_clean(node.input[0])}_{'scale' if at == 1 else 'zero_point'}"
    return f"{layer}_constant"


def _clean(name: str) -> str:
    """A name without TensorFlow's `:0`, tf2onnx's counters and the operations that they name."""
    bare = _COUNTER.sub("", name.removesuffix(":0")).replace(":", ".")
    return re.sub(r"[^A-Za-z0-9_.]", "_", bare.removesuffix("/ReadVariableOp"))
