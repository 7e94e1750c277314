"""Archives that would fill memory or disk are refused before they do; rights of new folders."""

from __future__ import annotations

import gzip
import io
import json
import tempfile
import zipfile
from collections.abc import Callable
from pathlib import Path

import numpy as np
import pytest

from edgeconv.core import paths
from edgeconv.core.npz import read_npz
from edgeconv.datasets import files
from edgeconv.errors import BadInput
from edgeconv.ir.keras_contents import read_contents
from edgeconv.targets.tflite.metadata import read_labels

SIZE = 10_000_000  # unpacked; a thousandth of it packed


@pytest.fixture(autouse=True)
def _a_small_limit(monkeypatch: pytest.MonkeyPatch) -> None:
    """As a file of 26 GB would meet the real one."""
    monkeypatch.setattr(paths, "UNPACKED", SIZE // 100)


def _zip(path: Path, *names: str) -> Path:
    with zipfile.ZipFile(path, "w", zipfile.ZIP_DEFLATED) as archive:
        for name in names:
            archive.writestr(name, b" " * SIZE)
    return path


def _keras(folder: Path) -> Path:
    return _zip(folder / "bomb.keras", "config.json", "metadata.json", "model.weights.h5")


def _tflite(folder: Path) -> Path:
    path = folder / "bomb.tflite"
    path.write_bytes(b"\0\0\0\0TFL3" + _zip(folder / "labels.zip", "labels.txt").read_bytes())
    return path


def _npz(folder: Path) -> Path:
    np.savez_compressed(folder / "bomb.npz", windows=np.zeros(SIZE // 4, np.float32))
    return folder / "bomb.npz"


def _gzip(folder: Path) -> Path:
    with gzip.open(folder / "bomb.txt.gz", "wb") as file:
        file.write(b"1 2 3\n" * (SIZE // 6))
    return folder / "bomb.txt.gz"


BOMBS: dict[str, tuple[Callable[[Path], Path], Callable[[Path], object]]] = {
    "keras": (_keras, read_contents),
    "tflite": (_tflite, read_labels),
    "npz": (_npz, read_npz),
    "gzip": (_gzip, lambda path: files.read_bytes(path, "a table")),
}


@pytest.mark.parametrize("kind", BOMBS)
def test_what_unpacks_to_far_more_than_it_holds_is_refused(kind: str, tmp_path: Path) -> None:
    make, read = BOMBS[kind]
    path = make(tmp_path)
    assert path.stat().st_size < SIZE // 100
    with pytest.raises(BadInput, match=rf"{path.name} unpacks to more than [\d,]+ bytes"):
        read(path)


def test_a_stream_of_a_table_is_refused_where_it_is_read(tmp_path: Path) -> None:
    path = _gzip(tmp_path)
    with pytest.raises(BadInput, match="unpacks to more"), files.Gunzip(path) as unpacked:
        for _ in io.BufferedReader(unpacked):
            pass


def test_an_array_larger_than_memory_is_a_damaged_file(tmp_path: Path) -> None:
    header = str({"descr": "<f4", "fortran_order": False, "shape": (10**15,)}).encode() + b"\n"
    member = b"\x93NUMPY\x01\x00" + len(header).to_bytes(2, "little") + header
    with zipfile.ZipFile(tmp_path / "vast.npz", "w") as archive:
        archive.writestr("windows.npy", member)
    with pytest.raises(BadInput, match="cannot be read"):
        read_npz(tmp_path / "vast.npz")


def test_usual_archives_pass(tmp_path: Path) -> None:
    np.savez_compressed(tmp_path / "usual.npz", windows=np.arange(1000.0))
    assert read_npz(tmp_path / "usual.npz")["windows"].sum() == 499_500
    with gzip.open(tmp_path / "usual.gz", "wb") as file:
        file.write(b"1 2 3\n")
    assert files.read_bytes(tmp_path / "usual.gz", "a table") == b"1 2 3\n"
    config = {"class_name": "Sequential", "config": {"layers": []}}
    with zipfile.ZipFile(tmp_path / "usual.keras", "w", zipfile.ZIP_DEFLATED) as archive:
        archive.writestr("config.json", json.dumps(config))
    assert read_contents(tmp_path / "usual.keras").config == config


@pytest.mark.parametrize("name", ["../har.tflite", "/etc/passwd", "..", "", "a\\b", "a\nb", "a/b"])
def test_a_name_that_leads_out_of_the_folder_is_refused(name: str, tmp_path: Path) -> None:
    with pytest.raises(ValueError, match="is not the name of a file in the folder"):
        paths.member(tmp_path, name)
    assert paths.member(tmp_path, "har_int8.tflite") == tmp_path / "har_int8.tflite"


def test_a_temporary_folder_gets_the_rights_of_any_new_one(tmp_path: Path) -> None:
    temporary, usual = Path(tempfile.mkdtemp(dir=tmp_path)), tmp_path / "usual"
    usual.mkdir()
    assert temporary.stat().st_mode != usual.stat().st_mode
    paths.open_to_others(temporary)
    assert temporary.stat().st_mode == usual.stat().st_mode
