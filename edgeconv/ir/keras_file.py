"""Keras models in files: opened safely, and carrying the sensor contract as one more zip entry."""

from __future__ import annotations

import io
import json
import os
import re
import tempfile
import zipfile
from collections.abc import Mapping, Sequence
from pathlib import Path
from typing import Any

from edgeconv.core import Contract
from edgeconv.core.metadata import CONTRACT_FILE, contract_text, parse_contract
from edgeconv.errors import BadInput, EdgeconvError, Unsupported
from edgeconv.ir.keras_contents import (
    AUGMENTATION,
    SAVE_HINT,
    WEIGHTS,
    KerasContents,
    is_bare_lambda,
    objects,
    read_contents,
)
from edgeconv.plugins import import_tensorflow

_UNREADABLE = (
    *(ValueError, TypeError, KeyError, IndexError, AttributeError, OverflowError),
    *(OSError, EOFError, zipfile.BadZipFile),
    RuntimeError,  # h5py's own for a damaged object
)
EPOCH = (1980, 1, 1, 0, 0, 0)  # the earliest time a zip can hold: bytes must not depend on a clock


def check(path: Path) -> None:
    """Make sure that `path` is a whole `.keras` or `.h5` file, without importing Keras.

    Raises:
        BadInput: missing, damaged, half a model or something else; the hint says what to do.
    """
    read_contents(path)


def lambda_layers(path: Path) -> tuple[str, ...]:
    """Names of the layers that carry Python byte code, which runs when the model is opened.

    They are Lambda layers, and layers with a lambda as a setting, such as their activation.
    """
    names = [
        item.layer
        for item in objects(read_contents(path).config)
        if item.kind in ("Lambda", "__lambda__") or item.is_bare_lambda
    ]
    return tuple(dict.fromkeys(names))


def augmentation_layers(path: Path) -> tuple[str, ...]:
    """Names of the layers that change images in training only."""
    found = objects(read_contents(path).config)
    return tuple(dict.fromkeys(x.layer for x in found if _augments(x.kind, x.module)))


def _augments(kind: str, module: str) -> bool:
    return kind in AUGMENTATION and module.startswith("keras")


def custom_classes(path: Path) -> dict[str, str]:
    """Layer → registered name of a class or function that it needs and that is not of Keras.

    The file does not hold their code. An HDF5 file does not tell them apart.
    """
    return {
        item.layer: str(item.settings) if item.kind == "function" else item.registered_name
        for item in objects(read_contents(path).config)
        if item.registered_name and not item.module.startswith(("keras", "tf_keras"))
    }


def load_model(path: Path, unsafe: bool = False) -> Any:
    """Open a `.keras` or `.h5` file as a `keras.Model`, without its optimizer.

    Files of Keras 2 are opened too, where Keras 3 can.

    Raises:
        BadInput: not a whole file, a lambda without `unsafe`, or a class that is not part of Keras.
        Unsupported: the code of a lambda fails; often it uses a module that it only had where the
            model was built.
    """
    lambdas, classes = lambda_layers(path), custom_classes(path)
    if lambdas and not unsafe:
        raise BadInput(
            f"{path}: layer '{lambdas[0]}' holds Python code (a lambda) that would run on opening",
            "if you trust the file's author, pass --allow-custom-code (unsafe=True in Python)",
        )
    import_tensorflow()
    _check_registered(path, classes)
    return _open_custom_code(path, lambdas[0]) if lambdas else _open(path)


def _check_registered(path: Path, classes: Mapping[str, str]) -> None:
    import keras

    for layer, name in classes.items():
        if keras.saving.get_registered_object(name) is None:
            raise BadInput(
                f"{path}: layer '{layer}' needs '{name}', which is not part of Keras; its code is "
                "not in the file",
                "build the model of Keras' own layers and functions",
            )


def _open_custom_code(path: Path, layer: str) -> Any:
    """Custom Python code runs here, and may raise anything."""
    try:
        return _open(path, safe_mode=False)
    except EdgeconvError:
        raise
    except Exception as error:
        raise Unsupported(
            f"{path}: the code of layer '{layer}' (a lambda) fails with "
            f"{type(error).__name__}: {str(error).strip().partition(chr(10))[0]}",
            "replace the lambda by layers of Keras itself",
        ) from error


def _mended(node: Any) -> Any:
    """An architecture as Keras 3 reads it.

    The lambda of an activation gets its class, and the axis of Keras 2's BatchNormalization, a list
    of one number, becomes that number. Augmentation, which `model(x)` does at random, is left out,
    as in `model.predict(x)`.
    """
    if isinstance(node, list):
        return [_mended(value) for value in node]
    if not isinstance(node, dict):
        return node
    if is_bare_lambda(node):
        return {"class_name": "__lambda__", "config": node}
    changed = {key: _mended(value) for key, value in node.items()}
    if _augments(str(node.get("class_name")), str(node.get("module"))):
        kept = {k: v for k, v in changed["config"].items() if k in ("name", "trainable", "dtype")}
        return {**changed, "class_name": "Dropout", "config": {**kept, "rate": 0.0}}
    if node.get("class_name") == "BatchNormalization":
        axis = changed["config"].get("axis")
        if isinstance(axis, list) and len(axis) == 1:
            changed["config"]["axis"] = axis[0]
    return changed


