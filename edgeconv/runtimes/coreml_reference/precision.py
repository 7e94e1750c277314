"""How a run rounds: our model of the number formats of a program.

Float16 rounding of float32 arrays, several times faster than `astype` there and back.

For |x| < 65,520 the rounded number is (|x| + p) − p with p = max(8191 · |x|, ½), each step in
float32, and the sign of x. The sum is 8,192 = 2¹³ times as large as x, so that its last place is
that of 24 − 13 = 11 bits of x; below 2⁻¹⁴, where float16 is subnormal, ½ keeps multiples of 2⁻²⁴.
The factor is 8191, not 8192, so that |x| + p ≈ 8192 · |x| stays in the binade that belongs to x.
Halves go to even: of a half, the lowest bits of x are zeros, so that 8192 · |x| is even and the
result has the parity of p, which is rounded to even itself. The idea is Veltkamp's splitting (T. J.
Dekker, Numerische Mathematik 18, 1971), whose own steps do not send halves to even. The tests
compare every exponent, boundary and half with `astype`; all 2³² numbers were compared once.
"""

from __future__ import annotations

from collections.abc import Iterator
from enum import StrEnum
from typing import Any

import numpy as np
from numpy.typing import NDArray

OVERFLOW = 65520.0  # the least number that rounds to float16's infinity
_SMALL = 2048  # below, one conversion costs less than several calls
_PIECE = 1 << 15  # numbers at once, which stay in the cache between the steps
_FACTOR = np.float32(8191)
_SIGN = np.uint32(1 << 31)

# NumPy's maximum is four times slower with a scalar than with an array.
_HALVES = np.full(_PIECE, 0.5, np.float32)
_ZEROS = np.zeros(_PIECE, np.float32)


def half(x: NDArray[np.float32]) -> NDArray[np.float32]:
    """A new array of the nearest float16 numbers, halves to even, as float32."""
    if x.size < _SMALL:
        return by_conversion(x)
    rounded = np.abs(x)
    if not rounded.max() < OVERFLOW:  # NaN is not below either
        return by_conversion(x)
    spare = np.empty(min(rounded.size, _PIECE), np.float32)
    for part in _pieces(rounded.ravel(order="K")):
        _round(part, spare)
    rounded.view(np.uint32)[...] |= np.bitwise_and(x.view(np.uint32), _SIGN)
    return rounded


def half_in_place(x: NDArray[np.float32]) -> None:
    """Round a contiguous array of numbers ≥ 0 in place."""
    spare = np.empty(min(x.size, _PIECE), np.float32)
    for part in _pieces(x):
        if part.max() < OVERFLOW:
            _round(part, spare)
        else:
            part[...] = by_conversion(part)


def rectify(x: NDArray[Any]) -> None:
    """max(x, 0) of a contiguous array in place."""
    for part in _pieces(x):
        np.maximum(part, _ZEROS[: part.size], out=part)


def _pieces(x: NDArray[Any]) -> Iterator[NDArray[Any]]:
    flat = x.reshape(-1)
    for start in range(0, flat.size, _PIECE):
        yield flat[start : start + _PIECE]


def by_conversion(x: NDArray[np.float32]) -> NDArray[np.float32]:
    """What `half` must equal: the conversion to float16 and back, as NumPy does it."""
    narrow: NDArray[Any] = x.astype(np.float16)
    return narrow.astype(np.float32)


def _round(part: NDArray[np.float32], spare: NDArray[np.float32]) -> None:
    p = spare[: part.size]
    np.multiply(part, _FACTOR, out=p)
    np.maximum(p, _HALVES[: part.size], out=p)
    part += p
    part -= p


class Compute(StrEnum):
    """How float tensors are computed.

    `as-specified` rounds the result of every operation to the type that the program declares for
    it; inside an operation all sums accumulate in float32. Whether a phone does the same is an
    assumption: its units may accumulate in float16, or fuse operations and round less often.
    `float16-accumulate` does that too, but rounds matrix products to float16 after each term, as
    Apple's Core AI interpreter does. `float32` and `float64` ignore declared float types, which
    shows what rounding costs.
    """

    AS_SPECIFIED = "as-specified"
    FLOAT16_ACCUMULATE = "float16-accumulate"
    FLOAT32 = "float32"
    FLOAT64 = "float64"

    @property
    def rounds(self) -> bool:
        """Whether results are rounded to the types that the program declares."""
        return self in (Compute.AS_SPECIFIED, Compute.FLOAT16_ACCUMULATE)

    @property
    def storage_dtype(self) -> type[np.floating[Any]]:
        """The type that float tensors have in memory between operations."""
        return np.float64 if self is Compute.FLOAT64 else np.float32


FLOATS = frozenset({"float16", "float32", "float64"})

# MIL's integer types, sub-byte ones in the smallest type that NumPy has for them.
INTEGERS: dict[str, type[np.integer[Any]]] = {
    "int4": np.int8,
    "int8": np.int8,
    "int16": np.int16,
    "int32": np.int32,
    "int64": np.int64,
    "uint1": np.uint8,
    "uint2": np.uint8,
    "uint3": np.uint8,
    "uint4": np.uint8,
    "uint6": np.uint8,
    "uint8": np.uint8,
    "uint16": np.uint16,
    "uint32": np.uint32,
    "uint64": np.uint64,
}

TYPES = frozenset({*FLOATS, *INTEGERS, "bool", "string"})
"""All that can be computed here: bfloat16 and float8 are not among them."""


def cast_result(value: Any, dtype: str, compute: Compute, exact: bool = False) -> Any:
    """The result of an operation as a tensor of its declared type.

    Args:
        dtype: MIL's name of the type, such as `float16`.
        exact: the operation only selects or moves values, so that rounding changes nothing.
    """
    if dtype in FLOATS:
        storage_dtype = np.float64 if dtype == "float64" else compute.storage_dtype
        array = np.asarray(value, storage_dtype)
        if dtype == "float16" and compute.rounds and not exact:
            return half(array)
        return array
    if dtype in INTEGERS:
        return np.asarray(value).astype(INTEGERS[dtype], copy=False)
    if dtype == "bool":
        return np.asarray(value).astype(np.bool_, copy=False)
    return value


def as_declared(array: NDArray[Any], dtype: str, compute: Compute) -> NDArray[Any]:
    """An output for the caller, in the declared float type if as specified, else as computed."""
    if compute.rounds and dtype in FLOATS:
        return array.astype(dtype, copy=False)
    return array
