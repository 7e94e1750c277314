"""Normalizations: with stored statistics an affine map, with those of each sample several nodes."""

from __future__ import annotations

import math
from dataclasses import dataclass
from typing import TYPE_CHECKING, Any

from edgeconv.core.affine import AffineMap
from edgeconv.errors import Unsupported
from edgeconv.ir.nodes.activation import Activation, ActivationFunction
from edgeconv.ir.nodes.affine import Affine
from edgeconv.ir.nodes.merge import Merge
from edgeconv.ir.nodes.node import Node, Shape, Value
from edgeconv.ir.nodes.shape import Reshape

if TYPE_CHECKING:
    from edgeconv.ir.keras_call import KerasCall
    from edgeconv.ir.nodes.node import Array


@dataclass(frozen=True, eq=False, kw_only=True)
class Mean(Node):
    """The mean over some axes, which stay with length 1."""

    axes: tuple[int, ...]

    def output_shape(self, *inputs: Shape) -> Shape:
        (shape,) = inputs
        return tuple(1 if i in self.axes else size for i, size in enumerate(shape))

    def evaluate(self, *inputs: Array) -> Array:
        (x,) = inputs
        mean: Array = x.mean(tuple(axis + 1 for axis in self.axes), keepdims=True)
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


SCALE_AND_CENTER_ARRAYS = (("gamma", "scale"), ("beta", "center"))


def read_layer_normalization(call: KerasCall) -> tuple[Node, ...]:
    """`(x − mean) / √(variance + ε) · gamma + beta`, of each sample over some of its axes.

    Its last step is an affine node, which folds into the layer behind.

    Raises:
        Unsupported: `rms_scaling`, which Keras has given up.
    """
    if getattr(call.layer, "rms_scaling", False):
        raise Unsupported(
            f"layer '{call.label}' ({call.kind}) scales by the root mean square",
            "use RMSNormalization",
        )
    (x,) = call.inputs
    axes = _sample_axes(call.layer.axis, len(x.shape))
    nodes = _standardized(call.label, x, axes, float(call.layer.epsilon))
    return *nodes, _scaled(call, nodes[-1].output, axes)


def read_group_normalization(call: KerasCall) -> tuple[Node, ...]:
    """Keras' `GroupNormalization` of the last axis: statistics of a group of channels.

    Raises:
        Unsupported: groups of another axis.
    """
    layer, (x,) = call.layer, call.inputs
    if layer.axis not in (-1, len(x.shape)):
        raise Unsupported(
            f"layer '{call.label}' ({call.kind}) groups axis {layer.axis}", "group the last axis"
        )
    channels, groups = x.shape[-1], int(layer.groups)
    shape = (math.prod(x.shape[:-1]), groups, channels // groups)
    parted = Reshape(label=f"{call.label}_groups", inputs=(x,), shape=shape)
    nodes = _standardized(call.label, parted.output, (0, 2), float(layer.epsilon))
    joined = Reshape(label=f"{call.label}_joined", inputs=nodes[-1].outputs, shape=x.shape)
    return parted, *nodes, joined, _scaled(call, joined.output, (len(x.shape) - 1,))


def read_unit_normalization(call: KerasCall) -> tuple[Node, ...]:
    """Keras' `UnitNormalization`: `x / max(|x|, 10⁻¹²)` over some axes."""
    import numpy as np

    label, (x,) = call.label, call.inputs
    axes = _sample_axes(call.layer.axis, len(x.shape))
    count = math.prod(x.shape[axis] for axis in axes)
    square = _merge(f"{label}_square", "multiply", x, x)
    mean = Mean(label=f"{label}_mean", inputs=square.outputs, axes=axes)
    # not infinite where all numbers are 0
    floor = ActivationFunction("floor", 1e-24 / count)
    above = Activation(label=f"{label}_floor", inputs=mean.outputs, function=floor)
    root = ActivationFunction("rsqrt")
    factor = Activation(label=f"{label}_factor", inputs=above.outputs, function=root)
    normal = _merge(f"{label}_normal", "multiply", x, factor.output)
    scale = np.full(x.shape, count**-0.5)
    last = Affine(label=label, inputs=normal.outputs, scale=scale, offset=np.zeros(x.shape))
    return square, mean, above, factor, normal, last


def read_rms_normalization(call: KerasCall) -> tuple[Node, ...]:
    """Keras' `RMSNormalization`: `x / √(mean(x²) + ε) · scale`."""
    import numpy as np

    label, (x,) = call.label, call.inputs
    axes = _sample_axes(call.layer.axis, len(x.shape))
    square = _merge(f"{label}_square", "multiply", x, x)
    nodes = _divided(label, x, square.output, axes, float(call.layer.epsilon))
    scale = _along(call.array("scale"), axes, x.shape)
    zeros = np.zeros(x.shape)
    last = Affine(label=label, inputs=nodes[-1].outputs, scale=scale, offset=zeros)
    return square, *nodes, last


def _standardized(label: str, x: Value, axes: Shape, epsilon: float) -> tuple[Node, ...]:
    """`(x − mean) / √(variance + ε)`."""
    mean = Mean(label=f"{label}_mean", inputs=(x,), axes=axes)
    centered = _merge(f"{label}_centered", "subtract", x, mean.output)
    square = _merge(f"{label}_square", "multiply", centered.output, centered.output)
    divided = _divided(label, centered.output, square.output, axes, epsilon)
    return mean, centered, square, *divided


def _divided(label: str, x: Value, square: Value, axes: Shape, epsilon: float) -> tuple[Node, ...]:
    """`x / √(mean(square) + ε)`."""
    variance = Mean(label=f"{label}_variance", inputs=(square,), axes=axes)
    root = ActivationFunction("rsqrt", epsilon)
    factor = Activation(label=f"{label}_factor", inputs=variance.outputs, function=root)
    return variance, factor, _merge(f"{label}_normal", "multiply", x, factor.output)


def _scaled(call: KerasCall, normal: Value, axes: Shape) -> Affine:
    """The learned scale and offset along some axes."""
    import numpy as np

    scale, offset = np.ones(normal.shape), np.zeros(normal.shape)
    if call.layer.scale:
        scale = _along(call.array("gamma"), axes, normal.shape)
    if call.layer.center:
        offset = _along(call.array("beta"), axes, normal.shape)
    return Affine(label=call.label, inputs=(normal,), scale=scale, offset=offset)


def _merge(label: str, kind: str, one: Value, other: Value) -> Merge:
    return Merge(label=label, inputs=(one, other), kind=kind)


def _along(array: Array, axes: Shape, shape: Shape) -> Array:
    """An array of some axes, repeated to the shape of a whole value."""
    import numpy as np

    sizes = [size if i in axes else 1 for i, size in enumerate(shape)]
    return np.broadcast_to(array.reshape(sizes), shape)


def _sample_axes(axis: Any, rank: int) -> Shape:
    """Keras' axes, which count the batch, as those of one sample, in order."""
    given = axis if isinstance(axis, list | tuple) else [axis]
    return tuple(sorted(int(each) % (rank + 1) - 1 for each in given))
