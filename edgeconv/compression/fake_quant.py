"""A network computed and trained as its integer file computes it (fake quantization).

The values that a file rounds are rounded here at the same places and to the same numbers: the
reading in the sensor's unit, each kernel with the sensor's unit and a batch normalization
multiplied in (per output channel, symmetric), and the result of each operation (per tensor, with a
zero point). The gradient ignores the rounding (straight-through estimator: Bengio et al., 2013; for
whole networks Jacob et al., 2018), and is 0 where a value is clipped. Moving statistics of a batch
normalization do not change.

The nodes of the graph decide what is folded into which kernel (`qat_graph.py`); the arithmetic is
repeated here because gradients must reach the layers' variables.
"""

from __future__ import annotations

from collections.abc import Callable, Mapping
from dataclasses import dataclass, replace
from typing import Any

import keras
import numpy as np
import tensorflow as tf

from edgeconv.compression.qat_graph import KernelOp, LayerOp, QATOp, read_ops
from edgeconv.core import InputConvention, Signal
from edgeconv.ir.calibration import INT8_AFFINE
from edgeconv.ir.folding import INPUT_LABEL
from edgeconv.ir.nodes import Conv, Depthwise

Ranges = dict[str, tuple[float, float]]
Observer = Callable[[str, Any], Any]
"""Maps a value's label and the value to the value that the next operation reads."""


@dataclass(frozen=True, eq=False)
class QATGraph:
    """The network's operations, with the sensor's unit in front of them.

    Attributes:
        bits: bit width of the kernels; 0: they are not rounded.
    """

    ops: tuple[QATOp, ...]
    signal: Signal
    bits: int

    @classmethod
    def of(cls, network: Any, signal: Signal, bits: int) -> QATGraph:
        """Read a network's operations. Raises Unsupported for a layer that cannot be trained."""
        return cls(read_ops(network, signal), signal, bits)

    def run(self, inputs: Any, observer: Observer, training: bool) -> Any:
        """Outputs of normalized windows (n, window·channels)."""
        scale, offset = self.signal.for_sensor(InputConvention.NORMALIZED).affine()
        tiled = [np.tile(v, self.signal.window).astype(np.float32) for v in (scale, offset)]
        x = observer(INPUT_LABEL, (inputs - tiled[1]) / tiled[0])
        for op in self.ops:
            if isinstance(op, LayerOp):
                x = op.layer(x, training=training) if op.training_only else op.layer(x)
            else:
                x = _apply(op, x, self.bits)
            x = observer(op.label, x) if op.label else x
        return x


class QATModel(keras.Model):  # type: ignore[misc]  # keras is untyped
    """The network as a Keras model to train; its variables are those of the network."""

    def __init__(
        self, network: Any, graph: QATGraph, ranges: Mapping[str, tuple[float, float]]
    ) -> None:
        super().__init__(name=f"{network.name}_rounding")
        self.network = network
        self.graph = graph
        self.limits = tuple(
            (label, *INT8_AFFINE.nudged(*limits)) for label, limits in ranges.items()
        )

    def call(self, inputs: Any, training: bool = False) -> Any:
        """Probabilities of normalized windows."""
        limits = {label: (low, high) for label, low, high in self.limits}

        def observer(label: str, x: Any) -> Any:
            return tf.quantization.fake_quant_with_min_max_args(x, *limits[label], num_bits=8)

        return self.graph.run(inputs, observer, training)


def measure_ranges(graph: QATGraph, inputs: Any, chunk: int = 100) -> Ranges:
    """Extremes of every value of the network without rounding, over its normalized windows."""
    ranges: Ranges = {}

    def observer(label: str, x: Any) -> Any:
        low, high = ranges.get(label, (np.inf, -np.inf))
        ranges[label] = min(low, float(tf.reduce_min(x))), max(high, float(tf.reduce_max(x)))
        return x

    exact = replace(graph, bits=0)
    for start in range(0, len(inputs), chunk):
        exact.run(tf.constant(inputs[start : start + chunk]), observer, training=False)
    return ranges


def _apply(op: KernelOp, x: Any, bits: int) -> Any:
    weights, bias = _folded(op)
    if bits:
        weights = _rounded(weights, max(bits, op.node.min_kernel_bits), op.output_axes)
    y = _product(op, x, weights) + bias
    if op.ceiling is None:
        return y
    return tf.minimum(tf.nn.relu(y), op.ceiling) if op.ceiling else tf.nn.relu(y)


def _folded(op: KernelOp) -> tuple[Any, Any]:
    """Weights and bias with batch normalization and the sensor's unit multiplied in."""
    weights, bias = tf.convert_to_tensor(op.weights), op.bias
    bias = tf.zeros(op.node.bias.size) if bias is None else tf.convert_to_tensor(bias)
    if op.norm is not None:
        norm = op.norm
        scale = 1 / tf.sqrt(norm.moving_variance + norm.epsilon)
        scale = scale * norm.gamma if norm.scale else scale
        shift = (norm.beta if norm.center else 0.0) - norm.moving_mean * scale
        weights = weights * tf.reshape(scale, [weights.shape[a] for a in op.output_axes])
        bias = bias * scale + shift
    if op.before is not None:
        unit = (op.before.scale, op.before.offset)
        factor, shift = (np.asarray(v, np.float32)[:, None] for v in unit)
        summed = [a for a in range(len(weights.shape)) if a not in op.output_axes]
        bias = bias + tf.reshape(tf.reduce_sum(weights * shift, summed), [-1])
        weights = weights * factor
    return weights, bias


def _rounded(weights: Any, bits: int, output_axes: tuple[int, ...]) -> Any:
    steps = 2 ** (bits - 1) - 1
    summed = [a for a in range(len(weights.shape)) if a not in output_axes]
    largest = tf.reduce_max(tf.abs(weights), summed, keepdims=True)
    step = tf.where(largest > 0, largest, tf.ones_like(largest)) / steps
    return weights + tf.stop_gradient(tf.round(weights / step) * step - weights)


def _product(op: KernelOp, x: Any, weights: Any) -> Any:
    node = op.node
    if len(weights.shape) == 2 or not isinstance(node, Conv | Depthwise):
        return tf.tensordot(x, weights, 1)
    padding = node.padding
    if padding == "causal":
        reach = (weights.shape[0] - 1) * node.dilation
        x, padding = tf.pad(x, [[0, 0], [reach, 0], [0, 0]]), "valid"
    if isinstance(node, Depthwise):
        y = tf.nn.depthwise_conv2d(
            x[:, None],
            weights[None],
            [1, node.stride, node.stride, 1],
            padding.upper(),
            dilations=[1, node.dilation],
        )
        return y[:, 0]
    return tf.nn.conv1d(x, weights, node.stride, padding.upper(), dilations=node.dilation)
