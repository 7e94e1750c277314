"""Seeded random windows, for comparing and timing files without recordings."""

from __future__ import annotations

from typing import TYPE_CHECKING

from edgeconv.core import Signal

if TYPE_CHECKING:
    import numpy as np
    from numpy.typing import NDArray

PROBES = 64


def probe_windows(signal: Signal) -> NDArray[np.float32]:
    """Windows to compare files on without recordings: gravity in random directions with noise of
    walking strength, the same at every call. They say nothing about accuracy."""
    import numpy as np

    random = np.random.default_rng(0)
    if signal.plain_tensors:
        # what such a model expects is not known; most are trained on standardized values
        return random.normal(size=(PROBES, signal.flat_size)).astype(np.float32)
    channels = len(signal.channels)
    direction = random.normal(size=(PROBES, 1, channels))
    direction /= np.linalg.norm(direction, axis=2, keepdims=True)
    noise = random.normal(size=(PROBES, signal.window, channels)) * 3.0
    return (9.81 * direction + noise).astype(np.float32).reshape(PROBES, signal.flat_size)
