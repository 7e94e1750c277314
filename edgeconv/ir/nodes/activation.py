"""Activation functions: alone, or as the last thing that a kernel's operation does."""

from __future__ import annotations

from collections.abc import Callable, Mapping
from dataclasses import dataclass
from typing import TYPE_CHECKING

from edgeconv.ir.nodes.node import Node, Range, Shape, Value

if TYPE_CHECKING:
    from edgeconv.ir.nodes.node import Array

# TFLite's integer kernels leave no choice for these results.
SIGMOID_RANGE: Range = (0.0, 255 / 256)
TANH_RANGE: Range = (-1.0, 127 / 128)
_FIXED_RANGES: Mapping[str, Range] = {
    "log_softmax": (-255 / 16, 0.0),
    "sigmoid": SIGMOID_RANGE,
    "softmax": SIGMOID_RANGE,
    "tanh": TANH_RANGE,
}
_FUSED = ("linear", "relu", "relu_max")


@dataclass(frozen=True)
class ActivationFunction:
    """An activation function and its one number.

    Attributes:
        kind: a key of `FUNCTIONS`.
        value: slope of leaky_relu, alpha of elu, ceiling of relu_max (6 makes it relu6), limit
            of ceiling and floor, what rsqrt adds to its input.
    """

    kind: str = "linear"
    value: float = 0.0

    def __post_init__(self) -> None:
        if self.kind not in FUNCTIONS:
            raise ValueError(f"unknown activation function '{self.kind}'")

    def __call__(self, x: Array) -> Array:
        """The function of each number; softmax and log_softmax run over the last axis."""
        return FUNCTIONS[self.kind](x, self.value)

    @property
    def elementwise(self) -> bool:
        """Whether each result depends on one number alone."""
        return self.kind not in ("softmax", "log_softmax")

    @property
    def fused(self) -> bool:
        """Whether a kernel's operation computes it too, so that no integers lie between."""
        return self.kind in _FUSED

    def narrow_range(self, limits: Range) -> Range:
        """The range of its result in integers where `limits` was seen."""
        if self.kind == "relu_max":
            return limits[0], min(limits[1], self.value)
        return _FIXED_RANGES.get(self.kind, limits)


def _leaky_relu(x: Array, slope: float) -> Array:
    import numpy as np

    return np.where(x > 0, x, x * slope)


def _elu(x: Array, alpha: float) -> Array:
    import numpy as np

    return np.where(x > 0, x, alpha * np.expm1(np.minimum(x, 0)))


def _sigmoid(x: Array, _: float) -> Array:
    import numpy as np

    return np.asarray(0.5 * (1 + np.tanh(0.5 * x)))


def _tanh(x: Array, _: float) -> Array:
    import numpy as np

    return np.tanh(x)


def _relu(x: Array, _: float) -> Array:
    import numpy as np

    return np.maximum(x, 0)


def _relu_max(x: Array, ceiling: float) -> Array:
    import numpy as np

    return np.clip(x, 0, ceiling)


def _unary(name: str) -> Callable[[Array, float], Array]:
    def apply(x: Array, _: float) -> Array:
        import numpy as np

        return np.asarray(getattr(np, name)(x))

    return apply


def _ceiling(x: Array, ceiling: float) -> Array:
    import numpy as np

    return np.minimum(x, ceiling)


def _floor(x: Array, floor: float) -> Array:
    import numpy as np

    return np.maximum(x, floor)


def _softmax(x: Array, _: float) -> Array:
    import numpy as np

    shifted = np.exp(x - x.max(-1, keepdims=True))
    return np.asarray(shifted / shifted.sum(-1, keepdims=True))


def _log_softmax(x: Array, _: float) -> Array:
    import numpy as np

    shifted = x - x.max(-1, keepdims=True)
    return np.asarray(shifted - np.log(np.exp(shifted).sum(-1, keepdims=True)))


def _gelu(x: Array, _: float) -> Array:
    from scipy.special import ndtr  # of the normal distribution

    result: Array = x * ndtr(x)
    return result


def _gelu_tanh(x: Array, _: float) -> Array:
    """Hendrycks and Gimpel, 2016."""
    import numpy as np

    inner = np.sqrt(2 / np.pi) * (x + 0.044715 * x**3)
    return np.asarray(0.5 * x * (1 + np.tanh(inner)))


FUNCTIONS: Mapping[str, Callable[[Array, float], Array]] = {
    "linear": lambda x, _: x,
    "relu": _relu,
    "relu_max": _relu_max,
    "leaky_relu": _leaky_relu,
    "elu": _elu,
    "sigmoid": _sigmoid,
    "tanh": _tanh,
    "silu": lambda x, _: x * _sigmoid(x, 0.0),
    "gelu": _gelu,
    "gelu_tanh": _gelu_tanh,
    "softmax": _softmax,
    "log_softmax": _log_softmax,
    "abs": _unary("abs"),
    "exp": _unary("exp"),
    "log": _unary("log"),
    "rsqrt": lambda x, epsilon: (x + epsilon) ** -0.5,
    "ceiling": _ceiling,
    "floor": _floor,
}
"""Each function in NumPy, of the value and the function's number."""

LINEAR = ActivationFunction()
SOFTMAX = ActivationFunction("softmax")


@dataclass(frozen=True, eq=False, kw_only=True)
class Activation(Node):
    """An activation function that no operation before it computes."""

    function: ActivationFunction

    def output_shape(self, *inputs: Shape) -> Shape:
        (shape,) = inputs
        return shape

    def evaluate(self, *inputs: Array) -> Array:
        (x,) = inputs
        return self.function(x)

    @property
    def elementwise(self) -> bool:
        return self.function.elementwise

    def quantized_values(self, follower: Node | None) -> tuple[Value, ...]:
        del follower
        # a converter knows the range of a softmax
        return self.outputs if self.function.elementwise else ()

    def narrow_range(self, limits: Range) -> Range:
        return self.function.narrow_range(limits)
