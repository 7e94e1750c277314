"""Operations that give the same numbers another shape."""

from __future__ import annotations

import math
from collections.abc import Sequence
from dataclasses import dataclass
from typing import TYPE_CHECKING

from edgeconv.core.affine import AffineMap
from edgeconv.ir.nodes.node import Node, Shape, Value

if TYPE_CHECKING:
    from edgeconv.ir.keras_call import KerasCall
    from edgeconv.ir.nodes.node import Array


@dataclass(frozen=True, eq=False, kw_only=True)
class Reshape(Node):
    """Another shape for the same numbers in the same order; flattening is one."""

    shape: Shape

    def output_shape(self, *inputs: Shape) -> Shape:
        (shape,) = inputs
        if math.prod(shape) != math.prod(self.shape):
            raise ValueError(f"node '{self.label}': {shape} cannot become {self.shape}")
        return self.shape

    def evaluate(self, *inputs: Array) -> Array:
        (x,) = inputs
        return x.reshape(-1, *self.shape)

    @property
    def is_identity(self) -> bool:
        return self.shape == self.inputs[0].shape

    def quantized_values(self, follower: Node | None) -> tuple[Value, ...]:
        del follower
        return ()

    def pass_affines(self, affines: Sequence[AffineMap]) -> AffineMap | None:
        return affines[0].reshape(self.shape)


def read_reshape(call: KerasCall) -> tuple[Node, ...]:
    """Keras' `Reshape` and `Flatten`."""
    total = math.prod(call.inputs[0].shape)
    target = tuple(int(d) for d in getattr(call.layer, "target_shape", (total,)))
    known = math.prod(d for d in target if d > 0)
    shape = tuple(d if d > 0 else total // known for d in target)
    return (Reshape(label=call.label, inputs=call.inputs, shape=shape),)
