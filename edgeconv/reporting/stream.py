"""What the files of a bundle answer on one raw stream of a held-out subject, side by side."""

from __future__ import annotations

from collections.abc import Iterator, Sequence
from dataclasses import dataclass
from itertools import combinations

from edgeconv.core import Artifact, Bundle, ParityStatistics, StreamAnswers
from edgeconv.reporting.summary import parity_of
from edgeconv.targets.base import find_target

_FLOAT32 = "float32"


@dataclass(frozen=True)
class Answer:
    """The class that a file answers for one window, its probability, and whether it is Keras'."""

    name: str
    probability: float
    same: bool


@dataclass(frozen=True)
class StreamRow:
    """One window: where it begins, what it is, and the answers of Keras and of each format.

    `difference` is the largest of a probability between two of the formats.
    """

    seconds: float
    truth: str
    reference: Answer
    answers: tuple[Answer, ...]
    difference: float


@dataclass(frozen=True)
class StreamFile:
    """One file on the whole stream.

    Attributes:
        first: the stream's first reading, as the file is given it.
        same: windows with Keras' answer.
        from_reference: largest difference of a probability from Keras.
        from_others: the same from the files of that scheme in other formats; None without any.
    """

    artifact: Artifact
    first: tuple[float, ...]
    same: int
    from_reference: float
    from_others: float | None


@dataclass(frozen=True)
class StreamSection:
    """The section of the report.

    Attributes:
        formats: of the columns: title of the format, and the file's name.
        largest: the largest difference between formats in the rows.
    """

    subject: str
    formats: tuple[tuple[str, str], ...]
    rows: tuple[StreamRow, ...]
    files: tuple[StreamFile, ...]

    @property
    def largest(self) -> float:
        return max(row.difference for row in self.rows)


_Measured = tuple[Artifact, ParityStatistics, StreamAnswers]


def section(bundle: Bundle) -> StreamSection | None:
    """None unless files of two formats were checked on the same windows of a stream."""
    measured = list(_measured(bundle))
    if not measured:
        return None
    first = measured[0][2]
    measured = [m for m in measured if (m[2].window, m[2].subject) == (first.window, first.subject)]
    columns = _columns(measured)
    if len(columns) < 2:
        return None
    titles = tuple((find_target(a.target).title, a.name) for a, _, _ in columns)
    rows = tuple(_row(columns, at) for at in range(len(first)))
    return StreamSection(first.subject, titles, rows, tuple(_file(m, measured) for m in measured))


def _measured(bundle: Bundle) -> Iterator[_Measured]:
    """Each file with its first result that has answers on a stream."""
    for artifact in bundle.artifacts:
        for result in parity_of(bundle, artifact):
            if result.evidence is not None and result.evidence.stream is not None:
                yield artifact, result.evidence, result.evidence.stream
                break


def _columns(measured: Sequence[_Measured]) -> list[_Measured]:
    """A file of each format: of a scheme that all have, rather one that an app ships."""
    formats = dict.fromkeys(str(artifact.target) for artifact, _, _ in measured)
    schemes = list(dict.fromkeys(artifact.scheme for artifact, _, _ in measured))
    by_format = {
        name: {a.scheme: m for m in measured if str((a := m[0]).target) == name} for name in formats
    }
    shared = [s for s in schemes if all(s in files for files in by_format.values())]
    small = [s for s in shared if s != _FLOAT32] or shared
    return [
        files[small[0]] if small else next(iter(files.values())) for files in by_format.values()
    ]


def _row(columns: Sequence[_Measured], at: int) -> StreamRow:
    _, evidence, stream = columns[0]
    labels = evidence.labels
    return StreamRow(
        seconds=stream.seconds[at],
        truth=labels[stream.truth[at]],
        reference=_answer(stream.reference[at], stream.reference[at], labels),
        answers=tuple(_answer(s.file[at], stream.reference[at], labels) for _, _, s in columns),
        difference=max(
            _difference(one.file[at], other.file[at])
            for (_, _, one), (_, _, other) in combinations(columns, 2)
        ),
    )


def _answer(values: Sequence[float], reference: Sequence[float], labels: Sequence[str]) -> Answer:
    best = _largest(values)
    return Answer(labels[best], values[best], best == _largest(reference))


def _file(measured: _Measured, every: Sequence[_Measured]) -> StreamFile:
    artifact, _, stream = measured
    pairs = list(zip(stream.file, stream.reference, strict=True))
    others = [
        other
        for file, _, other in every
        if file.scheme == artifact.scheme and file.target != artifact.target
    ]
    return StreamFile(
        artifact=artifact,
        first=stream.first,
        same=sum(_largest(ours) == _largest(theirs) for ours, theirs in pairs),
        from_reference=max(_difference(*pair) for pair in pairs),
        from_others=max(
            (
                _difference(*pair)
                for other in others
                for pair in zip(stream.file, other.file, strict=True)
            ),
            default=None,
        ),
    )


def _largest(values: Sequence[float]) -> int:
    return max(range(len(values)), key=values.__getitem__)


def _difference(one: Sequence[float], other: Sequence[float]) -> float:
    return max(abs(a - b) for a, b in zip(one, other, strict=True))
