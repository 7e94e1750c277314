"""Few windows that stand for many: calibration takes them from recordings, timing makes them up."""

from __future__ import annotations

from typing import TYPE_CHECKING

from edgeconv.core import Dataset, Signal
from edgeconv.errors import BadInput, UsageError

if TYPE_CHECKING:
    import numpy as np
    from numpy.typing import NDArray

PROBES = 64


def calibration_windows(train: Dataset, n: int, seed: int) -> NDArray[np.float32]:
    """`n` canonical windows (n, window·channels), spread evenly over subjects and classes.

    Each round over all (class, subject) pairs takes one window of each until there are enough, so
    that a rare class or a subject with few windows is not left out. All windows if there are fewer
    than `n`. The same seed gives the same windows.

    Raises:
        UsageError: `n` is not positive.
        BadInput: no windows.
    """
    import numpy as np

    if n < 1:
        raise UsageError(f"calibration: {n} windows", "ask for at least one")
    if not len(train):
        raise BadInput(
            "calibration: the training part has no windows",
            "use data with more subjects or recordings, or another --calibration",
        )
    random = np.random.default_rng(seed)
    subjects = np.unique(train.subjects, return_inverse=True)[1]
    shuffled = random.permutation(len(train))
    cell = (train.labels * (subjects.max() + 1) + subjects)[shuffled]
    order = np.argsort(cell, kind="stable")
    first = np.searchsorted(cell[order], cell[order])
    turn = np.empty(len(train), np.int64)
    turn[order] = np.arange(len(train)) - first  # how many of its pair come before a window
    # Within one round the shuffled order decides, so that an incomplete round favors no class.
    chosen = shuffled[np.argsort(turn, kind="stable")[:n]]
    return train.take(np.sort(chosen))


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
