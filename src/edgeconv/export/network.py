"""Plan → `tf.Module`: one batch-1 trace in rank-4 form, which both converters read.

A 1-D convolution is a 2-D one with a 1×k kernel. Written so from the start, no converter needs to
wrap each convolution in EXPAND_DIMS/RESHAPE (TFLite) or transposes (Core ML). TFLite kernels want
channels last (1, 1, time, channels), Core ML channels first (1, channels, 1, time).
"""

from __future__ import annotations

import re
from dataclasses import dataclass
from typing import TYPE_CHECKING, Any

from edgeconv.errors import Unsupported
from edgeconv.export.plan import (
    Activate,
    Affine,
    Conv,
    Dense,
    Depthwise,
    Function,
    GlobalPool,
    Layer,
    Opaque,
    Plan,
    Pool,
    Reshape,
)

if TYPE_CHECKING:
    from edgeconv.export.plan import Array, Shape

INPUT = "sensor"
OUTPUT = "probabilities"


@dataclass(frozen=True, eq=False)
class Traced:
    """A network as converters take it.

    `module` holds the variables of `function`. Both must be handed to a converter: with the
    function alone TFLite's writes a file without weights and says nothing.
    """

    module: Any
    function: Any
    shape: tuple[int, ...]
    labels: tuple[str, ...]
    layout_changes: int  # operations that move values without computing
    input: str = INPUT


def trace(plan: Plan, labels: tuple[str, ...], channels_first: bool) -> Traced:
    """One window (1, features) in, `probabilities` out."""
    import tensorflow as tf

    emitter = _Emitter(plan, channels_first)
    module = tf.Module(name="network")
    module.held = emitter.variables

    def network(sensor: Any) -> dict[str, Any]:
        return {OUTPUT: emitter.run(sensor)}

    shape = (1, *plan.input_shape)
    signature = [tf.TensorSpec(shape, tf.float32, INPUT)]
    module.network = tf.function(network, input_signature=signature, autograph=False)
    function = module.network.get_concrete_function()
    return Traced(module, function, shape, labels, emitter.layout_changes)


