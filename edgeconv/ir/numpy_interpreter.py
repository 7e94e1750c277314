"""A graph run in float64 NumPy: the independent opinion on folding, without any converter."""

from __future__ import annotations

from collections import Counter
from collections.abc import Callable
from typing import TYPE_CHECKING

from edgeconv.ir.graph import Graph
from edgeconv.ir.nodes.node import Value

if TYPE_CHECKING:
    from edgeconv.ir.nodes.node import Array

    Inputs = Array | tuple[Array, ...]
    """Samples (n, …) of the only input, or of each input in the graph's order."""


def evaluate(
    graph: Graph, *inputs: Array, at: Callable[[Value, Array], Array] | None = None
) -> tuple[Array, ...]:
    """Outputs (n, *shape) in the graph's order, in float64.

    Args:
        inputs: of n samples each, in the graph's order, (n, *shape) or flattened. Integers and
            booleans keep their type.
        at: is given each value, inputs included, in computed order; what it returns is what the
            nodes behind read.
    """
    import numpy as np

    change = at or _unchanged
    values: dict[Value, Array] = {}
    for value, array in zip(graph.inputs, inputs, strict=True):
        dtype = np.float64 if value.is_float else value.dtype
        values[value] = change(value, np.asarray(array, dtype).reshape(-1, *value.shape))
    readers = Counter(value for node in graph.nodes for value in set(node.inputs))
    readers.update(graph.outputs)  # these stay
    for node in graph.nodes:
        results = node.evaluate_outputs(*(values[value] for value in node.inputs))
        for value in set(node.inputs):
            readers[value] -= 1
            if not readers[value]:
                del values[value]
        for value, array in zip(node.outputs, results, strict=True):
            values[value] = change(value, array)
    return tuple(values[value] for value in graph.outputs)


def each_input(inputs: Inputs) -> tuple[Array, ...]:
    """One array for each input of a graph."""
    return inputs if isinstance(inputs, tuple) else (inputs,)


def _unchanged(value: Value, array: Array) -> Array:
    del value
    return array
