"""Activation functions as TensorFlow operations."""

from __future__ import annotations

import math
from collections.abc import Callable, Mapping
from typing import Any

from edgeconv.errors import Unsupported
from edgeconv.ir.nodes.activation import SIGMOID_RANGE, ActivationFunction
from edgeconv.ir.tf_builder import TFBuilder

RADICAND = "radicand"
"""The part of a node that is under its reciprocal root."""


def activate(builder: TFBuilder, function: ActivationFunction, x: Any, name: str) -> Any:
    """The operations of an activation function; the last of them bears the name."""
    tf, nn = builder.tf, builder.tf.nn
    match function.kind:
        case "relu_max" if function.value == 6:
            return nn.relu6(x, name=name)
        case "relu_max" if builder.ranges and not _has_merges(builder):
            return nn.relu(x, name=name)  # the range ends at the ceiling
        case "relu_max":
            return tf.minimum(nn.relu(x), function.value, name=name)
        case "silu":
            gate = builder.round_to(SIGMOID_RANGE, tf.sigmoid(x))
            return tf.multiply(x, gate, name=name)
        case "gelu" if builder.layout.channels_first:
            # coremltools makes one operation of this; TFLite of TensorFlow's own, with erfc
            return tf.multiply(0.5 * x, 1.0 + tf.math.erf(x * math.sqrt(0.5)), name=name)
        case "softmax" | "log_softmax":
            axis = builder.layout.channel_axis if len(x.shape) == 4 else -1
            return getattr(nn, function.kind)(x, axis=axis, name=name)
    if function.kind not in FUNCTIONS:
        raise Unsupported(
            f"activation '{function.kind}' has no TensorFlow operation",
            f"possible: {', '.join(sorted(FUNCTIONS))}",
        )
    return FUNCTIONS[function.kind](tf, x, function.value, name)


def _has_merges(builder: TFBuilder) -> bool:
    """Whether the converter may give a value the wider range of what it is joined with."""
    return any(len(node.inputs) > 1 for node in builder.graph.nodes)


FUNCTIONS: Mapping[str, Callable[[Any, Any, float, str | None], Any]] = {
    "linear": lambda tf, x, _, name: tf.identity(x, name=name),
    "relu": lambda tf, x, _, name: tf.nn.relu(x, name=name),
    "leaky_relu": lambda tf, x, slope, name: tf.nn.leaky_relu(x, slope, name=name),
    "elu": lambda tf, x, _, name: tf.nn.elu(x, name=name),
    "sigmoid": lambda tf, x, _, name: tf.nn.sigmoid(x, name=name),
    "tanh": lambda tf, x, _, name: tf.nn.tanh(x, name=name),
    "abs": lambda tf, x, _, name: tf.abs(x, name=name),
    "exp": lambda tf, x, _, name: tf.exp(x, name=name),
    "log": lambda tf, x, _, name: tf.math.log(x, name=name),
    "gelu": lambda tf, x, _, name: tf.nn.gelu(x, name=name),
    "gelu_tanh": lambda tf, x, _, name: tf.nn.gelu(x, approximate=True, name=name),
    "rsqrt": lambda tf, x, epsilon, name: tf.math.rsqrt(
        tf.add(x, epsilon, name=name and f"{name}_{RADICAND}"), name=name
    ),
    "ceiling": lambda tf, x, ceiling, name: tf.minimum(x, ceiling, name=name),
    "floor": lambda tf, x, floor, name: tf.maximum(x, floor, name=name),
}
"""The operation of each function that needs nothing but its input and its number."""
