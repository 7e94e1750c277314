"""How much each layer's integers cost, measured; and which layers a mixed file keeps precise.

The network is run in NumPy as its integer file would compute it, some layers rounded and others
not, and its outputs are compared with the float network's on calibration windows. Labels are not
looked at, so that the choice can be made on the training subjects.
"""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import dataclass
from typing import TYPE_CHECKING

from edgeconv.core.parity_statistics import decibels
from edgeconv.errors import Unsupported
from edgeconv.ir.calibration import INT8_AFFINE
from edgeconv.ir.graph import Graph
from edgeconv.ir.nodes.activation import Activation
from edgeconv.ir.nodes.kernel import KernelNode
from edgeconv.ir.nodes.node import Node, Range, Value
from edgeconv.ir.numpy_interpreter import each_input, evaluate
from edgeconv.ir.quantization_points import quantized_values, split_activations

if TYPE_CHECKING:
    from edgeconv.ir.nodes.node import Array
    from edgeconv.ir.numpy_interpreter import Inputs

FLOAT = 32
WINDOWS = 100  # that layers are chosen on; with more, their order did not change

Bits = Mapping[str, int]
"""Bits of each layer's weights by its label; 32 keeps weights and result in float."""


@dataclass(frozen=True)
class LayerSensitivity:
    """What one layer's rounding does to the outputs.

    Attributes:
        weights: how many it has.
        own_snr_db: signal-to-noise ratio of the outputs with this layer rounded and no other.
        leave_one_out_snr_db: the same with every layer rounded but this one.
    """

    layer: str
    weights: int
    own_snr_db: float
    leave_one_out_snr_db: float


def kernel_sizes(graph: Graph) -> dict[str, int]:
    """Number of weights of each layer that has any, in the network's order."""
    return {graph.label(node): node.kernel_elements for node in graph.kernel_nodes}


def layer_sensitivities(
    graph: Graph, windows: Inputs, ranges: Mapping[Value, Range], bits: int
) -> tuple[LayerSensitivity, ...]:
    """What rounding each layer costs, in the network's order.

    Args:
        windows: (n, …) of each input, as the graph takes them.
        ranges: of every value that becomes integers.
        bits: of the weights where a layer is rounded.
    """
    kernels = kernel_sizes(graph)
    exact = _flat(evaluate(graph, *each_input(windows)))

    def ratio(rounded: Bits) -> float:
        return snr_db(exact, simulate(graph, windows, ranges, rounded))

    return tuple(
        LayerSensitivity(
            layer=name,
            weights=size,
            own_snr_db=ratio(dict.fromkeys(kernels, FLOAT) | {name: bits}),
            leave_one_out_snr_db=ratio(dict.fromkeys(kernels, bits) | {name: FLOAT}),
        )
        for name, size in kernels.items()
    )


def choose_layers(
    graph: Graph,
    windows: Inputs,
    ranges: Mapping[Value, Range],
    bits: int,
    *,
    finer: int,
    min_snr_db: float,
) -> tuple[tuple[str, ...], float]:
    """Layers to keep at `finer` bits (32: float) so that the outputs reach `min_snr_db`.

    One after the other, the layer that buys the most decibels for its bytes, or the smallest one
    that suffices; in the end those go back, the largest first, that the others do not need.
    Returns the layers in the network's order, and the ratio reached.

    Raises:
        Unsupported: not reached with every layer at `finer` bits.
    """
    kernels = kernel_sizes(graph)
    exact = _flat(evaluate(graph, *each_input(windows)))

    def ratio(fine: set[str]) -> float:
        widths = {name: finer if name in fine else bits for name in kernels}
        return snr_db(exact, simulate(graph, windows, ranges, widths))

    fine: set[str] = set()
    reached = ratio(fine)
    while reached < min_snr_db:
        tried = {name: ratio(fine | {name}) for name in kernels if name not in fine}
        if not tried:
            raise Unsupported(
                f"the outputs reach {reached:.1f} dB with all layers in {finer} bits, not "
                f"{min_snr_db:g} dB",
                "ask for less, or use float16",
            )
        best = _next(tried, kernels, reached, min_snr_db)
        fine.add(best)
        reached = tried[best]
    for name in sorted(fine, key=lambda name: -kernels[name]):
        without = ratio(fine - {name})
        if without >= min_snr_db:
            fine.remove(name)
            reached = without
    return tuple(name for name in kernels if name in fine), reached


