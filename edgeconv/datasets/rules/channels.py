"""What a sensor's axes look like when the sensor, or what read it, was not working."""

from __future__ import annotations

from collections.abc import Iterator
from functools import lru_cache
from itertools import combinations
from typing import TYPE_CHECKING

from edgeconv.core import Dataset, Recording, SensorKind
from edgeconv.core.dataset import DataFinding, DataSeverity, in_parts

if TYPE_CHECKING:
    import numpy as np
    from numpy.typing import NDArray

FROZEN_SHARE = 0.05  # of a subject's samples
ZERO_SHARE = 0.01
SATURATED_SHARE = 0.01
SATURATED_SAMPLES = 50
AWAY = 0.3  # of the length of the typical reading
FROZEN_SECONDS, FROZEN_AXIS_SECONDS = 1.0, 2.0
_TINY = 1e-6  # m/s²: what resampling to the same rate leaves of a constant
_STILL = 2e-3  # m/s²: what a filter leaves of it; a sensor's own noise is 0.01 and more


def dead_axes(dataset: Dataset) -> list[DataFinding]:
    """D201: an axis has one value in all recordings of a subject."""
    import numpy as np

    findings = []
    by_axis: dict[tuple[int, float], list[str]] = {}
    for subject, recordings in _by_subject(dataset):
        lowest, highest = _ranges(dataset)[subject]
        first = recordings[0].samples[0]
        for dead in np.flatnonzero(highest - lowest < _TINY):
            by_axis.setdefault((int(dead), float(first[dead])), []).append(subject)
    for (axis, value), subjects in by_axis.items():
        findings.append(
            DataFinding(
                "D201",
                DataSeverity.WARNING,
                _who(subjects, dataset),
                f"axis {dataset.signal.channels[axis]} is {value:g} in every sample: it carries "
                "nothing (a dead axis, or the wrong column)",
                f'check [columns] {dataset.signal.channels[axis]} = "…" in the TOML',
            )
        )
    return findings


def frozen(dataset: Dataset) -> list[DataFinding]:
    """D202: all axes repeat one reading for a second or more, though not exactly 0."""
    import numpy as np

    length = round(FROZEN_SECONDS * dataset.signal.rate_hz)
    shares: dict[str, float] = {}
    for subject, recordings in _by_subject(dataset):
        still, total = 0, 0
        for _, samples in in_parts(recordings):
            steps, later = np.abs(np.diff(samples, axis=0)), samples[1:]
            same = np.all(steps < _STILL, axis=1) & np.any(np.abs(later) > _TINY, axis=1)
            still += int(sum(run for run in _runs(same) if run >= length - 1))
            total += len(samples)
        if still > FROZEN_SHARE * total:
            shares[subject] = still / total
    if not shares:
        return []
    return [
        DataFinding(
            "D202",
            DataSeverity.WARNING,
            _who(list(shares), dataset),
            "all axes repeat one reading for a second or more, up to "
            f"{max(shares.values()):.0%} of the time: the sensor slept, or its last reading was "
            "filled in",
            "leave these rows out",
        )
    ]


def zeros(dataset: Dataset) -> list[DataFinding]:
    """D203: all axes are exactly 0, which no accelerometer with gravity gives."""
    shares = {}
    columns = list(dataset.signal.columns_of(SensorKind.ACCELEROMETER))
    for subject, recordings in _by_subject(dataset) if columns else ():
        zero = sum(int((s[:, columns] == 0).all(axis=1).sum()) for _, s in in_parts(recordings))
        total = sum(len(r.samples) for r in recordings)
        if zero > ZERO_SHARE * total:
            shares[subject] = zero / total
    if not shares:
        return []
    return [
        DataFinding(
            "D203",
            DataSeverity.WARNING,
            _who(list(shares), dataset),
            f"all axes are exactly 0 in up to {max(shares.values()):.0%} of the samples: there "
            "is always gravity, so these are no measurements",
            "leave these rows out",
        )
    ]


