"""Graph → TensorFlow operations, one node after the other."""

from __future__ import annotations

from collections.abc import Callable, Mapping
from dataclasses import dataclass
from typing import TYPE_CHECKING, Any

from edgeconv.errors import Unsupported
from edgeconv.ir.calibration import INT8_AFFINE
from edgeconv.ir.graph import Graph
from edgeconv.ir.layout import Layout
from edgeconv.ir.nodes.node import Node, Range, Shape, Value

if TYPE_CHECKING:
    from edgeconv.ir.nodes.node import Array

OUTPUT = "probabilities"


def _no_constants(layout: Layout, node: Node) -> dict[str, Array]:
    del layout, node
    return {}


@dataclass(frozen=True)
class Lowering:
    """How a node becomes TensorFlow operations.

    Attributes:
        build: from the builder, the node and the tensors that it reads to its output; several
            outputs are a tuple.
        constants: from the layout and the node to the node's weights by their part's name, as the
            operations want them laid out.
    """

    build: Callable[..., Any]
    constants: Callable[..., dict[str, Array]] = _no_constants


Lowerings = Mapping[type[Node], Lowering]


def lowering_of(lowerings: Lowerings, node: Node) -> Lowering:
    """Raises Unsupported for a node without a row in the table."""
    if type(node) not in lowerings:
        raise Unsupported(
            f"layer '{node.label}' has no TensorFlow operations",
            "replace it by layers that can be exported",
        )
    return lowerings[type(node)]


class TFBuilder:
    """Builds a graph's operations on values as `Layout` places them.

    The operation that gives a node's result bears the node's name. With `ranges`, fake
    quantization follows each value that becomes integers (`quantization_points.py`).
    """

    def __init__(
        self,
        graph: Graph,
        lowerings: Lowerings,
        channels_first: bool,
        ranges: Mapping[Value, Range] | None = None,
        outputs: tuple[str, ...] = (),
    ) -> None:
        import tensorflow as tf

        self.tf = tf
        self.graph = graph
        self.lowerings = lowerings
        self.ranges = ranges or {}
        self._outputs = outputs
        self.layout = Layout(graph, channels_first)
        self.variables: dict[str, Any] = {}
        for node in graph.nodes:
            constants = lowering_of(lowerings, node).constants(self.layout, node)
            for part, array in constants.items():
                name = self.part(node, part)
                self.variables[name] = tf.Variable(
                    array.astype("float32"), trainable=False, name=name, dtype=tf.float32
                )

    def run(self, *inputs: Any) -> dict[str, Any]:
        """The outputs of one sample by name, inputs and outputs (1, *shape) as Keras has them."""
        tensors = {
            value: self.rounded(self.from_keras(x, value), value)
            for value, x in zip(self.graph.inputs, inputs, strict=True)
        }
        for node in self.graph.nodes:
            build = lowering_of(self.lowerings, node).build
            results = build(self, node, *(tensors[value] for value in node.inputs))
            several = results if isinstance(results, tuple) else (results,)
            for value, result in zip(node.outputs, several, strict=True):
                tensors[value] = self.rounded(result, value)
        outputs = zip(self.output_names, self.graph.outputs, strict=True)
        return {
            name: self.tf.identity(self.to_keras(tensors[value], value.shape), name=name)
            for name, value in outputs
        }

    @property
    def output_names(self) -> tuple[str, ...]:
        """Those that were asked for; else `probabilities`, or the names of several outputs."""
        if self._outputs:
            return self._outputs
        if len(self.graph.outputs) == 1:
            return (OUTPUT,)
        return tuple(f"{self.graph.names[value]}_output" for value in self.graph.outputs)

    # --- for lowerings ------------------------------------------------------------------------

    def name(self, node: Node) -> str:
        """The name of the operation that gives a node's result."""
        return self.graph.node_name(node)

    def part(self, node: Node, part: str) -> str:
        """The name of another operation or a weight of a node."""
        return f"{self.name(node)}_{part}"

    def constant(self, node: Node, part: str) -> Any:
        """A weight of a node."""
        return self.variables[self.part(node, part)]

    def rounded(self, x: Any, value: Value) -> Any:
        """A value as its integers stand for it; unchanged where it has no range."""
        return self.round_to(self.ranges[value], x) if value in self.ranges else x

    def round_to(self, limits: Range, x: Any) -> Any:
        """A tensor as 8-bit integers over a range stand for it; unchanged in a float trace."""
        if not self.ranges:
            return x
        low, high = INT8_AFFINE.nudged(*limits)
        return self.tf.quantization.fake_quant_with_min_max_args(x, low, high, num_bits=8)

    def to_keras(self, x: Any, shape: Shape) -> Any:
        """A value as Keras has it: (1, *shape)."""
        x = self.channels_last(x, shape)
        return x if tuple(x.shape) == (1, *shape) else self.tf.reshape(x, (1, *shape))

    def channels_last(self, x: Any, shape: Shape) -> Any:
        """A value with its numbers in Keras' order, whatever the axes before the channels are."""
        if not self.layout.transposes(shape):
            return x
        return self.tf.transpose(x, (0, 2, 3, 1))

    def from_keras(self, x: Any, value: Value) -> Any:
        """A value of Keras, with its numbers in Keras' order, as this layout has it."""
        placed = self.layout.placed(value.shape)
        name = self.graph.names[value]
        channels_first = self.layout.channels_first and len(placed) == 4
        if tuple(x.shape) != placed:
            x = self.tf.reshape(x, placed, name=f"{name}_steps" if channels_first else name)
        return self.tf.transpose(x, (0, 3, 1, 2), name=name) if channels_first else x
