"""Convolutions along one or two axes: full, in groups, depthwise, separable and transposed."""

from __future__ import annotations

from dataclasses import dataclass, replace
from typing import TYPE_CHECKING, Any, Self

from edgeconv.core.affine import AffineMap
from edgeconv.errors import Unsupported
from edgeconv.ir.nodes.keras_activation import read_function
from edgeconv.ir.nodes.kernel import KernelNode, with_activation
from edgeconv.ir.nodes.node import Node, Shape

if TYPE_CHECKING:
    from edgeconv.ir.keras_call import KerasCall
    from edgeconv.ir.nodes.node import Array

PADDINGS = ("valid", "same", "causal")


@dataclass(frozen=True)
class Window:
    """Which positions each output position of a convolution or pooling reads.

    Attributes:
        taps: how many, along each axis.
        stride, dilation: along each axis; 1 where they are empty.
        padding: valid, same, or causal.
    """

    taps: Shape
    stride: Shape = ()
    dilation: Shape = ()
    padding: str = "valid"

    def __post_init__(self) -> None:
        axes = len(self.taps)
        for name in ("stride", "dilation"):
            object.__setattr__(self, name, getattr(self, name) or (1,) * axes)
        numbers = (*self.taps, *self.stride, *self.dilation)
        if self.padding not in PADDINGS or len(numbers) != 3 * axes or min(numbers) < 1:
            raise ValueError(f"no window over positions: {self}")

    @property
    def reach(self) -> Shape:
        """Positions from the first tap to the last one, along each axis."""
        return tuple((k - 1) * d for k, d in zip(self.taps, self.dilation, strict=True))

    def output(self, positions: Shape) -> Shape:
        """Output positions along each axis."""
        free = self.reach if self.padding == "valid" else (0,) * len(self.taps)
        sizes = zip(positions, free, self.stride, strict=True)
        return tuple(-((taken - n) // step) for n, taken, step in sizes)

    def padded(self, positions: Shape) -> list[tuple[int, int]]:
        """How many positions are added before and after, along each axis."""
        widths = []
        outputs = self.output(positions)
        for axes in zip(positions, outputs, self.stride, self.reach, strict=True):
            size, output, step, reach = axes
            total = max((output - 1) * step + reach + 1 - size, 0)
            if self.padding == "valid":
                total = 0
            before = reach if self.padding == "causal" else total // 2
            widths.append((before, max(total - before, 0)))
        return widths

    def gather(self, x: Array, fill: float) -> Array:
        """(n, *positions, channels) → (n, *output positions, channels, taps), padded with `fill`.

        The taps of several axes lie behind each other, those of the last axis closest.
        """
        import numpy as np

        axes = len(self.taps)
        outputs = self.output(x.shape[1:-1])
        widths = self.padded(x.shape[1:-1])
        x = np.pad(x, ((0, 0), *widths, (0, 0)), constant_values=fill)
        for i, size in enumerate(outputs):
            starts = np.arange(size)[:, None] * self.stride[i]
            index = starts + np.arange(self.taps[i]) * self.dilation[i]
            x = np.moveaxis(np.take(x, index, axis=1 + i), 2 + i, -1)
        taken = x.reshape(*x.shape[: axes + 2], -1)
        return np.asarray(taken)


@dataclass(frozen=True, eq=False, kw_only=True)
class _Convolution(KernelNode):
    """What all convolutions share; the kernel's first axes count taps."""

    stride: Shape = ()
    dilation: Shape = ()
    padding: str = "valid"

    @property
    def window(self) -> Window:
        return Window(self.kernel.shape[:-2], self.stride, self.dilation, self.padding)

    @property
    def input_channels(self) -> int:
        return int(self.kernel.shape[-2])

    @property
    def _flat(self) -> Array:
        """The kernel with the taps of all axes on one."""
        return self.kernel.reshape(-1, *self.kernel.shape[-2:])

    def output_shape(self, *inputs: Shape) -> Shape:
        ((*positions, channels),) = inputs
        if channels != self.input_channels or len(positions) != self.kernel.ndim - 2:
            raise ValueError(f"node '{self.label}': kernel {self.kernel.shape} on {inputs[0]}")
        return (*self.window.output(tuple(positions)), int(self.bias.size))

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
    """Convolution along one or two axes.

    `kernel` is (*taps, input channels / groups, output channels).
    """

    groups: int = 1

    output_axes = (-1,)

    @property
    def input_channels(self) -> int:
        return int(self.kernel.shape[-2]) * self.groups

    def linear(self, x: Array) -> Array:
        import numpy as np

        taps = self.window.gather(x, 0.0)
        inputs = np.split(taps, self.groups, axis=-2)
        kernels = np.split(self._flat, self.groups, axis=2)
        parts = [
            np.einsum("...ck,kco->...o", u, w, optimize=True)
            for u, w in zip(inputs, kernels, strict=True)
        ]
        return np.asarray(np.concatenate(parts, axis=-1) + self.bias)

    @property
    def is_matrix_product(self) -> bool:
        return self.groups == 1

    def matrix_rows(self, x: Array) -> Array:
        import numpy as np

        taps = self.window.gather(x, 0.0)
        return np.moveaxis(taps, -1, -2).reshape(-1, taps.shape[-2] * taps.shape[-1])

    def _absorb_channels(self, channels: AffineMap) -> Self:
        import numpy as np

        # each group of output channels reads one slice of the input channels
        per_group, outputs = self.kernel.shape[-2:]
        width = outputs // self.groups
        kernel = self._flat.copy()
        bias = self.bias.copy()
        for group in range(self.groups):
            out = slice(group * width, (group + 1) * width)
            into = slice(group * per_group, (group + 1) * per_group)
            bias[out] += np.einsum("kco,c->o", kernel[:, :, out], channels.offset[into])
            kernel[:, :, out] *= channels.scale[into][:, None]
        return replace(self, kernel=kernel.reshape(self.kernel.shape), bias=bias)


@dataclass(frozen=True, eq=False, kw_only=True)
class Depthwise(_Convolution):
    """Every channel convolved by itself. `kernel` is (*taps, channels, multiplier)."""

    output_axes = (-2, -1)
    min_kernel_bits = 8

    def linear(self, x: Array) -> Array:
        import numpy as np

        product = np.einsum("...ck,kcm->...cm", self.window.gather(x, 0.0), self._flat)
        return np.asarray(product.reshape(*product.shape[:-2], -1) + self.bias)

    def _absorb_channels(self, channels: AffineMap) -> Self:
        import numpy as np

        shift = np.einsum("kcm,c->cm", self._flat, channels.offset).reshape(-1)
        kernel = self.kernel * channels.scale[:, None]
        return replace(self, kernel=kernel, bias=self.bias + shift)


@dataclass(frozen=True, eq=False, kw_only=True)
class TransposedConv(KernelNode):
    """Convolution that spreads each position over several: the gradient of a convolution.

    `kernel` is (*taps, output channels, input channels), without dilation.

    Attributes:
        size: output positions along each axis.
        padding: valid or same, of the convolution whose gradient it is.
    """

    size: Shape
    stride: Shape
    padding: str = "valid"

    output_axes = (-2,)

    def output_shape(self, *inputs: Shape) -> Shape:
        ((*positions, channels),) = inputs
        window = Window(self.kernel.shape[:-2], self.stride, (), self.padding)
        fits = window.output(self.size) == tuple(positions)
        if channels != self.kernel.shape[-1] or not fits:
            raise ValueError(f"node '{self.label}': kernel {self.kernel.shape} on {inputs[0]}")
        return (*self.size, int(self.bias.size))

    def linear(self, x: Array) -> Array:
        import numpy as np

        taps = self.kernel.shape[:-2]
        window = Window(taps, self.stride, (), self.padding)
        widths = window.padded(self.size)
        padded = [n + sum(width) for n, width in zip(self.size, widths, strict=True)]
        spread = np.zeros((len(x), *padded, self.bias.size))
        for tap in np.ndindex(*taps):
            where = (
                slice(t, t + (n - 1) * step + 1, step)
                for t, n, step in zip(tap, x.shape[1:-1], self.stride, strict=True)
            )
            spread[:, *where] += x @ self.kernel[tap].T
        inside = (
            slice(before, before + n) for n, (before, _) in zip(self.size, widths, strict=True)
        )
        return np.asarray(spread[:, *inside] + self.bias)

    def absorb_input(self, affine: AffineMap) -> Self | None:
        """Positions near the ends get fewer products, so that an offset would be wrong there."""
        channels = affine.per_channel()
        if channels is None or channels.offset.any():
            return None
        return replace(self, kernel=self.kernel * channels.scale)


# --- Keras ------------------------------------------------------------------------------------

SEPARABLE_ARRAYS = (("depthwise_kernel", ""), ("pointwise_kernel", ""), ("bias", "use_bias"))


def read_conv(call: KerasCall) -> tuple[Node, ...]:
    """Keras' `Conv1D` and `Conv2D`."""
    kernel = call.array("kernel")
    return with_activation(
        call,
        lambda function: Conv(
            label=call.label,
            inputs=call.inputs,
            kernel=kernel,
            bias=call.bias(kernel.shape[-1]),
            groups=int(call.layer.groups),
            activation=function,
            **_window(call.layer),
        ),
        read_function(call, call.layer.activation),
    )


def read_depthwise(call: KerasCall) -> tuple[Node, ...]:
    """Keras' `DepthwiseConv1D` and `DepthwiseConv2D`."""
    kernel = call.array("kernel")
    return with_activation(
        call,
        lambda function: Depthwise(
            label=call.label,
            inputs=call.inputs,
            kernel=kernel,
            bias=call.bias(kernel.shape[-2] * kernel.shape[-1]),
            activation=function,
            **_window(call.layer),
        ),
        read_function(call, call.layer.activation),
    )


def read_separable(call: KerasCall) -> tuple[Node, ...]:
    """Keras' `SeparableConv1D` and `SeparableConv2D`: a depthwise convolution, and a single tap."""
    import numpy as np

    pointwise = call.array("pointwise_kernel")
    depthwise = Depthwise(
        label=f"{call.label}_depthwise",
        inputs=call.inputs,
        kernel=call.array("depthwise_kernel"),
        bias=np.zeros(pointwise.shape[-2]),
        **_window(call.layer),
    )
    second = with_activation(
        call,
        lambda function: Conv(
            label=call.label,
            inputs=depthwise.outputs,
            kernel=pointwise,
            bias=call.bias(pointwise.shape[-1]),
            activation=function,
        ),
        read_function(call, call.layer.activation),
    )
    return depthwise, *second


def read_transposed(call: KerasCall) -> tuple[Node, ...]:
    """Keras' `Conv1DTranspose` and `Conv2DTranspose`.

    Raises:
        Unsupported: dilation, which TensorFlow's own operation has not.
    """
    layer, kernel = call.layer, call.array("kernel")
    if max(layer.dilation_rate) > 1:
        raise Unsupported(
            f"layer '{call.label}' ({call.kind}) has a dilation", "use dilation_rate 1"
        )
    stride = tuple(int(step) for step in layer.strides)
    return with_activation(
        call,
        lambda function: TransposedConv(
            label=call.label,
            inputs=call.inputs,
            kernel=kernel,
            bias=call.bias(kernel.shape[-2]),
            activation=function,
            size=_transposed_size(call, stride),
            stride=stride,
            padding=layer.padding,
        ),
        read_function(call, layer.activation),
    )


def _transposed_size(call: KerasCall, stride: Shape) -> Shape:
    """Output positions; Keras' own where it has said so."""
    if call.results:
        return call.results[0].shape[:-1]
    layer, positions = call.layer, call.inputs[0].shape[:-1]
    if getattr(layer, "output_padding", None) is not None:
        raise Unsupported(
            f"layer '{call.label}' ({call.kind}) has an output padding", "leave output_padding out"
        )
    sizes = zip(positions, stride, layer.kernel_size, strict=True)
    valid = layer.padding == "valid"
    return tuple(n * step + (max(taps - step, 0) if valid else 0) for n, step, taps in sizes)


def _window(layer: Any) -> dict[str, Any]:
    return {
        "stride": tuple(int(step) for step in layer.strides),
        "dilation": tuple(int(step) for step in layer.dilation_rate),
        "padding": layer.padding,
    }
