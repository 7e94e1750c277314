"""A plan run in float64 NumPy: the independent opinion on folding, without any converter."""

from __future__ import annotations

from collections.abc import Callable
from typing import TYPE_CHECKING

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
    padded_length,
)

if TYPE_CHECKING:
    from edgeconv.ir.graph import Array


def evaluate(
    plan: Plan, windows: Array, observe: Callable[[Layer, Array], None] | None = None
) -> Array:
    """Outputs of `windows`, (n, *input shape) → (n, *output shape), float64.

    `observe` is called before each layer with what the layer reads, (n, *shape).
    """
    import numpy as np

    value = np.asarray(windows, np.float64).reshape(-1, *plan.input_shape)
    for layer in plan.layers:
        if observe is not None:
            observe(layer, value)
        value = apply(layer, value)
    return value


def apply(layer: Layer, x: Array) -> Array:
    """One layer's outputs, (n, *shape) → (n, *shape after it)."""
    match layer:
        case Conv():
            return _function(layer.function, _convolve(layer, x))
        case Depthwise():
            taps = taps_of(
                x, layer.kernel.shape[0], layer.stride, layer.dilation, layer.padding, 0.0
            )
            return _function(layer.function, _depthwise(layer, taps))
        case Dense():
            return _function(layer.function, x @ layer.kernel + layer.bias)
        case Affine():
            return x * layer.scale + layer.offset
        case Pool():
            return _pool(layer, x)
        case GlobalPool():
            return _global_pool(layer, x)
        case Reshape():
            return x.reshape(-1, *layer.shape)
        case Activate():
            return _function(layer.function, x)
        case KerasLayer():
            return _opaque(layer, x)


def _opaque(layer: KerasLayer, x: Array) -> Array:
    import numpy as np

    return np.asarray(layer.call(x.astype(np.float32)), np.float64)


def taps_of(x: Array, taps: int, stride: int, dilation: int, padding: str, fill: float) -> Array:
    """(n, time, channels) → (n, output time, channels, taps)."""
    import numpy as np

    reach = (taps - 1) * dilation
    steps = padded_length(x.shape[1], taps, stride, dilation, padding)
    before = 0
    total = 0
    if padding == "causal":
        before = total = reach
    elif padding == "same":
        total = max((steps - 1) * stride + reach + 1 - x.shape[1], 0)
        before = total // 2
    x = np.pad(x, ((0, 0), (before, total - before), (0, 0)), constant_values=fill)
    index = np.arange(steps)[:, None] * stride + np.arange(taps) * dilation
    return np.asarray(np.moveaxis(x[:, index], 2, 3))


def _convolve(layer: Conv, x: Array) -> Array:
    import numpy as np

    taps = taps_of(x, layer.kernel.shape[0], layer.stride, layer.dilation, layer.padding, 0.0)
    inputs = np.split(taps, layer.groups, axis=2)
    kernels = np.split(layer.kernel, layer.groups, axis=2)
    parts = [
        np.einsum("ntck,kco->nto", u, w, optimize=True)
        for u, w in zip(inputs, kernels, strict=True)
    ]
    return np.asarray(np.concatenate(parts, axis=-1) + layer.bias)


def _depthwise(layer: Depthwise, taps: Array) -> Array:
    import numpy as np

    out = np.einsum("ntck,kcm->ntcm", taps, layer.kernel)
    return np.asarray(out.reshape(*out.shape[:2], -1) + layer.bias)


def _global_pool(layer: GlobalPool, x: Array) -> Array:
    reduced: Array = x.max(1) if layer.kind == "max" else x.mean(1)
    return reduced[:, None] if layer.keep else reduced


def _pool(layer: Pool, x: Array) -> Array:
    import numpy as np

    if layer.kind == "max":
        return np.asarray(taps_of(x, layer.size, layer.stride, 1, layer.padding, -np.inf).max(-1))
    # the average leaves padding out of its count
    taps = taps_of(x, layer.size, layer.stride, 1, layer.padding, np.nan)
    return np.asarray(np.nanmean(taps, axis=-1))


def _function(function: Function, x: Array) -> Array:
    import numpy as np

    match function.kind:
        case "relu":
            return np.maximum(x, 0)
        case "relu_max":
            return np.clip(x, 0, function.value)
        case "leaky_relu":
            return np.where(x > 0, x, x * function.value)
        case "elu":
            return np.where(x > 0, x, function.value * np.expm1(np.minimum(x, 0)))
        case "sigmoid":
            return _sigmoid(x)
        case "tanh":
            return np.tanh(x)
        case "silu":
            return x * _sigmoid(x)
        case "softmax":
            shifted = np.exp(x - x.max(-1, keepdims=True))
            return np.asarray(shifted / shifted.sum(-1, keepdims=True))
    return x


def _sigmoid(x: Array) -> Array:
    import numpy as np

    return np.asarray(0.5 * (1 + np.tanh(0.5 * x)))
