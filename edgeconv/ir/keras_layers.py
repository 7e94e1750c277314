"""The table of Keras layers that can be exported, and what each becomes in a plan."""

from __future__ import annotations

import re
from collections.abc import Callable, Mapping
from typing import TYPE_CHECKING, Any

from edgeconv.errors import Unsupported
from edgeconv.ir.graph import (
    LINEAR,
    Activate,
    Affine,
    Conv,
    Dense,
    Depthwise,
    Function,
    GlobalPool,
    KerasLayer,
    Layer,
    Pool,
    Reshape,
)
from edgeconv.ir.keras_activations import ACTIVATION_LAYERS, read_function

if TYPE_CHECKING:
    from edgeconv.ir.graph import Array


def translate(layer: Any) -> list[Layer]:
    """What one Keras layer becomes; nothing for a layer that acts in training only.

    Raises:
        Unsupported: the layer, or a setting of it, is outside the table.
    """
    kind = type(layer).__name__
    reader = TABLE.get(kind)
    if reader is None:
        raise Unsupported(
            f"layer '{layer.name}' is a {kind}, which cannot be exported",
            f"possible: {', '.join(sorted(TABLE))}",
        )
    if getattr(layer, "quantization_mode", None):
        raise Unsupported(
            f"layer '{layer.name}' ({kind}) is already quantized by Keras",
            "export the float model and let the scheme quantize it",
        )
    if getattr(layer, "data_format", "channels_last") == "channels_first":
        raise Unsupported(
            f"layer '{layer.name}' ({kind}) is channels-first", "use data_format channels_last"
        )
    return reader(layer)


def _weights(variable: Any) -> Array:
    import numpy as np

    return np.asarray(variable, np.float64)


def _bias(layer: Any, size: int) -> Array:
    import numpy as np

    return _weights(layer.bias) if layer.use_bias else np.zeros(size)


def _common(layer: Any) -> dict[str, Any]:
    return {
        "name": layer.name,
        "stride": int(layer.strides[0]),
        "dilation": int(layer.dilation_rate[0]),
        "padding": layer.padding,
    }


def _conv(layer: Any) -> list[Layer]:
    kernel = _weights(layer.kernel)
    return _with_activation(
        layer,
        lambda f: Conv(
            kernel=kernel,
            bias=_bias(layer, kernel.shape[2]),
            groups=int(layer.groups),
            function=f,
            **_common(layer),
        ),
    )


def _depthwise(layer: Any) -> list[Layer]:
    kernel = _weights(layer.kernel)
    bias = _bias(layer, kernel.shape[1] * kernel.shape[2])
    return _with_activation(
        layer, lambda f: Depthwise(kernel=kernel, bias=bias, function=f, **_common(layer))
    )


def _separable(layer: Any) -> list[Layer]:
    import numpy as np

    kernel, pointwise = _weights(layer.depthwise_kernel), _weights(layer.pointwise_kernel)
    common = {**_common(layer), "name": f"{layer.name}_depthwise"}
    first = Depthwise(kernel=kernel, bias=np.zeros(pointwise.shape[1]), **common)
    bias = _bias(layer, pointwise.shape[2])
    return [
        first,
        *_with_activation(layer, lambda f: Conv(layer.name, pointwise, bias, function=f)),
    ]


def _dense(layer: Any) -> list[Layer]:
    kernel = _weights(layer.kernel)
    bias = _bias(layer, kernel.shape[1])
    if len(layer.input.shape) == 3:  # on every time step: a convolution with one tap
        return _with_activation(layer, lambda f: Conv(layer.name, kernel[None], bias, function=f))
    return _with_activation(layer, lambda f: Dense(layer.name, kernel, bias, f))


def _with_activation(layer: Any, make: Callable[[Function], Layer]) -> list[Layer]:
    """The layer with its activation inside, or softmax (which no operation fuses) after it."""
    function = read_function(layer, layer.activation)
    if function.kind != "softmax":
        return [make(function)]
    return [make(LINEAR), Activate(f"{layer.name}_softmax", function)]


