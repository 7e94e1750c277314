"""What every node of a graph is and can be asked for, and the values between nodes.

A node class owns everything that is true of its operation: the shape and the numbers of its
outputs, how it is read from Keras, where its values become integers, and how an affine operation
is folded into it or moved through it. Passes ask nodes and know no class of them. The default of
an ability is "not supported": the affine operation stays in the graph, or the request is refused
with the layer's name.
"""

from __future__ import annotations

from abc import ABC
from collections.abc import Iterable, Iterator, Mapping, Sequence
from dataclasses import dataclass, fields, replace
from typing import TYPE_CHECKING, Any, ClassVar, Self

from edgeconv.core.affine import AffineMap
from edgeconv.errors import Unsupported

if TYPE_CHECKING:
    import numpy as np
    from numpy.typing import NDArray

    Array = NDArray[np.float64]

Shape = tuple[int, ...]
"""Of one sample, without the batch axis: `(time, channels)` or `(features,)`."""
Range = tuple[float, float]
FLOAT32 = "float32"


@dataclass(frozen=True, eq=False)
class Value:
    """What flows between two nodes, or into or out of the graph.

    A value is known by its place in the graph, which is to say by its identity. `label` is for
    people only: two values may have the same one.

    Attributes:
        dtype: of its numbers in a file: float32, or the integers and booleans of indices and masks.
    """

    label: str
    shape: Shape
    dtype: str = FLOAT32

    @property
    def is_float(self) -> bool:
        return self.dtype == FLOAT32


@dataclass(frozen=True, eq=False, kw_only=True)
class Node(ABC):
    """One operation on the values of a graph.

    A subclass says at least `output_shape` and `evaluate`; one with several outputs says
    `output_shapes` and `evaluate_outputs` instead.

    Attributes:
        label: of the layer that the node stands for, as people know it.
        inputs: values that the node reads, in the operation's order.
        outputs: values that it computes; a node that is given none makes them.
        inner: values between its operations that become integers; likewise.
    """

    label: str
    inputs: tuple[Value, ...]
    outputs: tuple[Value, ...] = ()
    inner: tuple[Value, ...] = ()

    opaque: ClassVar[bool] = False
    """Whether only Keras knows what the node computes."""
    stays_float: ClassVar[bool] = False
    """Whether it computes in float in a file of integers, which then names the layer."""

    def __post_init__(self) -> None:
        shapes = self.output_shapes(*(value.shape for value in self.inputs))
        if not self.outputs:
            labels = [self.label, *(f"{self.label}.{i}" for i in range(1, len(shapes)))]
            outputs = tuple(map(Value, labels, shapes))
            object.__setattr__(self, "outputs", outputs)
        elif shapes != tuple(value.shape for value in self.outputs):
            raise ValueError(f"node '{self.label}': {shapes} do not fit {self.outputs}")
        if not self.inner:
            inner = tuple(Value(f"{self.label}_{part}", s) for part, s in self.inner_shapes())
            object.__setattr__(self, "inner", inner)

    def unsupported(self, what: str) -> Unsupported:
        """The refusal of an ability that this node does not have, by the layer's name."""
        return Unsupported(
            f"layer '{self.label}' ({type(self).__name__}) {what}",
            "replace it by layers that can be exported",
        )

    # --- what it computes ---------------------------------------------------------------------

    def output_shapes(self, *inputs: Shape) -> tuple[Shape, ...]:
        """Shape of each output."""
        return (self.output_shape(*inputs),)

    def output_shape(self, *inputs: Shape) -> Shape:
        """Shape of the only output."""
        del inputs
        raise self.unsupported("has no output shape")

    def evaluate_outputs(self, *inputs: Array) -> tuple[Array, ...]:
        """Each output, (n, *shape), of inputs (n, *shape)."""
        return (self.evaluate(*inputs),)

    def evaluate(self, *inputs: Array) -> Array:
        """The only output, (n, *shape), of inputs (n, *shape), in float64."""
        del inputs
        raise self.unsupported("cannot be evaluated in NumPy")

    @property
    def is_identity(self) -> bool:
        """Whether the only output always equals the only input."""
        return False

    @property
    def elementwise(self) -> bool:
        """Whether every number of the output depends on the number at its place alone."""
        return False

    @property
    def output(self) -> Value:
        """The only output."""
        (value,) = self.outputs
        return value

    @property
    def kernels(self) -> Mapping[str, Array]:
        """Its kernels by the names that Keras gives them."""
        return {}

    def with_kernels(self, kernels: Mapping[str, Array]) -> Self:
        """The node with some of its `kernels` replaced."""
        fields_of_them: Any = dict(kernels)
        return replace(self, **fields_of_them)

    @property
    def kernel_elements(self) -> int:
        """Number of weights in its kernels."""
        return sum(int(kernel.size) for kernel in self.kernels.values())

    def arrays(self) -> Iterator[tuple[str, Array]]:
        """Every array that the node holds, with its name."""
        import numpy as np

        for field in fields(self):
            array = getattr(self, field.name)
            if isinstance(array, np.ndarray):
                yield field.name, array

    # --- integers -----------------------------------------------------------------------------

    def inner_shapes(self) -> Iterable[tuple[str, Shape]]:
        """Name and shape of each value between the node's own operations that becomes integers."""
        return ()

    def split(self) -> tuple[Node, ...]:
        """The same operation as several nodes, which together give every inner value."""
        return (self,)

    def quantized_values(self, follower: Node | None) -> tuple[Value, ...]:
        """Inner values and outputs that become integers with a range of their own.

        A node that only moves or picks numbers keeps the integers of what it reads, and has none.

        Args:
            follower: the only node that reads the output; None where several do, or none.
        """
        del follower
        raise self.unsupported("cannot be computed in integers")

    def narrow_range(self, limits: Range) -> Range:
        """The range of the output that an integer kernel really uses where `limits` was seen."""
        return limits

    # --- folding ------------------------------------------------------------------------------

    def absorb_output(self, affine: AffineMap) -> Self | None:
        """The node with an affine map of its only output multiplied in; None where it cannot be."""
        del affine
        return None

    def absorb_input(self, affine: AffineMap) -> Self | None:
        """The node with an affine map of its only input multiplied in; None where it cannot be.

        The map has the full shape of the input. Exact at every position, or None.
        """
        del affine
        return None

    def pass_affines(self, affines: Sequence[AffineMap]) -> AffineMap | None:
        """The map of the only output that does what `affines` do before it, one for each input.

        None where no map does so exactly.
        """
        del affines
        return None


def replaced(values: tuple[Value, ...], by: Mapping[Value, Value]) -> tuple[Value, ...]:
    """The same values, some of them replaced."""
    return tuple(by.get(value, value) for value in values)


def rewired(node: Node, by: Mapping[Value, Value]) -> Node:
    """The node reading other values in place of some."""
    inputs = replaced(node.inputs, by)
    return node if inputs == node.inputs else replace(node, inputs=inputs)
