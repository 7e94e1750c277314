"""Find each value of the float model in a file: by name, confirmed or decided by values.

`match`: both sides are in computed order, so the best pairing that keeps the order is an alignment
of two sequences (Needleman and Wunsch, 1970) whose gaps cost nothing.

`refine`: after a damaged layer no value is like the float model's any more, so whether a tensor
stands before or after a folded layer does not show in the tensor itself. It shows in the *next*
step: the float model continues from the file's values, and only the right interpretation of them
gives what the file has there. So all interpretations are followed side by side, and the path with
the best sum of scores wins (Viterbi, 1967).

Names: converters keep a layer's name and add to it: `conv1;conv1_bias;conv1_conv` (TFLite,
operations fused), `conv1_cast_fp16` (Core ML), `har/conv1/Relu` (TensorFlow's scopes), a number
where a name would occur twice.
"""

from __future__ import annotations

import re
from collections.abc import Callable, Collection, Iterable, Mapping, Sequence
from dataclasses import dataclass
from typing import TYPE_CHECKING, Any

from edgeconv.ir.keras_catalogue import role_of
from edgeconv.parity.layerwise.arrangement import Arrangement, arrangements, similarity
from edgeconv.parity.layerwise.reference_points import (
    FOLDABLE,
    INPUT,
    PendingAffine,
    ReferencePoint,
)

if TYPE_CHECKING:
    import numpy as np
    from numpy.typing import NDArray

CONFIRMED = 0.9
"""Correlation from which values confirm a match."""
_SHAPE = 0.05  # same shape and place in the order: decides if nothing else does
_DB = 60.0  # decibels that count as much as a name
_MOST_DB = 150.0  # one float32 rounding


@dataclass(frozen=True)
class Candidate:
    """A value of the file.

    Attributes:
        names: of the tensor and of tensors with the same numbers (casts, outputs).
        shape: of one sample.
        output: it, or a cast of it, is the file's output.
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
    """A point and the value of the file that was matched with it."""

    point: ReferencePoint
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
        """The file's values as the float model can continue from them."""
        import numpy as np

        arranged = self.arranged(values)
        full = self.affine.map.apply(arranged) if self.affine else arranged
        return np.asarray(full, np.float32)


def match(
    points: Sequence[ReferencePoint],
    reference: Mapping[str, NDArray[Any]],
    candidates: Sequence[Candidate],
    values: Mapping[str, NDArray[Any]],
    channels_first: bool,
) -> list[Match]:
    """The best pairing that keeps both orders.

    Args:
        points: values of the float model, in computed order.
        candidates: values of the file, in computed order.
        reference: the float model's values by point name, (n, *shape).
        values: the file's by tensor name, (n, *shape), real numbers.
        channels_first: layout that is tried first.
    """
    scores = [name_scores(points, candidate) for candidate in candidates]
    table: dict[tuple[int, int], tuple[float, Match]] = {}
    for i, point in enumerate(points):
        for j, candidate in enumerate(candidates):
            scored = pair(
                point,
                reference[point.name],
                candidate,
                values[candidate.tensor],
                scores[j],
                channels_first,
            )
            if scored is not None:
                table[i, j] = scored
    return align(len(points), len(candidates), table)


def name_scores(points: Sequence[ReferencePoint], candidate: Candidate) -> dict[str, float]:
    """Layer → how much the candidate's names suggest it, 0 to 1."""
    layers = {converter_name(p.owner): p.owner for p in points}
    return {layers[k]: v for k, v in layer_scores(candidate.names, layers).items()}


def pair(
    point: ReferencePoint,
    reference: NDArray[Any],
    candidate: Candidate,
    values: NDArray[Any],
    suggested: Mapping[str, float],
    channels_first: bool,
) -> tuple[float, Match] | None:
    """The best way in which the two can be the same value, and its score; None if they cannot."""
    best: tuple[float, Match] | None = None
    named = _name_score(point, candidate, suggested)
    if point.layer == INPUT and suggested and not named:
        return None  # a tensor of another shape that names a layer is not the input
    # shape and order alone match no tensor that names a layer and no layer that is often folded
    unnamed = not suggested and role_of(point.kind) not in FOLDABLE
    for arrangement in arrangements(point.shape, candidate.shape, channels_first, point.inner):
        arranged = arrangement.apply(values)
        for affine in (None, *point.pending):
            expected = affine.map.invert(reference) if affine else reference
            alike, db = similarity(expected, arranged)
            if not named and alike < CONFIRMED and not unnamed:
                continue
            score = _SHAPE + named + max(alike, 0.0) / 2 + min(max(db, 0.0), _MOST_DB) / _DB
            if best is None or score > best[0] + 1e-9:
                means = _means(point, candidate, named, alike)
                best = score, Match(point, candidate, arrangement, affine, means, max(alike, 0.0))
    return best


def _name_score(
    point: ReferencePoint, candidate: Candidate, suggested: Mapping[str, float]
) -> float:
    if point.output and candidate.output:
        return EXACT
    direct = suggested.get(point.owner, 0.0)
    if point.before:
        return {EXACT: EXACT - 0.4, PART: INNER}.get(direct, 0.0)
    inherited = max((suggested.get(name, 0.0) for name in point.absorbed_by), default=0.0)
    return max(direct, inherited * INHERITED)