def interleaved(dataset: Dataset) -> list[DataFinding]:
    """D204: samples resemble the one before the last more than the last one: two sensors."""
    import numpy as np

    places: dict[int, Recording] = {}
    columns = list(dataset.signal.columns_of(SensorKind.ACCELEROMETER))
    for recording, samples in in_parts(dataset.recordings):
        values = samples[:, columns].astype(np.float64)
        if len(values) < 20 or not columns:
            continue
        next_one = float(np.median(np.abs(values[1:] - values[:-1]).sum(axis=1)))
        next_but_one = float(np.median(np.abs(values[2:] - values[:-2]).sum(axis=1)))
        if next_one > 4 * next_but_one and next_one > 1.0:
            places[id(recording)] = recording
    if not places:
        return []
    subjects = sorted({recording.subject for recording in places.values()})
    return [
        DataFinding(
            "D204",
            DataSeverity.ERROR,
            _who(subjects, dataset),
            f"neighbouring samples of {len(places)} recordings differ, every second one agrees: "
            "rows of two sensors or devices alternate",
            'name the column that tells them apart: [columns] device = "…", or take one: [keep]',
        )
    ]


def no_zero(dataset: Dataset) -> list[DataFinding]:
    """D209: no axis ever comes near 0, as of a sensor whose counts have their zero elsewhere."""
    import numpy as np

    columns = list(dataset.signal.columns_of(SensorKind.ACCELEROMETER))
    subjects = []
    for subject, _ in _by_subject(dataset) if len(columns) == 3 else ():
        lowest, highest = (limit[columns] for limit in _ranges(dataset)[subject])
        length = float(np.linalg.norm((lowest + highest) / 2))
        if (lowest > AWAY * length).all() or (highest < -AWAY * length).all():
            subjects.append(subject)
    if not subjects:
        return []
    return [
        DataFinding(
            "D209",
            DataSeverity.WARNING,
            _who(subjects, dataset),
            "all three axes stay far from 0 on one side: the zero point of the sensor is not 0 (as "
            "512 of an analog sensor's 1023 counts), or the sensor never moved",
            "take the reading at zero g off each axis before the table is written",
        )
    ]


def saturated(dataset: Dataset) -> list[DataFinding]:
    """D205: many readings lie exactly at the largest one, the end of the sensor's range."""
    import numpy as np

    shares = {}
    columns = list(dataset.signal.columns_of(SensorKind.ACCELEROMETER))
    for subject, recordings in _by_subject(dataset) if columns else ():
        lowest, highest = _ranges(dataset)[subject]
        largest = float(max(highest[columns].max(), -lowest[columns].min()))
        total = sum(len(recording.samples) for recording in recordings)
        at_end = 0
        for _, part in in_parts(recordings):
            readings = part[:, columns]
            if readings.std(axis=0).max() > 1.0:
                at_end += int((np.abs(readings) > largest * 0.999).any(axis=1).sum())
        share = at_end / total
        if share > SATURATED_SHARE and at_end >= SATURATED_SAMPLES and largest > 8:
            shares[subject] = (share, largest)
    if not shares:
        return []
    worst = max(shares.values())
    return [
        DataFinding(
            "D205",
            DataSeverity.HINT,
            _who(list(shares), dataset),
            f"up to {worst[0]:.1%} of the samples end at {worst[1]:.1f} m/s², the range of the "
            "sensor: harder movements look alike",
            "record with a wider range (8 g or more) if the sensor has one",
        )
    ]


