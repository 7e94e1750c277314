"""Masks of the weights that pruning keeps in a kernel, chosen by magnitude."""

from __future__ import annotations

from typing import TYPE_CHECKING, Any

if TYPE_CHECKING:
    import numpy as np
    from numpy.typing import NDArray

    Mask = NDArray[np.bool_]

GROUP, PER_GROUP = 4, 2


def largest(weights: NDArray[Any], sparsity: float) -> Mask:
    """True for all but the smallest weights: exactly round(sparsity · size) are False.

    Among equal magnitudes the first ones are pruned first, so that weights that are already 0
    stay 0.
    """
    import numpy as np

    order = np.argsort(np.abs(weights), axis=None, kind="stable")
    mask = np.ones(weights.size, np.bool_)
    mask[order[: round(sparsity * weights.size)]] = False
    return mask.reshape(weights.shape)


def two_of_four(weights: NDArray[Any], axis: int) -> Mask:
    """True for the two larger weights of each four neighbors along `axis`, whose length must be a
    multiple of four.

    `axis` is that of input channels. TFLite and Core ML store kernels in a different order than
    Keras (output, …, input and output, input, …), but sum over the same channels: the four stay
    neighbors along the input channels in both.
    """
    import numpy as np

    moved = np.moveaxis(np.abs(weights), axis, -1)
    groups = moved.reshape(*moved.shape[:-1], -1, GROUP)
    order = np.argsort(groups, axis=-1, kind="stable")
    mask = np.ones(groups.shape, np.bool_)
    np.put_along_axis(mask, order[..., : GROUP - PER_GROUP], values=False, axis=-1)
    return np.moveaxis(mask.reshape(moved.shape), -1, axis)


def ramp(done: float, final: float, until: float) -> float:
    """Sparsity after a share `done` of all steps: it rises fast at first, and reaches
    `final` at the share `until` (Zhu and Gupta, "To prune, or not to prune", 2017: a cubic)."""
    left = max(0.0, 1 - done / until)
    return final * (1 - left**3)