def _means(
    point: ReferencePoint, candidate: Candidate, named: float, alike: float
) -> tuple[str, ...]:
    means = []
    if point.output and candidate.output:
        means.append("output")
    elif named:
        means.append("name")
    if alike >= CONFIRMED:
        means.append("values")
    return tuple(means) or ("order",)


def align(n: int, m: int, table: Mapping[tuple[int, int], tuple[float, Match]]) -> list[Match]:
    """The pairing with the largest sum of scores; of equal ones that with the later points."""
    best = [[0.0] * (m + 1) for _ in range(n + 1)]
    for i in range(1, n + 1):
        for j in range(1, m + 1):
            best[i][j] = max(best[i - 1][j], best[i][j - 1])
            paired = table.get((i - 1, j - 1))
            if paired is not None:
                best[i][j] = max(best[i][j], best[i - 1][j - 1] + paired[0])
    matches: list[Match] = []
    i, j = n, m
    while i and j:
        paired = table.get((i - 1, j - 1))
        if paired is not None and best[i][j] == best[i - 1][j - 1] + paired[0]:
            matches.append(paired[1])
            i, j = i - 1, j - 1
        elif best[i][j] == best[i][j - 1]:
            j -= 1
        else:
            i -= 1
    return matches[::-1]


EXACT, PART, INNER, INHERITED = 1.0, 0.5, 0.8, 0.9
"""Scores of a name: the layer's name; one that begins with it; that of an operation inside the
layer, for a value before the activation; that of another layer that was fused into this one."""

_CASTS = re.compile(r"(_cast_(fp|int)\d+|_quantized|_dequantized|/ReadVariableOp)+\d*$")


def name_parts(name: str) -> tuple[str, ...]:
    """The parts of a tensor's name that may be a layer's, without what converters add."""
    parts: list[str] = []
    for part in name.split(";"):
        bare = _CASTS.sub("", part)
        parts += [part, bare, *bare.split("/")]
    return tuple(dict.fromkeys(p for p in parts if p))


def named_layer(word: str, layers: Iterable[str]) -> tuple[str, float] | None:
    """The layer that `word` names, `EXACT`, or begins with, `PART`; the longest name wins."""
    best = ""
    for layer in layers:
        begins = word.startswith(layer) and not word[len(layer) : len(layer) + 1].isalpha()
        if begins and len(layer) > len(best):
            best = layer
    if not best:
        return None
    return best, EXACT if word == best else PART


def layer_scores(names: Collection[str], layers: Collection[str]) -> dict[str, float]:
    """Layer, as `converter_name` writes it → how much these names of one tensor suggest it."""
    scores: dict[str, float] = {}
    for name in names:
        for word in name_parts(name):
            named = named_layer(word, layers)
            if named is not None:
                layer, score = named
                scores[layer] = max(score, scores.get(layer, 0.0))
    return scores


def converter_name(layer: str) -> str:
    """A layer's name as converters write it."""
    return re.sub(r"[^A-Za-z0-9_.]", "_", layer)


Replay = Callable[[Mapping[str, "NDArray[Any]"], Collection[str]], "dict[str, NDArray[Any]]"]
"""Values of the float model by name, computed from other given values."""


@dataclass(frozen=True, eq=False)
class _Path:
    """One interpretation of all values up to here; `at` is the place of the last point."""

    score: float
    at: int
    matches: tuple[Match, ...]
    known: dict[str, NDArray[Any]]


@dataclass(frozen=True, eq=False)
class _Evidence:
    """What is known of one tensor of the file: its present match, its values, and its name."""

    current: Match
    stored: NDArray[Any]
    suggested: Mapping[str, float]
    channels_first: bool


def refine(
    matches: Sequence[Match],
    points: Sequence[ReferencePoint],
    inputs: Mapping[str, NDArray[Any]],
    values: Mapping[str, NDArray[Any]],
    channels_first: bool,
    replay: Replay,
) -> list[Match]:
    """The same candidates, each with the point that explains it and the values after it best.

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
        suggested = name_scores(points, current.candidate)
        evidence = _Evidence(current, values[current.candidate.tensor], suggested, channels_first)
        following: list[_Path] = []
        for place in range(after + 1, before):
            if place != places[k] and not _possible(points[place], suggested):
                continue
            steps = [
                step
                for path in paths
                if path.at < place
                for step in _step(path, place, points[place], evidence, replay)
            ]
            if steps:
                following.append(max(steps, key=lambda step: step.score))
        paths = following or paths
    return list(max(paths, key=lambda path: path.score).matches)


def _possible(point: ReferencePoint, suggested: Mapping[str, float]) -> bool:
    """Whether a tensor may be this point instead: by its name, or fused into the named layer."""
    return (
        point.owner in suggested
        or bool(set(point.absorbed_by) & set(suggested))
        or role_of(point.kind) in FOLDABLE
    )


def _step(
    path: _Path, place: int, point: ReferencePoint, evidence: _Evidence, replay: Replay
) -> list[_Path]:
    """The path with the candidate as `point`; none if the two do not fit."""
    given = point.layer == INPUT
    expected = path.known[point.name] if given else replay(path.known, [point.name])[point.name]
    current, stored = evidence.current, evidence.stored
    scored = pair(
        point,
        expected,
        current.candidate,
        stored,
        evidence.suggested,
        evidence.channels_first,
    )
    if scored is None and point is current.point:
        scored = 0.0, current
    if scored is None:
        return []
    score, best = scored
    known = {**path.known, point.name: best.restored(stored)}
    return [_Path(path.score + score, place, (*path.matches, best), known)]
