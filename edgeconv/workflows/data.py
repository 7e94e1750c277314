"""Data sets by name: which there are, what is in one, and where to get one."""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass
from pathlib import Path
from typing import Any

from edgeconv.bundle import write_text
from edgeconv.core import NULL_PROGRESS, Progress
from edgeconv.core.data_finding import DataFinding
from edgeconv.datasets import DATASETS, PATHS, load_dataset
from edgeconv.datasets.describe import describe
from edgeconv.datasets.fetch import fetch
from edgeconv.datasets.tables.draft import Draft, draft_schema
from edgeconv.datasets.tables.sources import find_tables
from edgeconv.errors import UsageError
from edgeconv.plugins import load


@dataclass(frozen=True)
class Known:
    """A data set that can be loaded: its name, how to write its specification, what it is."""

    name: str
    spec: str
    what: str


def list_datasets() -> list[Known]:
    """One entry a loader, described by the first line of the loader's own module."""
    return [Known(name, _spec(name), _what(reference)) for name, reference in DATASETS.items()]


def describe_dataset(spec: str, progress: Progress = NULL_PROGRESS) -> dict[str, Any]:
    """People, classes, windows, contract, drop counts. Raises as the loader."""
    return describe(load_dataset(spec, progress, refuse=False))


def check_data(spec: str, progress: Progress = NULL_PROGRESS) -> tuple[DataFinding, ...]:
    """What the data rules find in a data set, the gravest first. Raises as the loader."""
    return load_dataset(spec, progress, refuse=False).report.findings


def draft_tomls(
    files: Sequence[Path], force: bool = False, progress: Progress = NULL_PROGRESS
) -> list[Draft]:
    """Write a first TOML beside each table.

    Raises:
        UsageError: a TOML is there already, and `force` is off.
        BadInput: a file is no table of accelerometer readings.
    """
    drafts = [draft_schema(file) for path in files for file in find_tables(path)]
    for draft in drafts:
        if draft.path.exists() and not force:
            raise UsageError(f"{draft.path} exists", "pass --force to replace it")
    for draft in drafts:
        write_text(draft.path, draft.text)
        progress.note(f"{draft.path} written")
    return drafts


def fetch_dataset(
    name: str,
    out: Path,
    url: str | None = None,
    accept_other: bool = False,
    progress: Progress = NULL_PROGRESS,
) -> Path:
    """Download, verify and unpack a data set; the path that its specification takes.

    Raises:
        BadInput: the transfer broke, or the content is not the known one and `accept_other` is off.
        MissingDependency: no network.
    """
    progress.stage(f"fetch: {name}")
    return fetch(name, out, url, progress, accept_other=accept_other)


def _spec(name: str) -> str:
    return f"{name}:{PATHS[name]}" if name in PATHS else name


def _what(reference: str) -> str:
    document = load(reference.partition(":")[0] + ":__doc__")
    return str(document).strip().partition("\n")[0]
