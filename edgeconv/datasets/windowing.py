"""From canonical samples to a `Dataset`: cut at gaps, at the contract's rate, in windows."""

from __future__ import annotations

import os
from collections import Counter, deque
from collections.abc import Callable, Iterable, Iterator, Mapping, Sequence
from concurrent.futures import Future, ThreadPoolExecutor
from dataclasses import dataclass, field, replace
from itertools import pairwise
from typing import TYPE_CHECKING

from edgeconv.core import (
    Dataset,
    GravitySource,
    LoadReport,
    Recording,
    SensorKind,
    Signal,
    Windowing,
)
from edgeconv.datasets.resampling import resample_stamped, resample_uniform
from edgeconv.errors import BadInput, UsageError

if TYPE_CHECKING:
    import numpy as np
    from numpy.typing import NDArray

LOWEST_RATE = 0.5
"""Of the contract's rate: below it the upper half of the band would have to be invented."""
GAP_INTERVALS = 5
"""A pause above this many median intervals splits a recording; nothing is interpolated over it."""

LONG = 1_000_000
"""Samples of a segment from which on it is resampled before the next one is read."""


@dataclass(frozen=True, eq=False)
class Segment:
    """Samples of one subject doing one thing, as a loader reads them.

    `values` (n, channels) is canonical (accelerations in m/s², Android's sign); its columns are the
    channels of the data set's `DatasetInfo`. Either `seconds` (n,) or `rate_hz` is set.
    """

    subject: str
    label: int
    values: NDArray[np.float64]
    seconds: NDArray[np.float64] | None = None
    rate_hz: float = 0.0
    source: str = ""
    device: str = ""


@dataclass(frozen=True)
class DatasetInfo:
    """Name and source of a data set, as its loader reports them, and what it measures.

    Attributes:
        channels: name and kind of each column of its segments.
        default: the windows to cut where nobody asks for others.
        test_subjects: whom the authors of the data held out.
        gravity: what told gravity and linear acceleration apart, where that is known.
    """

    name: str
    source: str
    notes: tuple[str, ...] = ()
    synthetic: bool = False
    allow: tuple[str, ...] = ()
    channels: Mapping[str, SensorKind] = field(default_factory=lambda: ACCELEROMETER)
    default: Signal = field(default_factory=Signal)
    test_subjects: tuple[str, ...] = ()
    gravity: GravitySource | None = None

    def contract(self, windowing: Windowing, labels: Sequence[str]) -> Signal:
        """The canonical contract of the windows to cut.

        Raises:
            UsageError: a channel that the data set does not have.
        """
        signal = windowing.applied(self.default)
        names = windowing.channels or signal.channels
        known = [self.column(name) for name in names]
        kinds = tuple(list(self.channels.values())[column] for column in known)
        return replace(
            signal, labels=tuple(labels), channels=names, kinds=kinds, gravity=self.gravity
        )

    def column(self, channel: str) -> int:
        """The column of a channel; `acc_x` and `x` are the same one."""
        names = list(self.channels)
        for name in (channel, channel.removeprefix("acc_"), f"acc_{channel}"):
            if name in names:
                return names.index(name)
        raise UsageError(
            f"{self.name} has no channel '{channel}'", f"it has: {', '.join(self.channels)}"
        )


LARGEST_READING = 1e9
"""In any unit: pressure in Pa and light in lux are below a million."""

ACCELEROMETER: Mapping[str, SensorKind] = dict.fromkeys("xyz", SensorKind.ACCELEROMETER)


@dataclass(frozen=True, eq=False)
class Cut:
    """What one segment became: how many of its samples were kept, and the recordings."""

    kept: int
    dropped: Mapping[str, int]
    recordings: tuple[Recording, ...]


