"""Writes the results of a fit, each file atomically: a killed run leaves the old file or none."""

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
    """Write network and contract to `path`, and return its number of parameters.

    The network is built again, so that the file holds no optimizer state, and with the same seed,
    so that the random state of a dropout layer is the same in every file.

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
    """Write one JSON object for each epoch. Raises BadInput if the folder cannot be written."""
    with _replacing(path, ".json") as temporary:
        temporary.write_text(json.dumps(list(history), indent=1) + "\n", encoding="utf-8")


def make_folder(path: Path) -> None:
    """Make a folder and its parents. Raises BadInput if that is not possible."""
    try:
        path.mkdir(parents=True, exist_ok=True)
    except OSError as error:
        raise BadInput(
            f"cannot make the folder {path}: {error.strerror}", "choose another --out"
        ) from error


def _number_shared_objects(path: Path) -> None:
    """Number each `shared_object_id` from 0: Keras writes memory addresses there, which differ
    from process to process."""
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
    """A temporary file beside `path` that replaces it when the block ends without an error."""
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
