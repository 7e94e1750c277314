"""Recordings, the windows cut from them, and splits that never share a subject.

What a rule finds in recordings, with the cure.

What a bundle and its results say of the data that they were made with.
"""

from __future__ import annotations

import hashlib
import mmap
from collections.abc import Iterable, Iterator, Sequence
from dataclasses import dataclass, field, replace
from enum import StrEnum
from functools import cached_property
from itertools import pairwise
from typing import TYPE_CHECKING, Any

from edgeconv.core.json_codec import decode_fields, encode_fields
from edgeconv.core.label_map import LabelMap
from edgeconv.core.signal import Signal

if TYPE_CHECKING:
    import numpy as np
    from numpy.typing import NDArray


class DataSeverity(StrEnum):
    """How grave a finding is: an error stops a command, a warning and a hint do not."""

    ERROR = "error"
    WARNING = "warning"
    HINT = "hint"


@dataclass(frozen=True)
class DataFinding:
    """One thing that is wrong or remarkable in a data set.

    Attributes:
        rule: its number, such as `D101`.
        where: the subjects, classes or recordings that it concerns.
        text: what was measured and what it means.
        cure: what to do, as far as possible a line for the TOML beside the table.
    """

    rule: str
    severity: DataSeverity
    where: str
    text: str
    cure: str = ""

    def sentence(self) -> str:
        """The finding in one line."""
        cure = f" ({self.cure})" if self.cure else ""
        return f"{self.rule}: {self.where}: {self.text}{cure}"


SPLIT_NAMES = ("train", "val", "test")
SAMPLE = 256


@dataclass(frozen=True)
class SplitInfo:
    """One part of a data set: its subjects, and the digest of its windows and labels.

    `sample` has the digests of up to `SAMPLE` windows, those with the smallest ones: by them the
    windows are recognized in any other data set, whatever its name, order and subjects are called.
    """

    subjects: tuple[str, ...]
    windows: int
    sha256: str
    sample: tuple[str, ...] = ()

    @classmethod
    def of(cls, part: Dataset) -> SplitInfo:
        import numpy as np

        smallest = np.unique(part.window_digests)[:SAMPLE].tolist()
        return cls(
            subjects=part.subject_names,
            windows=len(part),
            sha256=part.sha256,
            sample=tuple(f"{digest:016x}" for digest in smallest),
        )

    def known_in(self, dataset: Dataset) -> NDArray[np.bool_]:
        """(n,) whether a window of the data set is one of the sample."""
        import numpy as np

        digests = np.array([int(text, 16) for text in self.sample], np.uint64)
        return np.isin(dataset.window_digests, digests)


@dataclass(frozen=True)
class SplitsInfo:
    """The three parts of a data set; `rule` says in words how they were chosen."""

    rule: str
    train: SplitInfo
    val: SplitInfo
    test: SplitInfo

    def part(self, name: str) -> SplitInfo:
        """`train`, `val` or `test`."""
        part: SplitInfo = getattr(self, name)
        return part


@dataclass(frozen=True)
class DataInfo:
    """The data set that a bundle's model was trained on.

    Attributes:
        spec: the specification that loads it again; empty where it was handed over in memory.
        name: the specification without its path.
        report: what the loader kept and dropped.
        labels: what the labels of the data became; empty: they were taken as they are.
    """

    spec: str
    name: str
    report: LoadReport
    splits: SplitsInfo
    labels: LabelMap = field(default_factory=LabelMap)

    @classmethod
    def of(
        cls, spec: str, dataset: Dataset, splits: Splits, labels: LabelMap | None = None
    ) -> DataInfo:
        parts = {name: SplitInfo.of(splits.part(name)) for name in SPLIT_NAMES}
        info = SplitsInfo(splits.rule, **parts)
        return cls(spec, dataset.name, dataset.report, info, labels or LabelMap())

    def to_json(self) -> dict[str, Any]:
        return encode_fields(self)

    @classmethod
    def from_json(cls, data: dict[str, Any]) -> DataInfo:
        return decode_fields(cls, data)


AT_ONCE = 4096  # windows that are cut at once where all are looked at
SAMPLES_AT_ONCE = 1 << 20  # a longer recording is looked at in parts
MAPPED_AT_ONCE = 16_000_000  # bytes of a mapped file that a pass over it keeps in memory