class _Emitter:
    """Emits a plan's operations on values of rank 4 (time and channels) or rank 2 (features).

    The operation that gives a layer's result bears the layer's name.
    """

    def __init__(self, plan: Plan, channels_first: bool) -> None:
        import tensorflow as tf

        self.tf = tf
        self.plan = plan
        self.first = channels_first
        self.format = "NCHW" if channels_first else "NHWC"
        self.shapes = plan.shapes()
        self.permuted = _flattened_channels_first(plan) if channels_first else {}
        self.layout_changes = 0
        self.variables: dict[str, Any] = {}
        for i, layer in enumerate(plan.layers):
            for part, value in self._constants(i, layer).items():
                self._hold(layer.name, part, value)

    def run(self, value: Any) -> Any:
        """The output of one window (1, features)."""
        for i, layer in enumerate(self.plan.layers):
            value = self._emit(i, layer, value)
        return self.tf.identity(value, name=OUTPUT)

    # --- weights ------------------------------------------------------------------------------

    def _hold(self, layer: str, part: str, value: Array) -> None:
        key = f"{_clean(layer)}_{part}"
        if key in self.variables:
            raise Unsupported(
                f"two layers are called '{layer}'", "give every layer a name of its own"
            )
        self.variables[key] = self.tf.Variable(
            value.astype("float32"), trainable=False, name=key, dtype=self.tf.float32
        )

    def _constants(self, i: int, layer: Layer) -> dict[str, Array]:
        """What the layer must hold, laid out as its operation wants it."""
        match layer:
            case Conv():
                return {"kernel": layer.kernel[None], "bias": layer.bias}
            case Depthwise():
                return {"kernel": self._depthwise_kernel(layer), "bias": layer.bias}
            case Dense():
                return {"kernel": self._dense_kernel(i, layer), "bias": layer.bias}
            case Affine():
                return {
                    "scale": self._broadcast(layer.scale),
                    "offset": self._broadcast(layer.offset),
                }
        return {}

    def _depthwise_kernel(self, layer: Depthwise) -> Array:
        """Channels first: as many groups as channels, since coremltools reads the length of time
        as the channels of a channels-first depthwise operation."""
        if not self.first:
            return layer.kernel[None]
        taps, channels, multiplier = layer.kernel.shape
        return layer.kernel.reshape(1, taps, 1, channels * multiplier)

    def _dense_kernel(self, i: int, layer: Dense) -> Array:
        """Rows in the order in which a channels-first value was flattened."""
        if i not in self.permuted:
            return layer.kernel
        steps, channels = self.permuted[i]
        rows = layer.kernel.reshape(steps, channels, -1).swapaxes(0, 1)
        return rows.reshape(layer.kernel.shape)

    def _broadcast(self, value: Array) -> Array:
        """A factor of the value's shape, one for each channel where time does not matter."""
        if value.ndim == 1:
            return value[None]
        if (value == value[0]).all():
            value = value[:1]
        return value.T[None, :, None] if self.first else value[None, None]

    def _get(self, layer: Layer, part: str) -> Any:
        return self.variables[f"{_clean(layer.name)}_{part}"]

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
                return self.tf.add(scaled, self._get(layer, "offset"), name=_clean(layer.name))
            case Pool():
                return self._pool(layer, x)
            case GlobalPool():
                return self._global_pool(layer, x)
            case Reshape():
                return self._reshape(layer, self.shapes[i], self._feeds_permuted(i), x)
            case Activate():
                return self._function(layer.function, x, _clean(layer.name))
            case Opaque():
                outer = layer.call(self._to_keras(x, self.shapes[i]))
                return self._from_keras(outer, layer.shape, _clean(layer.name))

    def _convolution(self, layer: Conv | Depthwise, x: Any) -> Any:
        tf = self.tf
        if layer.padding == "causal":
            reach = (layer.kernel.shape[0] - 1) * layer.dilation
            x = tf.pad(x, self._axes([0, 0], [0, 0], [reach, 0], [0, 0]), name=_inner(layer, "pad"))
        padding = "SAME" if layer.padding == "same" else "VALID"
        kernel = self._get(layer, "kernel")
        if isinstance(layer, Conv) or self.first:
            y = tf.nn.conv2d(
                x,
                kernel,
                strides=self._axes(1, 1, layer.stride, 1),
                padding=padding,
                data_format=self.format,
                dilations=self._axes(1, 1, layer.dilation, 1),
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
        name = _clean(layer.name) if linear else _inner(layer, "bias")
        data_format = self.format if len(y.shape) == 4 else None
        y = self.tf.nn.bias_add(y, self._get(layer, "bias"), data_format=data_format, name=name)
        return y if linear else self._function(layer.function, y, _clean(layer.name))

    def _pool(self, layer: Pool, x: Any) -> Any:
        pool = self.tf.nn.max_pool2d if layer.kind == "max" else self.tf.nn.avg_pool2d
        size, stride = self._axes(1, 1, layer.size, 1), self._axes(1, 1, layer.stride, 1)
        return pool(x, size, stride, layer.padding.upper(), self.format, name=_clean(layer.name))

    def _global_pool(self, layer: GlobalPool, x: Any) -> Any:
        reduce = self.tf.reduce_max if layer.kind == "max" else self.tf.reduce_mean
        axes = [2, 3] if self.first else [1, 2]
        return reduce(x, axes, keepdims=layer.keep, name=_clean(layer.name))

    def _function(self, function: Function, x: Any, name: str) -> Any:
        nn = self.tf.nn
        match function.kind:
            case "relu_max" if function.value == 6:
                return nn.relu6(x, name=name)
            case "relu_max":
                return self.tf.minimum(nn.relu(x), function.value, name=name)
            case "leaky_relu":
                return nn.leaky_relu(x, function.value, name=name)
            case "silu":
                return self.tf.multiply(x, self.tf.sigmoid(x), name=name)
            case "softmax":
                return nn.softmax(x, axis=1 if self.first else -1, name=name)
            case "linear":
                return self.tf.identity(x, name=name)
        return getattr(nn, function.kind)(x, name=name)  # relu, elu, sigmoid, tanh

    # --- shapes -------------------------------------------------------------------------------

    def _axes(self, batch: Any, height: Any, time: Any, channels: Any) -> list[Any]:
        if self.first:
            return [batch, channels, height, time]
        return [batch, height, time, channels]

    def _reshape(self, layer: Reshape, before: Shape, as_it_lies: bool, x: Any) -> Any:
        name = _clean(layer.name)
        if as_it_lies:
            return self._move("reshape", x, (1, *layer.shape), name)
        return self._from_keras(self._to_keras(x, before), layer.shape, name)

    def _feeds_permuted(self, i: int) -> bool:
        """Whether this flattening may keep channels first, because a dense layer expects it."""
        return _dense_after(self.plan, i) in self.permuted

    def _to_keras(self, x: Any, shape: Shape) -> Any:
        """Channels last; TensorFlow's height axis is left to the reshape that follows."""
        if len(shape) == 1 or not self.first or 1 in shape:
            return x
        return self._move("transpose", x, (0, 2, 3, 1), None)

    def _from_keras(self, x: Any, shape: Shape, name: str) -> Any:
        if len(shape) == 1:
            return self._move("reshape", x, (1, *shape), name)
        if not self.first:
            return self._move("reshape", x, (1, 1, *shape), name)
        x = self._move("reshape", x, (1, 1, *shape), f"{name}_steps")
        return self._move("transpose", x, (0, 3, 1, 2), name)

    def _move(self, kind: str, x: Any, how: tuple[int, ...], name: str | None) -> Any:
        self.layout_changes += 1
        return getattr(self.tf, kind)(x, how, name=name)


def _clean(name: str) -> str:
    """A layer's name as TensorFlow accepts it."""
    return re.sub(r"[^A-Za-z0-9_.]", "_", name)


def _inner(layer: Layer, part: str) -> str:
    return f"{_clean(layer.name)}_{part}"


def _dense_after(plan: Plan, i: int) -> int | None:
    """Position of the dense layer that reads a flattening at `i`, through element-wise layers."""
    for j in range(i + 1, len(plan.layers)):
        layer = plan.layers[j]
        if isinstance(layer, Dense):
            return j
        if not isinstance(layer, Activate) or layer.function.kind == "softmax":
            return None
    return None


def _flattened_channels_first(plan: Plan) -> dict[int, Shape]:
    """Dense layers that can read a value flattened with its channels first, and its shape.

    Their kernel's rows are permuted instead of the value being transposed on every inference.
    """
    found: dict[int, Shape] = {}
    for i, (layer, shape) in enumerate(zip(plan.layers, plan.shapes()[:-1], strict=True)):
        if isinstance(layer, Reshape) and len(layer.shape) == 1 and len(shape) == 2:
            dense = _dense_after(plan, i)
            if dense is not None:
                found[dense] = shape
    return found
