"""Recordings in, canonical windows out: one file a data set, one table that names them all."""

from __future__ import annotations

import re
from dataclasses import dataclass, field, replace
from pathlib import Path
from typing import Any, Protocol

from edgeconv.core import LOG_PROGRESS, Dataset, LabelMap, Progress, Windowing
from edgeconv.datasets.mixture import in_one, relabeled
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
    "hapt-transitions": "edgeconv.datasets.hapt:load_with_transitions",
    "uci-har": "edgeconv.datasets.uci_har:load",
    "csv": "edgeconv.datasets.csv_file:load",
    "npz": "edgeconv.datasets.npz_file:load",
}

PATHS: dict[str, str] = {
    "motionsense": "DIR",
    "wisdm": "FILE",
    "wisdm2019": "DIR",
    "hapt": "DIR",
    "hapt-transitions": "DIR",
    "uci-har": "DIR",
    "csv": "FILE",
    "npz": "FILE",
}
"""What follows the colon of a specification; the others take nothing."""


JOIN = " + "
"""What stands between the data sets of a mixture: `motionsense:DIR + wisdm2019:DIR`."""


def parts_of(spec: str) -> tuple[str, ...]:
    """The specifications of a mixture; a single one is the only part.

    A plus sign in a path stays, unless a space, the name of a data set and a colon follow it.
    """
    names = "|".join(sorted(DATASETS, key=len, reverse=True))
    return tuple(re.split(rf" \+ (?=(?:{names})(?::| \+ |$))", spec))


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
        labels: labels to merge or to drop.
    """

    data: str | list[str] | Dataset | tuple[Any, Any, Any] | DataFrame | None
    allow: tuple[str, ...] = ()
    windowing: Windowing = field(default_factory=Windowing)
    labels: LabelMap = field(default_factory=LabelMap)

    def __post_init__(self) -> None:
        check_rules(self.allow)


DataSource = str | list[str] | Dataset | tuple[Any, Any, Any] | DataFrame | Recordings
"""What a public function takes as data: a specification, a list of them, a `Dataset`, arrays, a
data frame, or `Recordings`, which names rules that must not stop it and labels to merge."""


def load_dataset(
    source: DataSource, progress: Progress = LOG_PROGRESS, *, refuse: bool = True
) -> Dataset:
    """Load a data set and apply the data rules.

    What the rules find stands in the report of the data set.

    Args:
        source: a specification, `NAME` or `NAME:PATH` (`edgeconv data list` shows the names); a
            list of them, which is one data set of several; a `Dataset`, whose findings hold, and
            which is checked if arrays or a data frame made it; a tuple `(windows, labels,
            subjects)` of arrays, as `dataset_from_arrays` takes them; a data frame, as
            `dataset_from_frame` takes it; or `Recordings` of any of these, with rules whose errors
            are accepted, windows, and labels to merge.
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
    parts = parts_of(spec_of(data)) if isinstance(data, str | list) else ()
    if len(parts) > 1:
        return _mixed(parts, given, progress, refuse)
    if isinstance(data, Dataset):
        from edgeconv.datasets.in_memory import IN_MEMORY, refuse_broken

        refuse_broken(data)
        dataset = _allowing(relabeled(data, given.labels), allow)
        if data.report.source not in IN_MEMORY or data.report.findings:
            if refuse:
                refuse_errors(dataset, data.report.findings, dataset.report.allow)
            return dataset
    else:
        source_read = _read(parts[0] if parts else data, given.windowing, progress)
        dataset = _allowing(relabeled(source_read, given.labels), allow)
    findings = check_recordings(dataset, progress)
    report = replace(dataset.report, findings=tuple(findings))
    if refuse:
        for sentence in (*report.notes, *(finding.sentence() for finding in findings)):
            progress.note(sentence)
        refuse_errors(dataset, findings, report.allow)
    return replace(dataset, report=report)


def _mixed(specs: tuple[str, ...], given: Recordings, progress: Progress, refuse: bool) -> Dataset:
    """Each data set by itself, cut as the first of them, and then all of them in one."""
    windowing, loaded = given.windowing, []
    for spec in specs:
        part = Recordings(spec, given.allow, windowing, LabelMap())
        loaded.append(load_dataset(part, progress, refuse=refuse))
        windowing = Windowing.of(loaded[0].signal)
    mixed = relabeled(in_one(loaded), given.labels)
    if refuse:  # what concerns one of them alone was reported as it was loaded
        for note in mixed.report.notes[sum(len(one.report.notes) for one in loaded) :]:
            progress.note(note)
        findings = mixed.report.findings[sum(len(one.report.findings) for one in loaded) :]
        for finding in findings:
            progress.note(finding.sentence())
        refuse_errors(mixed, findings, mixed.report.allow)
    return mixed


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


def labeled(source: DataSource, labels: LabelMap) -> DataSource:
    """The source with this label map, unless it has one by itself."""
    if not labels or labels_of(source):
        return source
    given = source if isinstance(source, Recordings) else Recordings(source)
    return replace(given, labels=labels)


def labels_of(source: DataSource | None) -> LabelMap:
    """The label map of a source; an empty one where it has none."""
    return source.labels if isinstance(source, Recordings) else LabelMap()


def names_data(source: DataSource | None) -> bool:
    """Whether the caller names data, and not only rules."""
    return source is not None and not (isinstance(source, Recordings) and source.data is None)


def spec_of(source: DataSource) -> str:
    """The specification that loads the same data again; empty for data in memory."""
    data = _data_of(source)
    if isinstance(data, list):
        return JOIN.join(data)
    return data if isinstance(data, str) else ""


def describe_source(source: DataSource) -> str:
    """The source in a few words, for progress and messages."""
    data = _data_of(source)
    if spec := spec_of(source):
        return spec
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
