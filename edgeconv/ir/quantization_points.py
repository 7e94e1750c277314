"""Where a network's values become integers of their own, and which range they have there.

A range is known by the name of the layer whose result it holds; that of the input by `sensor`. An
operation that only moves or picks values (reshape, maximum, average pooling, padding) keeps the
integers of what it reads, as TFLite's kernels want it, so it has no point. A kernel's operation
computes its bias and a relu at once: the point is after the relu.
"""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from dataclasses import replace
from typing import TYPE_CHECKING

from edgeconv.core import InputConvention, Signal
from edgeconv.errors import Unsupported
from edgeconv.ir.calibration import Quantizer, ranges_of
from edgeconv.ir.graph import (
    LINEAR,
    Activate,
    Affine,
    Conv,
    Dense,
    Depthwise,
    Function,
    GlobalPool,
    KerasLayer,
    Layer,
    Plan,
)

if TYPE_CHECKING:
    from edgeconv.ir.graph import Array


Ranges = dict[str, tuple[float, float]]

INPUT = "sensor"
GIVEN = "training"  # the manifest's word for ranges that nobody had to measure
SIGMOID, TANH = (0.0, 255 / 256), (-1.0, 127 / 128)  # softmax is as sigmoid
# TFLite's kernels leave no choice for these.
_FIXED = {"sigmoid": SIGMOID, "tanh": TANH}
_FUSED = ("linear", "relu", "relu_max")


def fused(function: Function) -> bool:
    """Whether a kernel's operation computes the function too, so that no integers lie between."""
    return function.kind in _FUSED


def before_function(layer: Layer) -> str:
    """The point between a kernel's bias and a function that is an operation of its own."""
    return f"{layer.name}_bias"


def after_scale(layer: Layer) -> str:
    """The point between the product and the sum of an affine operation."""
    return f"{layer.name}_scale"


def can_be_quantized(plan: Plan) -> bool:
    """Whether every operation of the plan is known."""
    return not any(isinstance(layer, KerasLayer) for layer in plan.layers)


def measured(plan: Plan, windows: Array, method: str, quantizer: Quantizer) -> Ranges:
    """The range at every point, from windows (n, features) as the plan takes them."""
    apart = opened(plan)
    names = names_of(apart)
    seen = {i + 1: name for i, name in enumerate(names) if name}
    return _with_fixed(plan, ranges_of(apart, windows, method, quantizer, {0: INPUT, **seen}))


def completed(plan: Plan, given: Mapping[str, tuple[float, float]], signal: Signal) -> Ranges:
    """The range at every point, from those of a training.

    Args:
        given: by the names of a Keras model's layers; `sensor` in m/s² with Android's sign.
        signal: what the plan takes.

    Raises:
        Unsupported: a range is missing.
    """
    if INPUT not in given:
        raise Unsupported("the ranges that were given lack that of the input, 'sensor'")
    found = {INPUT: _through(given[INPUT], *signal.affine())}
    a, b = signal.affine()
    canonical = given[INPUT]
    for layer in plan.layers:
        if isinstance(layer, Affine) and layer.name not in given:
            # only the sensor contract is an operation that no training has seen
            p, q = signal.for_sensor(InputConvention.NORMALIZED).affine()
            found[after_scale(layer)] = _through(_through(canonical, a, b), p / a, 0 * q)
            found[layer.name] = _through(canonical, p, q)
    wanted = [name for name in names_of(opened(plan)) if name]
    missing = [name for name in wanted if name not in found and name not in given]
    if missing:
        raise Unsupported(
            f"the ranges that were given lack those of: {', '.join(missing)}",
            "quantize the model with calibration windows instead",
        )
    return _with_fixed(plan, {**found, **{n: given[n] for n in wanted if n not in found}})


def read_by_kernels(plan: Plan, ranges: Mapping[str, tuple[float, float]]) -> Ranges:
    """The range of what each layer with a kernel reads, by the layer's name."""
    found: Ranges = {}
    last = ranges[INPUT]
    for layer in plan.layers:
        if isinstance(layer, Conv | Depthwise | Dense):
            found[layer.name] = last
        last = ranges.get(layer.name, last)
    return found


def _through(limits: tuple[float, float], scale: Array, offset: Array) -> tuple[float, float]:
    """What an affine map of each channel makes of one range for all of them."""
    ends = [limits[0] * scale + offset, limits[1] * scale + offset]
    return min(float(e.min()) for e in ends), max(float(e.max()) for e in ends)


def opened(plan: Plan) -> Plan:
    """The same network with a layer of its own for the value at every point."""
    import numpy as np

    layers: list[Layer] = []
    for layer in plan.layers:
        if isinstance(layer, Affine):
            none = np.zeros_like(layer.offset)
            layers.append(Affine(after_scale(layer), layer.scale, none))
            layers.append(Affine(layer.name, np.ones_like(layer.scale), layer.offset))
        elif isinstance(layer, Conv | Depthwise | Dense) and not fused(layer.function):
            layers.append(replace(layer, name=before_function(layer), function=LINEAR))
            layers.append(Activate(layer.name, layer.function))
        else:
            layers.append(layer)
    return plan.with_layers(layers)


def names_of(apart: Plan) -> list[str]:
    """For each layer of an `opened` plan the name of the point after it; empty: there is none."""
    following: Sequence[Layer | None] = (*apart.layers[1:], None)
    return [
        layer.name if _has_point(layer, after) else ""
        for layer, after in zip(apart.layers, following, strict=True)
    ]


def _has_point(layer: Layer, after: Layer | None) -> bool:
    if isinstance(layer, Activate):
        return layer.function.kind != "softmax"  # the converter knows its range
    if isinstance(layer, GlobalPool):
        return layer.kind == "average"
    if isinstance(layer, Conv | Depthwise | Dense):
        takes_in = isinstance(after, Activate) and after.function.kind in _FUSED
        return not (takes_in and layer.function == LINEAR)
    return isinstance(layer, Affine)


def _with_fixed(plan: Plan, found: Ranges) -> Ranges:
    """The ranges with those that TFLite's kernels dictate."""
    for layer in plan.layers:
        function = getattr(layer, "function", LINEAR)
        if layer.name in found and function.kind in _FIXED:
            found[layer.name] = _FIXED[function.kind]
        if layer.name in found and function.kind == "relu_max":
            low, high = found[layer.name]
            found[layer.name] = low, min(high, function.value)
    return found
