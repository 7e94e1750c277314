"""Convolutions (MIL: conv.py, iOS15 and iOS17)."""

from __future__ import annotations

from typing import Any

import numpy as np
from numpy.typing import NDArray

from edgeconv.errors import Unsupported
from edgeconv.runtimes.coreml_reference.ops.kernel import ConvKernel


def conv(
    x: NDArray[Any],
    weight: NDArray[Any],
    bias: NDArray[Any] | None = None,
    strides: Any = None,
    pad_type: str = "valid",
    pad: Any = None,
    dilations: Any = None,
    groups: Any = 1,
) -> NDArray[Any]:
    """Cross-correlation of x (n, in, *spatial) with weight (out, in / groups, *kernel).

    The result is a channels-first view of channels-last memory, which a following convolution
    takes as it is.
    """
    kernel = ConvKernel.of(weight, strides, pad_type, pad, dilations, groups)
    windows = kernel.windows(x)
    outputs = windows.shape[1 : windows.ndim - len(kernel.size) - 1]
    sums = np.empty((len(x), *outputs, kernel.channels), x.dtype)
    for _ in kernel.sums([windows], sums):
        pass  # each writes its own part
    if bias is not None:
        sums += bias
    return np.moveaxis(sums, -1, 1)


def conv_quantized(
    x: NDArray[Any],
    weight: NDArray[Any],
    quantization_type: str,
    quant_scale: Any,
    quant_bias: Any,
    nbits: Any = 8,
    bias: NDArray[Any] | None = None,
    strides: Any = None,
    pad_type: str = "valid",
    pad: Any = None,
    dilations: Any = None,
    groups: Any = 1,
) -> NDArray[Any]:
    """`conv` with weight · quant_scale + quant_bias, weight being unsigned numbers of `nbits` bits,
    one in each byte (MIL: conv_quantized, iOS15, "experimental").

    Scale and bias of the quantization are single numbers, or one for each output channel.

    Raises:
        Unsupported: `lut`, because MIL has no parameter for its table, and a quantized `bias`,
            because MIL defines no formula for it.
        ValueError: a weight of more than `nbits` bits.
    """
    if quantization_type != "linear":
        raise Unsupported(f"quantization type '{quantization_type}' has no table of values in MIL")
    if bias is not None and bias.dtype.kind != "f":
        raise Unsupported(f"MIL does not say what a bias of type {bias.dtype} means")
    if weight.size and int(weight.max()) >> int(nbits):
        raise ValueError(f"a weight of {int(weight.max())} has more than {int(nbits)} bits")
    scale, offset = (_each_output(v, weight, x.dtype) for v in (quant_scale, quant_bias))
    real = weight.astype(x.dtype) * scale + offset
    return conv(x, real, bias, strides, pad_type, pad, dilations, groups)


def _each_output(values: Any, weight: NDArray[Any], dtype: Any) -> NDArray[Any]:
    array = np.asarray(values, dtype)
    return array.reshape(-1, *[1] * (weight.ndim - 1)) if array.ndim < 2 else array


def conv_transpose(
    x: NDArray[Any],
    weight: NDArray[Any],
    bias: NDArray[Any] | None = None,
    pad: Any = None,
    output_shape: Any = None,
    pad_type: str = "valid",
    strides: Any = None,
    dilations: Any = None,
    groups: Any = 1,
) -> NDArray[Any]:
    """Each input spreads weight (in, out / groups, *kernel) over the output, which is then cropped.

    `same` and `output_shape` crop evenly, an odd element at the end (MIL: conv_transpose).
    """
    kernel, split = weight.shape[2:], int(groups)
    steps = [int(s) for s in strides] if strides is not None else [1] * len(kernel)
    spread = [int(d) for d in dilations] if dilations is not None else [1] * len(kernel)
    spans = [
        ((size - 1) * s + 1, (k - 1) * d)
        for size, s, k, d in zip(x.shape[2:], steps, kernel, spread, strict=True)
    ]
    last = np.moveaxis(x, 1, -1)
    parts = np.stack(np.split(last, split, axis=-1))
    kernels = weight.reshape(split, -1, *weight.shape[1:])
    full = np.zeros(
        (split, len(x), *(a + b for a, b in spans), weight.shape[1]), np.result_type(x, weight)
    )
    middle = (split,) + (1,) * (x.ndim - 2)
    for tap in np.ndindex(*kernel):
        taps = kernels[(slice(None), slice(None), slice(None), *tap)]
        where = (
            slice(t * d, t * d + span, s)
            for t, d, (span, _), s in zip(tap, spread, spans, steps, strict=True)
        )
        full[(slice(None), slice(None), *where)] += parts @ taps.reshape(*middle, *taps.shape[1:])
    joined = np.moveaxis(full, 0, -2).reshape(*full.shape[1:-1], -1)
    cropped = _crop(joined, _target(x, steps, pad_type, output_shape), pad_type, pad)
    if bias is not None:
        cropped = cropped + bias
    return np.moveaxis(cropped, -1, 1)


def _target(
    x: NDArray[Any], strides: list[int], pad_type: str, output_shape: Any
) -> list[int] | None:
    """The requested spatial lengths; None if they follow from the padding."""
    if output_shape is not None:
        return [int(d) for d in output_shape[2:]]
    if pad_type in ("same", "same_lower"):
        return [size * s for size, s in zip(x.shape[2:], strides, strict=True)]
    return None


def _crop(full: NDArray[Any], target: list[int] | None, pad_type: str, pad: Any) -> NDArray[Any]:
    """Remove what the padding of the forward convolution would have covered."""
    sizes = full.shape[1:-1]
    flat = (
        [int(p) for p in pad] if pad is not None and pad_type == "custom" else [0] * 2 * len(sizes)
    )
    index: list[slice] = [slice(None)]
    behind = []
    for i, size in enumerate(sizes):
        low, length = flat[2 * i], size - flat[2 * i] - flat[2 * i + 1]
        if target is not None:
            excess = size - target[i]
            if pad_type != "custom":
                low = max(excess, 0) // 2 if pad_type != "same_lower" else -(-max(excess, 0) // 2)
            length = target[i]
        index.append(slice(low, low + length))
        behind.append((0, max(low + length - size, 0)))
    return np.pad(full, [(0, 0), *behind, (0, 0)])[tuple(index)]
