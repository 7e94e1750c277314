"""Puts what a fit found on disk, each file in one step: a killed run leaves the old or none."""

from __future__ import annotations

import json
import os
import re
import tempfile
import zipfile
from collections.abc import Callable, Iterator
from contextlib import contextmanager
from pathlib import Path
from typing import Any

import keras

from edgeconv.core import Signal
from edgeconv.errors import BadInput
from edgeconv.ir.keras_file import write_contract


def save_model(
    build: Callable[[Signal], Any], weights: list[Any], signal: Signal, path: Path, seed: int
) -> int:
    """Write network and contract to `path`; the count of its parameters.

    The network is built anew, so that the file holds no optimizer state, and after the same seed,
    so that a dropout's random state is the same in every file.

    Raises:
        BadInput: the folder cannot be written.
    """
    keras.utils.set_random_seed(seed)
    model = build(signal)
    model.set_weights(weights)
    with _replacing(path, ".keras") as temporary:
        model.save(temporary)
        _number_shared_objects(temporary)
        write_contract(temporary, signal)
    return int(model.count_params())


def save_history(history: tuple[dict[str, float], ...], path: Path) -> None:
    """Write one JSON object an epoch. Raises BadInput where the folder cannot be written."""
    with _replacing(path, ".json") as temporary:
        temporary.write_text(json.dumps(list(history), indent=1) + "\n", encoding="utf-8")


def make_folder(path: Path) -> None:
    """Make a folder and its parents. Raises BadInput where that is not possible."""
    try:
        path.mkdir(parents=True, exist_ok=True)
    except OSError as error:
        raise BadInput(
            f"cannot make the folder {path}: {error.strerror}", "choose another --out"
        ) from error


def _number_shared_objects(path: Path) -> None:
    """Count what Keras calls `shared_object_id` from 0: it writes addresses in memory, which
    differ from process to process."""
    with zipfile.ZipFile(path) as archive:
        entries = {name: archive.read(name) for name in archive.namelist()}
    numbers: dict[bytes, int] = {}
    entries["config.json"] = re.sub(
        rb'("shared_object_id": )(\d+)',
        lambda m: m[1] + str(numbers.setdefault(m[2], len(numbers))).encode(),
        entries["config.json"],
    )
    with zipfile.ZipFile(path, "w") as archive:
        for name, data in entries.items():
            archive.writestr(name, data)


@contextmanager
def _replacing(path: Path, ending: str) -> Iterator[Path]:
    """A temporary file beside `path` that takes its place when the block ends well."""
    try:
        handle, name = tempfile.mkstemp(dir=path.parent, prefix=f".{path.stem}.", suffix=ending)
        os.close(handle)
        temporary = Path(name)
        try:
            yield temporary
            temporary.chmod(0o644)
            temporary.replace(path)
        finally:
            temporary.unlink(missing_ok=True)
    except OSError as error:
        raise BadInput(
            f"cannot write {path}: {error.strerror or error}",
            "check the folder's rights and the free space",
        ) from error
