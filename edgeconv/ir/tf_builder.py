"""Plan → TensorFlow operations, one layer after the other."""

from __future__ import annotations

import re
from typing import TYPE_CHECKING, Any

from edgeconv.errors import Unsupported
from edgeconv.ir import quantization_points
from edgeconv.ir.calibration import INT8_AFFINE
from edgeconv.ir.graph import (
    Activate,
    Affine,
    Conv,
    Dense,
    Depthwise,
    Function,
    GlobalPool,
    KerasLayer,
    Layer,
    Plan,
    Pool,
    Reshape,
)
from edgeconv.ir.layout import Layout

if TYPE_CHECKING:
    from collections.abc import Mapping

    from edgeconv.ir.graph import Array, Shape

OUTPUT = "probabilities"


class TFBuilder:
    """Emits a plan's operations on values of rank 4 (time and channels) or rank 2 (features).

    The operation that gives a layer's result bears the layer's name. With `ranges`, fake
    quantization follows each value that becomes integers of its own (`points.py`).
    """

    def __init__(
        self,
        plan: Plan,
        channels_first: bool,
        ranges: Mapping[str, tuple[float, float]] | None = None,
    ) -> None:
        import tensorflow as tf

        self.tf = tf
        self.plan = plan
        self.ranges = ranges or {}
        self.layout = Layout(plan, channels_first)
        self.shapes = plan.shapes()
        self.layout_changes = 0
        self.variables: dict[str, Any] = {}
        for i, layer in enumerate(plan.layers):
            for part, value in self.layout.constants(i, layer).items():
                self._hold(layer.name, part, value)

    def run(self, value: Any) -> Any:
        """The output of one window (1, features)."""
        value = self._rounded(value, quantization_points.INPUT)
        for i, layer in enumerate(self.plan.layers):
            value = self._rounded(self._emit(i, layer, value), layer.name)
        return self.tf.identity(value, name=OUTPUT)

    # --- weights ------------------------------------------------------------------------------

    def _hold(self, layer: str, part: str, value: Array) -> None:
        key = f"{clean(layer)}_{part}"
        if key in self.variables:
            raise Unsupported(
                f"two layers are called '{layer}'", "give every layer a name of its own"
            )
        self.variables[key] = self.tf.Variable(
            value.astype("float32"), trainable=False, name=key, dtype=self.tf.float32
        )

    def _get(self, layer: Layer, part: str) -> Any:
        return self.variables[f"{clean(layer.name)}_{part}"]

    # --- operations ---------------------------------------------------------------------------

    def _emit(self, i: int, layer: Layer, x: Any) -> Any:
        match layer:
            case Conv() | Depthwise():
                return self._convolution(layer, x)
            case Dense():
                product = self.tf.matmul(
                    x, self._get(layer, "kernel"), name=_inner(layer, "matmul")
                )
                return self._finish(layer, product)
            case Affine():
                scaled = self.tf.multiply(x, self._get(layer, "scale"), name=_inner(layer, "scale"))
                scaled = self._rounded(scaled, quantization_points.after_scale(layer))
                return self.tf.add(scaled, self._get(layer, "offset"), name=clean(layer.name))
            case Pool():
                return self._pool(layer, x)
            case GlobalPool():
                return self._global_pool(layer, x)
            case Reshape():
                return self._reshape(layer, self.shapes[i], self.layout.flattens_as_it_lies(i), x)
            case Activate():
                return self._activate(layer.function, x, clean(layer.name))
            case KerasLayer():
                return self._opaque(layer, self.shapes[i], x)

    def _convolution(self, layer: Conv | Depthwise, x: Any) -> Any:
        tf = self.tf
        if layer.padding == "causal":
            reach = (layer.kernel.shape[0] - 1) * layer.dilation
            paddings = self.layout.axes([0, 0], [0, 0], [reach, 0], [0, 0])
            x = tf.pad(x, paddings, name=_inner(layer, "pad"))
        padding = "SAME" if layer.padding == "same" else "VALID"
        kernel = self._get(layer, "kernel")
        if isinstance(layer, Conv) or self.layout.channels_first:
            y = tf.nn.conv2d(
                x,
                kernel,
                strides=self.layout.axes(1, 1, layer.stride, 1),
                padding=padding,
                data_format=self.layout.format,
                dilations=self.layout.axes(1, 1, layer.dilation, 1),
                name=_inner(layer, "conv"),
            )
            return self._finish(layer, y)
        # TensorFlow wants equal strides on both axes; the height is 1 whatever the stride
        y = tf.raw_ops.DepthwiseConv2dNative(
            input=x,
            filter=kernel,
            strides=[1, layer.stride, layer.stride, 1],
            padding=padding,
            dilations=[1, layer.dilation, layer.dilation, 1],
            name=_inner(layer, "conv"),
        )
        return self._finish(layer, y)

    def _finish(self, layer: Conv | Depthwise | Dense, y: Any) -> Any:
        """Bias and activation; the last of them bears the layer's name."""
        linear = layer.function.kind == "linear"
        name = clean(layer.name) if linear else _inner(layer, "bias")
        data_format = self.layout.format if len(y.shape) == 4 else None
        y = self.tf.nn.bias_add(y, self._get(layer, "bias"), data_format=data_format, name=name)
        if linear:
            return y
        if not quantization_points.fused(layer.function):
            y = self._rounded(y, quantization_points.before_function(layer))
        return self._activate(layer.function, y, clean(layer.name))

    def _pool(self, layer: Pool, x: Any) -> Any:
        pool = self.tf.nn.max_pool2d if layer.kind == "max" else self.tf.nn.avg_pool2d
        size = self.layout.axes(1, 1, layer.size, 1)
        stride = self.layout.axes(1, 1, layer.stride, 1)
        padding, name = layer.padding.upper(), clean(layer.name)
        return pool(x, size, stride, padding, self.layout.format, name=name)

    def _global_pool(self, layer: GlobalPool, x: Any) -> Any:
        reduce = self.tf.reduce_max if layer.kind == "max" else self.tf.reduce_mean
        axes = [2, 3] if self.layout.channels_first else [1, 2]
        return reduce(x, axes, keepdims=layer.keep, name=clean(layer.name))

    def _activate(self, function: Function, x: Any, name: str) -> Any:
        nn = self.tf.nn
        match function.kind:
            case "relu_max" if function.value == 6:
                return nn.relu6(x, name=name)
            case "relu_max" if self.ranges:
                return nn.relu(x, name=name)  # the range ends at the ceiling
            case "relu_max":
                return self.tf.minimum(nn.relu(x), function.value, name=name)
            case "leaky_relu":
                return nn.leaky_relu(x, function.value, name=name)
            case "silu":
                gate = self.tf.sigmoid(x)
                return self.tf.multiply(
                    x, self._round_to(quantization_points.SIGMOID, gate), name=name
                )
            case "softmax":
                return nn.softmax(x, axis=self.layout.channel_axis, name=name)
            case "linear":
                return self.tf.identity(x, name=name)
        return getattr(nn, function.kind)(x, name=name)  # relu, elu, sigmoid, tanh

    def _rounded(self, x: Any, point: str) -> Any:
        """The value as its integers stand for it; unchanged where the point has no range."""
        return self._round_to(self.ranges[point], x) if point in self.ranges else x

    def _round_to(self, limits: tuple[float, float], x: Any) -> Any:
        if not self.ranges:
            return x
        low, high = INT8_AFFINE.nudged(*limits)
        return self.tf.quantization.fake_quant_with_min_max_args(x, low, high, num_bits=8)

    # --- shapes -------------------------------------------------------------------------------

    def _opaque(self, layer: KerasLayer, before: Shape, x: Any) -> Any:
        """Foreign code sees the rank that it had in Keras: it may well index an axis."""
        x = self._to_keras(x, before)
        if len(before) == 2:
            x = self._move("reshape", x, (1, *before), None)
        return self._from_keras(layer.call(x), layer.shape, clean(layer.name))

    def _reshape(self, layer: Reshape, before: Shape, as_it_lies: bool, x: Any) -> Any:
        name = clean(layer.name)
        if as_it_lies:
            return self._move("reshape", x, (1, *layer.shape), name)
        return self._from_keras(self._to_keras(x, before), layer.shape, name)

    def _to_keras(self, x: Any, shape: Shape) -> Any:
        """Channels last; TensorFlow's height axis is left to the reshape that follows."""
        if len(shape) == 1 or not self.layout.channels_first or 1 in shape:
            return x
        return self._move("transpose", x, (0, 2, 3, 1), None)

    def _from_keras(self, x: Any, shape: Shape, name: str) -> Any:
        if len(shape) == 1:
            return self._move("reshape", x, (1, *shape), name)
        if not self.layout.channels_first:
            return self._move("reshape", x, (1, 1, *shape), name)
        x = self._move("reshape", x, (1, 1, *shape), f"{name}_steps")
        return self._move("transpose", x, (0, 3, 1, 2), name)

    def _move(self, kind: str, x: Any, how: tuple[int, ...], name: str | None) -> Any:
        self.layout_changes += 1
        return getattr(self.tf, kind)(x, how, name=name)


def clean(name: str) -> str:
    """A layer's name as TensorFlow accepts it."""
    return re.sub(r"[^A-Za-z0-9_.]", "_", name)


def _inner(layer: Layer, part: str) -> str:
    return f"{clean(layer.name)}_{part}"
