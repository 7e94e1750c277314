from __future__ import annotations

import json
import zipfile
from pathlib import Path

import pytest

from edgeconv.core import Signal
from edgeconv.core.metadata import CONTRACT_FILE, parse_contract
from edgeconv.core.paths import sha256, size
from edgeconv.errors import BadInput, Unsupported
from edgeconv.ir import keras_file


def make(path: Path, layer: str = "Dense") -> Path:
    """The parts of a `.keras` file that are read before Keras is."""
    config = {
        "class_name": "Sequential",
        "config": {"layers": [{"class_name": layer, "config": {"name": "odd"}}]},
    }
    with zipfile.ZipFile(path, "w") as archive:
        archive.writestr("config.json", json.dumps(config))
        archive.writestr("metadata.json", json.dumps({"keras_version": "3", "date_saved": "now"}))
    return path


def test_the_contract_travels_with_the_file(tmp_path: Path, signal: Signal) -> None:
    path = make(tmp_path / "m.keras")
    assert keras_file.read_contract(path) is None
    keras_file.write_contract(path, signal)
    assert keras_file.read_contract(path) == signal
    keras_file.write_contract(path, signal.for_sensor(signal.sensor))
    with zipfile.ZipFile(path) as archive:
        assert archive.namelist().count(CONTRACT_FILE) == 1
        assert "date_saved" not in json.loads(archive.read("metadata.json"))
    assert list(tmp_path.iterdir()) == [path]


def test_equal_models_give_equal_bytes(tmp_path: Path, signal: Signal) -> None:
    for name in ("a.keras", "b.keras"):
        keras_file.write_contract(make(tmp_path / name), signal)
    assert sha256(tmp_path / "a.keras") == sha256(tmp_path / "b.keras")


def test_a_lambda_layer_is_refused_by_name(tmp_path: Path) -> None:
    path = make(tmp_path / "m.keras", "Lambda")
    with pytest.raises(BadInput, match="layer 'odd' holds Python code") as caught:
        keras_file.load_model(path)
    assert "--allow-custom-code" in caught.value.hint


def test_a_damaged_contract_names_its_file(signal: Signal) -> None:
    for text in ("{", "[]", "{}", json.dumps({**signal.to_json(), "unit": "g"})):
        with pytest.raises(BadInput, match=r"har\.tflite"):
            parse_contract(text, "har.tflite")


def test_digest_of_a_folder_depends_on_names_and_bytes(tmp_path: Path) -> None:
    folder = tmp_path / "p"
    (folder / "b").mkdir(parents=True)
    (folder / "b" / "x").write_bytes(b"12")
    (folder / "a").write_bytes(b"3")
    before = sha256(folder)
    assert size(folder) == 3
    assert sha256(folder) == before
    (folder / "a").rename(folder / "c")
    assert sha256(folder) != before
    with pytest.raises(BadInput, match="no such file"):
        sha256(tmp_path / "none")


@pytest.mark.heavy
def test_a_lambda_whose_code_fails_is_unsupported(tmp_path: Path) -> None:
    """Byte code keeps no imports: a name of the builder's module is gone when it is opened."""
    import keras

    double = eval("lambda x: factor * x", {"factor": 2.0})
    path = tmp_path / "l.keras"
    entry = keras.Input((4,))
    keras.Model(entry, keras.layers.Lambda(double, name="double")(entry)).save(path)
    with pytest.raises(BadInput, match="'double'") as refused:
        keras_file.load_model(path)
    assert "--allow-custom-code" in refused.value.hint
    with pytest.raises(Unsupported, match=r"layer 'double' \(a lambda\) fails with"):
        keras_file.load_model(path, unsafe=True)
