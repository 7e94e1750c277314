"""What people give instead of a Keras model is named, with the missing half or the way out."""

from __future__ import annotations

import io
import json
import zipfile
from pathlib import Path

import h5py
import pytest
from hypothesis import given
from hypothesis import strategies as st

from edgeconv.errors import BadInput
from edgeconv.ir.keras_contents import is_keras, objects, read_contents

CONFIG = {"class_name": "Sequential", "config": {"name": "m", "layers": []}}


def zipped(**entries: str) -> bytes:
    data = io.BytesIO()
    with zipfile.ZipFile(data, "w") as archive:
        for name, text in entries.items():
            archive.writestr(name.replace("__", "."), text)
    return data.getvalue()


def of_version(content: bytes, version: int) -> bytes:
    """The zip whose directory says that its entry needs this version to unpack, in tenths."""
    place = content.index(b"PK\x01\x02") + 6
    return content[:place] + bytes([version]) + content[place + 1 :]


def hdf5(path: Path, **attributes: str) -> Path:
    with h5py.File(path, "w") as file:
        file.attrs.update(attributes)
    return path


def refusal(path: Path) -> BadInput:
    with pytest.raises(BadInput) as caught:
        read_contents(path)
    assert str(path) in caught.value.message
    assert caught.value.hint
    return caught.value


@pytest.mark.parametrize(
    ("name", "content", "words"),
    [
        ("m.keras", b"", "is empty"),
        ("m.keras", b"nothing that is known", "not a Keras model"),
        ("m.keras", zipped(config__json="{}")[:-9], "truncated"),
        ("m.keras", of_version(zipped(config__json="{}"), 92), "zip file version 9.2"),
        ("m.keras", zipped(config__json="no JSON"), "not a Keras model"),
        ("m.keras", zipped(readme="no model"), "a zip of 1 entries without a config.json"),
        ("m.zip", zipped(saved_model__pb=""), "a zipped SavedModel"),
        ("m.zip", zipped(Manifest__json=""), "a zipped Core ML package"),
        ("m.pt", zipped(data__pkl=""), "a PyTorch file"),
        ("m.npz", zipped(x__npy=""), "an archive of NumPy arrays"),
        ("m.zip", zipped(config__json="{}"), "a Keras model under another name"),
        ("m.json", json.dumps(CONFIG).encode(), "the weights are missing"),
        ("m.json", b"{}", "JSON, but no Keras model"),
        ("manifest.json", b"{}", "is the manifest of a bundle"),
        ("m.tflite", b"\x1c\0\0\0TFL3....", "a TFLite file"),
        ("m.h5", b"\x89HDF\r\n\x1a\n....", "damaged or truncated HDF5"),
    ],
)
def test_other_files_are_named(tmp_path: Path, name: str, content: bytes, words: str) -> None:
    path = tmp_path / name
    path.write_bytes(content)
    assert words in refusal(path).message


def test_hdf5_with_an_architecture_is_a_whole_model(tmp_path: Path) -> None:
    path = hdf5(tmp_path / "m.h5", model_config=json.dumps(CONFIG), keras_version="2.15.0")
    contents = read_contents(path)
    assert contents.config == CONFIG
    assert contents.is_hdf5
    assert contents.of_keras_2
    assert is_keras(path)
    assert "the architecture is missing" in refusal(hdf5(tmp_path / "w.weights.h5")).message
    renamed = hdf5(tmp_path / "m.keras", model_config=json.dumps(CONFIG))
    assert ".h5" in refusal(renamed).hint


@pytest.mark.parametrize(
    ("entries", "words"),
    [
        ((), "a folder without a model"),
        (("saved_model.pb",), "a SavedModel"),
        (("saved_model.pb", "keras_metadata.pb"), "a SavedModel of Keras 2"),
        (("config.json", "model.weights.h5"), "an unpacked .keras file"),
        (("Manifest.json", "Data"), "a Core ML package"),
    ],
)
def test_folders_are_named(tmp_path: Path, entries: tuple[str, ...], words: str) -> None:
    for entry in entries:
        (tmp_path / entry).touch()
    assert words in refusal(tmp_path).message


def test_an_entry_that_cannot_be_read_is_named(tmp_path: Path) -> None:
    whole = zipped(config__json=json.dumps(CONFIG), metadata__json='{"keras_version": "3.0"}')
    path = tmp_path / "m.keras"
    path.write_bytes(whole)
    assert read_contents(path).version == "3.0"
    path.write_bytes(whole[:40] + b"inserted" + whole[40:])
    assert "'config.json' cannot be read" in refusal(path).message


@given(st.binary(max_size=60))
def test_damaged_zips_are_refused_and_never_crash(damage: bytes) -> None:
    import tempfile

    whole = zipped(config__json=json.dumps(CONFIG))
    with tempfile.TemporaryDirectory() as folder:
        path = Path(folder) / "m.keras"
        for place in (5, 45, len(whole) - 30):
            path.write_bytes(whole[:place] + damage + whole[place + len(damage) :])
            try:
                read_contents(path)
            except BadInput as error:
                assert error.hint  # noqa: PT017 - most damage is refused, some changes nothing


def test_objects_belong_to_the_layer_around_them() -> None:
    code = {"value": ["abc", None, None]}
    config = {"class_name": "Dense", "config": {"name": "d", "activation": code}}
    found = [(item.kind, item.layer, item.is_bare_lambda) for item in objects([config])]
    assert found == [("Dense", "d", False), ("", "d", False), ("", "d", True)]
