"""Chains of nodes for tests, written without naming the values between them."""

from __future__ import annotations

from collections.abc import Callable
from typing import Any

from edgeconv.ir.folding import INPUT_LABEL
from edgeconv.ir.graph import Graph
from edgeconv.ir.nodes import Node, Value

Layer = Callable[[Value], Node]
"""A node that still needs the value that it reads."""


def layer(cls: type[Node], label: str, **fields: Any) -> Layer:
    """A node of a chain."""
    return lambda value: cls(label=label, inputs=(value,), **fields)


def chain(shape: tuple[int, ...], *layers: Layer) -> Graph:
    """One node after the other."""
    entry = Value(INPUT_LABEL, shape)
    return appended(Graph("p", (entry,), (entry,), ()), *layers)


def appended(graph: Graph, *layers: Layer) -> Graph:
    """A chain with more nodes at its end."""
    nodes = list(graph.nodes)
    value = graph.output
    for each in layers:
        nodes.append(each(value))
        value = nodes[-1].output
    return Graph(graph.name, graph.inputs, (value,), tuple(nodes))
