"""Maxima and averages over windows, and over all positions."""

from __future__ import annotations

from collections.abc import Callable, Sequence
from dataclasses import dataclass
from typing import TYPE_CHECKING

from edgeconv.core.affine import AffineMap
from edgeconv.ir.nodes.convolution import Window
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
    """Moving maximum or average along one or two axes."""

    size: Shape
    stride: Shape
    padding: str = "valid"

    @property
    def window(self) -> Window:
        return Window(self.size, self.stride, (), self.padding)

    def output_shape(self, *inputs: Shape) -> Shape:
        ((*positions, channels),) = inputs
        return (*self.window.output(tuple(positions)), channels)

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
    """Maximum or average over all positions; `keep_axes` keeps theirs with length 1."""

    keep_axes: bool = False

    def output_shape(self, *inputs: Shape) -> Shape:
        ((*positions, channels),) = inputs
        return (*(1 for _ in positions if self.keep_axes), channels)

    def evaluate(self, *inputs: Array) -> Array:
        (x,) = inputs
        axes = tuple(range(1, x.ndim - 1))
        reduce = x.max if self.kind == "max" else x.mean
        reduced: Array = reduce(axes, keepdims=self.keep_axes)
        return reduced

    def quantized_values(self, follower: Node | None) -> tuple[Value, ...]:
        del follower
        return self.outputs if self.kind == "average" else ()


def read_pool(kind: str) -> Callable[[KerasCall], tuple[Node, ...]]:
    """The reader of Keras' `MaxPooling` or `AveragePooling` layers."""

    def read(call: KerasCall) -> tuple[Node, ...]:
        layer = call.layer
        return (
            Pool(
                label=call.label,
                inputs=call.inputs,
                kind=kind,
                size=tuple(int(n) for n in layer.pool_size),
                stride=tuple(int(n) for n in layer.strides),
                padding=layer.padding,
            ),
        )

    return read


def read_global_pool(kind: str) -> Callable[[KerasCall], tuple[Node, ...]]:
    """The reader of Keras' `GlobalMaxPooling` or `GlobalAveragePooling` layers."""

    def read(call: KerasCall) -> tuple[Node, ...]:
        keep = bool(call.layer.keepdims)
        return (GlobalPool(label=call.label, inputs=call.inputs, kind=kind, keep_axes=keep),)

    return read
