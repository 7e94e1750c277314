"""Keras' activations, which are functions or layers, as nodes compute them."""

from __future__ import annotations

from collections.abc import Callable, Mapping
from dataclasses import dataclass
from typing import TYPE_CHECKING, Any

from edgeconv.errors import Unsupported
from edgeconv.ir.nodes.activation import SOFTMAX, Activation, ActivationFunction
from edgeconv.ir.nodes.affine import Affine
from edgeconv.ir.nodes.composite import COMPOSITES, CompositeFunction
from edgeconv.ir.nodes.keras_layer import KerasLayer, checked
from edgeconv.ir.nodes.merge import Merge
from edgeconv.ir.nodes.node import Node, Value
from edgeconv.ir.nodes.shape import Transpose

if TYPE_CHECKING:
    from edgeconv.ir.keras_call import KerasCall

_PLAIN = ("linear", "relu", "sigmoid", "tanh", "softmax", "silu", "gelu", "log_softmax")
_COMPOSITES = (
    *("hard_sigmoid", "hard_silu", "hard_tanh", "log_sigmoid", "mish", "selu"),
    *("soft_shrink", "softplus", "softsign", "sparse_plus", "squareplus", "tanh_shrink"),
)
_WITH_VALUE = {
    "relu6": ("relu_max", 6.0),
    "leaky_relu": ("leaky_relu", 0.2),
    "elu": ("elu", 1.0),
    "celu": ("elu", 1.0),
    "exp": ("exp", 0.0),
    "exponential": ("exp", 0.0),
}
"""Keras' function name → ours and its default number (Keras: negative_slope 0.2, alpha 1)."""
_AUTHORS = ("keras.", "tensorflow.")
"""Whose functions are known by their names: a user's function may bear the same one."""


@dataclass(frozen=True, eq=False)
class OpaqueFunction:
    """An activation function that only Keras can compute.

    Attributes:
        call: on a tensor with its batch axis.
        kind: its name.
    """

    call: Callable[[Any], Any]
    kind: str

    def nodes(self, label: str, x: Value) -> tuple[Node, ...]:
        """The node that computes it of a value, and keeps its shape."""
        outputs = (Value(label, x.shape),)
        run = checked(f"layer '{label}' ({self.kind})", lambda value: [self.call(value)])
        return (KerasLayer(label=label, inputs=(x,), outputs=outputs, call=run, kind=self.kind),)


AnyFunction = ActivationFunction | CompositeFunction | OpaqueFunction


def read_function(call: KerasCall, activation: Any) -> AnyFunction:
    """A Keras activation, which is a function or a layer of its own.

    Args:
        call: of the layer that has the activation.

    Raises:
        Unsupported: the activation, or a setting of it, is outside the tables, and only the file
            was read.
    """
    name = getattr(activation, "__name__", type(activation).__name__)
    module = str(getattr(activation, "__module__", ""))
    try:
        if call.run is not None and not module.startswith(_AUTHORS):
            raise Unsupported(
                f"activation '{name}' is written in {module}",
                f"possible: {', '.join((*_PLAIN, *_COMPOSITES, *_WITH_VALUE))}",
            )
        return _known_function(name, activation)
    except Unsupported as error:
        if call.run is None:
            raise Unsupported(
                f"layer '{call.label}' ({call.kind}): {error.message}",
                f"possible: {', '.join((*_PLAIN, *_COMPOSITES, *_WITH_VALUE))}",
            ) from error
        return OpaqueFunction(activation, name)


def _known_function(name: str, activation: Any) -> AnyFunction:
    """A function of Keras or TensorFlow by its name."""
    if name in _PLAIN:
        return ActivationFunction(name)
    if name in _WITH_VALUE:
        return ActivationFunction(*_WITH_VALUE[name])
    if name in _COMPOSITES:
        return CompositeFunction(name)
    if name in _LAYERS:
        return _LAYERS[name](activation)
    raise Unsupported(
        f"activation '{name}' cannot be exported",
        f"possible: {', '.join((*_PLAIN, *_COMPOSITES, *_WITH_VALUE))}",
    )


def read_activation(call: KerasCall) -> tuple[Node, ...]:
    """Keras' `Activation`."""
    return _nodes(call, read_function(call, call.layer.activation))


def read_activation_layer(call: KerasCall) -> tuple[Node, ...]:
    """A layer that is an activation function: `ReLU`, `LeakyReLU`, …"""
    return _nodes(call, _LAYERS[call.kind](call.layer))


def read_operation(call: KerasCall) -> tuple[Node, ...]:
    """An operation of `keras.ops` that is an activation function."""
    return _nodes(call, _OPERATIONS[call.kind](call.layer))


