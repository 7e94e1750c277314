"""Activations (MIL: activation.py, iOS15 and iOS17). Formulas are those of MIL's documentation."""

from __future__ import annotations

from math import pi, sqrt
from typing import Any

import numpy as np
from numpy.typing import NDArray
from scipy.special import erf

Array = NDArray[Any]


def relu(x: Array) -> Array:
    """max(x, 0)."""
    return np.asarray(np.maximum(x, x.dtype.type(0)))


def relu6(x: Array) -> Array:
    """min(max(x, 0), 6)."""
    return np.clip(x, 0, 6)


def clamped_relu(x: Array, alpha: Any, beta: Any) -> Array:
    """min(x, beta) where x ≥ 0, else min(alpha · x, beta)."""
    return np.asarray(np.minimum(np.where(x >= 0, x, alpha * x), beta))


def elu(x: Array, alpha: Any) -> Array:
    """x where x > 0, else alpha · (exp(x) − 1)."""
    return np.where(x > 0, x, alpha * np.expm1(np.minimum(x, 0)))


def gelu(x: Array, mode: str = "EXACT") -> Array:
    """x · Φ(x), exactly or by one of MIL's two approximations."""
    if mode == "TANH_APPROXIMATION":
        return np.asarray(0.5 * x * (1 + np.tanh(sqrt(2 / pi) * (x + 0.044715 * x**3))))
    if mode == "SIGMOID_APPROXIMATION":
        return np.asarray(x * sigmoid(1.702 * x))
    return np.asarray(0.5 * x * (1 + erf(x / sqrt(2))))


def leaky_relu(x: Array, alpha: Any) -> Array:
    """x where x ≥ 0, else alpha · x."""
    return np.where(x >= 0, x, alpha * x)


def linear_activation(x: Array, alpha: Any, beta: Any) -> Array:
    """alpha · x + beta."""
    return np.asarray(alpha * x + beta)


def prelu(x: Array, alpha: Array) -> Array:
    """x where x ≥ 0, else alpha · x with one alpha for each channel (axis 1)."""
    return np.where(x >= 0, x, _channels(alpha, x) * x)


def scaled_tanh(x: Array, alpha: Any, beta: Any) -> Array:
    """alpha · tanh(beta · x)."""
    return np.asarray(alpha * np.tanh(beta * x))


def sigmoid(x: Array) -> Array:
    """1 / (1 + exp(−x))."""
    return np.asarray(1 / (1 + np.exp(-x)))


def sigmoid_hard(x: Array, alpha: Any, beta: Any) -> Array:
    """min(max(alpha · x + beta, 0), 1)."""
    return np.asarray(np.clip(alpha * x + beta, 0, 1))


def silu(x: Array) -> Array:
    """x · sigmoid(x)."""
    return np.asarray(x * sigmoid(x))


def softplus(x: Array) -> Array:
    """log(1 + exp(x)), without overflow."""
    return np.asarray(np.logaddexp(x, x.dtype.type(0)))


def softplus_parametric(x: Array, alpha: Array, beta: Array) -> Array:
    """alpha · log(1 + exp(beta · x)), one pair for each channel (axis 1)."""
    return np.asarray(_channels(alpha, x) * softplus(_channels(beta, x) * x))


def softmax(x: Array, axis: Any = -1) -> Array:
    """exp(x) / Σ exp(x) along `axis`, shifted by the maximum so that nothing overflows."""
    powers = np.exp(x - np.max(x, axis=int(axis), keepdims=True))
    shares: Array = powers / np.sum(powers, axis=int(axis), keepdims=True)
    return shares


def softsign(x: Array) -> Array:
    """x / (1 + |x|)."""
    return np.asarray(x / (1 + np.abs(x)))


def thresholded_relu(x: Array, alpha: Any) -> Array:
    """x where x ≥ alpha, else 0."""
    return np.where(x >= alpha, x, x.dtype.type(0))


def _channels(values: Array, x: Array) -> Array:
    return values.reshape((1, -1) + (1,) * (x.ndim - 2))
