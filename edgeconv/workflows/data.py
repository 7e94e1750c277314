"""The `data` commands: list, describe, check, draft and fetch data sets."""

from __future__ import annotations

import json
import os
from collections.abc import Sequence
from dataclasses import dataclass
from pathlib import Path
from typing import Any

from edgeconv.bundle import write_text
from edgeconv.core import NULL_PROGRESS, Dataset, Progress
from edgeconv.core.dataset import DataFinding
from edgeconv.datasets import DATASETS, PATHS, load_dataset
from edgeconv.datasets.describe import describe
from edgeconv.datasets.fetch import fetch
from edgeconv.datasets.rules.labels import doubtful_labels
from edgeconv.datasets.sample_cache import CacheEntry, cache_folder, clear, entries
from edgeconv.datasets.tables.draft import draft_schema
from edgeconv.datasets.tables.keys import json_schema
from edgeconv.datasets.tables.shared_draft import Draft, shared_draft
from edgeconv.datasets.tables.sources import find_tables
from edgeconv.datasets.text import TEXTS
from edgeconv.errors import BadInput, UsageError
from edgeconv.plugins import load


@dataclass(frozen=True)
class DatasetEntry:
    """A data set that can be loaded: its name, the form of its specification, a description."""

    name: str
    spec: str
    description: str


def list_datasets() -> list[DatasetEntry]:
    """One entry for each loader, described by the first line of its module, and each text."""
    return [
        DatasetEntry(name, _spec(name), _description(reference))
        for name, reference in DATASETS.items()
    ] + [DatasetEntry(name, text.spec, text.about) for name, text in TEXTS.items()]


def describe_dataset(spec: str, progress: Progress = NULL_PROGRESS) -> dict[str, Any]:
    """Subjects, classes, windows, contract, drop counts. Raises the loader's errors."""
    return describe(load_dataset(spec, progress, refuse=False))


def check_data(
    spec: str, progress: Progress = NULL_PROGRESS, labels: bool = False
) -> tuple[Dataset, tuple[DataFinding, ...]]:
    """A data set and the findings of the data rules, the most severe first.

    Args:
        spec: the data set.
        progress: receives stages and notes.
        labels: also look for labels that no fold of a cross-validation believes.

    Raises:
        EdgeconvError: as its loader.
    """
    dataset = load_dataset(spec, progress, refuse=False)
    doubted = doubtful_labels(dataset) if labels else []
    return dataset, (*dataset.report.findings, *doubted)


def draft_tomls(
    files: Sequence[Path], force: bool = False, progress: Progress = NULL_PROGRESS
) -> list[Draft]:
    """Write a draft TOML file beside each table, or one for a folder of tables that are alike.

    Raises:
        UsageError: the TOML file exists, and `force` is off.
        BadInput: a file is not a table of accelerometer readings.
    """
    drafts: list[Draft] = []
    others: list[Path] = []
    tables = [file for path in files for file in find_tables(path)]
    for file in tables:
        try:
            drafts.append(draft_schema(file))
        except BadInput:
            others.append(file)
            if len(others) == len(tables):
                raise  # nothing else is there
    parents = {file.parent for file in tables}
    root = Path(os.path.commonpath(parents))
    if (len(files) == 1 or len(parents) == 1) and (shared := shared_draft(drafts, others, root)):
        drafts = [shared]
    elif others:
        progress.note(f"no tables of an accelerometer: {', '.join(map(str, others))}")
    for draft in drafts:
        if draft.path.exists() and not force:
            raise UsageError(f"{draft.path} exists", "pass --force to replace it")
    for draft in drafts:
        write_text(draft.path, draft.text)
        progress.note(f"{draft.path} written")
    return drafts


def toml_schema() -> str:
    """The JSON schema of the TOML beside a table, as text."""
    return json.dumps(json_schema(), indent=2, ensure_ascii=False)


def fetch_dataset(
    name: str,
    out: Path,
    url: str | None = None,
    accept_other: bool = False,
    progress: Progress = NULL_PROGRESS,
) -> Path:
    """Download, verify and unpack a data set, and return the path for its specification.

    Raises:
        BadInput: the download failed, or its digest is another one and `accept_other` is off.
        MissingDependency: no network.
    """
    progress.stage(f"fetch: {name}")
    return fetch(name, out, url, progress, accept_other=accept_other)


def cached_recordings() -> tuple[str, list[CacheEntry]]:
    """The folder of the cache (empty: switched off) and what is in it, used last first."""
    return str(cache_folder() or ""), entries()


def clear_cache() -> int:
    """Remove every data set that is kept, except one that is being read; the freed bytes.

    Raises:
        UsageError: the cache is switched off.
    """
    return clear()


def _spec(name: str) -> str:
    return f"{name}:{PATHS[name]}" if name in PATHS else name


def _description(reference: str) -> str:
    module, _, loader = reference.partition(":")
    document = load(f"{module}:__doc__") if loader == "load" else load(reference).__doc__
    return str(document).strip().partition("\n")[0]
