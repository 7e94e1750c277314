"""Folding: whatever is affine disappears into the neighbouring convolution or dense layer.

All arithmetic is float64; the result is rounded to float32 once, when it is emitted.

*Backward.* After a linear layer `y = W∗x + b` comes `z = s·y + t` (a batch normalization at
inference). Each output channel is scaled: `W' = s·W`, `b' = s·b + t`.

*Forward.* Before a linear layer comes `x = s·u + t` for each input channel (a unit, a sign, a
standardisation): `y[o] = Σ_k Σ_c W[k,c,o]·(s[c]·u[k,c] + t[c]) + b[o]`, so

    W'[k,c,o] = W[k,c,o]·s[c]        b'[o] = b[o] + Σ_k Σ_c W[k,c,o]·t[c].

That holds at every position only where each tap sees a real value: with valid padding. Zeros that
`same` or `causal` padding adds are zeros of *x*, not of *u*, so at the borders the sum over k would
be short of taps and `b'` wrong there. Then the affine operation stays in the graph. Stride and
dilation only choose which positions and taps are taken, and change nothing.
"""

from __future__ import annotations

from dataclasses import replace
from typing import TYPE_CHECKING

from edgeconv.core import InputConvention, Signal
from edgeconv.ir.graph import (
    LINEAR,
    Affine,
    Conv,
    Dense,
    Depthwise,
    GlobalPool,
    Layer,
    Plan,
    Pool,
    Reshape,
    output_shape,
)

if TYPE_CHECKING:
    from edgeconv.ir.graph import Array, Shape

SENSOR_LAYER = "sensor_contract"


def for_sensor(plan: Plan, signal: Signal, sensor: InputConvention) -> Plan:
    """The plan, taking flat windows as `sensor` gives them, everything foldable folded.

    With `input = canonical·a + b` for the artifact and `x = canonical·p + q` for the network,
    `x = input·(p/a) + (q − b·p/a)`.
    """
    import numpy as np

    a, b = signal.for_sensor(sensor).affine()
    p, q = signal.for_sensor(InputConvention.NORMALIZED).affine()
    scale, offset = p / a, q - b * p / a
    window = signal.window
    first = Affine(SENSOR_LAYER, np.tile(scale, window), np.tile(offset, window))
    layers: list[Layer] = [first]
    if plan.input_shape != (signal.flat_size,):
        layers.append(Reshape("steps", plan.input_shape))
    return fold(replace(plan, input_shape=(signal.flat_size,), layers=(*layers, *plan.layers)))


def fold(plan: Plan) -> Plan:
    """Remove every affine operation that a neighbour can take over exactly.

    The function of the network is unchanged. What is left as `Affine` could not be folded.
    """
    layers = list(plan.layers)
    changed = True
    while changed:
        changed = False
        shapes = plan.with_layers(layers).shapes()
        for i, layer in enumerate(layers):
            step = _step(layers, i, layer, shapes[i])
            if step is not None:
                layers = step
                changed = True
                break
    return plan.with_layers(layers)


def explicit(plan: Plan) -> tuple[str, ...]:
    """Names of the affine operations that stayed in the graph."""
    return tuple(layer.name for layer in plan.layers if isinstance(layer, Affine))


def _step(layers: list[Layer], i: int, layer: Layer, shape: Shape) -> list[Layer] | None:
    """The list after one fold at position `i`, or None where nothing can be done there."""
    if isinstance(layer, Reshape) and layer.shape == shape:
        return layers[:i] + layers[i + 1 :]
    if not isinstance(layer, Affine):
        return None
    if (layer.scale == 1).all() and (layer.offset == 0).all():
        return layers[:i] + layers[i + 1 :]
    if i > 0:
        merged = _backward(layers[i - 1], layer)
        if merged is not None:
            return [*layers[: i - 1], merged, *layers[i + 1 :]]
    if i + 1 < len(layers):
        ahead = _forward(layer, layers[i + 1])
        if ahead is not None:
            return [*layers[:i], *ahead, *layers[i + 2 :]]
    return None


def _backward(before: Layer, affine: Affine) -> Layer | None:
    if isinstance(before, Affine):
        scale = before.scale * affine.scale
        return replace(before, scale=scale, offset=before.offset * affine.scale + affine.offset)
    if not isinstance(before, Conv | Depthwise | Dense) or before.function != LINEAR:
        return None
    channels = _per_channel(affine)
    if channels is None:
        return None
    scale, offset = channels
    bias = before.bias * scale + offset
    if isinstance(before, Depthwise):
        return replace(
            before, kernel=before.kernel * scale.reshape(before.kernel.shape[1:]), bias=bias
        )
    return replace(before, kernel=before.kernel * scale, bias=bias)


def _forward(affine: Affine, after: Layer) -> list[Layer] | None:
    """The affine operation pushed through, or into, the layer after it."""
    if isinstance(after, Reshape):
        moved = replace(
            affine,
            scale=affine.scale.reshape(after.shape),
            offset=affine.offset.reshape(after.shape),
        )
        return [after, moved]
    if isinstance(after, Dense) and affine.scale.ndim == 1:
        kernel = after.kernel * affine.scale[:, None]
        return [replace(after, kernel=kernel, bias=after.bias + affine.offset @ after.kernel)]
    channels = _per_channel(affine)
    if channels is None:
        return None
    if isinstance(after, Pool | GlobalPool):
        return _through_pool(affine, *channels, after)
    return _into_convolution(*channels, after)


def _through_pool(
    affine: Affine, scale: Array, offset: Array, after: Pool | GlobalPool
) -> list[Layer] | None:
    """An average commutes with any affine operation, a maximum with an increasing one."""
    import numpy as np

    if after.kind == "max" and not (scale > 0).all():
        return None
    shape = output_shape(after, affine.scale.shape)
    moved = replace(
        affine, scale=np.broadcast_to(scale, shape), offset=np.broadcast_to(offset, shape)
    )
    return [after, moved]


def _into_convolution(scale: Array, offset: Array, after: Layer) -> list[Layer] | None:
    import numpy as np

    if not isinstance(after, Conv | Depthwise) or (after.padding != "valid" and offset.any()):
        return None  # without an offset zeros stay zeros: padding does no harm
    if isinstance(after, Depthwise):
        shift = np.einsum("kcm,c->cm", after.kernel, offset).reshape(-1)
        return [replace(after, kernel=after.kernel * scale[:, None], bias=after.bias + shift)]
    # a group of output channels sees its own slice of the input channels
    per_group = after.kernel.shape[1]
    width = after.kernel.shape[2] // after.groups
    kernel = after.kernel.copy()
    bias = after.bias.copy()
    for group in range(after.groups):
        out = slice(group * width, (group + 1) * width)
        into = slice(group * per_group, (group + 1) * per_group)
        bias[out] += np.einsum("kco,c->o", after.kernel[:, :, out], offset[into])
        kernel[:, :, out] *= scale[into][:, None]
    return [replace(after, kernel=kernel, bias=bias)]


def _per_channel(affine: Affine) -> tuple[Array, Array] | None:
    """Scale and offset of each channel, where they do not change over time."""
    if affine.scale.ndim == 1:
        return affine.scale, affine.offset
    if (affine.scale == affine.scale[0]).all() and (affine.offset == affine.offset[0]).all():
        return affine.scale[0], affine.offset[0]
    return None