def _batch_norm(layer: Any) -> list[Layer]:
    """At inference `(x − mean) / sqrt(variance + ε) · gamma + beta`."""
    import numpy as np

    shape = tuple(int(d) for d in layer.input.shape[1:])
    if layer.axis not in (-1, len(shape)):
        raise Unsupported(f"layer '{layer.name}' normalizes axis {layer.axis}", "use the last axis")
    scale = 1 / np.sqrt(_weights(layer.moving_variance) + layer.epsilon)
    if layer.scale:
        scale = scale * _weights(layer.gamma)
    offset = -_weights(layer.moving_mean) * scale
    if layer.center:
        offset = offset + _weights(layer.beta)
    return [Affine(layer.name, np.broadcast_to(scale, shape), np.broadcast_to(offset, shape))]


def _pool(kind: str) -> Callable[[Any], list[Layer]]:
    return lambda layer: [
        Pool(layer.name, kind, int(layer.pool_size[0]), int(layer.strides[0]), layer.padding)
    ]


def _global(kind: str) -> Callable[[Any], list[Layer]]:
    return lambda layer: [GlobalPool(layer.name, kind, bool(layer.keepdims))]


def _reshape(layer: Any) -> list[Layer]:
    shape = tuple(int(d) for d in layer.output.shape[1:])
    if len(shape) > 2:
        raise Unsupported(
            f"layer '{layer.name}' ({type(layer).__name__}) makes {shape} of a window",
            "use (time, channels) or one flat vector",
        )
    return [Reshape(layer.name, shape)]


def _activation(layer: Any) -> list[Layer]:
    return [Activate(layer.name, read_function(layer, layer.activation))]


def _activation_layer(layer: Any) -> list[Layer]:
    return [Activate(layer.name, ACTIVATION_LAYERS[type(layer).__name__](layer))]


def _reason(error: Exception) -> str:
    """The line that says what happened; Keras prints it bold, under a heading of its own."""
    plain = re.sub(r"\x1b\[\d*m", "", str(error))
    lines = [line for line in plain.splitlines() if line.strip()] or ["no message"]
    wrapped = lines[0].startswith("Exception encountered") and len(lines) > 1
    return lines[1] if wrapped else lines[0]


def _lambda(layer: Any) -> list[Layer]:
    """Its own code stays in the graph; what that code raises becomes one clear line."""

    def call(value: Any) -> Any:
        try:
            return layer(value)
        except Exception as error:
            raise Unsupported(
                f"layer '{layer.name}' (Lambda) cannot be exported: its code fails with "
                f"{type(error).__name__}: {_reason(error)}",
                "replace the Lambda by layers of Keras itself",
            ) from error

    return [KerasLayer(layer.name, call, tuple(int(d) for d in layer.output.shape[1:]))]


# act in training only
_INACTIVE = (
    "ActivityRegularization",
    "AlphaDropout",
    "Dropout",
    "GaussianDropout",
    "GaussianNoise",
    "Identity",
    "InputLayer",
    "SpatialDropout1D",
)

TABLE: Mapping[str, Callable[[Any], list[Layer]]] = {
    "Activation": _activation,
    "AveragePooling1D": _pool("average"),
    "BatchNormalization": _batch_norm,
    "Conv1D": _conv,
    "Dense": _dense,
    "DepthwiseConv1D": _depthwise,
    "Flatten": _reshape,
    "GlobalAveragePooling1D": _global("average"),
    "GlobalMaxPooling1D": _global("max"),
    "Lambda": _lambda,  # only reaches this table where the caller declared it safe
    "MaxPooling1D": _pool("max"),
    "Reshape": _reshape,
    "SeparableConv1D": _separable,
    **dict.fromkeys(ACTIVATION_LAYERS, _activation_layer),
    **dict.fromkeys(_INACTIVE, lambda _: []),
}
