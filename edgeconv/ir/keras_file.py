"""`.keras` files: opened safely, and carrying the sensor contract as one more zip entry."""

from __future__ import annotations

import io
import json
import os
import re
import tempfile
import zipfile
from collections.abc import Iterator
from pathlib import Path
from typing import Any

from edgeconv.core import Contract, Signal
from edgeconv.core.metadata import CONTRACT_FILE, contract_text, parse_contract
from edgeconv.errors import BadInput, EdgeconvError, Unsupported
from edgeconv.plugins import import_tensorflow

EPOCH = (1980, 1, 1, 0, 0, 0)  # the earliest time a zip can hold: bytes must not depend on a clock
_SAVE_HINT = "save the model with Keras 3: model.save('model.keras')"


def check(path: Path) -> None:
    """Make sure that `path` is a whole `.keras` zip, without importing Keras.

    Raises:
        BadInput: missing, a folder, an `.h5`, truncated or corrupt; the hint says what to do.
    """
    _config(path)


def lambda_layers(path: Path) -> tuple[str, ...]:
    """Names of the layers that carry Python byte code, which runs when the model is opened."""
    return tuple(
        str(item.get("config", {}).get("name", "?"))
        for item in _objects(_config(path))
        if item.get("class_name") == "Lambda"
    )


def load_model(path: Path, unsafe: bool = False) -> Any:
    """Open a `.keras` file as a `keras.Model`, without its optimizer.

    Raises:
        BadInput: not a whole Keras 3 file, a Lambda layer without `unsafe`, or a class that is
            not part of Keras.
        Unsupported: the code of a Lambda layer fails; often it uses a module that it only had
            where the model was built.
    """
    lambdas = lambda_layers(path)
    if lambdas and not unsafe:
        raise BadInput(
            f"{path}: Lambda layer '{lambdas[0]}' holds Python code that would run on opening",
            "if you trust the file's author, pass --allow-custom-code (unsafe=True in Python)",
        )
    import_tensorflow()
    return _open_custom_code(path, lambdas[0]) if lambdas else _open(path)


def _open_custom_code(path: Path, layer: str) -> Any:
    """Custom Python code runs here, and may raise anything."""
    try:
        return _open(path, safe_mode=False)
    except EdgeconvError:
        raise
    except Exception as error:
        raise Unsupported(
            f"{path}: the code of Lambda layer '{layer}' fails with "
            f"{type(error).__name__}: {str(error).strip().partition(chr(10))[0]}",
            "replace the Lambda by layers of Keras itself",
        ) from error


def _open(path: Path, safe_mode: bool = True) -> Any:
    import keras

    try:
        return keras.models.load_model(path, compile=False, safe_mode=safe_mode)
    except (ValueError, TypeError, KeyError, OSError, EOFError, zipfile.BadZipFile) as error:
        first_line = str(error).strip().partition("\n")[0]
        raise BadInput(
            f"{path}: Keras cannot open this model: {first_line}",
            "use layers of Keras itself, and the Keras version that saved the file or a newer one",
        ) from error


def input_shape(path: Path) -> tuple[int, ...]:
    """Shape of one input sample, read from the configuration without Keras.

    Raises:
        BadInput: the model has no input layer with a fixed shape, or several.
    """
    shapes = [
        item["config"].get("batch_shape")
        for item in _objects(_config(path))
        if item.get("class_name") == "InputLayer" and isinstance(item.get("config"), dict)
    ]
    if len(shapes) != 1 or not shapes[0] or None in shapes[0][1:]:
        raise BadInput(
            f"{path}: {len(shapes)} inputs of shape {shapes}, but a window model has one, of a "
            "fixed size",
            "save a model whose only input is keras.Input((window · channels,))",
        )
    return tuple(int(size) for size in shapes[0][1:])


def parameter_count(path: Path) -> int:
    """Weights of the model, trainable or not, read from its HDF5 part without Keras."""
    import h5py

    check(path)
    with zipfile.ZipFile(path) as archive:
        weights = io.BytesIO(archive.read("model.weights.h5"))
    total = 0

    def count(name: str, item: Any) -> None:
        nonlocal total
        # Optimizer state and the state of random generators are not parameters of the network.
        if isinstance(item, h5py.Dataset) and not re.search("optimizer|seed_generator", name):
            total += item.size

    with h5py.File(weights, "r") as file:
        file.visititems(count)
    return total


def read_contract(path: Path) -> Contract | None:
    """The sensor contract inside a `.keras` file, None where it has none.

    Raises:
        BadInput: not a whole `.keras` file, or a damaged contract.
    """
    check(path)
    with zipfile.ZipFile(path) as archive:
        if CONTRACT_FILE not in archive.namelist():
            return None
        return parse_contract(archive.read(CONTRACT_FILE), str(path))


def write_contract(path: Path, signal: Signal) -> None:
    """Put (or replace) the sensor contract into a `.keras` file.

    The file is rewritten without dates, so that equal models give equal bytes; it is replaced in
    one step, so that a killed run leaves the old file.
    """
    check(path)
    handle, name = tempfile.mkstemp(dir=path.parent, prefix=f".{path.name}.")
    os.close(handle)
    temporary = Path(name)
    try:
        with zipfile.ZipFile(path) as old, zipfile.ZipFile(temporary, "w") as new:
            for entry in sorted(old.namelist()):
                if entry != CONTRACT_FILE:
                    new.writestr(zipfile.ZipInfo(entry, EPOCH), _undated(entry, old.read(entry)))
            new.writestr(zipfile.ZipInfo(CONTRACT_FILE, EPOCH), contract_text(signal))
        temporary.chmod(path.stat().st_mode & 0o777)
        temporary.replace(path)
    finally:
        temporary.unlink(missing_ok=True)


def _undated(entry: str, data: bytes) -> bytes:
    """Keras' `metadata.json` without the time of saving."""
    if entry != "metadata.json":
        return data
    metadata = json.loads(data)
    metadata.pop("date_saved", None)
    return json.dumps(metadata, sort_keys=True).encode()


def _config(path: Path) -> Any:
    if path.is_dir():
        raise BadInput(f"{path} is a folder, not a .keras file", _SAVE_HINT)
    if not path.is_file():
        raise BadInput(f"no such model: {path}", "give the path of a .keras file")
    with path.open("rb") as file:
        head = file.read(8)
    if head == b"\x89HDF\r\n\x1a\n":
        raise BadInput(f"{path} is an HDF5 file (.h5) of an older Keras", _SAVE_HINT)
    if not head:
        raise BadInput(f"{path} is empty", _SAVE_HINT)
    try:
        with zipfile.ZipFile(path) as archive:
            broken = archive.testzip()
            if broken:
                raise BadInput(f"{path} is damaged: entry '{broken}' has a wrong checksum")
            return json.loads(archive.read("config.json"))
    except (zipfile.BadZipFile, EOFError) as error:
        raise BadInput(f"{path} is truncated or not a .keras file: {error}", _SAVE_HINT) from error
    except (KeyError, ValueError) as error:
        raise BadInput(f"{path} is a zip, but not a Keras 3 model: {error}", _SAVE_HINT) from error


def _objects(node: Any) -> Iterator[dict[str, Any]]:
    """Every JSON object of a configuration, at any depth."""
    if isinstance(node, dict):
        yield node
        for value in node.values():
            yield from _objects(value)
    elif isinstance(node, list):
        for value in node:
            yield from _objects(value)
