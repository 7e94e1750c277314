"""Affine operations on whole values: the sensor contract, and batch normalization at inference."""

from __future__ import annotations

from dataclasses import dataclass, replace
from typing import TYPE_CHECKING, Self

from edgeconv.core.affine import AffineMap
from edgeconv.ir.nodes.node import Node, Shape, Value

if TYPE_CHECKING:
    from collections.abc import Iterable

    from edgeconv.ir.keras_call import KerasCall
    from edgeconv.ir.nodes.node import Array


@dataclass(frozen=True, eq=False, kw_only=True)
class Affine(Node):
    """`value · scale + offset`, both of the value's own full shape."""

    scale: Array
    offset: Array

    @property
    def map(self) -> AffineMap:
        return AffineMap(self.scale, self.offset)

    def output_shape(self, *inputs: Shape) -> Shape:
        (shape,) = inputs
        if not shape == self.scale.shape == self.offset.shape:
            raise ValueError(f"node '{self.label}': a map of {self.scale.shape} of {shape}")
        return shape

    def evaluate(self, *inputs: Array) -> Array:
        (x,) = inputs
        return self.map.apply(x)

    @property
    def is_identity(self) -> bool:
        return self.map.is_identity

    def inner_shapes(self) -> Iterable[tuple[str, Shape]]:
        return (("scale", self.scale.shape),)

    def split(self) -> tuple[Node, ...]:
        """The product, and the sum."""
        import numpy as np

        (product,) = self.inner
        zeros, ones = np.zeros_like(self.offset), np.ones_like(self.scale)
        return (
            replace(self, label=product.label, outputs=self.inner, inner=(), offset=zeros),
            replace(self, inputs=self.inner, inner=(), scale=ones),
        )

    def quantized_values(self, follower: Node | None) -> tuple[Value, ...]:
        del follower
        return (*self.inner, *self.outputs)

    def absorb_output(self, affine: AffineMap) -> Self:
        merged = self.map.then(affine)
        return replace(self, scale=merged.scale, offset=merged.offset)


BATCH_NORMALIZATION_ARRAYS = (
    ("gamma", "scale"),
    ("beta", "center"),
    ("moving_mean", ""),
    ("moving_variance", ""),
)


def read_batch_normalization(call: KerasCall) -> tuple[Node, ...]:
    """At inference `(x − mean) / sqrt(variance + ε) · gamma + beta`."""
    import numpy as np

    layer, shape = call.layer, call.inputs[0].shape
    axis = int(layer.axis) % (len(shape) + 1) - 1
    scale = 1 / np.sqrt(call.array("moving_variance") + layer.epsilon)
    if layer.scale:
        scale = scale * call.array("gamma")
    offset = -call.array("moving_mean") * scale
    if layer.center:
        offset = offset + call.array("beta")
    sizes = [size if i == axis else 1 for i, size in enumerate(shape)]
    full = AffineMap(scale, offset).reshape(tuple(sizes)).broadcast(shape)
    return (Affine(label=call.label, inputs=call.inputs, scale=full.scale, offset=full.offset),)
