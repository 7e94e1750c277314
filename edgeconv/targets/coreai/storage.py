"""How kernels lie in a program: as floats, or packed with the operation that unpacks them.

Packed kernels unpack to the computing type. Which of them are packed, how large a block is and how
a palette is chosen is as in Core ML, so that a scheme of one name is the same promise in both.
"""

from __future__ import annotations

from functools import partial
from typing import TYPE_CHECKING, Any

from edgeconv.targets.coreai.builder import ProgramBuilder, Store, Tensor
from edgeconv.targets.coreml.weight_compression import block_size, encode, worth

if TYPE_CHECKING:
    from numpy.typing import NDArray

    from edgeconv.ir.nodes.node import Array

_SCALAR = 1
"""Numbers that one entry of a palette stands for."""


def store_float(builder: ProgramBuilder, name: str, array: Array, outputs: int) -> Tensor:
    """In the computing type."""
    del outputs
    return builder.weight(name, array)


def store_int8(builder: ProgramBuilder, name: str, array: Array, outputs: int) -> Tensor:
    """Integers from −127 to 127 with a scale for each output channel."""
    if not worth(array.size, builder.graph.kernel_elements):
        return builder.weight(name, array)
    return _integers(builder, name, array, [n if i == outputs else 1 for i, n in _axes(array)], 8)


def store_int4(builder: ProgramBuilder, name: str, array: Array, outputs: int) -> Tensor:
    """Integers from −7 to 7 with a scale for each block of input channels of an output channel."""
    if not worth(array.size, builder.graph.kernel_elements):
        return builder.weight(name, array)
    shape = [n if i == outputs else 1 for i, n in _axes(array)]
    inputs = 1 - outputs
    block = block_size(array.shape[inputs])
    if block:
        shape[inputs] = array.shape[inputs] // block
    return _integers(builder, name, array, shape, 4)


def palette(bits: int) -> Store:
    """Indices into a table of all numbers of a kernel, which the graph was given before."""
    return partial(_palette, bits=bits)


def _palette(
    builder: ProgramBuilder, name: str, array: Array, outputs: int, *, bits: int
) -> Tensor:
    """A kernel whose numbers were not chosen, such as a table of vectors, stays float."""
    import numpy as np

    del outputs
    stored = array.astype(builder.dtype)
    many = np.unique(stored.astype(np.float32)).size > 1 << bits
    if many or not worth(array.size, builder.graph.kernel_elements):
        return builder.weight(name, array)
    table, indices = encode(bits, stored)
    packed = builder.raw_weight(name, pack(indices, bits), array.shape, f"uint{bits}")
    entries = table.reshape(*[1] * array.ndim, -1, _SCALAR)
    numbers = builder.weight(f"{name}_palette", entries)
    return builder.op("lut_to_dense", name, packed, numbers, np.array(0, np.int16))


def _integers(
    builder: ProgramBuilder, name: str, array: Array, scales: list[int], bits: int
) -> Tensor:
    """Symmetric integers; `scales` says how many scales there are along each axis."""
    import numpy as np

    steps = (1 << (bits - 1)) - 1
    split = [part for n, size in zip(scales, array.shape, strict=True) for part in (n, size // n)]
    blocks = array.reshape(split)
    largest = np.abs(blocks).max(axis=tuple(range(1, 2 * array.ndim, 2)), keepdims=True)
    scale = _upwards(np.where(largest > 0, largest, 1) / steps, builder.dtype)
    integers = np.rint(blocks / scale.astype(np.float64)).astype(np.int8).reshape(array.shape)
    dtype = f"int{bits}"
    return builder.op(
        "blockwise_shift_scale",
        name,
        builder.raw_weight(name, pack(integers, bits), array.shape, dtype),
        builder.weight(f"{name}_scale", scale.reshape(scales)),
        builder.zeros(tuple(scales), dtype),
        builder.zeros(tuple(scales), builder.dtype),
    )


def _upwards(scale: Array, dtype: str) -> NDArray[Any]:
    """Scales in the computing type, none of them smaller than it was: nothing is clipped."""
    import numpy as np

    rounded = scale.astype(dtype)
    return np.where(rounded < scale, np.nextafter(rounded, np.array(np.inf, dtype)), rounded)


def pack(integers: NDArray[Any], bits: int) -> NDArray[Any]:
    """The bytes of integers; those of 4 bits are two a byte, the first in the lower half.

    Apple's package takes 4-bit numbers that were given one a byte, and reads other numbers.
    """
    import numpy as np

    flat = np.ascontiguousarray(integers).reshape(-1)
    if bits == 8:
        return flat
    halves = flat.astype(np.uint8) & 15
    halves = np.append(halves, np.zeros(halves.size % 2, np.uint8))
    return halves[0::2] | (halves[1::2] << 4)


def _axes(array: Array) -> list[tuple[int, int]]:
    return list(enumerate(array.shape))
