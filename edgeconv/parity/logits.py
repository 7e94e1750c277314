"""Outputs of files that leave the softmax to their caller."""

from __future__ import annotations

from typing import TYPE_CHECKING

from edgeconv.parity.classification import SLACK

if TYPE_CHECKING:
    import numpy as np
    from numpy.typing import NDArray


def as_probabilities(outputs: NDArray[np.float32]) -> NDArray[np.float32]:
    """Softmax of outputs (n, classes) that cannot be probabilities, the others as they are.

    Some value below 0 or above 1 by more than rounding is the sign of logits: a probability never
    is, and logits of hundreds of windows without one do not occur. Outputs that hold NaN or
    infinity stay as they are, to be refused as such.
    """
    import numpy as np

    if not np.isfinite(outputs).all() or not outputs.size:
        return outputs
    if outputs.min() >= -SLACK and outputs.max() <= 1 + SLACK:
        return outputs
    shifted = np.exp(outputs.astype(np.float64) - outputs.max(axis=1, keepdims=True))
    return np.asarray(shifted / shifted.sum(axis=1, keepdims=True), np.float32)
