"""Elementwise operations (MIL: elementwise_unary.py, elementwise_binary.py), NumPy broadcasting."""

from __future__ import annotations

from collections.abc import Callable
from typing import Any

import numpy as np
from numpy.typing import NDArray
from scipy.special import erf as _erf

Array = NDArray[Any]


def unary(function: Callable[[Any], Any]) -> Callable[[Any], Any]:
    """Turn a NumPy function into an operation with MIL's parameter `x`."""

    def operation(x: Any) -> Any:
        return function(x)

    operation.__doc__ = f"NumPy's {function.__name__} of x."
    return operation


def binary(function: Callable[[Any, Any], Any]) -> Callable[[Any, Any], Any]:
    """Turn a NumPy function into an operation with MIL's parameters `x` and `y`."""

    def operation(x: Any, y: Any) -> Any:
        return function(x, y)

    operation.__doc__ = f"NumPy's {function.__name__} of x and y."
    return operation


def erf(x: Array) -> Array:
    """The error function."""
    return np.asarray(_erf(x))


def clip(x: Array, alpha: Any, beta: Any) -> Array:
    """min(max(x, alpha), beta)."""
    return np.clip(x, alpha, beta)


def inverse(x: Array, epsilon: Any = 1e-4) -> Array:
    """1 / (x + epsilon)."""
    return np.asarray(1 / (x + epsilon))


def log(x: Array, epsilon: Any = 1e-45) -> Array:
    """ln(x + epsilon)."""
    return np.asarray(np.log(x + epsilon))


def rsqrt(x: Array, epsilon: Any = 1e-12) -> Array:
    """1 / √(x + epsilon)."""
    return np.asarray(1 / np.sqrt(x + epsilon))


def threshold(x: Array, alpha: Any) -> Array:
    """max(x, alpha)."""
    return np.asarray(np.maximum(x, alpha))


def real_div(x: Array, y: Array) -> Array:
    """x / y; of integers, the quotient rounded toward zero."""
    if np.result_type(x, y).kind in "iu":
        return np.trunc(np.asarray(x, np.float64) / y)
    return np.divide(x, y)


def floor_div(x: Array, y: Array) -> Array:
    """The largest whole number ≤ x / y."""
    return np.asarray(np.floor_divide(x, y))


def power(x: Array, y: Array) -> Array:
    """x to the power of y; integers are converted to reals, since 2⁻¹ is not an integer."""
    if np.result_type(x, y).kind in "iu":
        return np.power(np.asarray(x, np.float64), y)
    return np.power(x, y)


def cast(x: Array, dtype: str) -> Array:
    """The same numbers in the declared type; a float becomes an integer by dropping its fraction.

    A float beyond the integer's range, and NaN, are undefined in MIL; here they saturate or are 0.
    """
    limits = _INTEGER_LIMITS.get(dtype)
    if limits is None or np.asarray(x).dtype.kind != "f":
        return x
    truncated = np.clip(np.nan_to_num(np.trunc(np.asarray(x, np.float64))), *limits)
    return np.asarray(truncated, np.int64)


_INTEGER_LIMITS = {
    name: (float(np.iinfo(name).min), float(np.iinfo(name).max))
    for name in ("int8", "uint8", "int16", "uint16", "int32", "uint32")
}


def identity(x: Any) -> Any:
    """x."""
    return x


def select(cond: Array, a: Array, b: Array) -> Array:
    """a where cond is true (not 0), else b."""
    return np.where(np.asarray(cond, np.bool_), a, b)
