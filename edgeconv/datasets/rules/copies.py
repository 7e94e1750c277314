"""Samples that stand in two places: a part of a recording under another name, overlapping exports.

Eight rows in a row are known by a digest. Only rows whose own digest is a multiple of a number are
looked at, so that few are kept however long the recordings are, and the same ones in every copy,
wherever it begins. Chance repetitions of coarse readings lie at different distances from each
other; a copy has one distance.
"""

from __future__ import annotations

from collections import Counter
from collections.abc import Hashable
from dataclasses import dataclass
from typing import TYPE_CHECKING

from edgeconv.core.dataset import DataFinding, DataSeverity

if TYPE_CHECKING:
    import numpy as np
    from numpy.typing import NDArray

RULE = "D301"
RUN = 8  # rows that make a digest
KEPT = 200_000  # digests of a data set
LEAST_EVERY = 8  # of so many rows, one is looked at
LEAST = 6  # digests that two places must have in common, at one distance
_ODD = 0x9E3779B97F4A7C15  # 2^64 divided by the golden ratio, as in Fibonacci hashing


@dataclass(frozen=True)
class Place:
    """Where rows stand: who, doing what, in which file or recording."""

    subject: str
    label: str
    source: str
    number: Hashable = 0

    def __str__(self) -> str:
        return f"{self.label} of {self.subject}" + (f" ({self.source})" if self.source else "")


class CopiedRows:
    """Looks for rows that repeat others; give it every recording once.

    Args:
        rows: how many there will be, about.
    """

    def __init__(self, rows: int) -> None:
        self.every = max(LEAST_EVERY, rows // KEPT)
        self._places: list[Place] = []
        self._parts: list[tuple[NDArray[np.uint64], NDArray[np.int64]]] = []

    def add(self, place: Place, values: NDArray[np.floating]) -> None:
        """Look at the rows (n, channels) of one place, in their order."""
        import numpy as np

        if len(values) < RUN:
            return
        bits = np.ascontiguousarray(values, np.float64).view(np.uint64).reshape(values.shape)
        row = np.zeros(len(values), np.uint64)
        for column in bits.T:
            row = _mixed(row ^ column)
        starts = np.flatnonzero(row[: len(row) - RUN + 1] % np.uint64(self.every) == 0)
        starts = starts[row[starts] != row[starts + 1]]  # a sensor that stands still repeats itself
        run = np.zeros(len(starts), np.uint64)
        for later in range(RUN):
            run = _mixed(run ^ row[starts + later])
        self._places.append(place)
        self._parts.append((run, starts))

    def pairs(self) -> list[tuple[Place, Place, int]]:
        """Two places each that have rows in common, and about how many."""
        import numpy as np

        if not self._parts:
            return []
        digests = np.concatenate([run for run, _ in self._parts])
        starts = np.concatenate([start for _, start in self._parts])
        owner = np.repeat(np.arange(len(self._parts)), [len(run) for run, _ in self._parts])
        order = np.argsort(digests, kind="stable")
        same = np.flatnonzero(digests[order][1:] == digests[order][:-1])
        one, other = order[same], order[same + 1]
        distances = (starts[other] - starts[one]).tolist()
        matches = Counter(zip(owner[one].tolist(), owner[other].tolist(), distances, strict=True))
        common: Counter[tuple[int, int]] = Counter()
        for (a, b, _), count in matches.items():
            common[a, b] += count if count >= LEAST else 0
        return [
            (self._places[a], self._places[b], count * self.every)
            for (a, b), count in common.most_common()
            if count
        ]

    def findings(self, only_apart: bool = False) -> list[DataFinding]:
        """D301, if anything was found.

        Args:
            only_apart: leave out what one subject repeats in one class, such as windows that
                overlap.
        """
        pairs = [
            pair
            for pair in self.pairs()
            if not only_apart
            or (pair[0].subject, pair[0].label) != (pair[1].subject, pair[1].label)
        ]
        if not pairs:
            return []
        pairs.sort(key=lambda pair: pair[0].subject == pair[1].subject)
        one, other, rows = pairs[0]
        again = "itself" if one == other else str(other)
        apart = one.subject != other.subject
        return [
            DataFinding(
                RULE,
                DataSeverity.WARNING,
                f"subjects {one.subject} and {other.subject}"
                if apart
                else f"subject {one.subject}",
                f"rows are there twice: about {rows} of {one} stand in {again} again"
                + (f", and so in {len(pairs) - 1} other pairs" if pairs[1:] else "")
                + (": a test with one would know the other" if apart else ": they count twice"),
                "leave one of them out: exports overlap, a part was copied under another name, or "
                "windows were joined again",
            )
        ]


def _mixed(numbers: NDArray[np.uint64]) -> NDArray[np.uint64]:
    """Every bit of a number depends on all of it."""
    import numpy as np

    mixed = (numbers ^ (numbers >> np.uint64(31))) * np.uint64(_ODD)
    return np.asarray(mixed ^ (mixed >> np.uint64(29)))
