"""Normalizations (MIL: normalization.py)."""

from __future__ import annotations

from typing import Any

import numpy as np
from numpy.typing import NDArray

Array = NDArray[Any]


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
