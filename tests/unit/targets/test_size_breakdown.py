"""Every byte of a file has its part, and a download its size."""

from __future__ import annotations

import io
import zipfile
from collections.abc import Callable
from pathlib import Path

import pytest

from edgeconv.core import Signal
from edgeconv.core.metadata import ModelMetadata, contract_text
from edgeconv.core.paths import compressed_size, files, size
from edgeconv.errors import BadInput
from edgeconv.targets import files as artifact
from edgeconv.targets.coreml import metadata as mlpackage_metadata
from edgeconv.targets.files import size_breakdown
from edgeconv.targets.tflite import metadata as tflite_metadata


@pytest.fixture
def tflite(tmp_path: Path, tflite_bytes: bytes, signal: Signal) -> Path:
    path = tmp_path / "m.tflite"
    path.write_bytes(tflite_metadata.embed(tflite_bytes, ModelMetadata("tiny", signal)))
    return path


@pytest.fixture
def package(make_package: Callable[[], Path], signal: Signal) -> Path:
    path = make_package()
    mlpackage_metadata.embed(path, ModelMetadata("tiny", signal))
    return path


@pytest.mark.parametrize("kind", ["tflite", "package"])
def test_parts_add_up_to_the_file(
    kind: str, request: pytest.FixtureRequest, signal: Signal
) -> None:
    path: Path = request.getfixturevalue(kind)
    parts = size_breakdown(path)
    assert sum(parts.values()) == size(path)
    assert parts["weights"] == 8 * 4  # eight float32 numbers
    assert parts["contract"] == len(contract_text(signal).encode())
    assert parts["labels"] == len("".join(signal.labels)) + (2 if kind == "tflite" else 0)
    assert all(length > 0 for length in parts.values())
    assert list(parts.values()) == sorted(parts.values(), reverse=True)


def test_biases_are_told_from_weights(tflite: Path) -> None:
    assert size_breakdown(tflite)["biases"] == 2 * 4


def test_a_weight_file_is_counted_too(make_package: Callable[[], Path]) -> None:
    path = make_package()
    parts = size_breakdown(path)
    assert (parts["weights"], sum(parts.values())) == (32, size(path))
    assert "contract" not in parts


def test_a_file_that_is_not_there_is_refused(tmp_path: Path) -> None:
    with pytest.raises(BadInput, match="does not exist"):
        size_breakdown(tmp_path / "no.tflite")
    with pytest.raises(BadInput, match="no such file"):
        compressed_size(tmp_path / "no.tflite")


@pytest.mark.parametrize("kind", ["tflite", "package"])
def test_a_download_is_what_zip_makes_of_it(kind: str, request: pytest.FixtureRequest) -> None:
    path: Path = request.getfixturevalue(kind)
    made = io.BytesIO()
    with zipfile.ZipFile(made, "w", zipfile.ZIP_DEFLATED, compresslevel=9) as archive:
        for file in files(path):
            archive.write(file)
        packed = sum(min(e.compress_size, e.file_size) for e in archive.infolist())
    assert compressed_size(path) == packed
    assert artifact.describe(path).export.compressed_bytes == packed


def test_what_cannot_be_deflated_is_stored(tmp_path: Path) -> None:
    path = tmp_path / "one"
    path.write_bytes(b"x")
    assert compressed_size(path) == 1
