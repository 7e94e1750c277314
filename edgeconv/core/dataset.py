"""Recordings, the windows cut from them, and splits that never share a subject.

What a rule finds in recordings, with the cure.

What a bundle and its results say of the data that they were made with.
"""

from __future__ import annotations

import hashlib
from collections.abc import Iterable, Sequence
from dataclasses import dataclass, field, replace
from enum import StrEnum
from functools import cached_property
from typing import TYPE_CHECKING, Any

from edgeconv.core.json_codec import decode_fields, encode_fields
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
    """

    spec: str
    name: str
    report: LoadReport
    splits: SplitsInfo

    @classmethod
    def of(cls, spec: str, dataset: Dataset, splits: Splits) -> DataInfo:
        parts = {name: SplitInfo.of(splits.part(name)) for name in SPLIT_NAMES}
        return cls(spec, dataset.name, dataset.report, SplitsInfo(splits.rule, **parts))

    def to_json(self) -> dict[str, Any]:
        return encode_fields(self)

    @classmethod
    def from_json(cls, data: dict[str, Any]) -> DataInfo:
        return decode_fields(cls, data)


HASHED_AT_ONCE = 4096  # windows


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
        out = np.empty((len(index), self.signal.flat_size), np.float32)
        for row, (recording, start) in enumerate(index):
            stop = start + self.signal.window
            out[row] = self.recordings[recording].samples[start:stop].reshape(-1)
        return out

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
        import numpy as np

        wanted = set(subjects)
        keep = [i for i, r in enumerate(self.recordings) if r.subject in wanted]
        renumber = np.full(len(self.recordings), -1, np.int64)
        renumber[keep] = np.arange(len(keep))
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

        rows = (hashlib.blake2b(row.tobytes(), digest_size=8).digest() for row in self.windows)
        return np.array([int.from_bytes(digest, "big") for digest in rows], np.uint64)

    @cached_property
    def sha256(self) -> str:
        """Digest of windows, labels and subjects: which data a number was measured on."""
        digest = hashlib.sha256()
        for first in range(0, len(self), HASHED_AT_ONCE):
            digest.update(self.take(slice(first, first + HASHED_AT_ONCE)).data)
        digest.update(self.labels.tobytes())
        for first in range(0, len(self), HASHED_AT_ONCE):
            subjects = self.subjects[first : first + HASHED_AT_ONCE].tolist()
            digest.update("\0".join([*([""] if first else []), *subjects]).encode())
        digest.update("\0".join(self.signal.labels).encode())
        return digest.hexdigest()


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


def subject_order(subject: str) -> tuple[int, int, str]:
    """Sort key: numeric subjects by value, then the others by name."""
    return (0, int(subject), "") if subject.isdecimal() else (1, 0, subject)


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
