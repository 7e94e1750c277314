"""How much each layer's integers cost, measured; and which layers a mixed file keeps precise.

The network is run in NumPy as its integer file would compute it, some layers rounded and others
not, and its outputs are compared with the float network's on calibration windows. No label is
looked at, so that the choice can be made on training people.
"""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import dataclass, replace
from typing import TYPE_CHECKING

from edgeconv.errors import Unsupported
from edgeconv.ir import quantization_points
from edgeconv.ir.calibration import INT8_AFFINE
from edgeconv.ir.graph import Conv, Dense, Depthwise, Layer, Plan
from edgeconv.ir.numpy_interpreter import apply, evaluate

if TYPE_CHECKING:
    from edgeconv.ir.graph import Array

FLOAT = 32
WINDOWS = 100  # that a choice is made on; of more, the order of layers did not change
CEILING = 200.0  # dB: said of outputs that do not differ at all

Bits = dict[str, int]
"""Bits of each layer's weights by its name; 32 keeps weights and result in float."""


@dataclass(frozen=True)
class Effect:
    """What one layer's rounding does to the outputs.

    Attributes:
        weights: how many it has.
        alone_db: signal-to-noise ratio of the outputs with this layer rounded and no other.
        spared_db: the same with every layer rounded but this one.
    """

    layer: str
    weights: int
    alone_db: float
    spared_db: float


def kernels_of(plan: Plan) -> dict[str, int]:
    """Number of weights of each layer that has any, in the network's order."""
    return {
        layer.name: int(layer.kernel.size)
        for layer in plan.layers
        if isinstance(layer, Conv | Depthwise | Dense)
    }


def effects(
    plan: Plan, windows: Array, ranges: Mapping[str, tuple[float, float]], bits: int
) -> tuple[Effect, ...]:
    """Every layer's effect, in the network's order.

    Args:
        windows: (n, features), as the plan takes them.
        ranges: the range at every point.
        bits: of the weights where a layer is rounded.
    """
    kernels = kernels_of(plan)
    exact = evaluate(plan, windows)

    def ratio(rounded: Bits) -> float:
        return snr_db(exact, simulate(plan, windows, ranges, rounded))

    return tuple(
        Effect(
            layer=name,
            weights=size,
            alone_db=ratio(dict.fromkeys(kernels, FLOAT) | {name: bits}),
            spared_db=ratio(dict.fromkeys(kernels, bits) | {name: FLOAT}),
        )
        for name, size in kernels.items()
    )


def choose(
    plan: Plan,
    windows: Array,
    ranges: Mapping[str, tuple[float, float]],
    bits: int,
    finer: int,
    wanted_db: float,
) -> tuple[tuple[str, ...], float]:
    """Layers to keep at `finer` bits (32: float) so that the outputs reach `wanted_db`.

    One after the other, the layer that buys the most decibels for its bytes, or the smallest one
    that suffices; in the end those go back, the largest first, that the others do not need.
    Returns the layers in the network's order, and the ratio reached.

    Raises:
        Unsupported: not reached with every layer at `finer` bits.
    """
    kernels = kernels_of(plan)
    exact = evaluate(plan, windows)

    def ratio(fine: set[str]) -> float:
        widths = {name: finer if name in fine else bits for name in kernels}
        return snr_db(exact, simulate(plan, windows, ranges, widths))

    fine: set[str] = set()
    reached = ratio(fine)
    while reached < wanted_db:
        tried = {name: ratio(fine | {name}) for name in kernels if name not in fine}
        if not tried:
            raise Unsupported(
                f"the outputs reach {reached:.1f} dB with all layers in {finer} bits, not "
                f"{wanted_db:g} dB",
                "ask for less, or use float16",
            )
        best = _next(tried, kernels, reached, wanted_db)
        fine.add(best)
        reached = tried[best]
    for name in sorted(fine, key=lambda name: -kernels[name]):
        without = ratio(fine - {name})
        if without >= wanted_db:
            fine.remove(name)
            reached = without
    return tuple(name for name in kernels if name in fine), reached


def _next(
    tried: Mapping[str, float], kernels: Mapping[str, int], reached: float, wanted_db: float
) -> str:
    enough = [name for name in tried if tried[name] >= wanted_db]
    if enough:
        return min(enough, key=lambda name: kernels[name])
    return max(tried, key=lambda name: (tried[name] - reached) / kernels[name])


def simulate(
    plan: Plan, windows: Array, ranges: Mapping[str, tuple[float, float]], bits: Bits
) -> Array:
    """Outputs of the network with some layers as integers, (n, *output shape).

    A value is rounded where an operation in integers makes it or reads it.
    """
    opened = quantization_points.opened(plan)
    rounds = _rounding_points(opened, bits)
    value = windows.reshape(-1, *plan.input_shape)
    if quantization_points.INPUT in rounds:
        value = rounded(value, ranges[quantization_points.INPUT])
    for layer in opened.layers:
        value = apply(_with_bits(layer, bits), value)
        if layer.name in rounds:
            value = rounded(value, ranges[layer.name])
    return value


def rounded(value: Array, limits: tuple[float, float]) -> Array:
    """The nearest of 256 numbers over the range."""
    import numpy as np

    low, high = INT8_AFFINE.nudged(*limits)
    step = (high - low) / INT8_AFFINE.levels
    clipped = np.clip(value, low, high)
    return np.asarray(np.rint((clipped - low) / step) * step + low)


def snr_db(exact: Array, got: Array) -> float:
    """10·log10(Σ exact² / Σ (got − exact)²)."""
    import numpy as np

    noise = float(((got - exact) ** 2).sum())
    signal = float((exact**2).sum())
    return min(10 * float(np.log10(signal / noise)), CEILING) if noise and signal else CEILING


def _rounding_points(opened: Plan, bits: Bits) -> set[str]:
    """Points next to a kernel in integers: those that it writes, and the last one that it reads."""
    found: set[str] = set()
    last = quantization_points.INPUT
    integers = next(iter(bits.values())) < FLOAT  # what moves the input does as the first kernel
    for layer, point in zip(opened.layers, quantization_points.names_of(opened), strict=True):
        if isinstance(layer, Conv | Depthwise | Dense):
            integers = bits[_own(layer, bits)] < FLOAT
            if integers:
                found.add(last)
        if point:
            last = point
            if integers:
                found.add(point)
    return found


def _own(layer: Layer, bits: Bits) -> str:
    """The name that a layer had before its function was taken apart from it."""
    return layer.name if layer.name in bits else layer.name.removesuffix("_bias")


def _with_bits(layer: Layer, bits: Bits) -> Layer:
    if not isinstance(layer, Conv | Depthwise | Dense):
        return layer
    width = bits[_own(layer, bits)]
    return layer if width == FLOAT else replace(layer, kernel=_round_kernel(layer, width))


def _round_kernel(layer: Conv | Depthwise | Dense, bits: int) -> Array:
    """Symmetric, a scale for each output."""
    import numpy as np

    deep = isinstance(layer, Depthwise)
    outputs = (1, 2) if deep else (layer.kernel.ndim - 1,)
    bits = max(bits, 8) if deep else bits  # as `few_bits.py` leaves them
    summed = tuple(a for a in range(layer.kernel.ndim) if a not in outputs)
    largest = np.abs(layer.kernel).max(axis=summed, keepdims=True)
    step = np.where(largest > 0, largest, 1) / (2 ** (bits - 1) - 1)
    return np.asarray(np.rint(layer.kernel / step) * step)
