"""Recordings in blocks of two seconds: where a vector points, and how much moves around it.

Subjects and devices are judged one by one: one phone in g among five in m/s² is not seen in a mean
of all.
"""

from __future__ import annotations

from collections.abc import Collection, Iterable, Iterator
from dataclasses import dataclass
from functools import lru_cache
from typing import TYPE_CHECKING

from edgeconv.core import Dataset, Recording, SensorKind, Signal
from edgeconv.core.dataset import in_parts

if TYPE_CHECKING:
    import numpy as np
    from numpy.typing import NDArray

    Floats = NDArray[np.float64]

BLOCK_SECONDS = 2.0


@dataclass(frozen=True, order=True)
class Source:
    """Whose readings: a subject, by one device where that has several, by one of several sensors.

    `device` and `sensor` are empty where there is one only.
    """

    subject: str
    device: str = ""
    sensor: str = ""

    def __str__(self) -> str:
        details = ", ".join(filter(None, (self.device, self.sensor)))
        return f"{self.subject} ({details})" if details else self.subject


@dataclass(frozen=True, eq=False)
class Blocks:
    """Blocks of one source.

    Attributes:
        means: (n, 3) mean vector of each block. Motion averages out of it, so that of an
            accelerometer is gravity, as far as the readings hold gravity.
        motion: (n,) root mean square of what the samples differ from that vector.
        labels: (n,) class number of each block.
    """

    means: Floats
    motion: Floats
    labels: NDArray[np.int64]

    @property
    def length(self) -> float:
        """Median length of the mean vectors."""
        import numpy as np

        return float(np.median(np.linalg.norm(self.means, axis=1)))

    @property
    def spread(self) -> float:
        """Interquartile range of those lengths, as a share of their median."""
        import numpy as np

        low, high = np.percentile(np.linalg.norm(self.means, axis=1), [25, 75])
        return float(high - low) / max(self.length, 1e-12)

    @property
    def typical_motion(self) -> float:
        """Median of `motion`."""
        import numpy as np

        return float(np.median(self.motion))


def triples(signal: Signal, kind: SensorKind) -> tuple[tuple[int, ...], ...]:
    """The channels of each sensor of a kind, three by three."""
    columns = signal.columns_of(kind)
    return tuple(columns[n : n + 3] for n in range(0, len(columns) - 2, 3))


@lru_cache(maxsize=8)
def blocks_of(dataset: Dataset, kind: SensorKind) -> dict[Source, Blocks]:
    """The blocks of each source that has any of this kind."""
    import numpy as np

    length = max(2, round(BLOCK_SECONDS * dataset.signal.rate_hz))
    parts: dict[Source, list[tuple[Floats, Floats, int]]] = {}
    for source, label, samples in _sensors(dataset, kind, length):
        means, motion = _blocks(samples, length)
        if len(means):
            parts.setdefault(source, []).append((means, motion, label))
    return {
        source: Blocks(
            np.concatenate([means for means, _, _ in rows]),
            np.concatenate([motion for _, motion, _ in rows]),
            np.concatenate([np.full(len(means), label) for means, _, label in rows]),
        )
        for source, rows in parts.items()
    }


def source_of(recording: Recording, dataset: Dataset) -> Source:
    """The subject of a recording, with the device if the subject has several."""
    several = recording.subject in _with_several_devices(dataset)
    return Source(recording.subject, recording.device if several else "")


def named(sources: Collection[Source], dataset: Dataset) -> str:
    """The sources for a message: `every subject`, `subject p4`, `subjects p1 (watch), p2`."""
    subjects = {source.subject for source in sources}
    plain = all(not source.device and not source.sensor for source in sources)
    if plain and len(subjects) == len(dataset.subject_names):
        return "every subject" if len(subjects) > 1 else f"subject {next(iter(subjects))}"
    return f"subject{'s' if len(sources) > 1 else ''} {', '.join(map(str, sorted(sources)))}"


def toml_for(line: str, sources: Collection[Source], dataset: Dataset, all_: int) -> str:
    """The line of the TOML for exactly these sources: at the top, by device or by subject.

    Args:
        line: such as `unit = "g"`.
        sources: those that it concerns.
        dataset: they are of.
        all_: how many sources there are.
    """
    if len(sources) == all_:
        return f"write {line} into the TOML"
    devices = {source.device for source in sources}
    others = {r.device for r in dataset.recordings if source_of(r, dataset) not in set(sources)}
    if "" not in devices and not devices & others:
        return "write " + _sections("devices", devices, line)
    return "write " + _sections("subjects", {source.subject for source in sources}, line)


def _sections(key: str, names: Iterable[str], line: str) -> str:
    return " ".join(f"[{key}.{_quoted(name)}] {line}" for name in sorted(names)) + " into the TOML"


def _quoted(name: str) -> str:
    bare = name.isascii() and all(c.isalnum() or c in "-_" for c in name)
    return name if bare and name else f'"{name}"'


@lru_cache(maxsize=8)
def _with_several_devices(dataset: Dataset) -> frozenset[str]:
    devices: dict[str, set[str]] = {}
    for recording in dataset.recordings:
        devices.setdefault(recording.subject, set()).add(recording.device)
    return frozenset(subject for subject, own in devices.items() if len(own) > 1)


def _sensors(
    dataset: Dataset, kind: SensorKind, block: int
) -> Iterator[tuple[Source, int, NDArray[np.float32]]]:
    sensors = triples(dataset.signal, kind)
    for recording, samples in in_parts(dataset.recordings, block) if sensors else ():
        source = source_of(recording, dataset)
        for columns in sensors:
            channels = " ".join(dataset.signal.channels[c] for c in columns)
            sensor = channels if len(sensors) > 1 else ""
            who = Source(source.subject, source.device, sensor)
            yield who, recording.label, samples[:, list(columns)]


def _blocks(samples: NDArray[np.float32], length: int) -> tuple[Floats, Floats]:
    import numpy as np

    count = len(samples) // length
    cut = samples[: count * length].astype(np.float64).reshape(count, length, samples.shape[1])
    means = cut.mean(axis=1)
    motion = np.sqrt(((cut - means[:, None]) ** 2).sum(axis=2).mean(axis=1))
    return means, motion