def doubled(dataset: Dataset) -> list[DataFinding]:
    """D206: two axes carry the same readings: one column was written twice."""
    import numpy as np

    by_pair: dict[tuple[int, int], list[str]] = {}
    pairs = list(combinations(range(len(dataset.signal.channels)), 2))
    for subject, recordings in _by_subject(dataset):
        lowest, highest = _ranges(dataset)[subject]
        same = [(a, b) for a, b in pairs if highest[a] - lowest[a] > _TINY]
        for _, samples in in_parts(recordings):
            same = [p for p in same if (np.abs(samples[:, p[0]] - samples[:, p[1]]) < _TINY).all()]
            if not same:
                break
        for pair in same:
            by_pair.setdefault(pair, []).append(subject)
    names = dataset.signal.channels
    return [
        DataFinding(
            "D206",
            DataSeverity.ERROR,
            _who(subjects, dataset),
            f"axes {names[a]} and {names[b]} are the same in every sample: one column was written "
            "twice, and a third of the motion is missing",
            f'name the right column: [columns] {names[b]} = "…"',
        )
        for (a, b), subjects in by_pair.items()
    ]


def frozen_axis(dataset: Dataset) -> list[DataFinding]:
    """D207: one axis stands still for seconds while the others move."""
    import numpy as np

    length = round(FROZEN_AXIS_SECONDS * dataset.signal.rate_hz)
    by_axis: dict[int, dict[str, float]] = {}
    for subject, recordings in _by_subject(dataset):
        still = np.zeros(len(dataset.signal.channels))
        total = sum(len(recording.samples) for recording in recordings)
        for _, samples in in_parts(recordings):
            steps = np.abs(np.diff(samples, axis=0))
            moving = (steps > _TINY).any(axis=1)
            for axis in range(steps.shape[1]):
                stuck = (steps[:, axis] < _TINY) & moving
                still[axis] += sum(run for run in _runs(stuck) if run >= length)
        for axis, count in enumerate(still.tolist()):
            if FROZEN_SHARE * total < count < 0.999 * total:
                by_axis.setdefault(axis, {})[subject] = count / total
    return [
        DataFinding(
            "D207",
            DataSeverity.WARNING,
            _who(list(shares), dataset),
            f"axis {dataset.signal.channels[axis]} stands still for seconds while the others "
            f"move, up to {max(shares.values()):.0%} of the time",
            "leave these rows out",
        )
        for axis, shares in by_axis.items()
    ]


def _by_subject(dataset: Dataset) -> Iterator[tuple[str, list[Recording]]]:
    """Each subject with those of its recordings that hold a sample."""
    recordings: dict[str, list[Recording]] = {}
    for recording in dataset.recordings:
        if len(recording.samples):
            recordings.setdefault(recording.subject, []).append(recording)
    for subject in dataset.subject_names:
        if subject in recordings:
            yield subject, recordings[subject]


@lru_cache(maxsize=8)
def _ranges(dataset: Dataset) -> dict[str, tuple[NDArray[np.float32], NDArray[np.float32]]]:
    """Subject → the lowest and the highest reading of each channel, (channels,)."""
    import numpy as np

    ranges = {}
    channels = range(len(dataset.signal.channels))
    for subject, recordings in _by_subject(dataset):
        # column by column: NumPy is slow along the long axis of a narrow array
        parts = [
            [(samples[:, n].min(), samples[:, n].max()) for n in channels]
            for _, samples in in_parts(recordings)
        ]
        lowest_highest = np.array(parts)  # (parts, channels, 2)
        ranges[subject] = lowest_highest[..., 0].min(axis=0), lowest_highest[..., 1].max(axis=0)
    return ranges


def _runs(flags: NDArray[np.bool_]) -> list[int]:
    """Lengths of the runs of true values."""
    import numpy as np

    padded = np.concatenate([[False], flags, [False]])
    edges = np.flatnonzero(np.diff(padded.astype(np.int8)))
    return [int(stop - start) for start, stop in zip(edges[::2], edges[1::2], strict=True)]


def _who(subjects: list[str], dataset: Dataset) -> str:
    if len(subjects) == len(dataset.subject_names):
        return "every subject" if len(subjects) > 1 else f"subject {subjects[0]}"
    return f"subject{'s' if len(subjects) > 1 else ''} {', '.join(subjects)}"
