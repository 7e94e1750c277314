"""Quantized activations (MIL: quantize and dequantize, iOS17)."""

from __future__ import annotations

from typing import Any

import numpy as np
from numpy.typing import NDArray

from edgeconv.runtimes.coreml_reference.precision import INTEGERS
from edgeconv.targets.coreml.weight_decompression import along_axis

Array = NDArray[Any]


def quantize(
    input: Array, scale: Array, output_dtype: str, zero_point: Any = None, axis: Any = None
) -> Array:
    """clip(round(input / scale) + zero point), halves to even (MIL: quantize, iOS17)."""
    limits = np.iinfo(INTEGERS[output_dtype])
    steps = np.rint(input / along_axis(scale, input.ndim, axis))
    if zero_point is not None:
        steps = steps + along_axis(zero_point, input.ndim, axis)
    codes: Array = np.clip(steps, limits.min, limits.max).astype(INTEGERS[output_dtype])
    return codes


def dequantize(input: Array, scale: Array, zero_point: Any = None, axis: Any = None) -> Array:
    """scale · (input − zero point) (MIL: dequantize, iOS17)."""
    steps = input.astype(scale.dtype)
    if zero_point is not None:
        steps = steps - along_axis(zero_point, input.ndim, axis).astype(scale.dtype)
    real: Array = steps * along_axis(scale, input.ndim, axis)
    return real
