"""Recordings in, canonical windows out: one file a data set, one table that names them all."""

from __future__ import annotations

from pathlib import Path

from edgeconv.errors import UsageError
from edgeconv.plugins import choose
from edgeconv.types import Dataset, Progress, Silent

DATASETS: dict[str, str] = {
    "synthetic": "edgeconv.data.synthetic:load",
    "motionsense": "edgeconv.data.motionsense:load",
    "wisdm": "edgeconv.data.wisdm:load",
    "wisdm2019": "edgeconv.data.wisdm2019:load",
    "hapt": "edgeconv.data.hapt:load",
    "csv": "edgeconv.data.csv_file:load",
}

PATHS: dict[str, str] = {
    "motionsense": "DIR",
    "wisdm": "FILE",
    "wisdm2019": "DIR",
    "hapt": "DIR",
    "csv": "FILE",
}
"""What follows the colon of a specification; the others take nothing."""

_NO_PROGRESS = Silent()


def load_dataset(spec: str, progress: Progress = _NO_PROGRESS) -> Dataset:
    """Load a data set by its specification, `NAME` or `NAME:PATH`.

    Raises:
        UsageError: no such name, or a path too many or too few.
        BadInput: what lies at the path cannot be used.
    """
    name, colon, path = spec.partition(":")
    load = choose("data set", DATASETS, name)
    if colon and not path:
        raise UsageError(f"data specification '{spec}' ends in a colon", f"write {name}:PATH")
    dataset: Dataset = load(Path(path).expanduser() if path else None, progress)
    return dataset
