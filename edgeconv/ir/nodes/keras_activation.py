"""Keras' activations, which are functions or layers, as nodes compute them."""

from __future__ import annotations

from collections.abc import Callable, Mapping
from typing import TYPE_CHECKING, Any

from edgeconv.errors import Unsupported
from edgeconv.ir.nodes.activation import SOFTMAX, Activation, ActivationFunction
from edgeconv.ir.nodes.composite import CompositeFunction
from edgeconv.ir.nodes.node import Node

if TYPE_CHECKING:
    from edgeconv.ir.keras_call import KerasCall

AnyFunction = ActivationFunction | CompositeFunction

_PLAIN = ("linear", "relu", "sigmoid", "tanh", "softmax", "silu")
_COMPOSITES = ("selu", "softplus", "softsign", "hard_sigmoid", "hard_silu", "mish")
_WITH_VALUE = {"relu6": ("relu_max", 6.0), "leaky_relu": ("leaky_relu", 0.2), "elu": ("elu", 1.0)}
"""Keras' function name → ours and its default number (Keras: negative_slope 0.2, alpha 1)."""


def read_function(call: KerasCall, activation: Any) -> AnyFunction:
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
    if name in _COMPOSITES:
        return CompositeFunction(name)
    if name in ("exp", "exponential"):
        return ActivationFunction("exp")
    if name in _LAYERS:
        return _LAYERS[name](activation)
    raise Unsupported(
        f"layer '{call.label}' ({call.kind}) uses activation '{name}', which cannot be exported",
        f"possible: {', '.join((*_PLAIN, *_COMPOSITES, *_WITH_VALUE, 'exponential'))}",
    )


def read_activation(call: KerasCall) -> tuple[Node, ...]:
    """Keras' `Activation`."""
    return _nodes(call, read_function(call, call.layer.activation))


def read_activation_layer(call: KerasCall) -> tuple[Node, ...]:
    """A layer that is an activation function: `ReLU`, `Softmax`, …"""
    if call.kind == "Softmax" and call.layer.axis == len(call.inputs[0].shape):
        return _nodes(call, SOFTMAX)  # the last axis by its number
    return _nodes(call, _LAYERS[call.kind](call.layer))


def _nodes(call: KerasCall, function: AnyFunction) -> tuple[Node, ...]:
    if isinstance(function, CompositeFunction):
        return function.nodes(call.label, call.inputs[0])
    return (Activation(label=call.label, inputs=call.inputs, function=function),)


def _keras_relu(layer: Any) -> AnyFunction:
    slope, ceiling = float(layer.negative_slope), layer.max_value
    if float(layer.threshold):
        raise Unsupported(
            f"layer '{layer.name}' (ReLU) has a threshold", "use a plain, clipped or leaky ReLU"
        )
    if ceiling is not None and slope:
        return CompositeFunction("relu", (slope, float(ceiling)))
    if ceiling is not None:
        return ActivationFunction("relu_max", float(ceiling))
    return ActivationFunction("leaky_relu", slope) if slope else ActivationFunction("relu")


def _keras_leaky_relu(layer: Any) -> AnyFunction:
    return ActivationFunction("leaky_relu", float(layer.negative_slope))


def _keras_elu(layer: Any) -> AnyFunction:
    alpha = float(layer.alpha)
    return ActivationFunction("elu", 1.0) if alpha == 1 else CompositeFunction("elu", (alpha,))


def _keras_softmax(layer: Any) -> AnyFunction:
    if layer.axis != -1:
        raise Unsupported(f"layer '{layer.name}' (Softmax) runs over axis {layer.axis}", "use −1")
    return SOFTMAX


_LAYERS: Mapping[str, Callable[[Any], AnyFunction]] = {
    "ReLU": _keras_relu,
    "LeakyReLU": _keras_leaky_relu,
    "ELU": _keras_elu,
    "Softmax": _keras_softmax,
}
