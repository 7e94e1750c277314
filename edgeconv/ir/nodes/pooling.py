"""Maxima and averages over time."""

from __future__ import annotations

from collections.abc import Callable, Sequence
from dataclasses import dataclass
from typing import TYPE_CHECKING

from edgeconv.core.affine import AffineMap
from edgeconv.ir.nodes.convolution import TimeWindow
from edgeconv.ir.nodes.node import Node, Shape, Value

if TYPE_CHECKING:
    from edgeconv.ir.keras_call import KerasCall
    from edgeconv.ir.nodes.node import Array

KINDS = ("max", "average")


@dataclass(frozen=True, eq=False, kw_only=True)
class _Pooling(Node):
    """`kind` is max or average."""

    kind: str

    def __post_init__(self) -> None:
        if self.kind not in KINDS:
            raise ValueError(f"node '{self.label}': unknown pooling '{self.kind}'")
        super().__post_init__()

    def pass_affines(self, affines: Sequence[AffineMap]) -> AffineMap | None:
        """An average commutes with any affine operation, a maximum with an increasing one."""
        channels = affines[0].per_channel()
        if channels is None or (self.kind == "max" and not (channels.scale > 0).all()):
            return None
        return channels.broadcast(self.output.shape)


@dataclass(frozen=True, eq=False, kw_only=True)
class Pool(_Pooling):
    """Moving maximum or average over time."""

    size: int
    stride: int
    padding: str = "valid"

    @property
    def window(self) -> TimeWindow:
        return TimeWindow(self.size, self.stride, 1, self.padding)

    def output_shape(self, *inputs: Shape) -> Shape:
        ((steps, channels),) = inputs
        return (self.window.length(steps), channels)

    def evaluate(self, *inputs: Array) -> Array:
        import numpy as np

        (x,) = inputs
        if self.kind == "max":
            return np.asarray(self.window.gather(x, -np.inf).max(-1))
        # the average leaves padding out of its count
        return np.asarray(np.nanmean(self.window.gather(x, np.nan), axis=-1))

    def quantized_values(self, follower: Node | None) -> tuple[Value, ...]:
        del follower
        return ()


@dataclass(frozen=True, eq=False, kw_only=True)
class GlobalPool(_Pooling):
    """Maximum or average over all of time; `keep_time` keeps it as an axis of length 1."""

    keep_time: bool = False

    def output_shape(self, *inputs: Shape) -> Shape:
        ((_, channels),) = inputs
        return (1, channels) if self.keep_time else (channels,)

    def evaluate(self, *inputs: Array) -> Array:
        (x,) = inputs
        reduced: Array = x.max(1) if self.kind == "max" else x.mean(1)
        return reduced[:, None] if self.keep_time else reduced

    def quantized_values(self, follower: Node | None) -> tuple[Value, ...]:
        del follower
        return self.outputs if self.kind == "average" else ()


def read_pool(kind: str) -> Callable[[KerasCall], tuple[Node, ...]]:
    """The reader of Keras' `MaxPooling1D` or `AveragePooling1D`."""

    def read(call: KerasCall) -> tuple[Node, ...]:
        layer = call.layer
        return (
            Pool(
                label=call.label,
                inputs=call.inputs,
                kind=kind,
                size=int(layer.pool_size[0]),
                stride=int(layer.strides[0]),
                padding=layer.padding,
            ),
        )

    return read


def read_global_pool(kind: str) -> Callable[[KerasCall], tuple[Node, ...]]:
    """The reader of Keras' `GlobalMaxPooling1D` or `GlobalAveragePooling1D`."""

    def read(call: KerasCall) -> tuple[Node, ...]:
        keep = bool(call.layer.keepdims)
        return (GlobalPool(label=call.label, inputs=call.inputs, kind=kind, keep_time=keep),)

    return read
