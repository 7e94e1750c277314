"""Activations (MIL: activation.py, iOS15 and iOS17). Formulas are those of MIL's documentation.

Normalizations (MIL: normalization.py).
"""

from __future__ import annotations

from math import pi, sqrt
from typing import Any

import numpy as np
from numpy.typing import NDArray
from scipy.special import erf


def batch_norm(
    x: Array,
    mean: Array,
    variance: Array,
    gamma: Array | None = None,
    beta: Array | None = None,
    epsilon: Any = 1e-5,
) -> Array:
    """gamma · (x − mean) / √(variance + epsilon) + beta, one of each for each channel (axis 1)."""
    shape = (1, -1) + (1,) * (x.ndim - 2)
    standardized: Array = (x - mean.reshape(shape)) / np.sqrt(variance + epsilon).reshape(shape)
    return _affine(standardized, gamma, beta, shape)


def instance_norm(
    x: Array, gamma: Array | None = None, beta: Array | None = None, epsilon: Any = 1e-5
) -> Array:
    """Normalize each channel of each sample by its mean and variance over space."""
    shape = (1, -1) + (1,) * (x.ndim - 2)
    return _affine(_standardise(x, tuple(range(2, x.ndim)), epsilon), gamma, beta, shape)


def layer_norm(
    x: Array,
    axes: Any = None,
    gamma: Array | None = None,
    beta: Array | None = None,
    epsilon: Any = 1e-5,
) -> Array:
    """Normalize over `axes` (default: all), whose shape gamma and beta have."""
    positive = range(x.ndim) if axes is None else [int(a) % x.ndim for a in axes]
    over = tuple(sorted(positive))
    shape = tuple(n if i in over else 1 for i, n in enumerate(x.shape))
    return _affine(_standardise(x, over, epsilon), gamma, beta, shape)


def l2_norm(x: Array, epsilon: Any = 1e-6) -> Array:
    """x / √(Σ x² + epsilon), the sum over the last three axes."""
    total = np.sum(np.square(x), axis=(-3, -2, -1), keepdims=True)
    return np.asarray(x / np.sqrt(total + epsilon))


def local_response_norm(
    x: Array, size: Any, alpha: Any = 1e-4, beta: Any = 0.75, k: Any = 1.0
) -> Array:
    """x / (k + alpha / size · Σ x²)^beta, the sum over `size` neighbouring channels.

    Channels are axis 1, but axis 0 of a rank-3 tensor, which Core ML reads as (C, H, W), as
    coremltools' test shows. For an even size, the odd neighbour lies before, as in PyTorch.
    """
    n, axis = int(size), 0 if x.ndim == 3 else 1
    around = [(0, 0)] * x.ndim
    around[axis] = (n // 2, n - 1 - n // 2)
    windows = np.lib.stride_tricks.sliding_window_view(np.pad(np.square(x), around), n, axis)
    total = windows.sum(axis=-1)
    return np.asarray(x / np.power(k + alpha / n * total, beta))


def _standardise(x: Array, axes: tuple[int, ...], epsilon: Any) -> Array:
    centred = x - np.mean(x, axis=axes, keepdims=True)
    variance = np.mean(np.square(centred), axis=axes, keepdims=True)
    return np.asarray(centred / np.sqrt(variance + epsilon))


def _affine(x: Array, gamma: Array | None, beta: Array | None, shape: tuple[int, ...]) -> Array:
    if gamma is not None:
        x = x * gamma.reshape(shape)
    return x if beta is None else x + beta.reshape(shape)


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
