"""Finds each value of the float model in a file: by name, confirmed or decided by values.

Both sides are in computed order, so the best pairing that keeps the order is an alignment of two
sequences (Needleman and Wunsch, 1970) whose gaps cost nothing.
"""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from dataclasses import dataclass
from typing import TYPE_CHECKING, Any

from edgeconv.ir.keras_catalogue import role_of
from edgeconv.parity.layerwise import name_matching as names
from edgeconv.parity.layerwise.points import FOLDABLE, INPUT, PendingAffine, Point
from edgeconv.parity.layerwise.values import Arrangement, arrangements, similarity

if TYPE_CHECKING:
    import numpy as np
    from numpy.typing import NDArray

CONFIRMED = 0.9
"""Correlation from which values speak for a match."""
_SHAPE = 0.05  # same shape and place in the order: enough where nothing else says more
_DB = 60.0  # decibels that count as much as a name
_MOST_DB = 150.0  # one float32 rounding


@dataclass(frozen=True)
class Candidate:
    """A value of the file.

    Attributes:
        names: the tensor's own and those of tensors with the same numbers (casts, outputs).
        shape: of one sample.
        output: the file gives it as its output, or a cast of it.
    """

    tensor: str
    operation: str
    dtype: str
    names: tuple[str, ...]
    shape: tuple[int, ...]
    output: bool = False
    scale: float | None = None
    zero_point: int | None = None


@dataclass(frozen=True, eq=False)
class Match:
    """A point and the value of the file that it was found in."""

    point: Point
    candidate: Candidate
    arrangement: Arrangement
    affine: PendingAffine | None
    means: tuple[str, ...]
    similarity: float

    def arranged(self, values: NDArray[Any]) -> NDArray[Any]:
        """The file's values (n, *file's shape) in the float model's shape."""
        return self.arrangement.apply(values)

    def reference(self, values: NDArray[Any]) -> NDArray[Any]:
        """The float model's values as the file should have them."""
        return self.affine.map.invert(values) if self.affine else values

    def restored(self, values: NDArray[Any]) -> NDArray[np.float32]:
        """The file's values as the float model would go on with them."""
        import numpy as np

        arranged = self.arranged(values)
        full = self.affine.map.apply(arranged) if self.affine else arranged
        return np.asarray(full, np.float32)


def match(
    points: Sequence[Point],
    reference: Mapping[str, NDArray[Any]],
    candidates: Sequence[Candidate],
    values: Mapping[str, NDArray[Any]],
    channels_first: bool,
) -> list[Match]:
    """The best pairing that keeps both orders.

    Args:
        reference: the float model's values by point name, (n, *shape).
        values: the file's by tensor name, (n, *shape), real numbers.
        channels_first: layout that is tried first.
    """
    spoken = [spoken_for(points, candidate) for candidate in candidates]
    table: dict[tuple[int, int], tuple[float, Match]] = {}
    for i, point in enumerate(points):
        for j, candidate in enumerate(candidates):
            scored = pair(
                point, reference[point.name], candidate, values[candidate.tensor],
                spoken[j], channels_first,
            )  # fmt: skip
            if scored is not None:
                table[i, j] = scored
    return align(len(points), len(candidates), table)


def spoken_for(points: Sequence[Point], candidate: Candidate) -> dict[str, float]:
    """Layer → how much the candidate's names speak for it."""
    layers = {names.clean(p.owner): p.owner for p in points}
    return {layers[k]: v for k, v in names.owners(candidate.names, layers).items()}


def pair(
    point: Point,
    reference: NDArray[Any],
    candidate: Candidate,
    values: NDArray[Any],
    spoken: Mapping[str, float],
    channels_first: bool,
) -> tuple[float, Match] | None:
    """The best way in which the two can be one, and its score; None where shapes forbid it."""
    best: tuple[float, Match] | None = None
    named = _name_score(point, candidate, spoken)
    if point.layer == INPUT and spoken and not named:
        return None  # the input in another shape is a layer's, if it says so
    # shape and order alone speak for nothing that says whose it is, nor for what is often folded
    lone = not spoken and role_of(point.kind) not in FOLDABLE
    for arrangement in arrangements(point.shape, candidate.shape, channels_first, point.inner):
        arranged = arrangement.apply(values)
        for affine in (None, *point.pending):
            expected = affine.map.invert(reference) if affine else reference
            alike, db = similarity(expected, arranged)
            if not named and alike < CONFIRMED and not lone:
                continue
            score = _SHAPE + named + max(alike, 0.0) / 2 + min(max(db, 0.0), _MOST_DB) / _DB
            if best is None or score > best[0] + 1e-9:
                means = _means(point, candidate, named, alike)
                best = score, Match(point, candidate, arrangement, affine, means, max(alike, 0.0))
    return best


def _name_score(point: Point, candidate: Candidate, spoken: Mapping[str, float]) -> float:
    if point.output and candidate.output:
        return names.EXACT
    own = spoken.get(point.owner, 0.0)
    if point.before:
        return {names.EXACT: names.EXACT - 0.4, names.PART: names.INNER}.get(own, 0.0)
    inherited = max((spoken.get(name, 0.0) for name in point.heirs), default=0.0)
    return max(own, inherited * names.INHERITED)


def _means(point: Point, candidate: Candidate, named: float, alike: float) -> tuple[str, ...]:
    found = []
    if point.output and candidate.output:
        found.append("output")
    elif named:
        found.append("name")
    if alike >= CONFIRMED:
        found.append("values")
    return tuple(found) or ("order",)


def align(n: int, m: int, table: Mapping[tuple[int, int], tuple[float, Match]]) -> list[Match]:
    """The pairing with the largest sum of scores; of equal ones that with the later points."""
    best = [[0.0] * (m + 1) for _ in range(n + 1)]
    for i in range(1, n + 1):
        for j in range(1, m + 1):
            best[i][j] = max(best[i - 1][j], best[i][j - 1])
            paired = table.get((i - 1, j - 1))
            if paired is not None:
                best[i][j] = max(best[i][j], best[i - 1][j - 1] + paired[0])
    found: list[Match] = []
    i, j = n, m
    while i and j:
        paired = table.get((i - 1, j - 1))
        if paired is not None and best[i][j] == best[i - 1][j - 1] + paired[0]:
            found.append(paired[1])
            i, j = i - 1, j - 1
        elif best[i][j] == best[i][j - 1]:
            j -= 1
        else:
            i -= 1
    return found[::-1]
