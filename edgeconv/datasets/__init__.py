"""Recordings in, canonical windows out: one file a data set, one table that names them all."""

from __future__ import annotations

from dataclasses import dataclass, field, replace
from pathlib import Path
from typing import Any, Protocol

from edgeconv.core import LOG_PROGRESS, Dataset, Progress, Windowing
from edgeconv.datasets.rules import check_recordings, check_rules, refuse_errors
from edgeconv.datasets.text import is_text
from edgeconv.errors import UsageError
from edgeconv.plugins import choose

DATASETS: dict[str, str] = {
    "synthetic": "edgeconv.datasets.synthetic:load",
    "motionsense": "edgeconv.datasets.motionsense:load",
    "wisdm": "edgeconv.datasets.wisdm:load",
    "wisdm2019": "edgeconv.datasets.wisdm2019:load",
    "hapt": "edgeconv.datasets.hapt:load",
    "uci-har": "edgeconv.datasets.uci_har:load",
    "csv": "edgeconv.datasets.csv_file:load",
    "npz": "edgeconv.datasets.npz_file:load",
}

PATHS: dict[str, str] = {
    "motionsense": "DIR",
    "wisdm": "FILE",
    "wisdm2019": "DIR",
    "hapt": "DIR",
    "uci-har": "DIR",
    "csv": "FILE",
    "npz": "FILE",
}
"""What follows the colon of a specification; the others take nothing."""


class DataFrame(Protocol):
    """What is asked of a data frame: its columns by name. pandas and others have it."""

    @property
    def columns(self) -> Any: ...

    def __getitem__(self, key: str, /) -> Any: ...


@dataclass(frozen=True, eq=False)
class Recordings:
    """Data, how they are cut, and the data rules whose errors do not stop a command.

    Attributes:
        data: a specification, a `Dataset`, arrays or a data frame; None: those that the command
            uses by itself.
        allow: numbers of rules, such as `D101`.
        windowing: how recordings are cut into windows; data in memory are cut already.
    """

    data: str | Dataset | tuple[Any, Any, Any] | DataFrame | None
    allow: tuple[str, ...] = ()
    windowing: Windowing = field(default_factory=Windowing)

    def __post_init__(self) -> None:
        check_rules(self.allow)


DataSource = str | Dataset | tuple[Any, Any, Any] | DataFrame | Recordings
"""What a public function takes as data: a specification, a `Dataset`, arrays, a data frame, or
`Recordings`, which names rules that must not stop it."""


def load_dataset(
    source: DataSource, progress: Progress = LOG_PROGRESS, *, refuse: bool = True
) -> Dataset:
    """Load a data set and apply the data rules.

    What the rules find stands in the report of the data set.

    Args:
        source: a specification, `NAME` or `NAME:PATH` (`edgeconv data list` shows the names); a
            `Dataset`, whose findings hold, and which is checked if arrays or a data frame made it;
            a tuple `(windows, labels, subjects)` of arrays, as `dataset_from_arrays` takes them; a
            data frame, as `dataset_from_frame` takes it; or
            `Recordings` of any of these, with rules whose errors are accepted.
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
    given = source if isinstance(source, Recordings) else Recordings(source)
    allow, data = given.allow, given.data
    if isinstance(data, Dataset):
        from edgeconv.datasets.in_memory import IN_MEMORY, refuse_broken

        refuse_broken(data)
        dataset = _allowing(data, allow)
        if data.report.source not in IN_MEMORY or data.report.findings:
            if refuse:
                refuse_errors(dataset, data.report.findings, dataset.report.allow)
            return dataset
    else:
        dataset = _allowing(_read(data, given.windowing, progress), allow)
    findings = check_recordings(dataset, progress)
    report = replace(dataset.report, findings=tuple(findings))
    if refuse:
        for sentence in (*report.notes, *(finding.sentence() for finding in findings)):
            progress.note(sentence)
        refuse_errors(dataset, findings, report.allow)
    return replace(dataset, report=report)


def with_default(
    source: DataSource | None, default: str, allow: tuple[str, ...] = ()
) -> DataSource:
    """The source, or where it names no data, those of a specification.

    Args:
        source: what the caller gave.
        default: the specification to use where it names no data.
        allow: rules that were accepted when `default` was first used.
    """
    if source is None:
        return Recordings(default, allow) if allow else default
    if isinstance(source, Recordings) and source.data is None:
        return replace(source, data=default, allow=(*allow, *source.allow))
    return source


def cut_into(source: DataSource, windowing: Windowing) -> DataSource:
    """The source with its recordings cut like this, unless it says how by itself."""
    if windowing == Windowing():
        return source
    if isinstance(source, Recordings):
        return source if source.windowing != Windowing() else replace(source, windowing=windowing)
    return Recordings(source, windowing=windowing)


def names_data(source: DataSource | None) -> bool:
    """Whether the caller names data, and not only rules."""
    return source is not None and not (isinstance(source, Recordings) and source.data is None)


def spec_of(source: DataSource) -> str:
    """The specification that loads the same data again; empty for data in memory."""
    data = _data_of(source)
    return data if isinstance(data, str) else ""


def describe_source(source: DataSource) -> str:
    """The source in a few words, for progress and messages."""
    data = _data_of(source)
    if isinstance(data, str):
        return data
    return data.name if isinstance(data, Dataset) else "data in memory"


def _data_of(source: DataSource) -> object:
    return source.data if isinstance(source, Recordings) else source


def _allowing(dataset: Dataset, allow: tuple[str, ...]) -> Dataset:
    every = tuple(dict.fromkeys((*dataset.report.allow, *allow)))
    return replace(dataset, report=replace(dataset.report, allow=every)) if allow else dataset


def _read(source: object, windowing: Windowing, progress: Progress) -> Dataset:
    if isinstance(source, str):
        return _load(source, windowing, progress)
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


def _load(spec: str, windowing: Windowing, progress: Progress) -> Dataset:
    name, colon, path = spec.partition(":")
    if is_text(spec):
        raise UsageError(
            f"'{spec}' holds texts, not recordings of a sensor",
            "edgeconv run and train take texts, with a network of words such as text-cnn",
        )
    load = choose("data set", DATASETS, name)
    if colon and not path:
        raise UsageError(f"data specification '{spec}' ends in a colon", f"write {name}:PATH")
    dataset: Dataset = load(Path(path).expanduser() if path else None, progress, windowing)
    return dataset
