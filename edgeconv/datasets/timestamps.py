"""Finds new recordings, duplicates and gaps by the order of time stamps."""

from __future__ import annotations

from collections import Counter
from collections.abc import Iterator
from itertools import pairwise
from typing import TYPE_CHECKING

if TYPE_CHECKING:
    import numpy as np
    from numpy.typing import NDArray

GAP_INTERVALS = 5
"""A pause above this many median intervals splits a recording; nothing is interpolated over it."""


def split_by_gaps(
    seconds: NDArray[np.float64], values: NDArray[np.float64], dropped: Counter[str]
) -> Iterator[tuple[NDArray[np.float64], NDArray[np.float64]]]:
    """Cut samples into parts with strictly increasing stamps and no gap.

    A step back by more than a gap means that the clock was restarted: a new part begins. A smaller
    one, or none, is a late or doubled sample, which is dropped and counted.
    """
    import numpy as np

    steps = np.diff(seconds)
    forward = steps[steps > 0]
    if not len(forward):
        dropped["time stamps do not increase"] += len(seconds)
        return
    gap = GAP_INTERVALS * float(np.median(forward))
    for part in _cut(len(seconds), steps < -gap):
        keep = _newer(seconds[part], dropped)
        clean_seconds, clean_values = seconds[part][keep], values[part][keep]
        for piece in _cut(len(clean_seconds), np.diff(clean_seconds) > gap):
            yield clean_seconds[piece], clean_values[piece]


def _cut(length: int, after: NDArray[np.bool_]) -> Iterator[slice]:
    """Slices of 0 … length, cut behind every index where `after` is true."""
    import numpy as np

    edges = [0, *(np.flatnonzero(after) + 1).tolist(), length]
    yield from (slice(a, b) for a, b in pairwise(edges) if a < b)


def _newer(seconds: NDArray[np.float64], dropped: Counter[str]) -> NDArray[np.bool_]:
    """True where a stamp is later than all before it."""
    import numpy as np

    latest = np.maximum.accumulate(seconds)[:-1]
    keep = np.concatenate([[True], seconds[1:] > latest])
    same = int((seconds[1:] == latest).sum())
    late = int((~keep).sum()) - same
    if same:
        dropped["duplicate time stamp"] += same
    if late:
        dropped["time stamp out of order"] += late
    return keep
