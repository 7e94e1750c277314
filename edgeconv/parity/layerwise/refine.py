"""Matches judged once more, by what the float model makes of the file's own values.

After a damaged layer no value is like the float model's any more, and whether a tensor stands
before or after a folded layer cannot be told from it. It can be told from the *next* step: the
float model goes on with the file's values, and only the right reading of them gives what the file
has there. So all readings are followed side by side and the path with the best sum of scores wins
(Viterbi, 1967).
"""

from __future__ import annotations

from collections.abc import Callable, Collection, Mapping, Sequence
from dataclasses import dataclass
from typing import TYPE_CHECKING, Any

from edgeconv.ir.keras_catalogue import role_of
from edgeconv.parity.layerwise.match import Match, pair, spoken_for
from edgeconv.parity.layerwise.points import FOLDABLE, INPUT, Point

if TYPE_CHECKING:
    from numpy.typing import NDArray

Replay = Callable[[Mapping[str, "NDArray[Any]"], Collection[str]], "dict[str, NDArray[Any]]"]
"""The float model's named values where others are given."""


@dataclass(frozen=True, eq=False)
class _Path:
    """One reading of all values up to here; `at` is the place of the last point."""

    score: float
    at: int
    matches: tuple[Match, ...]
    known: dict[str, NDArray[Any]]


def refine(
    matches: Sequence[Match],
    points: Sequence[Point],
    inputs: Mapping[str, NDArray[Any]],
    values: Mapping[str, NDArray[Any]],
    channels_first: bool,
    replay: Replay,
) -> list[Match]:
    """The same candidates, each with the point whose reading explains it and what follows best.

    Args:
        matches: of `match`, in order.
        inputs: the float model's input by name.
        values: the file's by tensor name.
    """
    places = [points.index(m.point) for m in matches]
    paths = [_Path(0.0, -1, (), dict(inputs))]
    for k, current in enumerate(matches):
        after = places[k - 1] if k else -1
        before = places[k + 1] if k + 1 < len(places) else len(points)
        stored = values[current.candidate.tensor]
        spoken = spoken_for(points, current.candidate)
        following: list[_Path] = []
        for place in range(after + 1, before):
            if place != places[k] and not _possible(points[place], spoken):
                continue
            steps = [
                step
                for path in paths
                if path.at < place
                for step in _step(path, place, points[place], current, stored, spoken,
                                  channels_first, replay)
            ]  # fmt: skip
            if steps:
                following.append(max(steps, key=lambda step: step.score))
        paths = following or paths
    return list(max(paths, key=lambda path: path.score).matches)


def _possible(point: Point, spoken: Mapping[str, float]) -> bool:
    """Whether a tensor may be read as this point too: named so, or taken in by what is."""
    return (
        point.owner in spoken
        or bool(set(point.heirs) & set(spoken))
        or role_of(point.kind) in FOLDABLE
    )


def _step(
    path: _Path,
    place: int,
    point: Point,
    current: Match,
    stored: NDArray[Any],
    spoken: Mapping[str, float],
    channels_first: bool,
    replay: Replay,
) -> list[_Path]:
    """The path with the candidate read as `point`; none where the two do not fit."""
    given = point.layer == INPUT
    expected = path.known[point.name] if given else replay(path.known, [point.name])[point.name]
    scored = pair(point, expected, current.candidate, stored, spoken, channels_first)
    if scored is None and point is current.point:
        scored = 0.0, current
    if scored is None:
        return []
    score, found = scored
    known = {**path.known, point.name: found.restored(stored)}
    return [_Path(path.score + score, place, (*path.matches, found), known)]
