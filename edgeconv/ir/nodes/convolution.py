"""1-D convolutions: full, in groups, depthwise and separable."""

from __future__ import annotations

from dataclasses import dataclass, replace
from typing import TYPE_CHECKING, Any, Self

from edgeconv.core.affine import AffineMap
from edgeconv.ir.nodes.keras_activation import read_function
from edgeconv.ir.nodes.kernel import KernelNode, with_activation
from edgeconv.ir.nodes.node import Node, Shape

if TYPE_CHECKING:
    from edgeconv.ir.keras_call import KerasCall
    from edgeconv.ir.nodes.node import Array

PADDINGS = ("valid", "same", "causal")


def padded_length(length: int, taps: int, stride: int, dilation: int, padding: str) -> int:
    """Time steps after a convolution or pooling."""
    if padding == "valid":
        length -= (taps - 1) * dilation
    return -(-length // stride)


@dataclass(frozen=True)
class TimeWindow:
    """Which time steps each output position of a convolution or pooling reads.

    Attributes:
        taps: how many.
        padding: valid, same, or causal.
    """

    taps: int
    stride: int = 1
    dilation: int = 1
    padding: str = "valid"

    def __post_init__(self) -> None:
        if self.padding not in PADDINGS or min(self.taps, self.stride, self.dilation) < 1:
            raise ValueError(f"no window over time: {self}")

    def length(self, steps: int) -> int:
        """Output positions of `steps` time steps."""
        return padded_length(steps, self.taps, self.stride, self.dilation, self.padding)

    def gather(self, x: Array, fill: float) -> Array:
        """(n, time, channels) → (n, output time, channels, taps), padded with `fill`."""
        import numpy as np

        reach = (self.taps - 1) * self.dilation
        steps = self.length(x.shape[1])
        before = 0
        total = 0
        if self.padding == "causal":
            before = total = reach
        elif self.padding == "same":
            total = max((steps - 1) * self.stride + reach + 1 - x.shape[1], 0)
            before = total // 2
        x = np.pad(x, ((0, 0), (before, total - before), (0, 0)), constant_values=fill)
        index = np.arange(steps)[:, None] * self.stride + np.arange(self.taps) * self.dilation
        return np.asarray(np.moveaxis(x[:, index], 2, 3))


@dataclass(frozen=True, eq=False, kw_only=True)
class _Convolution(KernelNode):
    """What both convolutions share; the kernel's first axis counts taps."""

    stride: int = 1
    dilation: int = 1
    padding: str = "valid"

    @property
    def window(self) -> TimeWindow:
        return TimeWindow(self.kernel.shape[0], self.stride, self.dilation, self.padding)

    @property
    def input_channels(self) -> int:
        return int(self.kernel.shape[1])

    def output_shape(self, *inputs: Shape) -> Shape:
        ((steps, channels),) = inputs
        if channels != self.input_channels:
            raise ValueError(f"node '{self.label}': kernel {self.kernel.shape} on {inputs[0]}")
        return (self.window.length(steps), int(self.bias.size))

    def absorb_input(self, affine: AffineMap) -> Self | None:
        """Padding adds zeros of what the map gives, so that an offset would be wrong at the ends;
        without an offset zeros stay zeros."""
        channels = affine.per_channel()
        if channels is None or (self.padding != "valid" and channels.offset.any()):
            return None
        return self._absorb_channels(channels)

    def _absorb_channels(self, channels: AffineMap) -> Self:
        """The layer with a map of its input channels in its kernel and bias."""
        del channels
        raise self.unsupported("cannot absorb a map of its input")


@dataclass(frozen=True, eq=False, kw_only=True)
class Conv(_Convolution):
    """1-D convolution. `kernel` is (taps, input channels / groups, output channels)."""

    groups: int = 1

    output_axes = (2,)

    @property
    def input_channels(self) -> int:
        return int(self.kernel.shape[1]) * self.groups

    def linear(self, x: Array) -> Array:
        import numpy as np

        taps = self.window.gather(x, 0.0)
        inputs = np.split(taps, self.groups, axis=2)
        kernels = np.split(self.kernel, self.groups, axis=2)
        parts = [
            np.einsum("ntck,kco->nto", u, w, optimize=True)
            for u, w in zip(inputs, kernels, strict=True)
        ]
        return np.asarray(np.concatenate(parts, axis=-1) + self.bias)

    @property
    def is_matrix_product(self) -> bool:
        return self.groups == 1

    def matrix_rows(self, x: Array) -> Array:
        import numpy as np

        taps = self.window.gather(x, 0.0)
        return np.moveaxis(taps, 3, 2).reshape(-1, taps.shape[2] * taps.shape[3])

    def _absorb_channels(self, channels: AffineMap) -> Self:
        import numpy as np

        # each group of output channels reads one slice of the input channels
        per_group = self.kernel.shape[1]
        width = self.kernel.shape[2] // self.groups
        kernel = self.kernel.copy()
        bias = self.bias.copy()
        for group in range(self.groups):
            out = slice(group * width, (group + 1) * width)
            into = slice(group * per_group, (group + 1) * per_group)
            bias[out] += np.einsum("kco,c->o", self.kernel[:, :, out], channels.offset[into])
            kernel[:, :, out] *= channels.scale[into][:, None]
        return replace(self, kernel=kernel, bias=bias)


@dataclass(frozen=True, eq=False, kw_only=True)
class Depthwise(_Convolution):
    """Every channel convolved by itself. `kernel` is (taps, channels, multiplier)."""

    output_axes = (1, 2)
    min_kernel_bits = 8

    def linear(self, x: Array) -> Array:
        import numpy as np

        product = np.einsum("ntck,kcm->ntcm", self.window.gather(x, 0.0), self.kernel)
        return np.asarray(product.reshape(*product.shape[:2], -1) + self.bias)

    def _absorb_channels(self, channels: AffineMap) -> Self:
        import numpy as np

        shift = np.einsum("kcm,c->cm", self.kernel, channels.offset).reshape(-1)
        kernel = self.kernel * channels.scale[:, None]
        return replace(self, kernel=kernel, bias=self.bias + shift)


# --- Keras ------------------------------------------------------------------------------------

SEPARABLE_ARRAYS = (("depthwise_kernel", ""), ("pointwise_kernel", ""), ("bias", "use_bias"))


def read_conv(call: KerasCall) -> tuple[Node, ...]:
    """Keras' `Conv1D`."""
    kernel = call.array("kernel")
    return with_activation(
        call,
        lambda function: Conv(
            label=call.label,
            inputs=call.inputs,
            kernel=kernel,
            bias=call.bias(kernel.shape[2]),
            groups=int(call.layer.groups),
            activation=function,
            **_window(call.layer),
        ),
        read_function(call, call.layer.activation),
    )


def read_depthwise(call: KerasCall) -> tuple[Node, ...]:
    """Keras' `DepthwiseConv1D`."""
    kernel = call.array("kernel")
    return with_activation(
        call,
        lambda function: Depthwise(
            label=call.label,
            inputs=call.inputs,
            kernel=kernel,
            bias=call.bias(kernel.shape[1] * kernel.shape[2]),
            activation=function,
            **_window(call.layer),
        ),
        read_function(call, call.layer.activation),
    )


def read_separable(call: KerasCall) -> tuple[Node, ...]:
    """Keras' `SeparableConv1D`: a depthwise convolution, and one with a single tap."""
    import numpy as np

    pointwise = call.array("pointwise_kernel")
    depthwise = Depthwise(
        label=f"{call.label}_depthwise",
        inputs=call.inputs,
        kernel=call.array("depthwise_kernel"),
        bias=np.zeros(pointwise.shape[1]),
        **_window(call.layer),
    )
    second = with_activation(
        call,
        lambda function: Conv(
            label=call.label,
            inputs=depthwise.outputs,
            kernel=pointwise,
            bias=call.bias(pointwise.shape[2]),
            activation=function,
        ),
        read_function(call, call.layer.activation),
    )
    return depthwise, *second


def _window(layer: Any) -> dict[str, Any]:
    return {
        "stride": int(layer.strides[0]),
        "dilation": int(layer.dilation_rate[0]),
        "padding": layer.padding,
    }
