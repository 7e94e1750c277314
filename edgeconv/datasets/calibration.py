"""Windows that set the activation ranges of a quantized network."""

from __future__ import annotations

from typing import TYPE_CHECKING

from edgeconv.core import Dataset
from edgeconv.errors import BadInput, UsageError

if TYPE_CHECKING:
    import numpy as np
    from numpy.typing import NDArray


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
        raise BadInput("calibration: the training part has no windows")
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
    return train.windows[np.sort(chosen)]
