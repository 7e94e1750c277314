"""Recordings in, canonical windows out: one file a data set, one table that names them all."""

from __future__ import annotations

from dataclasses import replace
from pathlib import Path
from typing import Any, Protocol

from edgeconv.core import LOG_PROGRESS, Dataset, Progress
from edgeconv.datasets.rules import check_recordings, refuse_errors
from edgeconv.errors import UsageError
from edgeconv.plugins import choose

DATASETS: dict[str, str] = {
    "synthetic": "edgeconv.datasets.synthetic:load",
    "motionsense": "edgeconv.datasets.motionsense:load",
    "wisdm": "edgeconv.datasets.wisdm:load",
    "wisdm2019": "edgeconv.datasets.wisdm2019:load",
    "hapt": "edgeconv.datasets.hapt:load",
    "csv": "edgeconv.datasets.csv_file:load",
}

PATHS: dict[str, str] = {
    "motionsense": "DIR",
    "wisdm": "FILE",
    "wisdm2019": "DIR",
    "hapt": "DIR",
    "csv": "FILE",
}
"""What follows the colon of a specification; the others take nothing."""


class DataFrame(Protocol):
    """What is asked of a data frame: its columns by name. pandas and others have it."""

    @property
    def columns(self) -> Any: ...

    def __getitem__(self, key: str, /) -> Any: ...


DataSource = str | Dataset | tuple[Any, Any, Any] | DataFrame
"""What a public function takes as data: a specification, a `Dataset`, arrays, or a data frame."""


def load_dataset(
    source: DataSource, progress: Progress = LOG_PROGRESS, *, refuse: bool = True
) -> Dataset:
    """Load a data set and apply the data rules.

    What the rules find stands in the report of the data set.

    Args:
        source: a specification, `NAME` or `NAME:PATH` (`edgeconv data list` shows the names); a
            `Dataset`, which is returned as it is; a tuple `(windows, labels, subjects)` of arrays,
            as `dataset_from_arrays` takes them; or a data frame, as `dataset_from_frame` takes it.
        progress: listens to what is done.
        refuse: report notes and findings to `progress`, and raise if a rule finds an error. Off:
            for showing data that are not right yet.

    Returns:
        Canonical windows with their labels and subjects.

    Raises:
        UsageError: there is no data set of that name, a path is missing or not expected, or
            `source` is something else.
        BadInput: the data cannot be used, or a rule found an error in them.
    """
    if isinstance(source, Dataset):
        return source
    dataset = _read(source, progress)
    findings = check_recordings(dataset)
    report = replace(dataset.report, findings=tuple(findings))
    if refuse:
        for sentence in (*report.notes, *(finding.sentence() for finding in findings)):
            progress.note(sentence)
        refuse_errors(dataset, findings, report.allow)
    return replace(dataset, report=report)


def spec_of(source: DataSource) -> str:
    """The specification that loads the same data again; empty for data in memory."""
    return source if isinstance(source, str) else ""


def describe_source(source: DataSource) -> str:
    """The source in a few words, for progress and messages."""
    if isinstance(source, str):
        return source
    return source.name if isinstance(source, Dataset) else "data in memory"


def _read(source: object, progress: Progress) -> Dataset:
    if isinstance(source, str):
        return _load(source, progress)
    from edgeconv.datasets.in_memory import dataset_from_arrays, dataset_from_frame, is_frame

    if isinstance(source, tuple):
        if len(source) != len(("windows", "labels", "subjects")):
            what = f"data as a tuple of {len(source)} values"
            raise UsageError(what, "give (windows, labels, subjects)")
        return dataset_from_arrays(*source)
    if is_frame(source):
        return dataset_from_frame(source)
    raise UsageError(
        f"data cannot be loaded from {type(source).__name__}",
        "give a specification such as 'csv:FILE', a Dataset, (windows, labels, subjects), or a "
        "data frame",
    )


def _load(spec: str, progress: Progress) -> Dataset:
    name, colon, path = spec.partition(":")
    load = choose("data set", DATASETS, name)
    if colon and not path:
        raise UsageError(f"data specification '{spec}' ends in a colon", f"write {name}:PATH")
    dataset: Dataset = load(Path(path).expanduser() if path else None, progress)
    return dataset
