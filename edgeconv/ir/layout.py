"""Where time and channels lie in memory, and what that means for kernels and flattening.

TFLite's kernels want channels last (1, 1, time, channels), Core ML's channels first
(1, channels, 1, time).
"""

from __future__ import annotations

from typing import TYPE_CHECKING, Any

from edgeconv.ir.graph import Activate, Affine, Conv, Dense, Depthwise, Layer, Plan, Reshape

if TYPE_CHECKING:
    from edgeconv.ir.graph import Array, Shape


class Layout:
    """One plan laid out channels first or channels last."""

    def __init__(self, plan: Plan, channels_first: bool) -> None:
        self.channels_first = channels_first
        self.format = "NCHW" if channels_first else "NHWC"
        self.channel_axis = 1 if channels_first else -1
        self._plan = plan
        self._permuted = _flattened_channels_first(plan) if channels_first else {}

    def axes(self, batch: Any, height: Any, time: Any, channels: Any) -> list[Any]:
        """One number for each axis, in this layout's order."""
        if self.channels_first:
            return [batch, channels, height, time]
        return [batch, height, time, channels]

    def constants(self, i: int, layer: Layer) -> dict[str, Array]:
        """What the layer must hold, laid out as its operation wants it."""
        match layer:
            case Conv():
                return {"kernel": layer.kernel[None], "bias": layer.bias}
            case Depthwise():
                return {"kernel": self._depthwise_kernel(layer), "bias": layer.bias}
            case Dense():
                return {"kernel": self._dense_kernel(i, layer), "bias": layer.bias}
            case Affine():
                return {
                    "scale": self._broadcast(layer.scale),
                    "offset": self._broadcast(layer.offset),
                }
        return {}

    def _depthwise_kernel(self, layer: Depthwise) -> Array:
        """Channels first: as many groups as channels, since coremltools reads the length of time
        as the channels of a channels-first depthwise operation."""
        if not self.channels_first:
            return layer.kernel[None]
        taps, channels, multiplier = layer.kernel.shape
        return layer.kernel.reshape(1, taps, 1, channels * multiplier)

    def _dense_kernel(self, i: int, layer: Dense) -> Array:
        """Rows in the order in which a channels-first value was flattened."""
        if i not in self._permuted:
            return layer.kernel
        steps, channels = self._permuted[i]
        rows = layer.kernel.reshape(steps, channels, -1).swapaxes(0, 1)
        return rows.reshape(layer.kernel.shape)

    def _broadcast(self, value: Array) -> Array:
        """A factor of the value's shape, one for each channel where time does not matter."""
        if value.ndim == 1:
            return value[None]
        if (value == value[0]).all():
            value = value[:1]
        return value.T[None, :, None] if self.channels_first else value[None, None]

    def flattens_as_it_lies(self, i: int) -> bool:
        """Whether this flattening may keep channels first, because a dense layer expects it."""
        return _dense_after(self._plan, i) in self._permuted


def _dense_after(plan: Plan, i: int) -> int | None:
    """Position of the dense layer that reads a flattening at `i`, through element-wise layers."""
    for j in range(i + 1, len(plan.layers)):
        layer = plan.layers[j]
        if isinstance(layer, Dense):
            return j
        if not isinstance(layer, Activate) or layer.function.kind == "softmax":
            return None
    return None


def _flattened_channels_first(plan: Plan) -> dict[int, Shape]:
    """Dense layers that can read a value flattened with its channels first, and its shape.

    Their kernel's rows are permuted instead of the value being transposed on every inference.
    """
    found: dict[int, Shape] = {}
    for i, (layer, shape) in enumerate(zip(plan.layers, plan.shapes()[:-1], strict=True)):
        if isinstance(layer, Reshape) and len(layer.shape) == 1 and len(shape) == 2:
            dense = _dense_after(plan, i)
            if dense is not None:
                found[dense] = shape
    return found
