"""Convolutions (MIL: conv.py, iOS15 and iOS17).

Matrix products (MIL: linear.py; scaled_dot_product_attention of iOS18).
"""

from __future__ import annotations

from math import sqrt
from typing import Any

import numpy as np
from numpy.typing import NDArray

from edgeconv.errors import Unsupported
from edgeconv.runtimes.coreml_reference.ops.activation import softmax
from edgeconv.runtimes.coreml_reference.ops.kernel import ConvKernel

Array = NDArray[Any]


def linear(x: Array, weight: Array, bias: Array | None = None) -> Array:
    """x · weightᵀ + bias, weight (out, in)."""
    products: Array = x @ weight.T
    return products if bias is None else products + bias


def matmul(x: Array, y: Array, transpose_x: Any = False, transpose_y: Any = False) -> Array:
    """Matrix product over the last two axes, the others broadcast as in NumPy.

    A transpose flag is ignored for a vector, which has nothing to transpose.
    """
    left = np.swapaxes(x, -1, -2) if transpose_x and x.ndim > 1 else x
    right = np.swapaxes(y, -1, -2) if transpose_y and y.ndim > 1 else y
    return np.asarray(np.matmul(left, right))


def einsum(values: tuple[Array, ...], equation: str) -> Array:
    """Einstein summation in NumPy's notation."""
    return np.asarray(np.einsum(equation, *values, optimize=len(values) > 2))


def scaled_dot_product_attention(
    query: Array, key: Array, value: Array, attn_mask: Array | None = None
) -> Array:
    """softmax(query · keyᵀ / √E + mask) · value; a boolean mask forbids where it is false."""
    scores = np.matmul(query, np.swapaxes(key, -1, -2)) / query.dtype.type(sqrt(query.shape[-1]))
    if attn_mask is not None and attn_mask.dtype == np.bool_:
        scores = np.where(attn_mask, scores, -np.inf)
    elif attn_mask is not None:
        scores = scores + attn_mask
    return np.asarray(np.matmul(softmax(scores, -1).astype(value.dtype), value))


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
        raise Unsupported(
            f"quantization type '{quantization_type}' has no table of values in MIL",
            "quantize the weights linearly",
        )
    if bias is not None and bias.dtype.kind != "f":
        raise Unsupported(
            f"MIL does not say what a bias of type {bias.dtype} means", "keep the bias in float"
        )
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
