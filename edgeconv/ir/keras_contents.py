"""What a path holds that is given as a Keras model, found without Keras.

Whole models come as a zip (`.keras`, of Keras 3 or 2) or as HDF5 (`.h5`). Everything else that
people give instead, half a model or a file for phones, is named with what to do about it.
"""

from __future__ import annotations

import json
import zipfile
from collections.abc import Iterator
from dataclasses import dataclass
from pathlib import Path
from typing import Any

from edgeconv.core.paths import ZIP_DAMAGE, check_zip
from edgeconv.errors import BadInput
from edgeconv.ir.hdf5_check import check_hdf5

ZIP_SUFFIX, HDF5_SUFFIXES = ".keras", (".h5", ".hdf5")
SUFFIXES = (ZIP_SUFFIX, *HDF5_SUFFIXES)
"""How the names of whole models end."""

KNOWN_HINT = (
    "give a Keras model (.keras, .h5) or an exported file (.tflite, .mlpackage, .aimodel, .onnx)"
)
SAVE_HINT = "save the model with Keras 3: model.save('model.keras')"
_HDF5_HEAD = b"\x89HDF\r\n\x1a\n"
WEIGHTS = "model.weights.h5"
"""The entry of a `.keras` file that holds the weights, as HDF5."""
_ZIP_PARTS = {  # an entry of a zip, and what a zip with it is
    WEIGHTS: "the weights of a .keras file without its config.json",
    "saved_model.pb": "a zipped SavedModel: unpack it",
    "Manifest.json": "a zipped Core ML package: unpack it",
    "data.pkl": "a PyTorch file",
    ".npy": "an archive of NumPy arrays",
}


@dataclass(frozen=True)
class KerasContents:
    """A whole model, before Keras opens it.

    Attributes:
        config: the architecture, as Keras wrote it.
        version: of the Keras that saved it; empty where the file does not say.
    """

    path: Path
    config: Any
    version: str

    @property
    def is_hdf5(self) -> bool:
        return self.path.suffix in HDF5_SUFFIXES

    @property
    def of_keras_2(self) -> bool:
        return self.version.startswith("2.")


def is_keras(path: Path) -> bool:
    """Whether a path is named like a whole Keras model."""
    return path.suffix in SUFFIXES


def read_contents(path: Path) -> KerasContents:
    """The architecture of a whole model.

    Raises:
        BadInput: missing, damaged, half a model, or something else; the hint says what to do.
    """
    if path.is_dir():
        raise _folder(path)
    if not path.is_file():
        raise BadInput(f"no such model: {path}", "give the path of a .keras or .h5 file")
    with path.open("rb") as file:
        head = file.read(8)
    if not head:
        raise BadInput(f"{path} is empty", SAVE_HINT)
    if head == _HDF5_HEAD:
        return _hdf5(path)
    if head[4:8] == b"TFL3":
        raise _finished(path, "a TFLite file")
    if zipfile.is_zipfile(path) or head[:2] == b"PK":
        return _zip(path)
    raise _no_model(path)


@dataclass(frozen=True)
class SavedObject:
    """One object of an architecture: a layer, a policy, an activation or a part of one.

    Attributes:
        kind: its class; empty for a plain collection of settings.
        settings: the class's settings, or the plain collection itself.
        module, registered_name: where Keras finds the class; empty where the file does not say.
        layer: the name of the layer that it belongs to.
    """

    kind: str
    settings: Any
    module: str
    registered_name: str
    layer: str

    @property
    def is_bare_lambda(self) -> bool:
        return not self.kind and is_bare_lambda(self.settings)


_RANDOM = (
    *("Flip", "Rotation", "Zoom", "Translation", "Contrast", "Brightness", "Hue", "Saturation"),
    *("Shear", "Erasing", "Grayscale", "Invert", "Posterization", "Sharpness", "GaussianBlur"),
    *("Perspective", "ElasticTransform", "ColorJitter", "ColorDegeneration"),
)
AUGMENTATION = frozenset(f"Random{name}" for name in _RANDOM)
"""Keras' layers that change images in training, and in `model.predict` change nothing."""


def objects(node: Any, layer: str = "?") -> Iterator[SavedObject]:
    """Every object of an architecture, at any depth."""
    if isinstance(node, dict):
        kind, settings = str(node.get("class_name") or ""), node.get("config", {})
        if kind and isinstance(settings, dict) and "name" in settings:
            layer = str(settings["name"])
        module, name = (str(node.get(key) or "") for key in ("module", "registered_name"))
        yield SavedObject(kind, settings if kind else node, module, name, layer)
        for value in node.values():
            yield from objects(value, layer)
    elif isinstance(node, list):
        for value in node:
            yield from objects(value, layer)


def is_bare_lambda(node: Any) -> bool:
    """Whether settings are the byte code of a lambda without its class, as Keras 3 writes the
    lambda that a layer has as its activation, and cannot read it again."""
    value = node.get("value") if isinstance(node, dict) and set(node) == {"value"} else None
    return isinstance(value, list) and len(value) == 3 and isinstance(value[0], str)


