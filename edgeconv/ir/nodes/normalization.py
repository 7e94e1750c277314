"""Normalizations: with stored statistics an affine map, with those of each sample several nodes."""

from __future__ import annotations

from dataclasses import dataclass
from typing import TYPE_CHECKING, Any

from edgeconv.core.affine import AffineMap
from edgeconv.errors import Unsupported
from edgeconv.ir.nodes.activation import Activation, ActivationFunction
from edgeconv.ir.nodes.affine import Affine
from edgeconv.ir.nodes.merge import Merge
from edgeconv.ir.nodes.node import Node, Shape, Value

if TYPE_CHECKING:
    from edgeconv.ir.keras_call import KerasCall
    from edgeconv.ir.nodes.node import Array


@dataclass(frozen=True, eq=False, kw_only=True)
class ChannelMean(Node):
    """The mean over the last axis, which stays with length 1."""

    def output_shape(self, *inputs: Shape) -> Shape:
        (shape,) = inputs
        return (*shape[:-1], 1)

    def evaluate(self, *inputs: Array) -> Array:
        (x,) = inputs
        mean: Array = x.mean(-1, keepdims=True)
        return mean

    def quantized_values(self, follower: Node | None) -> tuple[Value, ...]:
        del follower
        return self.outputs


def read_normalization(call: KerasCall) -> tuple[Node, ...]:
    """Keras' `Normalization`: `(x − mean) / max(√variance, ε)`, or its inverse.

    Raises:
        Unsupported: the layer has no statistics, or only Keras can lay them out.
    """
    import numpy as np

    layer, shape = call.layer, call.inputs[0].shape
    mean, variance = getattr(layer, "mean", None), getattr(layer, "variance", None)
    if mean is None or variance is None or not hasattr(layer, "input_mean"):
        raise Unsupported(
            f"layer '{call.label}' ({call.kind}) has no mean and variance",
            "call its adapt() on training data, and save the model again",
        )
    middle = np.asarray(mean, np.float64).reshape(np.shape(mean)[-len(shape) :])
    deviation = np.sqrt(np.asarray(variance, np.float64)).reshape(middle.shape)
    deviation = np.maximum(deviation, _EPSILON)
    if layer.invert:
        return _affine(call, AffineMap(deviation, middle))
    return _affine(call, AffineMap(1 / deviation, -middle / deviation))


_EPSILON = 1e-7
"""keras.config.epsilon() unless a user changed it."""


def read_rescaling(call: KerasCall) -> tuple[Node, ...]:
    """Keras' `Rescaling`: `x · scale + offset`, numbers or one for each channel."""
    import numpy as np

    scale = np.asarray(call.layer.scale, np.float64)
    return _affine(call, AffineMap(scale, np.asarray(call.layer.offset, np.float64)))


def _affine(call: KerasCall, affine: AffineMap) -> tuple[Node, ...]:
    full = affine.broadcast(call.inputs[0].shape)
    return (Affine(label=call.label, inputs=call.inputs, scale=full.scale, offset=full.offset),)


LAYER_NORMALIZATION_ARRAYS = (("gamma", "scale"), ("beta", "center"))


def read_layer_normalization(call: KerasCall) -> tuple[Node, ...]:
    """`(x − mean) / √(variance + ε) · gamma + beta` over the last axis of each position.

    Its last step is an affine node, which folds into the layer behind.
    """
    import numpy as np

    layer, label, (x,) = call.layer, call.label, call.inputs
    _check_axis(call)
    channels = x.shape[-1]
    mean = ChannelMean(label=f"{label}_mean", inputs=(x,))
    centered = Merge(label=f"{label}_centered", inputs=(x, mean.output), kind="subtract")
    squared = (centered.output, centered.output)
    square = Merge(label=f"{label}_square", inputs=squared, kind="multiply")
    variance = ChannelMean(label=f"{label}_variance", inputs=square.outputs)
    root = ActivationFunction("rsqrt", float(layer.epsilon))
    factor = Activation(label=f"{label}_factor", inputs=variance.outputs, function=root)
    operands = (centered.output, factor.output)
    normal = Merge(label=f"{label}_normal", inputs=operands, kind="multiply")
    gamma = call.array("gamma") if layer.scale else np.ones(channels)
    beta = call.array("beta") if layer.center else np.zeros(channels)
    full = AffineMap(gamma, beta).broadcast(x.shape)
    last = Affine(label=label, inputs=normal.outputs, scale=full.scale, offset=full.offset)
    return mean, centered, square, variance, factor, normal, last


def _check_axis(call: KerasCall) -> None:
    layer, rank = call.layer, len(call.inputs[0].shape)
    axis: Any = layer.axis
    axes = list(axis) if isinstance(axis, list | tuple) else [axis]
    if axes not in ([-1], [rank]) or getattr(layer, "rms_scaling", False):
        raise Unsupported(
            f"layer '{call.label}' ({call.kind}) normalizes axis {axis}, or by the root mean "
            "square",
            "use the last axis, without rms_scaling",
        )
