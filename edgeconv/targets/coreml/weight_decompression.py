"""What Core ML's `constexpr_…` operations compute: packed weights → numbers.

Semantics after coremltools' public operation definitions (iOS16 and iOS18). Written apart from the
runtime's, so that a file can be checked by another opinion than the one that runs it.
"""

from __future__ import annotations

from collections.abc import Callable, Mapping
from math import prod
from typing import TYPE_CHECKING, Any

from edgeconv.errors import BadInput

if TYPE_CHECKING:
    import numpy as np
    from numpy.typing import NDArray

    Array = NDArray[Any]
    Given = Mapping[str, Array]
    Unpack = Callable[[Given], Array | tuple[Array, Array]]


def unpack_bits(packed: NDArray[np.uint8], bits: int, n: int, signed: bool = False) -> Array:
    """`n` numbers of `bits` bits, the lowest bit first; signed ones in two's complement."""
    import numpy as np

    flat = np.unpackbits(packed, count=n * bits, bitorder="little").reshape(n, bits)
    values = (flat.astype(np.int16) << np.arange(bits)).sum(1)
    if signed:
        values = np.where(values >= 1 << (bits - 1), values - (1 << bits), values)
    return np.asarray(values)


def _affine(given: Given) -> Array:
    """scale · (data − zero point), each of a channel along `axis`."""
    data, scale, zero = given["quantized_data"], given["scale"], given["zero_point"]
    along = [1] * data.ndim
    along[int(given["axis"])] = -1
    if scale.ndim:
        scale = scale.reshape(along)
    if zero.ndim:
        zero = zero.reshape(along)
    made: Array = (data.astype("f8") - zero.astype("f8")) * scale.astype("f8")
    return made


def _blockwise(given: Given, data: str = "data") -> Array:
    values = given[data].astype("f8")
    if "offset" in given:
        values = values - _spread(given["offset"].astype("f8"), values.shape)
    return values * _spread(given["scale"].astype("f8"), values.shape)


def _spread(values: Array, shape: tuple[int, ...]) -> Array:
    """Each number repeated over the block that it is for."""
    import numpy as np

    for axis, n in enumerate(shape):
        values = np.repeat(values, n // values.shape[axis], axis)
    return values


def _dense(given: Given) -> Array:
    """Indices → numbers of the palette (iOS16), or of the block's own palette (iOS18)."""
    import numpy as np

    lut, indices = given["lut"], given["indices"]
    if "shape" in given:
        shape = tuple(int(n) for n in given["shape"])
        bits = lut.size.bit_length() - 1
        return np.asarray(lut[unpack_bits(indices, bits, prod(shape))].reshape(shape))
    if lut.shape[-1] != 1:
        raise BadInput("a palette of vectors is not known here")
    which = np.arange(prod(lut.shape[:-2])).reshape(lut.shape[:-2])
    table = lut.reshape(-1, lut.shape[-2])
    return np.asarray(table[_spread(which, indices.shape), indices.astype(np.intp)])


def _scatter(given: Given) -> Array:
    """Zeros, and the stored numbers in row-major order where the mask is set."""
    import numpy as np

    mask, kept = given["mask"], given["nonzero_data"]
    if "shape" in given:
        shape = tuple(int(n) for n in given["shape"])
        mask = unpack_bits(mask, 1, prod(shape)).reshape(shape)
    dense = np.zeros(mask.shape, kept.dtype)
    if int((mask != 0).sum()) != kept.size:
        raise BadInput(f"a sparse weight has {kept.size} numbers for {(mask != 0).sum()} places")
    dense[mask != 0] = kept
    return dense


def _sparse_palette(given: Given) -> tuple[Array, Array]:
    mask = given["indices_mask"]
    indices = _scatter({"mask": mask, "nonzero_data": given["indices_nonzero_data"]})
    return mask, _dense({"lut": given["lut"], "indices": indices})[mask != 0]


def _sparse_blockwise(given: Given) -> tuple[Array, Array]:
    mask = given["data_mask"]
    dense = _scatter({"mask": mask, "nonzero_data": given["nonzero_data"]})
    return mask, _blockwise({**given, "data": dense})[mask != 0]


UNPACK: Mapping[str, Unpack] = {
    "constexpr_affine_dequantize": _affine,
    "constexpr_blockwise_shift_scale": _blockwise,
    "constexpr_lut_to_dense": _dense,
    "constexpr_lut_to_sparse": _sparse_palette,
    "constexpr_sparse_blockwise_shift_scale": _sparse_blockwise,
    "constexpr_sparse_to_dense": _scatter,
}
