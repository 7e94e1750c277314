"""Dense layers: on one vector, or on every time step."""

from __future__ import annotations

from dataclasses import dataclass, replace
from typing import TYPE_CHECKING, Self

from edgeconv.core.affine import AffineMap
from edgeconv.errors import Unsupported
from edgeconv.ir.nodes.convolution import Conv
from edgeconv.ir.nodes.keras_activation import read_function
from edgeconv.ir.nodes.kernel import KernelNode, with_activation
from edgeconv.ir.nodes.node import Node, Shape

if TYPE_CHECKING:
    from edgeconv.ir.keras_call import KerasCall
    from edgeconv.ir.nodes.node import Array


@dataclass(frozen=True, eq=False, kw_only=True)
class Dense(KernelNode):
    """A product with a matrix. `kernel` is (input features, output features)."""

    output_axes = (-1,)

    def output_shape(self, *inputs: Shape) -> Shape:
        if inputs != (self.kernel.shape[:1],):
            raise ValueError(f"node '{self.label}': kernel {self.kernel.shape} on {inputs}")
        return (int(self.bias.size),)

    def linear(self, x: Array) -> Array:
        return x @ self.kernel + self.bias

    @property
    def is_matrix_product(self) -> bool:
        return True

    def matrix_rows(self, x: Array) -> Array:
        return x

    def absorb_input(self, affine: AffineMap) -> Self:
        kernel = self.kernel * affine.scale[:, None]
        return replace(self, kernel=kernel, bias=self.bias + affine.offset @ self.kernel)


def read_dense(call: KerasCall) -> tuple[Node, ...]:
    """Keras' `Dense`; at every position it is a convolution with one tap.

    Raises:
        Unsupported: more than two axes of positions.
    """
    kernel = call.array("kernel")
    bias = call.bias(kernel.shape[1])
    function = read_function(call, call.layer.activation)
    label, inputs = call.label, call.inputs
    shape = inputs[0].shape
    if len(shape) in (2, 3):
        taps = kernel.reshape(*(1,) * (len(shape) - 1), *kernel.shape)
        return with_activation(
            call,
            lambda f: Conv(label=label, inputs=inputs, kernel=taps, bias=bias, activation=f),
            function,
        )
    if len(shape) > 3:
        raise Unsupported(
            f"layer '{label}' ({call.kind}) reads a value of {len(shape)} axes",
            "flatten all but the last axis before it",
        )
    return with_activation(
        call,
        lambda f: Dense(label=label, inputs=inputs, kernel=kernel, bias=bias, activation=f),
        function,
    )
