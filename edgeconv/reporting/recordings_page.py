"""A data set as a page for people who would rather look: what the rules found, and pictures.

One file without links to others, below one megabyte whatever the data set: of many subjects and
recordings some are drawn, and the page says how many.
"""

from __future__ import annotations

from collections import Counter
from collections.abc import Sequence
from dataclasses import dataclass
from typing import TYPE_CHECKING

from edgeconv.core import STANDARD_GRAVITY, Dataset, Recording, SensorKind
from edgeconv.core.dataset import DataFinding
from edgeconv.datasets.rules.blocks import source_of
from edgeconv.reporting.charts import trace
from edgeconv.reporting.html import page_environment

if TYPE_CHECKING:
    import numpy as np
    from numpy.typing import NDArray

TRACE_SECONDS = 6.0
TRACE_SUBJECTS, ARROW_SUBJECTS, LINE_SUBJECTS = 6, 48, 60
LARGEST_DRAWN = 96  # traces on a page
POINTS = 180  # of a trace
PIECES = 120  # of one subject's line
_RADIUS = 40.0


@dataclass(frozen=True)
class Picture:
    """A trace of one sensor of one subject, with its channels and range in words."""

    subject: str
    words: str
    drawing: str


@dataclass(frozen=True)
class Arrow:
    """Where gravity points in one class of one subject: the end of an arrow in a disc of 1 g."""

    label: str
    number: int
    x: float
    y: float
    z: float

    @property
    def words(self) -> str:
        return f"{self.label}: x {self.x:+.1f}, y {self.y:+.1f}, z {self.z:+.1f} m/s²"


@dataclass(frozen=True)
class Piece:
    """One recording on a subject's line: its start and length in percent of the longest line."""

    number: int
    start: float
    length: float
    words: str


def render_recordings(dataset: Dataset, findings: Sequence[DataFinding]) -> str:
    """The page of a data set.

    Args:
        dataset: what to show.
        findings: of the data rules.

    Raises:
        MissingDependency: jinja2 is not installed.
    """
    import numpy as np

    signal = dataset.signal
    counts = np.zeros((len(dataset.subject_names), len(signal.labels)), int)
    places = {name: n for n, name in enumerate(dataset.subject_names)}
    for subject, label in zip(dataset.subjects.tolist(), dataset.labels.tolist(), strict=True):
        counts[places[subject], label] += 1
    several = SensorKind.ACCELEROMETER in signal.channel_kinds
    template = page_environment().get_template("recordings.html")
    return str(
        template.render(
            dataset=dataset,
            findings=findings,
            balance=list(zip(dataset.subject_names, counts.tolist(), strict=True)),
            totals=counts.sum(axis=0).tolist(),
            largest=max(1, int(counts.max(initial=1))),
            seconds=sum(len(r.samples) for r in dataset.recordings) / signal.rate_hz,
            traces=_traces(dataset, findings),
            arrows=_arrows(dataset) if several else [],
            lines=_lines(dataset),
            radius=_RADIUS,
            most_arrows=ARROW_SUBJECTS,
            gravity=STANDARD_GRAVITY,
        )
    )


def _traces(dataset: Dataset, findings: Sequence[DataFinding]) -> list[tuple[str, list[Picture]]]:
    """By class: drawings of some subjects, those that findings name first."""
    signal = dataset.signal
    named = " ".join(finding.where for finding in findings)
    order = sorted(dataset.subject_names, key=lambda name: name not in named)
    sensors = [list(group) for group in _sensors(dataset)]
    drawn, left = [], LARGEST_DRAWN
    for number, label in enumerate(signal.labels):
        pictures: list[Picture] = []
        for subject in order:
            own = [r for r in dataset.recordings if (r.subject, r.label) == (subject, number)]
            if own and len(pictures) < min(TRACE_SUBJECTS * len(sensors), left):
                longest = max(own, key=lambda r: len(r.samples))
                values = _middle(longest, signal.rate_hz)
                pictures += [
                    _picture(values[:, columns], [signal.channels[c] for c in columns], subject)
                    for columns in sensors
                ]
        left -= len(pictures)
        drawn.append((label, pictures))
    return drawn


def _sensors(dataset: Dataset) -> list[tuple[int, ...]]:
    """Channels that one picture shows: three of one sensor, since others have another range."""
    kinds = list(dict.fromkeys(dataset.signal.channel_kinds))
    groups = [
        tuple(n for n, other in enumerate(dataset.signal.channel_kinds) if other is kind)
        for kind in kinds
    ]
    return [group[n : n + 3] for group in groups for n in range(0, len(group), 3)]


def _picture(values: NDArray[np.float32], channels: Sequence[str], subject: str) -> Picture:
    from markupsafe import Markup, escape

    drawing = trace(values.ravel().tolist(), channels, str(escape(subject)))
    words = f"{', '.join(channels)}: {values.min():.3g} to {values.max():.3g}"
    return Picture(subject, words, Markup(drawing))  # noqa: S704 (our own SVG, names escaped)


def _middle(recording: Recording, rate_hz: float) -> NDArray[np.float32]:
    length = min(len(recording.samples), round(TRACE_SECONDS * rate_hz))
    first = (len(recording.samples) - length) // 2
    return recording.samples[first : first + length : max(1, length // POINTS)]


def _arrows(dataset: Dataset) -> list[tuple[str, list[Arrow]]]:
    import numpy as np

    columns = list(dataset.signal.columns_of(SensorKind.ACCELEROMETER))[:3]
    if len(columns) < 3:
        return []
    means: dict[str, dict[int, list[NDArray[np.float64]]]] = {}
    order = {name: n for n, name in enumerate(dataset.subject_names)}
    for recording in sorted(dataset.recordings, key=lambda r: order[r.subject]):
        own = means.setdefault(str(source_of(recording, dataset)), {})
        mean = recording.samples[:, columns].mean(axis=0, dtype=float)
        own.setdefault(recording.label, []).append(mean)
    drawn = []
    for source, by_label in list(means.items())[:ARROW_SUBJECTS]:
        arrows = []
        for number, rows in sorted(by_label.items()):
            x, y, z = np.median(rows, axis=0).tolist()
            arrows.append(Arrow(dataset.signal.labels[number], number, x, y, z))
        drawn.append((source, arrows))
    return drawn


def _lines(dataset: Dataset) -> list[tuple[str, list[Piece], str]]:
    """Each subject's recordings in their order; a gap stands between two of one class."""
    rate = dataset.signal.rate_hz
    by_subject: dict[str, list[Recording]] = {}
    for recording in dataset.recordings:
        by_subject.setdefault(recording.subject, []).append(recording)
    totals = {s: sum(len(r.samples) for r in own) for s, own in by_subject.items()}
    longest = max(totals.values(), default=1)
    lines = []
    for subject in dataset.subject_names[:LINE_SUBJECTS]:
        pieces, at = [], 0.0
        for recording in by_subject[subject][:PIECES]:
            length = 100.0 * len(recording.samples) / longest
            label = dataset.signal.labels[recording.label]
            words = f"{label}, {len(recording.samples) / rate:.0f} s, {recording.source}"
            pieces.append(Piece(recording.label, at, length, words))
            at += length
        cut = Counter(r.label for r in by_subject[subject])
        most, times = cut.most_common(1)[0]
        words = f"{totals[subject] / rate:.0f} s in {len(by_subject[subject])} recordings"
        if times > 1:
            words += f", {dataset.signal.labels[most]} in {times}"
        lines.append((subject, pieces, words))
    return lines
