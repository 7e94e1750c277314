"""Operations that join several values into one: sums, products, extremes, concatenations.

Every input keeps the integers of its own range, and the result has a measured range of its own:
TFLite's kernels for sums and products rescale each operand, and where a kernel wants one scale for
all (maximum, minimum, concatenation) the converter puts a QUANTIZE before the operands.
"""

from __future__ import annotations

from collections.abc import Callable, Iterable, Sequence
from dataclasses import dataclass
from functools import reduce
from itertools import accumulate
from typing import TYPE_CHECKING

from edgeconv.core.affine import AffineMap
from edgeconv.errors import Unsupported
from edgeconv.ir.nodes.activation import Activation
from edgeconv.ir.nodes.affine import Affine
from edgeconv.ir.nodes.node import Node, Shape, Value

if TYPE_CHECKING:
    from edgeconv.ir.keras_call import KerasCall
    from edgeconv.ir.nodes.node import Array

MERGE_KINDS = ("add", "subtract", "multiply", "average", "maximum", "minimum")
_SUMS = ("add", "subtract", "average")


@dataclass(frozen=True, eq=False, kw_only=True)
class Merge(Node):
    """The sum, difference, product, average, maximum or minimum of values, place by place.

    Axes of length 1 are repeated, as NumPy does. Operations take two operands: with more inputs,
    every result before the last one is an inner value.

    Attributes:
        kind: one of `MERGE_KINDS`; a difference has two inputs.
    """

    kind: str

    def __post_init__(self) -> None:
        if self.kind not in MERGE_KINDS:
            raise ValueError(f"node '{self.label}': unknown operation '{self.kind}'")
        if self.kind == "subtract" and len(self.inputs) != 2:
            raise ValueError(f"node '{self.label}': a difference of {len(self.inputs)} values")
        super().__post_init__()

    @property
    def pair_kind(self) -> str:
        """The operation on two operands: an average is a sum first."""
        return "add" if self.kind == "average" else self.kind

    def output_shape(self, *inputs: Shape) -> Shape:
        if len({len(shape) for shape in inputs}) != 1:
            raise ValueError(f"node '{self.label}': the ranks of {inputs} differ")
        return reduce(_broadcast, inputs)

    def evaluate(self, *inputs: Array) -> Array:
        import numpy as np

        operation: Callable[[Array, Array], Array] = getattr(np, self.pair_kind)
        merged = reduce(operation, inputs)
        return merged / len(inputs) if self.kind == "average" else merged

    # --- integers -----------------------------------------------------------------------------

    def inner_shapes(self) -> Iterable[tuple[str, Shape]]:
        partial = list(accumulate((value.shape for value in self.inputs), _broadcast))[1:]
        count = len(partial) if self.kind == "average" else len(partial) - 1
        return [(f"{self.pair_kind}{i}", shape) for i, shape in enumerate(partial[:count])]

    def split(self) -> tuple[Node, ...]:
        """One node for every pair of operands, and one for the division of an average."""
        if not self.inner:
            return (self,)
        import numpy as np

        results = self.inner if self.kind == "average" else (*self.inner, self.output)
        nodes: list[Node] = []
        operand = self.inputs[0]
        for other, result in zip(self.inputs[1:], results, strict=True):
            operands = (operand, other)
            pair = Merge(
                label=result.label, inputs=operands, outputs=(result,), kind=self.pair_kind
            )
            nodes.append(pair)
            operand = result
        if self.kind == "average":
            scale = np.full(self.output.shape, 1 / len(self.inputs))
            nodes.append(
                Affine(
                    label=self.label,
                    inputs=(operand,),
                    outputs=self.outputs,
                    scale=scale,
                    offset=np.zeros_like(scale),
                )
            )
        return tuple(nodes)

    def quantized_values(self, follower: Node | None) -> tuple[Value, ...]:
        """TFLite's sums and products compute a relu behind them too."""
        computes_relu = self.kind not in ("maximum", "minimum")
        fused = isinstance(follower, Activation) and follower.function.fused
        return self.inner if computes_relu and fused else (*self.inner, *self.outputs)

    # --- folding ------------------------------------------------------------------------------

    def pass_affines(self, affines: Sequence[AffineMap]) -> AffineMap | None:
        """Sums want equal scales, products no offsets, extremes equal increasing maps."""
        if any(value.shape != self.output.shape for value in self.inputs):
            return None
        scales, offsets = [each.scale for each in affines], [each.offset for each in affines]
        equal_scales = all((scale == scales[0]).all() for scale in scales)
        if self.kind in _SUMS:
            return AffineMap(scales[0], self.evaluate(*offsets)) if equal_scales else None
        if self.kind == "multiply":
            without = not any(offset.any() for offset in offsets)
            return AffineMap(self.evaluate(*scales), offsets[0]) if without else None
        equal = equal_scales and all((offset == offsets[0]).all() for offset in offsets)
        return affines[0] if equal and (scales[0] > 0).all() else None