@dataclass(frozen=True, eq=False)
class Recording:
    """One gap-free segment of one subject doing one thing.

    `samples` is (time steps, channels) float32: the canonical signal at the contract's rate.
    `rate_hz` is that of the source before resampling, 0 where it is not known.
    """

    subject: str
    label: int
    samples: NDArray[np.float32]
    source: str = ""
    device: str = ""
    rate_hz: float = 0.0


@dataclass(frozen=True)
class LoadReport:
    """What a loader kept and dropped, so that nothing is lost silently.

    Attributes:
        dropped: reason → rows that were left out for it.
        notes: what a user should know of how the data were read.
        findings: what the data rules found.
        allow: rules whose errors do not stop a command, as the user decided.
    """

    source: str
    kept: int
    dropped: dict[str, int] = field(default_factory=dict)  # reason -> count
    notes: tuple[str, ...] = ()
    synthetic: bool = False
    findings: tuple[DataFinding, ...] = ()
    allow: tuple[str, ...] = ()

    def to_json(self) -> dict[str, Any]:
        return encode_fields(self)


@dataclass(frozen=True, eq=False)
class Dataset:
    """Windows with their labels and subjects, and the recordings they were cut from.

    Attributes:
        name: the specification it was loaded by, without its path.
        signal: always the canonical contract (sensor android, no normalization).
        recordings: what training augmentation cuts its windows from.
        index: int64 (n, 2): recording number and first time step of each window.
        test_subjects, val_subjects: who is held out, if the data say so; empty: the usual split.
    """

    name: str
    signal: Signal
    recordings: tuple[Recording, ...]
    index: NDArray[np.int64]
    report: LoadReport
    test_subjects: tuple[str, ...] = ()
    val_subjects: tuple[str, ...] = ()

    def __len__(self) -> int:
        return len(self.index)

    @cached_property
    def windows(self) -> NDArray[np.float32]:
        """(n, window·channels) float32, canonical, time-major."""
        return self.take(slice(None))

    def take(self, rows: slice | NDArray[np.int64]) -> NDArray[np.float32]:
        """The windows of some rows, as `windows` has them, without making all of them."""
        import numpy as np

        index = self.index[rows]
        out = np.empty((len(index), self.signal.window, len(self.signal.channels)), np.float32)
        steps = np.arange(self.signal.window)
        changes = np.flatnonzero(np.diff(index[:, 0])) + 1
        for first, last in pairwise([0, *changes.tolist(), len(index)]):
            if first < last:
                samples = self.recordings[index[first, 0]].samples
                out[first:last] = samples[index[first:last, 1, None] + steps]
        return out.reshape(len(out), -1)

    def in_turn(self) -> Iterator[NDArray[np.float32]]:
        """All windows as `windows` has them, `AT_ONCE` at a time, in memory one after the other."""
        for first in range(0, len(self), AT_ONCE):
            yield self.take(slice(first, first + AT_ONCE))
            let_go(self.recordings)

    @cached_property
    def labels(self) -> NDArray[np.int64]:
        """(n,) class numbers, in the order of `signal.labels`."""
        import numpy as np

        per_recording = np.array([r.label for r in self.recordings], np.int64)
        return per_recording[self.index[:, 0]]

    @cached_property
    def subjects(self) -> NDArray[np.str_]:
        """(n,) the subject of each window."""
        import numpy as np

        per_recording = np.array([r.subject for r in self.recordings], np.str_)
        return per_recording[self.index[:, 0]]

    @property
    def subject_names(self) -> tuple[str, ...]:
        """Every subject that has a recording, sorted (numbers by value)."""
        return tuple(sorted({r.subject for r in self.recordings}, key=subject_order))

    def of_subjects(self, subjects: Iterable[str]) -> Dataset:
        """The part of the data set that these subjects recorded."""
        wanted = set(subjects)
        return self.of_recordings([i for i, r in enumerate(self.recordings) if r.subject in wanted])

    def of_recordings(self, keep: Sequence[int]) -> Dataset:
        """The part of the data set with the recordings of these numbers."""
        import numpy as np

        renumber = np.full(len(self.recordings), -1, np.int64)
        renumber[list(keep)] = np.arange(len(keep))
        index = self.index.copy()
        index[:, 0] = renumber[index[:, 0]]
        return replace(
            self,
            recordings=tuple(self.recordings[i] for i in keep),
            index=index[index[:, 0] >= 0],
        )

    @cached_property
    def window_digests(self) -> NDArray[np.uint64]:
        """(n,) a digest of the content of each window, whoever recorded it."""
        import numpy as np

        rows = (row for windows in self.in_turn() for row in windows)
        digests = (hashlib.blake2b(row.tobytes(), digest_size=8).digest() for row in rows)
        return np.array([int.from_bytes(digest, "big") for digest in digests], np.uint64)

    @cached_property
    def sha256(self) -> str:
        """Digest of windows, labels and subjects: which data a number was measured on."""
        import numpy as np

        labels = np.array([r.label for r in self.recordings], np.int64)
        subjects = [r.subject for r in self.recordings]
        numbers = [self.index[n : n + AT_ONCE, 0] for n in range(0, len(self), AT_ONCE)]
        digest = hashlib.sha256()
        for windows in self.in_turn():
            digest.update(windows.data)
        for part in numbers:
            digest.update(labels[part].data)
        for n, part in enumerate(numbers):
            names = [subjects[number] for number in part.tolist()]
            digest.update("\0".join([*([""] if n else []), *names]).encode())
        digest.update("\0".join(self.signal.labels).encode())
        return digest.hexdigest()

    @property
    def windows_of_recordings(self) -> NDArray[np.int64]:
        """(recordings,) how many windows each of them has."""
        import numpy as np

        return np.bincount(self.index[:, 0], minlength=len(self.recordings))


