"""A network's layers as the operations of its integer file: kernels with what is fused into them.

The layers are read as in every export (`ir/keras_reader.py`), and the nodes determine what can be
folded and where a file rounds. The values that a file rounds have the same labels as in the
export: that of the layer, or of the relu that follows it.
"""

from __future__ import annotations

from dataclasses import dataclass, replace
from typing import Any

from edgeconv.core import InputConvention, Signal
from edgeconv.core.affine import AffineMap
from edgeconv.errors import Unsupported
from edgeconv.ir.keras_call import KerasCall, LayerRole
from edgeconv.ir.keras_catalogue import KERAS_LAYERS, role_of
from edgeconv.ir.keras_reader import CallNodes, read_calls
from edgeconv.ir.nodes import (
    SOFTMAX,
    Activation,
    Affine,
    ChannelMean,
    Concatenate,
    Conv,
    KernelNode,
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
        extra = self.node.kernel.ndim - len(self.weights.shape)  # a dense layer on every time step
        return tuple(axis - extra for axis in self.node.output_axes)

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
        kernels = iter(_variables(call))
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


def _variables(call: KerasCall) -> list[Any]:
    """The layer's kernels, in the order of its nodes."""
    names = [name for name, _ in KERAS_LAYERS[call.kind].arrays if name.endswith("kernel")]
    return [getattr(call.layer, name) for name in names]


def _kernel_op(call: KerasCall, node: KernelNode, weights: Any) -> KernelOp:
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
    if node.opaque or isinstance(node, Activation | Affine | ChannelMean | Concatenate | Merge):
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
