"""A network between Keras and every target: nodes in topological order, with values between them.

Values have no batch axis: `(time, channels)` or `(features,)`. Weights are float64, and are
rounded to float32 once, when a target's operations are built.
"""

from __future__ import annotations

import re
from collections.abc import Callable, Iterable, Mapping
from dataclasses import dataclass, replace
from functools import cached_property
from itertools import pairwise

from edgeconv.ir.nodes.kernel import KernelNode
from edgeconv.ir.nodes.node import Node, Value, replaced, rewired


@dataclass(frozen=True, eq=False)
class Graph:
    """Nodes, each of which reads inputs of the graph or outputs of nodes before it.

    Attributes:
        name: of the model.
    """

    name: str
    inputs: tuple[Value, ...]
    outputs: tuple[Value, ...]
    nodes: tuple[Node, ...]

    def __post_init__(self) -> None:
        known = set(self.inputs)
        for node in self.nodes:
            if not known.issuperset(node.inputs):
                raise ValueError(f"node '{node.label}' reads a value that no node before it gives")
            if not known.isdisjoint(node.outputs):
                raise ValueError(f"node '{node.label}' gives a value that there is already")
            known.update(node.outputs)
        if not known.issuperset(self.outputs):
            raise ValueError(f"graph '{self.name}' has an output that no node gives")

    # --- values -------------------------------------------------------------------------------

    @property
    def input(self) -> Value:
        """The only input."""
        (value,) = self.inputs
        return value

    @property
    def output(self) -> Value:
        """The only output."""
        (value,) = self.outputs
        return value

    @cached_property
    def values(self) -> tuple[Value, ...]:
        """Inputs, and the outputs of every node, in computed order."""
        return (*self.inputs, *(value for node in self.nodes for value in node.outputs))

    @cached_property
    def _producers(self) -> dict[Value, Node]:
        return {value: node for node in self.nodes for value in node.outputs}

    @cached_property
    def _consumers(self) -> dict[Value, tuple[Node, ...]]:
        consumers: dict[Value, tuple[Node, ...]] = {}
        for node in self.nodes:
            for value in dict.fromkeys(node.inputs):
                consumers[value] = (*consumers.get(value, ()), node)
        return consumers

    def producer(self, value: Value) -> Node | None:
        """The node that gives a value; None for an input of the graph."""
        return self._producers.get(value)

    def consumers(self, value: Value) -> tuple[Node, ...]:
        """The nodes that read a value, in computed order."""
        return self._consumers.get(value, ())

    def only_consumer(self, value: Value) -> Node | None:
        """The node that alone reads a value; None where several do, or the graph gives it."""
        consumers = self.consumers(value)
        return consumers[0] if len(consumers) == 1 and value not in self.outputs else None

    @property
    def is_chain(self) -> bool:
        """Whether each node reads the one before it alone, so that operations have one order.

        Two heads that read one value are branches; inside an opaque node there may be some.
        """
        after_another = all(b.inputs == a.outputs for a, b in pairwise(self.nodes))
        return after_another and not any(node.opaque for node in self.nodes)

    # --- weights ------------------------------------------------------------------------------

    @property
    def kernel_nodes(self) -> tuple[KernelNode, ...]:
        """The nodes with a kernel, in computed order."""
        return tuple(node for node in self.nodes if isinstance(node, KernelNode))

    @property
    def kernel_elements(self) -> int:
        """Numbers in all kernels: what no exported file can be smaller than."""
        return sum(node.kernel_elements for node in self.nodes)

    # --- names --------------------------------------------------------------------------------

    @cached_property
    def labels(self) -> Mapping[Value, str]:
        """A name for people for each value, also of those inside nodes.

        Of values with one label, the later ones have a number behind it: `dense#1`.
        """
        return _distinct(self._all_values(), lambda value: value.label, "#")

    @cached_property
    def names(self) -> Mapping[Value, str]:
        """A name for converters for each value: letters, digits, `_` and `.`.

        No two differ in the case of letters alone: TensorFlow would rename one of them.
        """
        return _distinct(self._all_values(), lambda value: clean(value.label), "_", str.lower)

    def label(self, node: Node) -> str:
        """A node's name for people."""
        return self.labels[node.outputs[0]]

    def node_name(self, node: Node) -> str:
        """A node's name for converters."""
        return self.names[node.outputs[0]]

    def _all_values(self) -> Iterable[Value]:
        yield from self.values  # those inside nodes give way to them
        for node in self.nodes:
            yield from node.inner

    # --- changes ------------------------------------------------------------------------------

    def map_nodes(self, change: Callable[[Node], Iterable[Node]]) -> Graph:
        """The graph with every node replaced by nodes that give the same outputs."""
        return replace(self, nodes=tuple(new for node in self.nodes for new in change(node)))

    def replace_node(self, node: Node, *new: Node) -> Graph:
        """The graph with other nodes in a node's place."""
        return self.map_nodes(lambda each: new if each is node else (each,))

    def replace_values(self, by: Mapping[Value, Value]) -> Graph:
        """The graph with every key of `by` replaced by its value, wherever it is read."""
        nodes = tuple(rewired(node, by) for node in self.nodes)
        return replace(self, nodes=nodes, outputs=replaced(self.outputs, by))

    def bypass(self, node: Node) -> Graph:
        """The graph without a node of one input and one output, whose readers read its input."""
        (source,) = node.inputs
        return self.replace_values({node.output: source}).replace_node(node)


def clean(label: str) -> str:
    """A label as TensorFlow accepts it: one that begins with a letter, a digit or a dot."""
    name = re.sub(r"[^A-Za-z0-9_.]", "_", label)
    return f"layer{name}" if name.startswith("_") else name


def _distinct(
    values: Iterable[Value],
    name: Callable[[Value], str],
    mark: str,
    key: Callable[[str], str] = str,
) -> dict[Value, str]:
    """A name for each value; a number after `mark` tells those apart whose keys are alike."""
    names: dict[Value, str] = {}
    taken: set[str] = set()
    for value in values:
        plain, number = name(value), 0
        unique = plain
        while key(unique) in taken:
            number += 1
            unique = f"{plain}{mark}{number}"
        taken.add(key(unique))
        names[value] = unique
    return names