def _open(path: Path, safe_mode: bool = True) -> Any:
    contents = read_contents(path)
    mended = contents.config if contents.is_hdf5 else _mended(contents.config)
    if mended == contents.config:
        return _load(path, contents, safe_mode)
    with tempfile.TemporaryDirectory() as folder:
        copy = Path(folder) / path.name
        with zipfile.ZipFile(path) as old, zipfile.ZipFile(copy, "w") as new:
            for entry in old.namelist():
                if entry != "config.json":
                    new.writestr(entry, old.read(entry))
            new.writestr("config.json", json.dumps(mended))
        return _load(copy, contents, safe_mode)


def _load(path: Path, contents: KerasContents, safe_mode: bool) -> Any:
    """Open `path`, which holds `contents`, or a copy that Keras 3 can read."""
    import warnings

    import keras

    # Keras 2 wrote the class of its functional models without a module that Keras 3 knows.
    functional = {"Functional": keras.src.models.functional.Functional}
    try:
        with warnings.catch_warnings():
            warnings.simplefilter("ignore", UserWarning)  # of settings that have a new name
            return keras.models.load_model(
                path, compile=False, safe_mode=safe_mode, custom_objects=functional
            )
    except _UNREADABLE as error:
        if not safe_mode and isinstance(error, NotImplementedError):
            raise  # what Keras makes of any error inside a lambda: the caller names its layer
        by, hint = "", "use the Keras version that saved the file, or a newer one"
        if contents.of_keras_2:
            by = f", which Keras {contents.version} saved"
            hint = "open it with the package tf_keras, and build it of layers that Keras 3 has"
        raise BadInput(
            f"{contents.path}: Keras {keras.__version__} cannot open this model{by}: "
            f"{_root(error)}",
            hint,
        ) from error


def _root(error: BaseException) -> str:
    """The first line of the error that the others only wrap."""
    while inner := error.__cause__ or error.__context__:
        error = inner
    return str(error).strip().partition("\n")[0]


def outputs_of(model: Any, inputs: Sequence[Any]) -> list[Any]:
    """What a model gives for its inputs, in the order of its outputs, called as its author does.

    `training` is not among the arguments: it would override what layers were built with.
    """
    import keras

    structure = getattr(model, "input", None)
    single = len(inputs) == 1 and not isinstance(structure, list | tuple | dict)
    arrays = inputs[0] if single else keras.tree.pack_sequence_as(structure, list(inputs))
    return list(keras.tree.flatten(model(arrays)))


def input_shape(path: Path) -> tuple[int, ...]:
    """Shape of one input sample, read from the configuration without Keras.

    Raises:
        BadInput: the model has no input layer with a fixed shape, or several.
    """
    shapes = [
        item.settings.get("batch_shape") or item.settings.get("batch_input_shape")
        for item in objects(read_contents(path).config)
        if item.kind == "InputLayer"
    ]
    if len(shapes) != 1 or not shapes[0] or None in shapes[0][1:]:
        raise BadInput(
            f"{path}: {len(shapes)} inputs of shape {shapes}, but a window model has one, of a "
            "fixed size",
            "save a model whose only input is keras.Input((window · channels,))",
        )
    return tuple(int(size) for size in shapes[0][1:])


def parameter_count(path: Path) -> int:
    """Weights of the model, trainable or not, read from the file without Keras."""
    import h5py

    if read_contents(path).is_hdf5:
        with h5py.File(path, "r") as file:
            return _count(file.get("model_weights", {}))
    with zipfile.ZipFile(path) as archive:
        weights = io.BytesIO(archive.read(WEIGHTS))
    with h5py.File(weights, "r") as file:
        return _count(file)


def _count(group: Any) -> int:
    import h5py

    total = 0

    def count(name: str, item: Any) -> None:
        nonlocal total
        # Optimizer state and the state of random generators are not parameters of the network.
        if isinstance(item, h5py.Dataset) and not re.search("optimizer|seed_generator", name):
            total += item.size

    if group:
        group.visititems(count)
    return total


def read_contract(path: Path) -> Contract | None:
    """The sensor contract inside a `.keras` file, None where it has none; an `.h5` has none.

    Raises:
        BadInput: not a whole model, or a damaged contract.
    """
    if read_contents(path).is_hdf5:
        return None
    with zipfile.ZipFile(path) as archive:
        if CONTRACT_FILE not in archive.namelist():
            return None
        return parse_contract(archive.read(CONTRACT_FILE), str(path))


def write_contract(path: Path, signal: Contract | None) -> None:
    """Put (or replace) the sensor contract into a `.keras` file; None: it has none.

    The file is rewritten without dates, so that equal models give equal bytes; it is replaced in
    one step, so that a killed run leaves the old file.

    Raises:
        BadInput: an HDF5 file, which has no place for a contract.
    """
    if read_contents(path).is_hdf5:
        raise BadInput(f"{path} is an HDF5 file, which holds no sensor contract", SAVE_HINT)
    handle, name = tempfile.mkstemp(dir=path.parent, prefix=f".{path.name}.")
    os.close(handle)
    temporary = Path(name)
    try:
        with zipfile.ZipFile(path) as old, zipfile.ZipFile(temporary, "w") as new:
            for entry in sorted(old.namelist()):
                if entry != CONTRACT_FILE:
                    new.writestr(zipfile.ZipInfo(entry, EPOCH), _undated(entry, old.read(entry)))
            if signal is not None:
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
