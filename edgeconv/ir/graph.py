"""A network as a plain list of layers, weights in float64: what folding and emitting work on.

Values between layers are windows without their batch axis: `(time, channels)` or `(features,)`.
"""

from __future__ import annotations

from collections.abc import Callable, Sequence
from dataclasses import dataclass, replace
from typing import TYPE_CHECKING, Any

if TYPE_CHECKING:
    import numpy as np
    from numpy.typing import NDArray

    Array = NDArray[np.float64]
    Shape = tuple[int, ...]


@dataclass(frozen=True)
class Function:
    """An activation function and its one number (slope of leaky_relu, alpha of elu, ceiling of
    a clipped relu)."""

    kind: str = "linear"
    value: float = 0.0


LINEAR = Function()
# relu_max is relu with a ceiling (relu6 where the ceiling is 6)
FUNCTIONS = (
    "linear",
    "relu",
    "relu_max",
    "leaky_relu",
    "elu",
    "sigmoid",
    "tanh",
    "silu",
    "softmax",
)


@dataclass(frozen=True, eq=False)
class Conv:
    """1-D convolution. `kernel` is (taps, input channels / groups, output channels)."""

    name: str
    kernel: Array
    bias: Array
    stride: int = 1
    dilation: int = 1
    padding: str = "valid"  # valid, same, or causal
    groups: int = 1
    function: Function = LINEAR


@dataclass(frozen=True, eq=False)
class Depthwise:
    """Every channel convolved by itself. `kernel` is (taps, channels, multiplier)."""

    name: str
    kernel: Array
    bias: Array
    stride: int = 1
    dilation: int = 1
    padding: str = "valid"
    function: Function = LINEAR


@dataclass(frozen=True, eq=False)
class Dense:
    """`kernel` is (input features, output features)."""

    name: str
    kernel: Array
    bias: Array
    function: Function = LINEAR


@dataclass(frozen=True, eq=False)
class Affine:
    """`value · scale + offset`, both of the value's own full shape."""

    name: str
    scale: Array
    offset: Array


@dataclass(frozen=True)
class Pool:
    """Moving maximum or average over time."""

    name: str
    kind: str  # max or average
    size: int
    stride: int
    padding: str = "valid"


@dataclass(frozen=True)
class GlobalPool:
    """Maximum or average over all of time."""

    name: str
    kind: str
    keep: bool = False  # keep time as an axis of length 1


@dataclass(frozen=True)
class Reshape:
    """Another shape for the same numbers in the same order; flattening is one."""

    name: str
    shape: Shape


@dataclass(frozen=True)
class Activate:
    """An activation function that no operation before it takes in."""

    name: str
    function: Function


@dataclass(frozen=True, eq=False)
class KerasLayer:
    """A layer that only its own code knows (a Lambda that the caller declared safe)."""

    name: str
    call: Callable[[Any], Any]
    shape: Shape


Layer = Conv | Depthwise | Dense | Affine | Pool | GlobalPool | Reshape | Activate | KerasLayer


@dataclass(frozen=True)
class Plan:
    """Layers in order, and the shape that goes in."""

    name: str
    input_shape: Shape
    layers: tuple[Layer, ...]

    @property
    def kernel_elements(self) -> int:
        """Numbers in all kernels: what no exported file can be smaller than."""
        return sum(x.kernel.size for x in self.layers if isinstance(x, Conv | Depthwise | Dense))

    def with_layers(self, layers: Sequence[Layer]) -> Plan:
        return replace(self, layers=tuple(layers))

    def shapes(self) -> list[Shape]:
        """The shape before each layer, and after the last."""
        found = [self.input_shape]
        for layer in self.layers:
            found.append(output_shape(layer, found[-1]))
        return found


def padded_length(length: int, taps: int, stride: int, dilation: int, padding: str) -> int:
    """Time steps after a convolution or pooling."""
    if padding == "valid":
        length -= (taps - 1) * dilation
    return -(-length // stride)


def output_shape(layer: Layer, shape: Shape) -> Shape:
    """The shape that `layer` makes of `shape`."""
    match layer:
        case Conv() | Depthwise():
            taps, channels = layer.kernel.shape[0], layer.bias.size
            steps = padded_length(shape[0], taps, layer.stride, layer.dilation, layer.padding)
            return (steps, channels)
        case Dense():
            return (layer.bias.size,)
        case Pool():
            return (padded_length(shape[0], layer.size, layer.stride, 1, layer.padding), shape[1])
        case GlobalPool():
            return (1, shape[1]) if layer.keep else (shape[1],)
        case Reshape() | KerasLayer():
            return layer.shape
    return shape
