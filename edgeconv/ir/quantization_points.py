"""Quantization points: which values of a network become integers, and the range of each.

A range belongs to a value of the graph, or to one inside a node. An operation that only moves or
picks numbers (reshape, maximum, average pooling, padding) keeps the integers of what it reads, as
TFLite's kernels want it. A kernel's operation computes its bias and a relu at once: its integers
come after the relu. Which values those are, each node says itself (`Node.quantized_values`).
"""

from __future__ import annotations

from collections.abc import Mapping
from typing import TYPE_CHECKING, Any

from edgeconv.core import InputConvention, Signal
from edgeconv.errors import Unsupported
from edgeconv.ir.calibration import Quantizer, activation_ranges, ranges_of
from edgeconv.ir.graph import Graph
from edgeconv.ir.nodes.affine import Affine
from edgeconv.ir.nodes.kernel import KernelNode
from edgeconv.ir.nodes.merge import Concatenate
from edgeconv.ir.nodes.node import Range, Value

if TYPE_CHECKING:
    from numpy.typing import NDArray

    from edgeconv.ir.numpy_interpreter import Inputs

Ranges = dict[Value, Range]
NamedRanges = Mapping[str, Range]
"""By the names that people know: labels of values."""

FROM_TRAINING = "training"  # the manifest's word for ranges that quantization-aware training gave


def can_be_quantized(graph: Graph) -> bool:
    """Whether every operation is known."""
    return not any(node.opaque for node in graph.nodes)


def split_activations(graph: Graph) -> Graph:
    """The same network with every value that becomes integers between two nodes."""
    return graph.map_nodes(lambda node: node.split())


def quantized_values(graph: Graph) -> list[Value]:
    """The values that become integers with a range of their own, in computed order, inputs first.

    Raises:
        Unsupported: a node that cannot be computed in integers.
    """
    values = [value for value in graph.inputs if value.is_float]
    for node in graph.nodes:
        follower = graph.only_consumer(node.outputs[0])
        values += node.quantized_values(follower)
    return values


def measure_ranges(graph: Graph, windows: Inputs, method: str, quantizer: Quantizer) -> Ranges:
    """The range of every value that becomes integers, from samples (n, …) of each input."""
    values = quantized_values(graph)
    measured = ranges_of(split_activations(graph), windows, method, quantizer, values)
    return _narrowed(graph, measured)


def choose_ranges(
    graph: Graph,
    windows: tuple[NDArray[Any], ...] | None,
    method: str,
    quantizer: Quantizer,
    trained: Mapping[Value, Range] | None,
) -> tuple[str, Ranges]:
    """The method that chose the ranges, and the range of every value that becomes integers.

    Args:
        windows: as the graph takes them; not needed with ranges from a training.
        trained: those of a training, which replace measured ones.
    """
    if trained is not None:
        return FROM_TRAINING, dict(trained)
    assert windows is not None  # `check_call` refuses the call otherwise
    exact = tuple(array.astype("float64") for array in windows)
    return method, measure_ranges(graph, exact, method, quantizer)


def fill_ranges(graph: Graph, given: NamedRanges, signal: Signal) -> Ranges:
    """The range of every value that becomes integers, from those of a training.

    Args:
        given: by the names of a Keras model's layers; that of the input in m/s² with Android's
            sign.
        signal: what the graph takes.

    Raises:
        Unsupported: a range is missing.
    """
    values = quantized_values(graph)
    entry = graph.labels[graph.input]
    if entry not in given:
        raise Unsupported(
            f"the ranges that were given lack that of the input, '{entry}'",
            "measure the ranges of the input as well, or calibrate with windows",
        )
    canonical = signal.for_sensor(InputConvention.ANDROID)
    ranges: Ranges = {graph.input: canonical.affine_to(signal).map_range(given[entry])}
    for node in graph.nodes:
        label, known = graph.label(node), ranges.get(node.inputs[0])
        if isinstance(node, Affine) and label not in given and known is not None:
            # only the sensor contract is an operation that no training has seen
            (product,) = node.inner
            ranges[product] = node.map.linear.map_range(known)
            ranges[node.output] = node.map.map_range(known)
    labels = {value: graph.labels[value] for value in values if value not in ranges}
    ranges |= {value: given[label] for value, label in labels.items() if label in given}
    missing = [graph.labels[value] for value in values if value not in ranges]
    if missing:
        raise Unsupported(
            f"the ranges that were given lack those of: {', '.join(missing)}",
            "quantize the model with calibration windows instead",
        )
    return _narrowed(graph, {value: ranges[value] for value in values})


def joined_ranges(graph: Graph, ranges: Mapping[Value, Range]) -> Ranges:
    """The ranges, with those of what a concatenation joins widened to that of its result.

    Whatever reads the result sees the joined values in its steps anyway; a converter that wants
    one scale for all of them then finds it.
    """
    wide = dict(ranges)
    for node in reversed(graph.nodes):
        if not isinstance(node, Concatenate) or node.output not in wide:
            continue
        low, high = wide[node.output]
        for value in node.inputs:
            source = holder(graph, value, wide)
            if source is not None:
                wide[source] = min(low, wide[source][0]), max(high, wide[source][1])
    return _narrowed(graph, wide)


def holder(graph: Graph, value: Value, ranges: Mapping[Value, Range]) -> Value | None:
    """The value whose integers a value has, through nodes that only move numbers; None: none."""
    while value not in ranges:
        node = graph.producer(value)
        if node is None or len(node.inputs) != 1:
            return None
        value = node.inputs[0]
    return value


def kernel_input_ranges(graph: Graph, ranges: Mapping[Value, Range]) -> dict[KernelNode, Range]:
    """The range of what each node with a kernel reads.

    Raises:
        Unsupported: it reads what a node with several inputs only moves.
    """
    carried = dict(ranges)
    for node in graph.nodes:
        for value in node.outputs:
            if value not in carried and len(node.inputs) == 1 and node.inputs[0] in carried:
                carried[value] = carried[node.inputs[0]]
    result: dict[KernelNode, Range] = {}
    for node in graph.kernel_nodes:
        if node.inputs[0] not in carried:
            raise Unsupported(
                f"layer '{graph.label(node)}' reads a value without a range",
                "calibrate with windows, which measures every value",
            )
        result[node] = carried[node.inputs[0]]
    return result


def choose_kernel_input_ranges(
    graph: Graph,
    windows: tuple[NDArray[Any], ...] | None,
    method: str,
    quantizer: Quantizer,
    trained: Mapping[Value, Range] | None,
) -> tuple[str, dict[str, Range]]:
    """The method that chose them, and the range of each kernel's input by the layer's label.

    Args:
        windows: as the graph takes them; not needed with ranges from a training.
        trained: those of a training, which replace measured ones.
    """
    if trained is not None:
        ranges = kernel_input_ranges(graph, trained)
        return FROM_TRAINING, {graph.label(node): limits for node, limits in ranges.items()}
    assert windows is not None  # `check_call` refuses the call otherwise
    exact = tuple(array.astype("float64") for array in windows)
    return method, activation_ranges(graph, exact, method, quantizer)


def by_label(graph: Graph, ranges: Mapping[Value, Range]) -> dict[str, Range]:
    """The ranges as the manifest names them."""
    return {graph.labels[value]: limits for value, limits in ranges.items()}


def _narrowed(graph: Graph, ranges: Ranges) -> Ranges:
    """The ranges with those that integer kernels dictate."""
    for node in graph.nodes:
        for value in node.outputs:
            if value in ranges:
                ranges[value] = node.narrow_range(ranges[value])
    return ranges
