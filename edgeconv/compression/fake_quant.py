"""A network computed as its integer file computes it, and trained so (fake quantization).

What a file rounds is rounded here, at the same places and to the same numbers: the reading as the
sensor gives it, each kernel with the sensor's unit and a batch normalization multiplied in (per
output channel, symmetric), and the result of each operation (per tensor, with a zero point). The
gradient passes rounding as if it were not there (straight-through: Bengio et al., 2013; for whole
networks Jacob et al., 2018), and is 0 where a value is clipped. Moving statistics of a batch
normalization stay as they are.
"""

from __future__ import annotations

from collections.abc import Callable, Mapping
from dataclasses import dataclass
from typing import Any

import keras
import numpy as np
import tensorflow as tf

from edgeconv.compression.qat_graph import Call, Kernel, Stage, stages_of
from edgeconv.core import InputConvention, Signal

LEVELS = 255  # steps of an 8-bit activation
DEPTHWISE_BITS = 8
Ranges = dict[str, tuple[float, float]]
At = Callable[[str, Any], Any]
"""What becomes of the value at a point; points are named after layers, the input `sensor`."""


@dataclass(frozen=True, eq=False)
class Walk:
    """The network's operations, with the sensor's unit in front of them.

    Attributes:
        bits: of the kernels; 0: they are not rounded.
    """

    stages: tuple[Stage, ...]
    signal: Signal
    bits: int

    @classmethod
    def of(cls, network: Any, signal: Signal, bits: int) -> Walk:
        """Raises Unsupported for a layer that cannot be trained so."""
        return cls(stages_of(network, signal), signal, bits)

    def run(self, inputs: Any, at: At, training: bool) -> Any:
        """Outputs of normalized windows (n, window·channels)."""
        scale, offset = self.signal.for_sensor(InputConvention.NORMALIZED).affine()
        tiled = [np.tile(v, self.signal.window).astype(np.float32) for v in (scale, offset)]
        x = at("sensor", (inputs - tiled[1]) / tiled[0])
        for stage in self.stages:
            if isinstance(stage, Call):
                x = stage.layer(x, training=training) if stage.trains else stage.layer(x)
            else:
                x = _apply(stage, x, self.bits)
            x = at(stage.point, x) if stage.point else x
        return x


class Rounding(keras.Model):  # type: ignore[misc]  # keras is untyped
    """The network as a Keras model to train; its variables are the network's own."""

    def __init__(self, network: Any, walk: Walk, ranges: Mapping[str, tuple[float, float]]) -> None:
        super().__init__(name=f"{network.name}_rounding")
        self.network = network
        self.walk = walk
        self.limits = tuple((name, *nudged(*limits)) for name, limits in ranges.items())

    def call(self, inputs: Any, training: bool = False) -> Any:
        """Probabilities of normalized windows."""
        limits = {name: (low, high) for name, low, high in self.limits}

        def at(point: str, x: Any) -> Any:
            return tf.quantization.fake_quant_with_min_max_args(x, *limits[point], num_bits=8)

        return self.walk.run(inputs, at, training)


def measure(walk: Walk, inputs: Any, chunk: int = 100) -> Ranges:
    """Extremes at every point of the network without rounding, over windows as it takes them."""
    found: Ranges = {}

    def at(point: str, x: Any) -> Any:
        low, high = found.get(point, (np.inf, -np.inf))
        found[point] = min(low, float(tf.reduce_min(x))), max(high, float(tf.reduce_max(x)))
        return x

    exact = Walk(walk.stages, walk.signal, bits=0)
    for start in range(0, len(inputs), chunk):
        exact.run(tf.constant(inputs[start : start + chunk]), at, training=False)
    return found


def nudged(low: float, high: float) -> tuple[float, float]:
    """The range with 0 among its numbers, as the file's integers have it."""
    low, high = min(low, 0.0), max(high, 0.0)
    if low == high:
        high = 1.0  # nothing but zeros was seen: any step will do
    step = (high - low) / LEVELS
    below = round(-low / step)
    return -below * step, (LEVELS - below) * step


def _apply(stage: Kernel, x: Any, bits: int) -> Any:
    weights, bias = _folded(stage)
    if bits:
        # a file has no 4-bit kernels for depthwise convolutions
        own = max(bits, DEPTHWISE_BITS) if stage.kind == "depthwise" else bits
        weights = _rounded(weights, own, stage.output_axes)
    y = _product(stage, x, weights) + bias
    if stage.ceiling is None:
        return y
    return tf.minimum(tf.nn.relu(y), stage.ceiling) if stage.ceiling else tf.nn.relu(y)


def _folded(stage: Kernel) -> tuple[Any, Any]:
    """Weights and bias with batch normalization and the sensor's unit multiplied in."""
    weights, bias = tf.convert_to_tensor(stage.weights), stage.bias
    bias = tf.zeros(stage.outputs) if bias is None else tf.convert_to_tensor(bias)
    if stage.norm is not None:
        norm = stage.norm
        scale = 1 / tf.sqrt(norm.moving_variance + norm.epsilon)
        scale = scale * norm.gamma if norm.scale else scale
        shift = (norm.beta if norm.center else 0.0) - norm.moving_mean * scale
        weights = weights * tf.reshape(scale, [weights.shape[a] for a in stage.output_axes])
        bias = bias * scale + shift
    if stage.before is not None:
        factor, shift = (np.asarray(v, np.float32)[:, None] for v in stage.before)
        summed = [a for a in range(len(weights.shape)) if a not in stage.output_axes]
        bias = bias + tf.reshape(tf.reduce_sum(weights * shift, summed), [-1])
        weights = weights * factor
    return weights, bias


def _rounded(weights: Any, bits: int, output_axes: tuple[int, ...]) -> Any:
    steps = 2 ** (bits - 1) - 1
    summed = [a for a in range(len(weights.shape)) if a not in output_axes]
    largest = tf.reduce_max(tf.abs(weights), summed, keepdims=True)
    step = tf.where(largest > 0, largest, tf.ones_like(largest)) / steps
    return weights + tf.stop_gradient(tf.round(weights / step) * step - weights)


def _product(stage: Kernel, x: Any, weights: Any) -> Any:
    if stage.kind == "dense":
        return tf.tensordot(x, weights, 1)
    padding = stage.padding
    if padding == "causal":
        reach = (weights.shape[0] - 1) * stage.dilation
        x, padding = tf.pad(x, [[0, 0], [reach, 0], [0, 0]]), "valid"
    if stage.kind == "depthwise":
        y = tf.nn.depthwise_conv2d(
            x[:, None],
            weights[None],
            [1, stage.stride, stage.stride, 1],
            padding.upper(),
            dilations=[1, stage.dilation],
        )
        return y[:, 0]
    return tf.nn.conv1d(x, weights, stage.stride, padding.upper(), dilations=stage.dilation)
