"""How a run rounds: our model of the number formats of a program."""

from __future__ import annotations

from enum import StrEnum
from typing import Any

import numpy as np
from numpy.typing import NDArray

from edgeconv.runtimes.coreml_reference.rounding import half


class Compute(StrEnum):
    """How float tensors are computed.

    `as-specified` rounds the result of every operation to the type that the program declares for
    it; inside an operation all sums accumulate in float32. Whether a phone does the same is an
    assumption: its units may accumulate in float16, or fuse operations and round less often.
    `float32` and `float64` ignore declared float types, which shows what rounding costs.
    """

    AS_SPECIFIED = "as-specified"
    FLOAT32 = "float32"
    FLOAT64 = "float64"

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
        if dtype == "float16" and compute is Compute.AS_SPECIFIED and not exact:
            return half(array)
        return array
    if dtype in INTEGERS:
        return np.asarray(value).astype(INTEGERS[dtype], copy=False)
    if dtype == "bool":
        return np.asarray(value).astype(np.bool_, copy=False)
    return value


def as_declared(array: NDArray[Any], dtype: str, compute: Compute) -> NDArray[Any]:
    """An output for the caller, in the declared float type if as specified, else as computed."""
    if compute is Compute.AS_SPECIFIED and dtype in FLOATS:
        return array.astype(dtype, copy=False)
    return array
