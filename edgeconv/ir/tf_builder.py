"""Graph → TensorFlow operations, one node after the other."""

from __future__ import annotations

from collections.abc import Callable, Mapping
from dataclasses import dataclass
from typing import TYPE_CHECKING, Any

from edgeconv.errors import Unsupported
from edgeconv.ir.calibration import INT8_AFFINE
from edgeconv.ir.graph import Graph
from edgeconv.ir.layout import Layout
from edgeconv.ir.nodes.node import Node, Range, Value

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
            f"layer '{node.label}' ({type(node).__name__}) has no TensorFlow operations",
            "replace it by layers that can be exported",
        )
    return lowerings[type(node)]


class TFBuilder:
    """Builds a graph's operations on values of rank 4 (time and channels) or rank 2 (features).

    The operation that gives a node's result bears the node's name. With `ranges`, fake
    quantization follows each value that becomes integers (`quantization_points.py`).
    """

    def __init__(
        self,
        graph: Graph,
        lowerings: Lowerings,
        channels_first: bool,
        ranges: Mapping[Value, Range] | None = None,
    ) -> None:
        import tensorflow as tf

        self.tf = tf
        self.graph = graph
        self.lowerings = lowerings
        self.ranges = ranges or {}
        self.layout = Layout(graph, channels_first)
        self.layout_changes = 0
        self.variables: dict[str, Any] = {}
        for node in graph.nodes:
            constants = lowering_of(lowerings, node).constants(self.layout, node)
            for part, array in constants.items():
                name = self.part(node, part)
                self.variables[name] = tf.Variable(
                    array.astype("float32"), trainable=False, name=name, dtype=tf.float32
                )

    def run(self, *inputs: Any) -> dict[str, Any]:
        """The outputs of one sample by name, each input (1, *shape)."""
        tensors = {
            value: self.rounded(x, value)
            for value, x in zip(self.graph.inputs, inputs, strict=True)
        }
        for node in self.graph.nodes:
            build = lowering_of(self.lowerings, node).build
            results = build(self, node, *(tensors[value] for value in node.inputs))
            several = results if isinstance(results, tuple) else (results,)
            for value, result in zip(node.outputs, several, strict=True):
                tensors[value] = self.rounded(result, value)
        outputs = zip(self.output_names, self.graph.outputs, strict=True)
        return {name: self.tf.identity(tensors[value], name=name) for name, value in outputs}

    @property
    def output_names(self) -> tuple[str, ...]:
        """`probabilities`, or the names of several outputs."""
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

    def move(self, kind: str, x: Any, how: tuple[int, ...], name: str | None) -> Any:
        """A reshape or transpose, counted: it moves values without computing."""
        self.layout_changes += 1
        return getattr(self.tf, kind)(x, how, name=name)