def in_parts(
    recordings: Iterable[Recording], multiple_of: int = 1
) -> Iterator[tuple[Recording, NDArray[np.float32]]]:
    """Recordings in turn with their samples, the long ones in parts, to need little memory.

    What lies in a file mapped into memory is let go behind the pass.

    Args:
        recordings: in any order.
        multiple_of: samples that belong together; only the last part of a recording has others.
    """
    length = max(SAMPLES_AT_ONCE // multiple_of, 1) * multiple_of
    seen: tuple[Recording, ...] = ()
    mapped = 0
    try:
        for recording in recordings:
            seen = (recording,)
            for first in range(0, len(recording.samples), length):
                samples = recording.samples[first : first + length]
                yield recording, samples
                mapped += samples.nbytes
                if mapped > MAPPED_AT_ONCE:
                    let_go(seen)
                    mapped = 0
    finally:
        let_go(seen)  # also where the pass is left early


def let_go(recordings: Sequence[Recording]) -> None:
    """Give back the memory of a mapped file; it is read again where it is needed again.

    Args:
        recordings: all of one file, or in memory, where nothing is to be done.
    """
    import numpy as np

    file = recordings[0].samples.base if recordings else None
    if isinstance(file, np.memmap) and isinstance(file.base, mmap.mmap):
        file.base.madvise(mmap.MADV_DONTNEED)


def joined_samples(
    recordings: Sequence[Recording],
) -> tuple[NDArray[np.float32], NDArray[np.int64]]:
    """The samples of all recordings in one array, and the row at which each of them begins.

    Recordings that lie in one file mapped into memory are not copied: the array is then that file,
    and may hold others as well.
    """
    import numpy as np

    first = recordings[0].samples
    file = first.base
    if isinstance(file, np.memmap) and all(r.samples.base is file for r in recordings):
        row = file.strides[0]
        begins = [(r.samples.ctypes.data - file.ctypes.data) // row for r in recordings]
        return file, np.array(begins, np.int64)
    lengths = np.array([len(r.samples) for r in recordings], np.int64)
    return np.concatenate([r.samples for r in recordings]), np.cumsum(lengths) - lengths


def subject_order(subject: str) -> tuple[str, int, str]:
    """Sort key: numeric subjects by value, then the others by name; `motionsense/3` by its 3."""
    source, _, number = subject.rpartition("/")
    return (source, int(number), "") if number.isdecimal() else (subject, -1, subject)


@dataclass(frozen=True, eq=False)
class Splits:
    """Subject-disjoint parts of one data set; `rule` says in words how they were chosen."""

    train: Dataset
    val: Dataset
    test: Dataset
    rule: str

    def part(self, name: str) -> Dataset:
        """`train`, `val` or `test`."""
        part: Dataset = getattr(self, name)
        return part
