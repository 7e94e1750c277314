"""What operations with one kernel, a bias and an activation have in common."""

from __future__ import annotations

from collections.abc import Callable, Iterable, Mapping
from dataclasses import dataclass, replace
from typing import TYPE_CHECKING, ClassVar, Self

from edgeconv.core.affine import AffineMap
from edgeconv.ir.nodes.activation import LINEAR, Activation, ActivationFunction
from edgeconv.ir.nodes.node import Node, Range, Shape, Value

if TYPE_CHECKING:
    from edgeconv.ir.keras_call import KerasCall
    from edgeconv.ir.nodes.keras_activation import AnyFunction
    from edgeconv.ir.nodes.node import Array

KERNEL_AND_BIAS = (("kernel", ""), ("bias", "use_bias"))


@dataclass(frozen=True, eq=False, kw_only=True)
class KernelNode(Node):
    """`activation(linear(x) + bias)`, where `linear` is a product with a kernel.

    Attributes:
        kernel: `output_axes` of it count outputs.
        bias: one number for each output channel.
    """

    kernel: Array
    bias: Array
    activation: ActivationFunction = LINEAR

    output_axes: ClassVar[tuple[int, ...]]
    """The axes of the kernel that count outputs, from the last one backwards."""
    min_kernel_bits: ClassVar[int] = 1
    """The fewest bits for which integer kernels exist."""

    def linear(self, x: Array) -> Array:
        """The product of an input, (n, *shape), with the kernel, and the bias."""
        del x
        raise self.unsupported("cannot be evaluated in NumPy")

    def evaluate(self, *inputs: Array) -> Array:
        (x,) = inputs
        return self.activation(self.linear(x))

    @property
    def kernels(self) -> Mapping[str, Array]:
        return {"kernel": self.kernel}

    def with_kernel_bits(self, bits: int) -> Self:
        """The node with its kernel rounded to integers: symmetric, a scale for each output."""
        import numpy as np

        rank = self.kernel.ndim
        summed = tuple(a for a in range(rank) if a - rank not in self.output_axes)
        largest = np.abs(self.kernel).max(axis=summed, keepdims=True)
        steps = 2 ** (max(bits, self.min_kernel_bits) - 1) - 1
        step = np.where(largest > 0, largest, 1) / steps
        return replace(self, kernel=np.asarray(np.rint(self.kernel / step) * step))

    # --- as one matrix product ----------------------------------------------------------------

    @property
    def is_matrix_product(self) -> bool:
        """Whether every output of one position is a product with the same inputs."""
        return False

    def matrix_rows(self, x: Array) -> Array:
        """The inputs of each output position, a row each: (positions, inputs)."""
        del x
        raise self.unsupported("is not one matrix product")

    @property
    def kernel_matrix(self) -> Array:
        """The kernel as (inputs, outputs)."""
        return self.kernel.reshape(-1, self.kernel.shape[-1])

    # --- integers -----------------------------------------------------------------------------

    def inner_shapes(self) -> Iterable[tuple[str, Shape]]:
        if not self.activation.fused:
            yield "bias", self.output.shape

    def split(self) -> tuple[Node, ...]:
        """The linear operation, and the activation where no kernel computes both at once."""
        if self.activation.fused:
            return (self,)
        (linear,) = self.inner
        return (
            replace(self, label=linear.label, outputs=self.inner, inner=(), activation=LINEAR),
            Activation(
                label=self.label,
                inputs=self.inner,
                outputs=self.outputs,
                function=self.activation,
            ),
        )

    def quantized_values(self, follower: Node | None) -> tuple[Value, ...]:
        if not self.activation.fused:
            return (*self.inner, *self.outputs)
        fused = isinstance(follower, Activation) and follower.function.fused
        return () if fused and self.activation == LINEAR else self.outputs

    def narrow_range(self, limits: Range) -> Range:
        return self.activation.narrow_range(limits)

    # --- folding ------------------------------------------------------------------------------

    def absorb_output(self, affine: AffineMap) -> Self | None:
        channels = affine.per_channel()
        if channels is None or self.activation != LINEAR:
            return None
        rank = range(-self.kernel.ndim, 0)
        of_outputs = channels.scale.reshape(
            [self.kernel.shape[a] if a in self.output_axes else 1 for a in rank]
        )
        return replace(
            self,
            kernel=self.kernel * of_outputs,
            bias=self.bias * channels.scale + channels.offset,
        )


def with_activation(
    call: KerasCall, make: Callable[[ActivationFunction], Node], read: AnyFunction
) -> tuple[Node, ...]:
    """A node that computes its activation too; a softmax and composite functions follow it."""
    if not isinstance(read, ActivationFunction):
        linear = make(LINEAR)
        return linear, *read.nodes(f"{call.label}_{read.kind}", linear.output)
    if read.elementwise:
        return (make(read),)
    linear = make(LINEAR)
    label = f"{call.label}_{read.kind}"
    return linear, Activation(label=label, inputs=linear.outputs, function=read)
