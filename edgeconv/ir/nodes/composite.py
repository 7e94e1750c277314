"""Activation functions that several nodes compute, each with operations that integers have too.

TFLite has no integer kernel for them: as nodes, every value between has a range of its own.
"""

from __future__ import annotations

from collections.abc import Callable, Mapping
from dataclasses import dataclass, field

from edgeconv.ir.nodes.activation import Activation, ActivationFunction
from edgeconv.ir.nodes.affine import Affine
from edgeconv.ir.nodes.merge import Merge
from edgeconv.ir.nodes.node import Node, Value

# Klambauer et al., 2017
_SELU_ALPHA, _SELU_SCALE = 1.6732632423543772, 1.0507009873554805


@dataclass
class _Nodes:
    """Nodes that are added one after the other; the last one bears the layer's label."""

    label: str
    nodes: list[Node] = field(default_factory=list)

    def apply(self, x: Value, kind: str, number: float = 0.0) -> Value:
        function = ActivationFunction(kind, number)
        label = f"{self.label}_{kind}"
        return self._add(Activation(label=label, inputs=(x,), function=function))

    def affine(self, x: Value, scale: float, offset: float = 0.0) -> Value:
        import numpy as np

        factor, term = np.full(x.shape, scale), np.full(x.shape, offset)
        label = f"{self.label}_affine"
        return self._add(Affine(label=label, inputs=(x,), scale=factor, offset=term))

    def merge(self, kind: str, *inputs: Value) -> Value:
        return self._add(Merge(label=f"{self.label}_{kind}", inputs=inputs, kind=kind))

    def softplus(self, x: Value) -> Value:
        """relu(x) − log(sigmoid(|x|)): every step has a small range."""
        gate = self.apply(self.apply(x, "abs"), "sigmoid")
        return self.merge("subtract", self.apply(x, "relu"), self.apply(gate, "log"))

    def hard_sigmoid(self, x: Value) -> Value:
        """min(max(x / 6 + 1/2, 0), 1), whose first step folds into a kernel."""
        return self.apply(self.affine(x, 1 / 6, 0.5), "relu_max", 1.0)

    def two_sided(self, x: Value, negative: float, positive: float) -> Value:
        """negative · (exp(x) − 1) below 0, positive · x above."""
        below = self.affine(self.apply(x, "elu", 1.0), negative)
        return self.merge("add", below, self.affine(self.apply(x, "relu"), positive - negative))

    def _add(self, node: Node) -> Value:
        self.nodes.append(node)
        return node.output


def _softsign(nodes: _Nodes, x: Value, _: tuple[float, ...]) -> None:
    """x · exp(−log(1 + |x|)): integers have no division."""
    log = nodes.apply(nodes.affine(nodes.apply(x, "abs"), 1.0, 1.0), "log")
    nodes.merge("multiply", x, nodes.apply(nodes.affine(log, -1.0), "exp"))


def _mish(nodes: _Nodes, x: Value, _: tuple[float, ...]) -> None:
    nodes.merge("multiply", x, nodes.apply(nodes.softplus(x), "tanh"))


def _hard_silu(nodes: _Nodes, x: Value, _: tuple[float, ...]) -> None:
    nodes.merge("multiply", x, nodes.hard_sigmoid(x))


def _relu_between(nodes: _Nodes, x: Value, numbers: tuple[float, ...]) -> None:
    """A leaky ReLU with a ceiling."""
    slope, ceiling = numbers
    nodes.apply(nodes.apply(x, "leaky_relu", slope), "ceiling", ceiling)


COMPOSITES: Mapping[str, Callable[[_Nodes, Value, tuple[float, ...]], object]] = {
    "elu": lambda nodes, x, numbers: nodes.two_sided(x, numbers[0], 1.0),
    "hard_sigmoid": lambda nodes, x, _: nodes.hard_sigmoid(x),
    "hard_silu": _hard_silu,
    "mish": _mish,
    "relu": _relu_between,
    "selu": lambda nodes, x, _: nodes.two_sided(x, _SELU_SCALE * _SELU_ALPHA, _SELU_SCALE),
    "softplus": lambda nodes, x, _: nodes.softplus(x),
    "softsign": _softsign,
}
"""How each is built, of its input and its numbers."""


@dataclass(frozen=True)
class CompositeFunction:
    """An activation function that several nodes compute.

    Attributes:
        kind: a key of `COMPOSITES`.
        numbers: alpha of elu; slope and ceiling of relu.
    """

    kind: str
    numbers: tuple[float, ...] = ()

    def nodes(self, label: str, x: Value) -> tuple[Node, ...]:
        """The nodes that compute it of a value."""
        nodes = _Nodes(label)
        COMPOSITES[self.kind](nodes, x, self.numbers)
        return tuple(nodes.nodes)