def _hdf5(path: Path) -> KerasContents:
    import h5py

    check_hdf5(path)
    try:
        with h5py.File(path, "r") as file:
            text, version = file.attrs.get("model_config"), str(file.attrs.get("keras_version", ""))
        config = None if text is None else json.loads(text)
    except (OSError, ValueError, KeyError, RuntimeError) as error:
        raise BadInput(
            f"{path} is a damaged or truncated HDF5 file: {error}",
            "copy it again whole, or save the model again",
        ) from error
    if config is None:
        raise BadInput(
            f"{path} holds weights alone; the architecture is missing",
            "build the model in Python, then model.load_weights(FILE) and "
            "model.save('model.keras')",
        )
    if path.suffix not in HDF5_SUFFIXES:
        raise BadInput(f"{path} is an HDF5 file under another name", "rename it to end in .h5")
    return KerasContents(path, config, version)


def _zip(path: Path) -> KerasContents:
    try:
        with zipfile.ZipFile(path) as archive:
            check_zip(archive, path.stat().st_size, str(path))
            names = archive.namelist()
            for name in names:
                _check_entry(path, archive, name)
            if "config.json" not in names:
                raise BadInput(f"{path} is {_other_zip(names)}, not a Keras model", SAVE_HINT)
            config = json.loads(archive.read("config.json"))
            metadata = json.loads(archive.read("metadata.json")) if "metadata.json" in names else {}
    except ValueError as error:
        raise BadInput(f"{path} is a zip, but not a Keras model: {error}", SAVE_HINT) from error
    except ZIP_DAMAGE as error:
        raise BadInput(f"{path} is truncated or not a .keras file: {error}", SAVE_HINT) from error
    if path.suffix != ZIP_SUFFIX:
        raise BadInput(
            f"{path} is a Keras model under another name", f"rename it to end in {ZIP_SUFFIX}"
        )
    if WEIGHTS in names:
        check_hdf5(path, WEIGHTS)
    return KerasContents(path, config, str(metadata.get("keras_version", "")))


def _check_entry(path: Path, archive: zipfile.ZipFile, name: str) -> None:
    """Read an entry to its end, which compares its checksum."""
    try:
        with archive.open(name) as entry:
            while entry.read(1 << 20):
                pass
    except RuntimeError as error:  # a packing that zipfile does not have, or a password
        raise BadInput(
            f"{path}: entry '{name}' of the zip cannot be read: {error}", SAVE_HINT
        ) from error
    except ZIP_DAMAGE as error:
        raise BadInput(
            f"{path} is not a whole zip: entry '{name}' cannot be read; bytes are missing, added "
            "or changed",
            "copy the file again whole, or save the model again",
        ) from error


def _other_zip(names: list[str]) -> str:
    for part, kind in _ZIP_PARTS.items():
        if any(name.endswith(part) for name in names):
            return kind
    return f"a zip of {len(names)} entries without a config.json"


def _folder(path: Path) -> BadInput:
    names = {item.name for item in path.iterdir()}
    if "Manifest.json" in names:
        return _finished(path, "a Core ML package")
    if "main.mlirb" in names:
        return _finished(path, "a Core AI model")
    if "config.json" in names and WEIGHTS in names:
        return BadInput(
            f"{path} is an unpacked .keras file",
            f"pack it again: cd {path} && zip -0 -r ../model.keras .",
        )
    if "saved_model.pb" not in names:
        return BadInput(f"{path} is a folder without a model", SAVE_HINT)
    if "keras_metadata.pb" in names:
        return BadInput(
            f"{path} is a SavedModel of Keras 2",
            "make an .h5 of it with Keras 2, which can be exported: pip install tf_keras && python "
            f"-c \"import tf_keras; tf_keras.models.load_model('{path}').save('model.h5')\"",
        )
    return BadInput(
        f"{path} is a SavedModel: TensorFlow's functions, without the layers of Keras",
        "where the model was built: model.save('model.keras'). Or convert it with "
        f"tf.lite.TFLiteConverter.from_saved_model('{path}'), and compare the .tflite here",
    )


def _finished(path: Path, kind: str) -> BadInput:
    return BadInput(
        f"{path} is {kind}, which is what export makes",
        "give the Keras model (.keras or .h5) that it was made from",
    )


def _no_model(path: Path) -> BadInput:
    """What a file is that is neither a zip nor HDF5."""
    try:
        config = json.loads(path.read_bytes())
    except (ValueError, RecursionError):
        if path.suffix not in (ZIP_SUFFIX, *HDF5_SUFFIXES):
            return BadInput(f"{path} is not a model file that edgeconv knows", KNOWN_HINT)
        return BadInput(f"{path} is truncated or not a Keras model", SAVE_HINT)
    if isinstance(config, dict) and "class_name" in config:
        return BadInput(
            f"{path} holds an architecture alone; the weights are missing",
            f"in Python: model = keras.models.model_from_json(open('{path}').read()), then "
            "model.load_weights(FILE) and model.save('model.keras')",
        )
    if path.name == "manifest.json":
        return BadInput(
            f"{path} is the manifest of a bundle", f"name a file of the bundle {path.parent}"
        )
    return BadInput(f"{path} is JSON, but no Keras model", SAVE_HINT)
