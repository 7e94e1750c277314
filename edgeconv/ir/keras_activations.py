"""Keras' activation functions and activation layers, and what each becomes in a plan."""

from __future__ import annotations

from collections.abc import Callable, Mapping
from typing import Any

from edgeconv.errors import Unsupported
from edgeconv.ir.graph import Function

_PLAIN = ("linear", "relu", "sigmoid", "tanh", "softmax", "silu")
_WITH_VALUE = {"relu6": ("relu_max", 6.0), "leaky_relu": ("leaky_relu", 0.2), "elu": ("elu", 1.0)}
"""Keras' function name → ours and its default number (Keras: negative_slope 0.2, alpha 1)."""


def read_function(layer: Any, activation: Any) -> Function:
    """A Keras activation of `layer`, which is a function or a layer of its own.

    Raises:
        Unsupported: the activation, or a setting of it, is outside the tables; layer and
            activation are named.
    """
    name = getattr(activation, "__name__", type(activation).__name__)
    if name in _PLAIN:
        return Function(name)
    if name in _WITH_VALUE:
        return Function(*_WITH_VALUE[name])
    if name in ACTIVATION_LAYERS:
        return ACTIVATION_LAYERS[name](activation)
    raise Unsupported(
        f"layer '{layer.name}' ({type(layer).__name__}) uses activation '{name}', which cannot be "
        "exported",
        f"possible: {', '.join((*_PLAIN, *_WITH_VALUE))}",
    )


def _relu(layer: Any) -> Function:
    slope, ceiling = float(layer.negative_slope), layer.max_value
    if float(layer.threshold) or (slope and ceiling is not None):
        raise Unsupported(
            f"layer '{layer.name}' (ReLU) has a threshold, or a slope and a ceiling at once",
            "use a plain, clipped or leaky ReLU",
        )
    if ceiling is not None:
        return Function("relu_max", float(ceiling))
    return Function("leaky_relu", slope) if slope else Function("relu")


def _elu(layer: Any) -> Function:
    if float(layer.alpha) != 1:
        raise Unsupported(f"layer '{layer.name}' (ELU) has alpha {layer.alpha}", "use alpha 1")
    return Function("elu", 1.0)


def _softmax(layer: Any) -> Function:
    if layer.axis != -1:
        raise Unsupported(f"layer '{layer.name}' (Softmax) runs over axis {layer.axis}", "use −1")
    return Function("softmax")


ACTIVATION_LAYERS: Mapping[str, Callable[[Any], Function]] = {
    "ReLU": _relu,
    "LeakyReLU": lambda layer: Function("leaky_relu", float(layer.negative_slope)),
    "ELU": _elu,
    "Softmax": _softmax,
}
"""Activations that are layers of their own, and how each is read."""
