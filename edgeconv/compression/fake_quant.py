"""A network computed and trained as its integer file computes it (fake quantization).

The values that a file rounds are rounded here at the same places and to the same numbers: the
reading in the sensor's unit, each kernel with the sensor's unit and a batch normalization
multiplied in (per output channel, symmetric), and the result of each operation (per tensor, with a
zero point). The gradient ignores the rounding (straight-through estimator: Bengio et al., 2013; for
whole networks Jacob et al., 2018), and is 0 where a value is clipped. Moving statistics of a batch
normalization do not change.

The nodes of the graph decide what is folded into which kernel (`qat_graph.py`); the arithmetic is
repeated here because gradients must reach the layers' variables.

A network's layers as the operations of its integer file: kernels with what is fused into them.

The layers are read as in every export (`ir/keras_reader.py`), and the nodes determine what can be
folded and where a file rounds. The values that a file rounds have the same labels as in the
export: that of the layer, or of the relu that follows it.
"""

from __future__ import annotations

from collections.abc import Callable, Mapping
from dataclasses import dataclass, replace
from typing import Any

import keras
import numpy as np
import tensorflow as tf

from edgeconv.core import InputConvention, Signal
from edgeconv.core.affine import AffineMap
from edgeconv.errors import Unsupported
from edgeconv.ir.calibration import INT8_AFFINE
from edgeconv.ir.folding import INPUT_LABEL
from edgeconv.ir.keras_call import KerasCall, LayerRole
from edgeconv.ir.keras_catalogue import KERAS_LAYERS, role_of
from edgeconv.ir.keras_reader import CallNodes, read_calls
from edgeconv.ir.nodes import (
    SOFTMAX,
    Activation,
    Affine,
    Concatenate,
    Conv,
    Dense,
    Depthwise,
    KernelNode,
    Mean,
    Merge,
    Node,
)


@dataclass(frozen=True, eq=False)
class LayerOp:
    """A layer that has no kernel; `label` is empty where its result is not rounded."""

    layer: Any
    label: str = ""
    training_only: bool = False


@dataclass(frozen=True, eq=False)
class KernelOp:
    """One operation with weights.

    Attributes:
        node: the same operation in the export.
        weights, bias: the layer's variables; None: it has no bias.
        label: of the result.
        before: the map of each input channel to be multiplied in.
        norm: batch normalization of the result, to be multiplied in.
        ceiling: of a relu; 0: it has none, None: no relu.
    """

    node: KernelNode
    weights: Any
    bias: Any
    label: str
    before: AffineMap | None = None
    norm: Any = None
    ceiling: float | None = None

    @property
    def output_axes(self) -> tuple[int, ...]:
        """Axes of the variable that count outputs."""
        rank = len(self.weights.shape)
        return tuple(rank + axis for axis in self.node.output_axes)

    @property
    def is_linear(self) -> bool:
        """Whether no operation is fused after the bias yet."""
        return self.norm is None and self.ceiling is None


QATOp = LayerOp | KernelOp


def read_ops(network: Any, signal: Signal) -> tuple[QATOp, ...]:
    """The operations in order, the sensor's unit multiplied into the first kernel.

    Raises:
        Unsupported: a layer whose integers cannot be trained, branches, or a sensor's unit that
            cannot be multiplied in.
    """
    ops: list[QATOp] = []
    calls = read_calls(network)
    _check_chain(calls)
    for call, nodes in calls:
        if role_of(call.kind) is LayerRole.TRAINING_ONLY:
            ops.append(LayerOp(call.layer, training_only=True))
        kernels = iter(_variables(call, nodes))
        for node in nodes:
            if isinstance(node, KernelNode):
                ops.append(_kernel_op(call, node, next(kernels)))
            elif not _fused(node, call, ops):
                ops.append(_layer_op(call, node))
    return _with_unit(ops, calls, signal)


def _check_chain(calls: list[CallNodes]) -> None:
    value = calls[0][0].inputs if calls else ()
    for call, nodes in calls:
        if call.inputs != value:
            raise Unsupported(
                f"layer '{call.label}' ({call.kind}) does not follow the one before",
                "train a single chain of layers, or quantize after training (--quantize int8)",
            )
        value = nodes[-1].outputs if nodes else value


