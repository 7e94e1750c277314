"""Graphs for tests: chains written without naming the values between nodes, and a residual one."""

from __future__ import annotations

from collections.abc import Callable, Sequence
from dataclasses import dataclass
from typing import Any

import numpy as np
from numpy.typing import NDArray

from edgeconv.core.affine import AffineMap
from edgeconv.ir.folding import INPUT_LABEL
from edgeconv.ir.graph import Graph
from edgeconv.ir.nodes import Conv, GlobalPool, Node, Shape, Value

Array = NDArray[np.float64]
STEPS, CHANNELS = 12, 4

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


@dataclass(frozen=True, eq=False, kw_only=True)
class Sum(Node):
    """The sum of two values: all that a new operation has to say."""

    def output_shape(self, *inputs: Shape) -> Shape:
        one, other = inputs
        assert one == other
        return one

    def evaluate(self, *inputs: Array) -> Array:
        return inputs[0] + inputs[1]

    def pass_affines(self, affines: Sequence[AffineMap]) -> AffineMap | None:
        one, other = affines
        if (one.scale != other.scale).any():
            return None
        return AffineMap(one.scale, one.offset + other.offset)

    def quantized_values(self, follower: Node | None) -> tuple[Value, ...]:
        del follower
        return self.outputs


def residual() -> Graph:
    """Two inputs, a branch around a convolution, two outputs."""
    rng = np.random.default_rng(0)
    window, other = Value("window", (STEPS, CHANNELS)), Value("other", (STEPS, CHANNELS))
    conv = Conv(
        label="conv",
        inputs=(window,),
        kernel=rng.normal(size=(3, CHANNELS, CHANNELS)),
        bias=rng.normal(size=CHANNELS),
        padding="same",
    )
    inner = Sum(label="sum", inputs=(conv.output, window))
    outer = Sum(label="sum", inputs=(inner.output, other))
    mean = GlobalPool(label="mean", inputs=(outer.output,), kind="average")
    return Graph("r", (window, other), (mean.output, inner.output), (conv, inner, outer, mean))
