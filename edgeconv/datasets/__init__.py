"""Recordings in, canonical windows out: one file a data set, one table that names them all."""

from __future__ import annotations

from dataclasses import replace
from pathlib import Path

from edgeconv.core import NULL_PROGRESS, Dataset, Progress
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


def load_dataset(spec: str, progress: Progress = NULL_PROGRESS, *, refuse: bool = True) -> Dataset:
    """Load a data set by its specification, `NAME` or `NAME:PATH`, and apply the data rules.

    What the rules find stands in the report of the data set, and is told to `progress`.

    Args:
        refuse: raise where a rule finds an error; off, for looking at data that are not right yet.

    Raises:
        UsageError: no such name, or a path too many or too few.
        BadInput: what lies at the path cannot be used, or a rule found an error in it.
    """
    name, colon, path = spec.partition(":")
    load = choose("data set", DATASETS, name)
    if colon and not path:
        raise UsageError(f"data specification '{spec}' ends in a colon", f"write {name}:PATH")
    dataset: Dataset = load(Path(path).expanduser() if path else None, progress)
    findings = check_recordings(dataset)
    report = replace(dataset.report, findings=tuple(findings))
    for sentence in (*report.notes, *(finding.sentence() for finding in findings)):
        progress.note(sentence)
    if refuse:
        refuse_errors(dataset, findings, report.allow)
    return replace(dataset, report=report)