def _variables(call: KerasCall, nodes: tuple[Node, ...]) -> list[Any]:
    """The layer's kernels, in the order of its nodes.

    Raises:
        Unsupported: a layer whose kernels are not those of its nodes one by one (recurrent layers,
            attention).
    """
    names = [name for name, _ in KERAS_LAYERS[call.kind].arrays if name.endswith("kernel")]
    if len(names) != sum(isinstance(node, KernelNode) for node in nodes):
        raise Unsupported(
            f"layer '{call.label}' ({call.kind}) cannot be trained as its integers compute it",
            "use convolutions over time and dense layers; or quantize after training (--quantize "
            "int8)",
        )
    return [getattr(call.layer, name) for name in names]


def _kernel_op(call: KerasCall, node: KernelNode, weights: Any) -> KernelOp:
    if not isinstance(node, Conv | Dense | Depthwise) or node.kernel.ndim > 3:
        raise Unsupported(
            f"layer '{call.label}' ({call.kind}) cannot be trained as its integers compute it",
            "use convolutions over time and dense layers; or quantize after training (--quantize "
            "int8)",
        )
    if isinstance(node, Conv) and node.groups != 1:
        raise Unsupported(
            f"layer '{call.label}' has {node.groups} groups, which cannot be trained as integers",
            "use a separable convolution",
        )
    function = node.activation
    if not function.fused:
        raise Unsupported(
            f"layer '{call.label}': activation {function.kind} cannot be trained as its integers "
            "compute it",
            "use relu; or quantize after training (--quantize int8)",
        )
    ceiling = None if function.kind == "linear" else function.value
    # of a separable convolution only the second kernel has a bias
    bias = call.layer.bias if node.label == call.label else None
    return KernelOp(node, weights, bias, node.label, ceiling=ceiling)


def _fused(node: Node, call: KerasCall, ops: list[QATOp]) -> bool:
    """Fuse the node into the previous operation; False if that is not possible."""
    last = ops[-1] if ops else None
    if not isinstance(last, KernelOp):
        return False
    if isinstance(node, Affine):
        if (
            call.kind != "BatchNormalization"
            or not last.is_linear
            or last.node.absorb_output(node.map) is None
        ):
            return False
        ops[-1] = replace(last, norm=call.layer)
        return True
    if not isinstance(node, Activation) or last.ceiling is not None:
        return False
    if node.function.kind not in ("relu", "relu_max"):
        return False
    ops[-1] = replace(last, ceiling=node.function.value, label=node.label)
    return True


def _layer_op(call: KerasCall, node: Node) -> LayerOp:
    if isinstance(node, Activation) and node.function == SOFTMAX:
        fused = KERAS_LAYERS[call.kind].fuses_activation
        return LayerOp(call.layer.activation if fused else call.layer)
    if node.opaque or isinstance(node, Activation | Affine | Mean | Concatenate | Merge):
        raise Unsupported(
            f"layer '{call.label}' ({call.kind}) cannot be trained as its integers compute it",
            "use convolutions, dense layers and relu; or quantize after training (--quantize int8)",
        )
    return LayerOp(call.layer, node.label if node.quantized_values(None) else "")


def _with_unit(ops: list[QATOp], calls: list[CallNodes], signal: Signal) -> tuple[QATOp, ...]:
    """The operations, the first kernel with the unit's scale and offset of each input channel."""
    import numpy as np

    scale, offset = signal.for_sensor(InputConvention.NORMALIZED).affine()
    unit = AffineMap(np.tile(scale, signal.window), np.tile(offset, signal.window))
    where = ""
    for node in (node for _, nodes in calls for node in nodes):
        where = f"layer '{node.label}': "
        if isinstance(node, KernelNode):
            if node.absorb_input(unit) is None:
                break
            before = unit.per_channel() or unit
            return tuple(
                replace(op, before=before) if isinstance(op, KernelOp) and op.node is node else op
                for op in ops
            )
        passed = node.pass_affines([unit])
        if passed is None:
            break
        unit = passed
    raise Unsupported(
        f"{where}the sensor's unit cannot be multiplied into it",
        "start the network with a convolution with valid padding, or a dense layer",
    )


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
        x, padding = tf.pad(x, [[0, 0], [*node.window.reach, 0], [0, 0]]), "valid"
    (stride,), (dilation,) = node.window.stride, node.window.dilation
    if isinstance(node, Depthwise):
        y = tf.nn.depthwise_conv2d(
            x[:, None],
            weights[None],
            [1, stride, stride, 1],
            padding.upper(),
            dilations=[1, dilation],
        )
        return y[:, 0]
    return tf.nn.conv1d(x, weights, stride, padding.upper(), dilations=dilation)
