"""Core ML's `constexpr_…` operations, which turn compressed weights into numbers.

Semantics after coremltools' public operation definitions (iOS16 and iOS18), parameters by their
names in MIL. Floats are computed in the type of the scales or of the palette that is given.
"""

from __future__ import annotations

from collections.abc import Callable, Mapping
from math import prod
from typing import TYPE_CHECKING, Any

from edgeconv.errors import BadInput, Unsupported
from edgeconv.targets.coreml.blobs import HINT, unpack_bits

if TYPE_CHECKING:
    from numpy.typing import NDArray

    Array = NDArray[Any]


def constexpr_affine_dequantize(
    quantized_data: Array, zero_point: Array, scale: Array, axis: Any
) -> Array:
    """scale · (data − zero point); a vector of scales or zero points lies along `axis`."""
    steps = quantized_data.astype(scale.dtype)
    steps = steps - along_axis(zero_point, steps.ndim, axis).astype(scale.dtype)
    real: Array = steps * along_axis(scale, steps.ndim, axis)
    return real


def constexpr_cast(source_val: Array, output_dtype: str) -> Array:
    """The same numbers in the declared type."""
    del output_dtype  # the declared type of the result is the same
    return source_val


def constexpr_lut_to_dense(
    indices: Array, lut: Array, shape: Any = None, vector_axis: Any = None
) -> Array:
    """Numbers by their index in a palette.

    With `shape` (iOS16) the indices are packed, log2(palette) bits each, from the lowest bit up.
    Without it (iOS18) `lut` is (*groups, palette, vector): each block of indices has its own
    palette, and a vector longer than 1 spreads along `vector_axis`.
    """
    import numpy as np

    if shape is not None:
        dims = [int(d) for d in shape]
        bits = lut.size.bit_length() - 1
        numbers: Array = lut[unpack_bits(np.ascontiguousarray(indices), bits, prod(dims))]
        return numbers.reshape(dims)
    groups, vector = _groups(lut, indices), lut.shape[-1]
    where = np.ix_(*(np.arange(n) // (n // g) for n, g in zip(indices.shape, groups, strict=True)))
    numbers = lut[(*where, indices.astype(np.intp))]  # (*indices, vector)
    if vector == 1:
        return numbers[..., 0]
    axis = int(vector_axis) % indices.ndim
    dense = list(indices.shape)
    dense[axis] *= vector
    return np.moveaxis(numbers, -1, axis + 1).reshape(dense)


def constexpr_sparse_to_dense(nonzero_data: Array, mask: Array, shape: Any = None) -> Array:
    """Zeros, with `nonzero_data` in row-major order where `mask` is set.

    With `shape` (iOS16) the mask is packed, from the lowest bit up.
    """
    import numpy as np

    if shape is not None:
        dims = [int(d) for d in shape]
        mask = unpack_bits(np.ascontiguousarray(mask), 1, prod(dims)).reshape(dims)
    places = int((mask != 0).sum())
    if places != nonzero_data.size:
        text = f"a sparse weight has {nonzero_data.size} numbers for {places} places"
        raise BadInput(text, HINT)
    dense = np.zeros(mask.shape, nonzero_data.dtype)
    dense[mask != 0] = nonzero_data
    return dense


def constexpr_blockwise_shift_scale(
    data: Array, scale: Array, offset: Array | None = None
) -> Array:
    """scale · (data − offset), each scale for a block of data.shape / scale.shape numbers."""
    real = data.astype(scale.dtype)
    if offset is not None:
        real = real - _over_blocks(offset.astype(scale.dtype), data.shape)
    numbers: Array = _over_blocks(scale, data.shape) * real
    return numbers


def constexpr_lut_to_sparse(
    indices_mask: Array, indices_nonzero_data: Array, lut: Array, vector_axis: Any = None
) -> tuple[Array, Array]:
    """`constexpr_lut_to_dense` of the set entries only: their mask and their values."""
    import numpy as np

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


DECOMPRESSORS: Mapping[str, Callable[..., Any]] = {
    function.__name__: function
    for function in (
        constexpr_affine_dequantize,
        constexpr_blockwise_shift_scale,
        constexpr_cast,
        constexpr_lut_to_dense,
        constexpr_lut_to_sparse,
        constexpr_sparse_blockwise_shift_scale,
        constexpr_sparse_to_dense,
    )
}
"""MIL's name of the operation → function of its parameters; some give two results."""


def decompress(kind: str, arguments: Mapping[str, Any], where: str) -> tuple[Array, ...]:
    """The results of a `constexpr_…` operation on constant arguments.

    Args:
        where: for messages: the file and the operation.

    Raises:
        BadInput: the arguments do not fit together.
        Unsupported: an operation that is not known here.
    """
    if kind not in DECOMPRESSORS:
        raise Unsupported(
            f"{where}: weights compressed like this cannot be read",
            "export it again with a scheme that edgeconv knows: docs/reference/schemes.md",
        )
    return call_decompressor(DECOMPRESSORS[kind], arguments, where)


def call_decompressor(
    function: Callable[..., Any], arguments: Mapping[str, Any], where: str
) -> tuple[Array, ...]:
    """The results of one of `DECOMPRESSORS`; arguments that do not fit together are BadInput."""
    try:
        results = function(**arguments)
    except BadInput as error:
        raise BadInput(f"{where}: {error.message}", error.hint) from error
    except (IndexError, OverflowError, TypeError, ValueError) as error:
        raise BadInput(f"{where}: its parameters contradict each other", HINT) from error
    return results if isinstance(results, tuple) else (results,)


def along_axis(values: Any, rank: int, axis: Any) -> Array:
    """A vector along one axis, to broadcast with a tensor of this rank."""
    import numpy as np

    array = np.asarray(values)
    if array.ndim == 0:
        return array
    shape = [1] * rank
    shape[int(axis)] = array.size
    return array.reshape(shape)


def _groups(lut: Array, indices: Array) -> tuple[int, ...]:
    """Blocks along each axis of the indices."""
    groups: tuple[int, ...] = lut.shape[:-2]
    if len(groups) != indices.ndim:
        raise BadInput(f"a palette of shape {lut.shape} for indices of shape {indices.shape}", HINT)
    _check_blocks(indices.shape, groups)
    return groups


def _over_blocks(values: Array, shape: tuple[int, ...]) -> Array:
    """Repeat each number over its block."""
    import numpy as np

    _check_blocks(shape, values.shape)
    for axis, (n, groups) in enumerate(zip(shape, values.shape, strict=True)):
        if n != groups:
            values = np.repeat(values, n // groups, axis)
    return values


def _check_blocks(shape: tuple[int, ...], groups: tuple[int, ...]) -> None:
    fits = len(shape) == len(groups) and all(
        g > 0 and n % g == 0 for n, g in zip(shape, groups, strict=True)
    )
    if not fits:
        raise BadInput(f"blocks of shape {groups} do not divide a weight of shape {shape}", HINT)
