"""Recordings in blocks of two seconds: where gravity points, and how much moves around it."""

from __future__ import annotations

from dataclasses import dataclass
from functools import lru_cache
from typing import TYPE_CHECKING

from edgeconv.core import Dataset, Recording

if TYPE_CHECKING:
    import numpy as np
    from numpy.typing import NDArray

SECONDS = 2.0


@dataclass(frozen=True, eq=False)
class Blocks:
    """Blocks of one subject.

    Attributes:
        means: (n, 3) mean vector of each block. Motion averages out of it, so it is gravity, as
            far as the readings hold gravity.
        motion: (n,) root mean square of what the samples differ from that vector.
        labels: (n,) class number of each block.
    """

    means: NDArray[np.float64]
    motion: NDArray[np.float64]
    labels: NDArray[np.int64]

    @property
    def gravity(self) -> float:
        """Median length of the mean vectors."""
        import numpy as np

        return float(np.median(np.linalg.norm(self.means, axis=1)))

    @property
    def spread(self) -> float:
        """Interquartile range of those lengths, as a share of their median."""
        import numpy as np

        low, high = np.percentile(np.linalg.norm(self.means, axis=1), [25, 75])
        return float(high - low) / max(self.gravity, 1e-12)

    @property
    def typical_motion(self) -> float:
        """Median of `motion`."""
        import numpy as np

        return float(np.median(self.motion))


@lru_cache(maxsize=2)
def blocks_by_subject(dataset: Dataset) -> dict[str, Blocks]:
    """The blocks of each subject that has any."""
    import numpy as np

    length = max(2, round(SECONDS * dataset.signal.rate_hz))
    parts: dict[str, list[tuple[NDArray[np.float64], NDArray[np.float64], int]]] = {}
    for recording in dataset.recordings:
        means, motion = _blocks(recording, length)
        if len(means):
            parts.setdefault(recording.subject, []).append((means, motion, recording.label))
    return {
        subject: Blocks(
            np.concatenate([means for means, _, _ in rows]),
            np.concatenate([motion for _, motion, _ in rows]),
            np.concatenate([np.full(len(means), label) for means, _, label in rows]),
        )
        for subject, rows in parts.items()
    }


def _blocks(recording: Recording, length: int) -> tuple[NDArray[np.float64], NDArray[np.float64]]:
    import numpy as np

    count = len(recording.samples) // length
    shape = (count, length, recording.samples.shape[1])
    cut = recording.samples[: count * length].astype(np.float64).reshape(shape)
    means = cut.mean(axis=1)
    motion = np.sqrt(((cut - means[:, None]) ** 2).sum(axis=2).mean(axis=1))
    return means, motion
