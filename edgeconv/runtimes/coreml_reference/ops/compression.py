"""Compressed weights (MIL: constexpr_ operations, iOS16 and iOS18) and quantized activations."""

from __future__ import annotations

from math import prod
from typing import Any

import numpy as np
from numpy.typing import NDArray

from edgeconv.runtimes.coreml_reference.precision import INTEGERS
from edgeconv.runtimes.coreml_reference.weights import unpack

Array = NDArray[Any]


def constexpr_affine_dequantize(
    quantized_data: Array, zero_point: Array, scale: Array, axis: Any
) -> Array:
    """scale · (data − zero point); a vector of scales lies along `axis`."""
    return dequantize(quantized_data, scale, zero_point, axis)


def constexpr_cast(source_val: Array, output_dtype: str) -> Array:
    """The same numbers in the declared type."""
    del output_dtype  # the type of the result says the same
    return source_val


def constexpr_lut_to_dense(
    indices: Array, lut: Array, shape: Any = None, vector_axis: Any = None
) -> Array:
    """Numbers by their index in a palette.

    With `shape` (iOS16) the indices are packed, log2(palette) bits each, from the lowest bit up.
    Without it (iOS18) `lut` is (*groups, palette, vector): each block of indices has its own
    palette, and a vector longer than 1 spreads along `vector_axis`.
    """
    if shape is not None:
        dims = [int(d) for d in shape]
        bits = lut.size.bit_length() - 1
        chosen: Array = lut[unpack(np.ascontiguousarray(indices), bits, prod(dims))]
        return chosen.reshape(dims)
    groups, vector = lut.shape[:-2], lut.shape[-1]
    where = np.ix_(*(np.arange(n) // (n // g) for n, g in zip(indices.shape, groups, strict=True)))
    found: Array = lut[(*where, indices.astype(np.intp))]  # (*indices, vector)
    if vector == 1:
        return found[..., 0]
    axis = int(vector_axis) % indices.ndim
    spread = list(indices.shape)
    spread[axis] *= vector
    return np.moveaxis(found, -1, axis + 1).reshape(spread)


def constexpr_sparse_to_dense(nonzero_data: Array, mask: Array, shape: Any = None) -> Array:
    """Zeros, with `nonzero_data` in row-major order where `mask` is set.

    With `shape` (iOS16) the mask is packed, from the lowest bit up.
    """
    if shape is not None:
        dims = [int(d) for d in shape]
        mask = unpack(np.ascontiguousarray(mask), 1, prod(dims)).reshape(dims)
    dense = np.zeros(mask.shape, nonzero_data.dtype)
    dense[mask != 0] = nonzero_data
    return dense


def constexpr_blockwise_shift_scale(
    data: Array, scale: Array, offset: Array | None = None
) -> Array:
    """scale · (data − offset), each scale for a block of data.shape / scale.shape numbers."""
    real = data.astype(scale.dtype)
    if offset is not None:
        real = real - _blocks(offset.astype(scale.dtype), data.shape)
    made: Array = _blocks(scale, data.shape) * real
    return made


def constexpr_lut_to_sparse(
    indices_mask: Array, indices_nonzero_data: Array, lut: Array, vector_axis: Any = None
) -> tuple[Array, Array]:
    """`constexpr_lut_to_dense` of the set entries only: their mask and their values."""
    indices = constexpr_sparse_to_dense(indices_nonzero_data, indices_mask)
    dense = constexpr_lut_to_dense(indices, lut, vector_axis=vector_axis)
    mask = indices_mask
    if lut.shape[-1] > 1:
        mask = np.repeat(mask, lut.shape[-1], axis=int(vector_axis))
    return mask, dense[mask != 0]


def constexpr_sparse_blockwise_shift_scale(
    data_mask: Array, nonzero_data: Array, scale: Array, offset: Array | None = None
) -> tuple[Array, Array]:
    """`constexpr_blockwise_shift_scale` of the set entries only: their mask and their values."""
    dense = constexpr_sparse_to_dense(nonzero_data, data_mask)
    real = constexpr_blockwise_shift_scale(dense, scale, offset)
    return data_mask, real[data_mask != 0]


def _blocks(values: Array, shape: tuple[int, ...]) -> Array:
    for axis, (n, groups) in enumerate(zip(shape, values.shape, strict=True)):
        if n != groups:
            values = np.repeat(values, n // groups, axis)
    return values


def quantize(
    input: Array, scale: Array, output_dtype: str, zero_point: Any = None, axis: Any = None
) -> Array:
    """clip(round(input / scale) + zero point), halves to even (MIL: quantize, iOS17)."""
    limits = np.iinfo(INTEGERS[output_dtype])
    steps = np.rint(input / _along(scale, input.ndim, axis))
    if zero_point is not None:
        steps = steps + _along(zero_point, input.ndim, axis)
    made: Array = np.clip(steps, limits.min, limits.max).astype(INTEGERS[output_dtype])
    return made


def dequantize(input: Array, scale: Array, zero_point: Any = None, axis: Any = None) -> Array:
    """scale · (input − zero point) (MIL: dequantize, iOS17)."""
    steps = input.astype(scale.dtype)
    if zero_point is not None:
        steps = steps - _along(zero_point, input.ndim, axis).astype(scale.dtype)
    real: Array = steps * _along(scale, input.ndim, axis)
    return real


def _along(values: Any, rank: int, axis: Any) -> Array:
    """A vector laid along one axis, to broadcast with a tensor of this rank."""
    array = np.asarray(values)
    if array.ndim == 0:
        return array
    shape = [1] * rank
    shape[int(axis)] = array.size
    return array.reshape(shape)
