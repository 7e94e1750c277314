"""Activation functions: alone, or as the last thing that a kernel's operation does."""

from __future__ import annotations

from collections.abc import Callable, Mapping
from dataclasses import dataclass
from typing import TYPE_CHECKING, Any

from edgeconv.errors import Unsupported
from edgeconv.ir.nodes.node import Node, Range, Shape, Value

if TYPE_CHECKING:
    from edgeconv.ir.keras_call import KerasCall
    from edgeconv.ir.nodes.node import Array

# TFLite's integer kernels leave no choice for these results; that of softmax is as sigmoid's.
SIGMOID_RANGE: Range = (0.0, 255 / 256)
TANH_RANGE: Range = (-1.0, 127 / 128)
_FIXED_RANGES = {"sigmoid": SIGMOID_RANGE, "tanh": TANH_RANGE}
_FUSED = ("linear", "relu", "relu_max")


@dataclass(frozen=True)
class ActivationFunction:
    """An activation function and its one number.

    Attributes:
        kind: a key of `FUNCTIONS`.
        value: slope of leaky_relu, alpha of elu, ceiling of relu_max (6 makes it relu6).
    """

    kind: str = "linear"
    value: float = 0.0

    def __post_init__(self) -> None:
        if self.kind not in FUNCTIONS:
            raise ValueError(f"unknown activation function '{self.kind}'")

    def __call__(self, x: Array) -> Array:
        """The function of each number; softmax runs over the last axis."""
        return FUNCTIONS[self.kind](x, self.value)

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


def _softmax(x: Array, _: float) -> Array:
    import numpy as np

    shifted = np.exp(x - x.max(-1, keepdims=True))
    return np.asarray(shifted / shifted.sum(-1, keepdims=True))


FUNCTIONS: Mapping[str, Callable[[Array, float], Array]] = {
    "linear": lambda x, _: x,
    "relu": _relu,
    "relu_max": _relu_max,
    "leaky_relu": _leaky_relu,
    "elu": _elu,
    "sigmoid": _sigmoid,
    "tanh": _tanh,
    "silu": lambda x, _: x * _sigmoid(x, 0.0),
    "softmax": _softmax,
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
        return self.function != SOFTMAX

    def quantized_values(self, follower: Node | None) -> tuple[Value, ...]:
        del follower
        # a converter knows the range of a softmax
        return () if self.function == SOFTMAX else self.outputs

    def narrow_range(self, limits: Range) -> Range:
        return self.function.narrow_range(limits)


# --- Keras ------------------------------------------------------------------------------------

_PLAIN = ("linear", "relu", "sigmoid", "tanh", "softmax", "silu")
_WITH_VALUE = {"relu6": ("relu_max", 6.0), "leaky_relu": ("leaky_relu", 0.2), "elu": ("elu", 1.0)}
"""Keras' function name → ours and its default number (Keras: negative_slope 0.2, alpha 1)."""


def read_function(call: KerasCall, activation: Any) -> ActivationFunction:
    """A Keras activation, which is a function or a layer of its own.

    Args:
        call: of the layer that has the activation.

    Raises:
        Unsupported: the activation, or a setting of it, is outside the tables; layer and
            activation are named.
    """
    name = getattr(activation, "__name__", type(activation).__name__)
    if name in _PLAIN:
        return ActivationFunction(name)
    if name in _WITH_VALUE:
        return ActivationFunction(*_WITH_VALUE[name])
    if name in _LAYERS:
        return _LAYERS[name](activation)
    raise Unsupported(
        f"layer '{call.label}' ({call.kind}) uses activation '{name}', which cannot be exported",
        f"possible: {', '.join((*_PLAIN, *_WITH_VALUE))}",
    )


def read_activation(call: KerasCall) -> tuple[Node, ...]:
    """Keras' `Activation`."""
    function = read_function(call, call.layer.activation)
    return (Activation(label=call.label, inputs=call.inputs, function=function),)


def read_activation_layer(call: KerasCall) -> tuple[Node, ...]:
    """A layer that is an activation function: `ReLU`, `Softmax`, …"""
    function = _LAYERS[call.kind](call.layer)
    return (Activation(label=call.label, inputs=call.inputs, function=function),)


def _keras_relu(layer: Any) -> ActivationFunction:
    slope, ceiling = float(layer.negative_slope), layer.max_value
    if float(layer.threshold) or (slope and ceiling is not None):
        raise Unsupported(
            f"layer '{layer.name}' (ReLU) has a threshold, or a slope and a ceiling at once",
            "use a plain, clipped or leaky ReLU",
        )
    if ceiling is not None:
        return ActivationFunction("relu_max", float(ceiling))
    return ActivationFunction("leaky_relu", slope) if slope else ActivationFunction("relu")


def _keras_leaky_relu(layer: Any) -> ActivationFunction:
    return ActivationFunction("leaky_relu", float(layer.negative_slope))


def _keras_elu(layer: Any) -> ActivationFunction:
    if float(layer.alpha) != 1:
        raise Unsupported(f"layer '{layer.name}' (ELU) has alpha {layer.alpha}", "use alpha 1")
    return ActivationFunction("elu", 1.0)


def _keras_softmax(layer: Any) -> ActivationFunction:
    if layer.axis != -1:
        raise Unsupported(f"layer '{layer.name}' (Softmax) runs over axis {layer.axis}", "use −1")
    return SOFTMAX


_LAYERS: Mapping[str, Callable[[Any], ActivationFunction]] = {
    "ReLU": _keras_relu,
    "LeakyReLU": _keras_leaky_relu,
    "ELU": _keras_elu,
    "Softmax": _keras_softmax,
}