def _next(
    tried: Mapping[str, float], kernels: Mapping[str, int], reached: float, min_snr_db: float
) -> str:
    enough = [name for name in tried if tried[name] >= min_snr_db]
    if enough:
        return min(enough, key=lambda name: kernels[name])
    return max(tried, key=lambda name: (tried[name] - reached) / kernels[name])


def simulate(graph: Graph, windows: Inputs, ranges: Mapping[Value, Range], bits: Bits) -> Array:
    """The outputs of the network with some layers as integers, (n, numbers of all outputs).

    A value is rounded where an operation in integers computes it or reads it; a softmax of integers
    has 256 steps of its own.
    """
    fixed = _fixed_ranges(graph)
    in_integers = _values_in_integers(graph, bits)

    def at(value: Value, array: Array) -> Array:
        if value not in in_integers:
            return array
        return round_to_range(array, ranges[value] if value in ranges else fixed[value])

    def with_bits(node: Node) -> tuple[Node, ...]:
        width = bits[graph.label(node)] if isinstance(node, KernelNode) else FLOAT
        if isinstance(node, KernelNode) and width < FLOAT:
            node = node.with_kernel_bits(width)
        return (node,)

    changed = split_activations(graph.map_nodes(with_bits))
    return _flat(evaluate(changed, *each_input(windows), at=at))


def _flat(outputs: tuple[Array, ...]) -> Array:
    """(n, numbers of all outputs)."""
    import numpy as np

    return np.concatenate([array.reshape(len(array), -1) for array in outputs], axis=1)


def round_to_range(value: Array, limits: Range) -> Array:
    """The nearest of 256 numbers over the range."""
    import numpy as np

    low, high = INT8_AFFINE.nudged(*limits)
    step = (high - low) / INT8_AFFINE.levels
    clipped = np.clip(value, low, high)
    return np.asarray(np.rint((clipped - low) / step) * step + low)


def snr_db(exact: Array, got: Array) -> float:
    """10 lg(Σ exact² / Σ (got − exact)²), within ±`MAX_DB`."""
    return decibels(float((exact**2).sum()), float(((got - exact) ** 2).sum()))


def _fixed_ranges(graph: Graph) -> dict[Value, Range]:
    """The range of each softmax, which no calibration measures: the format knows it."""
    return {
        node.output: node.narrow_range((0.0, 1.0))
        for node in graph.nodes
        if isinstance(node, Activation) and not node.elementwise
    }


def _values_in_integers(graph: Graph, bits: Bits) -> set[Value]:
    """Values next to a kernel in integers: those that it computes, and those that it reads.

    What only moves a value does so in the integers of the kernel before it; what moves the input,
    in those of the first kernel.
    """
    becoming = {*quantized_values(graph), *_fixed_ranges(graph)}
    first = next(iter(bits.values())) < FLOAT
    runs_in_integers = dict.fromkeys(graph.inputs, first)
    # whose integers a value has
    carried = {value: {value} for value in graph.inputs}
    values: set[Value] = set()
    for node in graph.nodes:
        before = set[Value]().union(*(carried[value] for value in node.inputs))
        integers = any(runs_in_integers[value] for value in node.inputs)
        if isinstance(node, KernelNode):
            integers = bits[graph.label(node)] < FLOAT
            values |= before if integers else set()
        if integers:
            values |= becoming.intersection((*node.inner, *node.outputs))
        for value in node.outputs:
            runs_in_integers[value] = integers
            carried[value] = {value} if value in becoming else before
    return values
