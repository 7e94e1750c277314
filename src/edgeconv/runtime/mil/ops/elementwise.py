"""Elementwise arithmetic with NumPy broadcasting, and casts."""

from __future__ import annotations

from typing import Any

import numpy as np
from numpy.typing import NDArray

Array = NDArray[Any]


def add(x: Array, y: Array) -> Array:
    """x + y."""
    return np.add(x, y)


def sub(x: Array, y: Array) -> Array:
    """x − y."""
    return np.subtract(x, y)


def mul(x: Array, y: Array) -> Array:
    """x · y."""
    return np.multiply(x, y)


def real_div(x: Array, y: Array) -> Array:
    """x / y; of integers, the quotient rounded toward zero."""
    if np.result_type(x, y).kind in "iu":
        return np.trunc(np.asarray(x, np.float64) / y)
    return np.divide(x, y)


def cast(x: Array, dtype: str) -> Array:
    """The same numbers in the declared type; a float becomes an integer by dropping its fraction.

    A float beyond the integer's range, and NaN, are undefined in MIL; here they saturate or are 0.
    """
    limits = _INTEGER_LIMITS.get(dtype)
    if limits is None or np.asarray(x).dtype.kind != "f":
        return x
    whole = np.clip(np.nan_to_num(np.trunc(np.asarray(x, np.float64))), *limits)
    return np.asarray(whole, np.int64)


_INTEGER_LIMITS = {
    name: (float(np.iinfo(name).min), float(np.iinfo(name).max))
    for name in ("int8", "uint8", "int16", "uint16", "int32", "uint32")
}


def identity(x: Any) -> Any:
    """x."""
    return x
