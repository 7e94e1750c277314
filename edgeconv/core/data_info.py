"""What a bundle and its results say of the data that they were made with."""

from __future__ import annotations

from dataclasses import dataclass
from typing import Any

from edgeconv.core.dataset import Dataset, LoadReport, Splits
from edgeconv.core.json_codec import decode_fields, encode_fields

SPLIT_NAMES = ("train", "val", "test")


@dataclass(frozen=True)
class SplitInfo:
    """One part of a data set: its subjects, and the digest of its windows and labels."""

    subjects: tuple[str, ...]
    windows: int
    sha256: str

    @classmethod
    def of(cls, part: Dataset) -> SplitInfo:
        return cls(subjects=part.subject_names, windows=len(part), sha256=part.sha256)


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
