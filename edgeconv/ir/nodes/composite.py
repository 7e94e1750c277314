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
from edgeconv.ir.nodes.shape import Slice

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

    def channels(self, x: Value, first: int, end: int) -> Value:
        whole = tuple((0, size, 1) for size in x.shape[:-1])
        label = f"{self.label}_{first}"
        return self._add(Slice(label=label, inputs=(x,), axes=(*whole, (first, end, 1))))

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


def _glu(nodes: _Nodes, x: Value, _: tuple[float, ...]) -> None:
    """The first half of the channels, with the sigmoid of the second as gate."""
    half = x.shape[-1] // 2
    one, gate = nodes.channels(x, 0, half), nodes.channels(x, half, 2 * half)
    nodes.merge("multiply", one, nodes.apply(gate, "sigmoid"))


def _soft_shrink(nodes: _Nodes, x: Value, _: tuple[float, ...]) -> None:
    """relu(x − 1/2) − relu(−x − 1/2)."""
    above = nodes.apply(nodes.affine(x, 1.0, -0.5), "relu")
    nodes.merge("subtract", above, nodes.apply(nodes.affine(x, -1.0, -0.5), "relu"))


def _sparse_plus(nodes: _Nodes, x: Value, _: tuple[float, ...]) -> None:
    """A parabola between −1 and 1, and a line above."""
    curved = nodes.apply(nodes.affine(x, 1.0, 1.0), "relu_max", 2.0)
    curve = nodes.affine(nodes.merge("multiply", curved, curved), 0.25)
    nodes.merge("add", curve, nodes.apply(nodes.affine(x, 1.0, -1.0), "relu"))


def _squareplus(nodes: _Nodes, x: Value, _: tuple[float, ...]) -> None:
    """(x + √(x² + 4)) / 2, the root as (x² + 4) / √(x² + 4)."""
    square = nodes.merge("multiply", x, x)
    root = nodes.merge(
        "multiply", nodes.affine(square, 1.0, 4.0), nodes.apply(square, "rsqrt", 4.0)
    )
    nodes.affine(nodes.merge("add", x, root), 0.5)


def _celu(nodes: _Nodes, x: Value, numbers: tuple[float, ...]) -> None:
    (alpha,) = numbers
    nodes.affine(nodes.apply(nodes.affine(x, 1 / alpha), "elu", 1.0), alpha)


COMPOSITES: Mapping[str, Callable[[_Nodes, Value, tuple[float, ...]], object]] = {
    "celu": _celu,
    "elu": lambda nodes, x, numbers: nodes.two_sided(x, numbers[0], 1.0),
    "glu": _glu,
    "hard_sigmoid": lambda nodes, x, _: nodes.hard_sigmoid(x),
    "hard_silu": _hard_silu,
    "hard_tanh": lambda nodes, x, _: nodes.apply(nodes.apply(x, "floor", -1.0), "ceiling", 1.0),
    "log_sigmoid": lambda nodes, x, _: nodes.affine(nodes.softplus(nodes.affine(x, -1.0)), -1.0),
    "mish": _mish,
    "relu": _relu_between,
    "selu": lambda nodes, x, _: nodes.two_sided(x, _SELU_SCALE * _SELU_ALPHA, _SELU_SCALE),
    "soft_shrink": _soft_shrink,
    "softplus": lambda nodes, x, _: nodes.softplus(x),
    "softsign": _softsign,
    "sparse_plus": _sparse_plus,
    "squareplus": _squareplus,
    "tanh_shrink": lambda nodes, x, _: nodes.merge("subtract", x, nodes.apply(x, "tanh")),
}
"""How each is built, of its input and its numbers."""


@dataclass(frozen=True)
class CompositeFunction:
    """An activation function that several nodes compute.

    Attributes:
        kind: a key of `COMPOSITES`.
        numbers: alpha of celu and elu; slope and ceiling of relu.
    """

    kind: str
    numbers: tuple[float, ...] = ()

    def nodes(self, label: str, x: Value) -> tuple[Node, ...]:
        """The nodes that compute it of a value."""
        nodes = _Nodes(label)
        COMPOSITES[self.kind](nodes, x, self.numbers)
        return tuple(nodes.nodes)