class SampleStore:
    """Takes what segments become, in their order, and gives the recordings back: in memory.

    Attributes:
        parts: how many segments it holds already, from an earlier run that did not come to its end.
    """

    def __init__(self) -> None:
        self.parts = 0
        self.kept = 0
        self.dropped: Counter[str] = Counter()
        self._recordings: list[Recording] = []

    def add(self, cut: Cut) -> None:
        """Take what the next segment became."""
        self.parts += 1
        self.kept += cut.kept
        self.dropped.update(cut.dropped)
        self._recordings += cut.recordings

    def recordings(self) -> tuple[Recording, ...]:
        """All recordings so far."""
        return tuple(self._recordings)


class Assembly:
    """A data set in the making: segments go in and are resampled on all processors."""

    def __init__(
        self, origin: DatasetInfo, signal: Signal, store: SampleStore | None = None
    ) -> None:
        self.origin = origin
        self.signal = signal
        self.store = store or SampleStore()

    def add(self, segments: Iterable[Segment]) -> None:
        """Resample every segment that the store does not hold yet; few are in memory at a time."""
        columns = [self.origin.column(name) for name in self.signal.channels]
        chosen = slice(None) if columns == [*range(len(self.origin.channels))] else columns
        done = self.store.parts
        workers = os.cpu_count() or 1
        with ThreadPoolExecutor(workers) as pool:
            waiting: deque[Future[Cut]] = deque()
            for number, segment in enumerate(segments):
                most = workers if len(segment.values) < LONG else 0
                if number >= done:
                    segment = replace(segment, values=segment.values[:, chosen])
                    waiting.append(pool.submit(_cut_segment, segment, self.signal))
                del segment  # it is not held while the next one is read
                while len(waiting) > most:
                    self.store.add(waiting.popleft().result())
            while waiting:
                self.store.add(waiting.popleft().result())

    def dataset(
        self, dropped: Mapping[str, int] | None = None, notes: Sequence[str] = ()
    ) -> Dataset:
        """The data set of everything that was added; no window crosses a segment or a gap.

        The report's `kept` and `dropped` count the samples (lines) of the source.

        Args:
            dropped: what the loader left out already, by its reason.
            notes: what became known while reading.

        Raises:
            BadInput: no window is left.
        """
        origin, signal, counts = self.origin, self.signal, Counter(dropped or {})
        counts.update(self.store.dropped)
        recordings = self.store.recordings()
        said = (*origin.notes, *notes)
        if not recordings:
            raise BadInput(
                f"{origin.source}: no recording is as long as a window ({signal.window} steps at "
                f"{signal.rate_hz:g} Hz = {signal.window / signal.rate_hz:g} s)",
                "; ".join([*(f"{n} × {reason}" for reason, n in counts.items()), *said])
                + _cure_of_short(counts)
                or "give longer recordings",
            )
        report = LoadReport(
            origin.source,
            self.store.kept,
            {reason: n for reason, n in counts.items() if n},
            said,
            origin.synthetic,
            allow=origin.allow,
        )
        index = window_index([len(r.samples) for r in recordings], signal)
        present = {recording.subject for recording in recordings}
        held_out = tuple(s for s in origin.test_subjects if s in present)
        if len(present) - len(held_out) < 2:
            held_out = ()  # nobody would be left to train and to validate
        return Dataset(origin.name, signal, recordings, index, report, held_out)


def assemble(
    origin: DatasetInfo,
    labels: Sequence[str],
    segments: Iterable[Segment],
    windowing: Windowing,
    dropped: Mapping[str, int] | None = None,
    store: Callable[[int], SampleStore] | None = None,
) -> Dataset:
    """Resample every segment and index its windows; none crosses a segment or a gap.

    Args:
        origin: of the data set.
        labels: its classes.
        segments: what its loader read.
        windowing: how to cut them.
        dropped: reason → samples that the loader left out.
        store: makes the place of so many channels; None: they are kept in memory.

    Raises:
        UsageError: `windowing` asks for a channel that the data set does not have.
        BadInput: no window is left.
    """
    signal = origin.contract(windowing, labels)
    assembly = Assembly(origin, signal, store(len(signal.channels)) if store else None)
    assembly.add(segments)
    return assembly.dataset(dropped)


