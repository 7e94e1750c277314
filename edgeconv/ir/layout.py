"""Where time and channels lie in memory, and what that means for flattened values.

TFLite's kernels want channels last (1, 1, time, channels), Core ML's channels first
(1, channels, 1, time). In the same way lie (height, width, channels); values of one axis, and of
four or more, are (1, *shape) in every layout.
"""

from __future__ import annotations

import math
from typing import TYPE_CHECKING, Any

from edgeconv.ir.graph import Graph
from edgeconv.ir.nodes.dense import Dense
from edgeconv.ir.nodes.node import Node, Shape, Value
from edgeconv.ir.nodes.shape import Reshape

if TYPE_CHECKING:
    from edgeconv.ir.nodes.node import Array


class Layout:
    """A graph laid out channels first or channels last.

    A dense layer can read a value that was flattened with its channels first: the rows of its
    kernel are permuted, instead of the value being transposed on every inference.
    """

    def __init__(self, graph: Graph, channels_first: bool) -> None:
        self.channels_first = channels_first
        self.format = "NCHW" if channels_first else "NHWC"
        self.channel_axis = 1 if channels_first else -1
        self._flattened_from: dict[Node, Shape] = {}
        self._in_place: set[Node] = set()
        if channels_first:
            self._permute(graph)

    def placed(self, shape: Shape) -> Shape:
        """Axes of a value before channels come first: 1-D ones have a height of 1."""
        return (1, 1, *shape) if len(shape) == 2 else (1, *shape)

    def transposes(self, shape: Shape) -> bool:
        """Whether a value's numbers are in another order than in Keras."""
        if not self.channels_first or len(self.placed(shape)) != 4:
            return False
        return shape[-1] != 1 and math.prod(shape[:-1]) != 1

    def arranged(self, value: Array) -> Array:
        """An array of a value as `placed` says, with its axes in this layout's order."""
        first = self.channels_first and value.ndim == 4
        return value.transpose(0, 3, 1, 2) if first else value

    def axis(self, rank: int, axis: int) -> int:
        """Where an axis of a value of that rank lies."""
        if rank not in (2, 3):
            return axis + 1
        if axis == rank - 1:
            return self.channel_axis % 4
        return axis + (4 - rank) + self.channels_first

    def axes(self, batch: Any, height: Any, time: Any, channels: Any) -> list[Any]:
        """One number for each axis, in this layout's order."""
        if self.channels_first:
            return [batch, channels, height, time]
        return [batch, height, time, channels]

    def broadcast(self, value: Array) -> Array:
        """A factor of a value's shape, one for each channel where time does not matter."""
        by_channel = value.reshape(-1, value.shape[-1]) if value.ndim in (2, 3) else value[None]
        if value.ndim in (2, 3) and (by_channel == by_channel[0]).all():
            value = by_channel[:1].reshape(*[1] * (value.ndim - 1), -1)
        return self.arranged(value.reshape(self.placed(value.shape)))

    def dense_kernel(self, node: Dense) -> Array:
        """The kernel with its rows in the order in which this layout flattened the input."""
        if node not in self._flattened_from:
            return node.kernel
        rows = node.kernel.reshape(*self._flattened_from[node], -1)
        *positions, channels, outputs = range(rows.ndim)
        return rows.transpose(channels, *positions, outputs).reshape(node.kernel.shape)

    def flattens_in_place(self, node: Reshape) -> bool:
        """Whether the result may keep its channels first, since all its readers expect that."""
        return node in self._in_place

    def _permute(self, graph: Graph) -> None:
        for node in graph.nodes:
            if not isinstance(node, Reshape) or len(node.shape) != 1:
                continue
            before = node.inputs[0].shape
            readers = _dense_readers(graph, node.output) if len(before) in (2, 3) else None
            if readers:
                self._in_place.add(node)
                self._flattened_from |= dict.fromkeys(readers, before)


def _dense_readers(graph: Graph, value: Value) -> list[Dense] | None:
    """The dense layers that read a value, through elementwise nodes; None if others do too."""
    if value in graph.outputs:
        return None
    readers: list[Dense] = []
    for node in graph.consumers(value):
        if isinstance(node, Dense):
            readers.append(node)
            continue
        behind = _dense_readers(graph, node.output) if _moves_along(node) else None
        if behind is None:
            return None
        readers += behind
    return readers


def _moves_along(node: Node) -> bool:
    return node.elementwise and len(node.inputs) == len(node.outputs) == 1