def read_softmax(call: KerasCall) -> tuple[Node, ...]:
    """Keras' `Softmax` and `keras.ops.softmax`; of another axis, that becomes the last one first.

    Raises:
        Unsupported: it runs over several axes, or over the batch.
    """
    rank, axis = len(call.inputs[0].shape), call.layer.axis
    if not isinstance(axis, int) or axis % (rank + 1) == 0:
        raise Unsupported(
            f"layer '{call.label}' ({call.kind}) runs over axis {axis}",
            "run it along one axis, and not along the batch",
        )
    at = axis % (rank + 1) - 1
    if at == rank - 1:
        return _nodes(call, SOFTMAX)
    order = tuple(range(rank))
    order = (*order[:at], order[-1], *order[at + 1 : -1], order[at])
    first = Transpose(label=f"{call.label}_last", inputs=call.inputs, order=order)
    middle = Activation(label=f"{call.label}_softmax", inputs=first.outputs, function=SOFTMAX)
    return first, middle, Transpose(label=call.label, inputs=middle.outputs, order=order)


def read_prelu(call: KerasCall) -> tuple[Node, ...]:
    """Keras' `PReLU`: a slope below 0 for each number, or each channel."""
    import numpy as np

    label, (x,) = call.label, call.inputs
    slope = np.broadcast_to(-call.array("alpha"), x.shape)
    relu, zeros = ActivationFunction("relu"), np.zeros(x.shape)
    above = Activation(label=f"{label}_above", inputs=(x,), function=relu)
    minus = np.full(x.shape, -1.0)
    negated = Affine(label=f"{label}_negated", inputs=(x,), scale=minus, offset=zeros)
    below = Activation(label=f"{label}_below", inputs=negated.outputs, function=relu)
    scaled = Affine(label=f"{label}_slope", inputs=below.outputs, scale=slope, offset=zeros)
    operands = (above.output, scaled.output)
    return above, negated, below, scaled, Merge(label=label, inputs=operands, kind="add")


def _nodes(call: KerasCall, function: AnyFunction) -> tuple[Node, ...]:
    if not isinstance(function, ActivationFunction):
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


def _keras_celu(layer: Any) -> AnyFunction:
    alpha = float(layer.alpha)
    return ActivationFunction("elu", 1.0) if alpha == 1 else CompositeFunction("celu", (alpha,))


def _keras_gelu(layer: Any) -> AnyFunction:
    return ActivationFunction("gelu_tanh" if layer.approximate else "gelu")


def _last_axis(kind: str) -> Callable[[Any], AnyFunction]:
    """A function that Keras can run along any axis; ours is the last one."""

    def read(layer: Any) -> AnyFunction:
        if layer.axis != -1:
            raise Unsupported(
                f"layer '{layer.name}' ({kind}) runs over axis {layer.axis}",
                "run it along the last axis",
            )
        composite = kind in COMPOSITES
        return CompositeFunction(kind) if composite else ActivationFunction(kind)

    return read


_LAYERS: Mapping[str, Callable[[Any], AnyFunction]] = {
    "ReLU": _keras_relu,
    "LeakyReLU": _keras_leaky_relu,
    "ELU": _keras_elu,
    "Softmax": _last_axis("softmax"),
}

_OPERATIONS: Mapping[str, Callable[[Any], AnyFunction]] = {
    "ops.Absolute": lambda _: ActivationFunction("abs"),
    "ops.Celu": _keras_celu,
    "ops.Elu": _keras_elu,
    "ops.Exp": lambda _: ActivationFunction("exp"),
    "ops.Gelu": _keras_gelu,
    "ops.Glu": _last_axis("glu"),
    "ops.HardSigmoid": lambda _: CompositeFunction("hard_sigmoid"),
    "ops.HardSilu": lambda _: CompositeFunction("hard_silu"),
    "ops.HardTanh": lambda _: CompositeFunction("hard_tanh"),
    "ops.LeakyRelu": _keras_leaky_relu,
    "ops.Log": lambda _: ActivationFunction("log"),
    "ops.LogSigmoid": lambda _: CompositeFunction("log_sigmoid"),
    "ops.LogSoftmax": _last_axis("log_softmax"),
    "ops.Relu": lambda _: ActivationFunction("relu"),
    "ops.Relu6": lambda _: ActivationFunction("relu_max", 6.0),
    "ops.Rsqrt": lambda _: ActivationFunction("rsqrt"),
    "ops.Selu": lambda _: CompositeFunction("selu"),
    "ops.Sigmoid": lambda _: ActivationFunction("sigmoid"),
    "ops.Silu": lambda _: ActivationFunction("silu"),
    "ops.Softplus": lambda _: CompositeFunction("softplus"),
    "ops.Softsign": lambda _: CompositeFunction("softsign"),
    "ops.Tanh": lambda _: ActivationFunction("tanh"),
}
OPERATIONS = tuple(_OPERATIONS)
"""The operations of `keras.ops` that `read_operation` reads."""