def window_index(lengths: Sequence[int], signal: Signal) -> NDArray[np.int64]:
    """(n, 2): recording number and first time step of every whole window, in order."""
    import numpy as np

    lengths_of = np.asarray(lengths, np.int64).reshape(-1)
    counts = np.maximum(0, (lengths_of - signal.window) // signal.step + 1)
    recording = np.repeat(np.arange(len(counts)), counts)
    first = np.repeat(np.cumsum(counts) - counts, counts)
    return np.stack([recording, (np.arange(len(recording)) - first) * signal.step], axis=1)


def _refuse_impossible(segment: Segment, signal: Signal) -> None:
    """Name a reading that no sensor gives: it would bend a whole recording, or become infinite."""
    import numpy as np

    largest = float(np.abs(segment.values).max(initial=0.0))
    if largest > LARGEST_READING:
        where = f"{segment.source}: " if segment.source else ""
        raise BadInput(
            f"{where}a reading of {largest:.3g} (subject {segment.subject}, "
            f"{signal.labels[segment.label]}) is beyond what any sensor gives",
            "correct or delete its line",
        )


def _cut_segment(segment: Segment, signal: Signal) -> Cut:
    import numpy as np

    _refuse_impossible(segment, signal)
    dropped: Counter[str] = Counter()
    kept, recordings = 0, []
    for used, samples in _at_rate(segment, signal.rate_hz, dropped):
        if len(samples) < signal.window:
            dropped["recording shorter than a window"] += used
            continue
        kept += used
        readings = samples.astype(np.float32)
        who, what = segment.subject, segment.label
        rate = _source_rate(segment)
        recordings.append(Recording(who, what, readings, segment.source, segment.device, rate))
    return Cut(kept, dropped, tuple(recordings))


def _source_rate(segment: Segment) -> float:
    import numpy as np

    if segment.seconds is None:
        return segment.rate_hz
    step = float(np.median(np.diff(segment.seconds))) if len(segment.seconds) > 1 else 0.0
    return 1.0 / step if step > 0 else 0.0


def _at_rate(
    segment: Segment, rate_hz: float, dropped: Counter[str]
) -> Iterator[tuple[int, NDArray[np.float64]]]:
    import numpy as np

    if segment.seconds is None:
        if segment.rate_hz < LOWEST_RATE * rate_hz:
            dropped[f"sampled below {LOWEST_RATE * rate_hz:g} Hz"] += len(segment.values)
            return
        yield len(segment.values), resample_uniform(segment.values, segment.rate_hz, rate_hz)
        return
    for seconds, values in split_by_gaps(segment.seconds, segment.values, dropped):
        if len(seconds) < 4:  # too few for a cubic spline, and for any window
            dropped["recording shorter than a window"] += len(seconds)
        elif 1.0 / float(np.median(np.diff(seconds))) < LOWEST_RATE * rate_hz:
            dropped[f"sampled below {LOWEST_RATE * rate_hz:g} Hz"] += len(seconds)
        else:
            yield len(seconds), resample_stamped(seconds, values, rate_hz)


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
        clean_seconds, clean_values = seconds[part], values[part]
        keep = _newer(clean_seconds, dropped)
        if not keep.all():
            clean_seconds, clean_values = clean_seconds[keep], clean_values[keep]
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


def _cure_of_short(counts: Counter[str]) -> str:
    """What makes longer recordings of rows that were nearly all left out for one reason."""
    rows = sum(counts.values())
    if counts["not labelled"] > 0.9 * rows > 0:
        return ". If a label holds until the next one, write it into every row of the table"
    if counts["time stamps do not increase"] > 0.9 * rows > 0:
        return ". They tell no time: write the sampling rate into the TOML, rate_hz = …"
    if counts["recording shorter than a window"] > 0.9 * rows > 0:
        return ". Record longer, or check the unit of the time stamps (write minutes as seconds)"
    return ""