@dataclass(frozen=True, eq=False, kw_only=True)
class Concatenate(Node):
    """Values one behind the other.

    Attributes:
        axis: of a value without its batch axis; the last one counts channels or features.
    """

    axis: int

    def output_shape(self, *inputs: Shape) -> Shape:
        axis = self.axis
        others = {(*shape[:axis], *shape[axis + 1 :]) for shape in inputs}
        if len(others) != 1 or not 0 <= axis < len(inputs[0]):
            raise ValueError(f"node '{self.label}': {inputs} cannot be joined on axis {axis}")
        length = sum(shape[axis] for shape in inputs)
        return (*inputs[0][:axis], length, *inputs[0][axis + 1 :])

    def evaluate(self, *inputs: Array) -> Array:
        import numpy as np

        return np.concatenate(inputs, axis=self.axis + 1)

    def quantized_values(self, follower: Node | None) -> tuple[Value, ...]:
        del follower
        return self.outputs

    def pass_affines(self, affines: Sequence[AffineMap]) -> AffineMap | None:
        import numpy as np

        scale = np.concatenate([each.scale for each in affines], self.axis)
        return AffineMap(scale, np.concatenate([each.offset for each in affines], self.axis))


def _broadcast(one: Shape, other: Shape) -> Shape:
    import numpy as np

    return np.broadcast_shapes(one, other)


# --- Keras ------------------------------------------------------------------------------------


def read_merge(call: KerasCall) -> tuple[Node, ...]:
    """Keras' `Add`, `Subtract`, `Multiply`, `Average`, `Maximum` and `Minimum`.

    The operators of Keras' tensors (`a + b`) are operations of the same names.

    Raises:
        Unsupported: an operand is a constant, or the operands have different ranks.
    """
    where = f"layer '{call.label}' ({call.kind})"
    if len(call.inputs) < 2:
        raise Unsupported(
            f"{where} does not join two or more values of the network",
            "use the layer of that name on a list of values; for a constant use Rescaling",
        )
    if len({len(value.shape) for value in call.inputs}) != 1:
        shapes = ", ".join(str(value.shape) for value in call.inputs)
        raise Unsupported(f"{where} joins values of different ranks: {shapes}", "reshape them")
    return (Merge(label=call.label, inputs=call.inputs, kind=call.kind.rpartition(".")[2].lower()),)


def read_concatenate(call: KerasCall) -> tuple[Node, ...]:
    """Keras' `Concatenate` along any axis but that of the batch."""
    rank = len(call.inputs[0].shape) + 1
    axis = call.layer.axis
    if axis is None or not 0 < axis % rank < rank or len(call.inputs) < 2:
        raise Unsupported(
            f"layer '{call.label}' ({call.kind}) joins {len(call.inputs)} values on axis {axis}",
            "join two or more values on an axis behind the batch",
        )
    return (Concatenate(label=call.label, inputs=call.inputs, axis=axis % rank - 1),)
