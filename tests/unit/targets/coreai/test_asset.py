"""What an `.aimodel` says of itself, and folders that are not whole."""

from __future__ import annotations

import json
import shutil
from collections.abc import Callable
from pathlib import Path

import pytest

from edgeconv.core import InputConvention, Signal
from edgeconv.errors import BadInput
from edgeconv.targets import files
from edgeconv.targets.coreai import asset

from .conftest import SIGNAL

pytestmark = pytest.mark.heavy


def test_contract_labels_and_words_are_beside_the_program(exported: dict[str, Path]) -> None:
    path = exported["float16"]
    contract = asset.read_contract(path)
    assert isinstance(contract, Signal)
    assert contract == SIGNAL.for_sensor(InputConvention.IOS)
    assert asset.read_labels(path) == SIGNAL.labels
    document = json.loads((path / "metadata.json").read_text())
    assert document["creationDate"] == "19800101T000000Z"
    assert document["producer"].startswith("coreai-core ")
    assert document["description"].startswith("small: ")
    custom = document["creatorDefinedMetadata"]
    assert custom["name"] == "small"
    assert "−1 g on z" in custom["input.sensor"]
    assert custom["output.probabilities"].startswith("Probability of each class")


def test_apples_own_reader_takes_the_metadata(exported: dict[str, Path]) -> None:
    from coreai.authoring import AIModelAsset

    read = AIModelAsset.load(exported["float32"])
    assert read.metadata.author == "exported by edgeconv"
    assert AIModelAsset.is_valid(exported["float32"])


def truncated(path: Path) -> None:
    file = path / "main.mlirb"
    file.write_bytes(file.read_bytes()[:-7])


def unreadable(path: Path) -> None:
    (path / "metadata.json").write_text("{")


def of_a_list(path: Path) -> None:
    (path / "metadata.json").write_text("[]")


def without_program(path: Path) -> None:
    (path / "main.mlirb").unlink()


def garbage(path: Path) -> None:
    """Without its hash, so that Apple's reader gets to see it."""
    (path / "main.hash").unlink()
    (path / "main.mlirb").write_bytes(b"MLIR nonsense" * 40)


@pytest.mark.parametrize(
    ("damage", "words"),
    [
        (truncated, "main.mlirb does not fit main.hash"),
        (unreadable, "metadata.json"),
        (of_a_list, "metadata.json is not what it should be"),
        (without_program, "holds no main.mlirb"),
        (garbage, r"gives no answer: it ended \(signal 6\)"),
    ],
)
def test_a_damaged_folder_is_bad_input(
    exported: dict[str, Path], tmp_path: Path, damage: Callable[[Path], None], words: str
) -> None:
    path = tmp_path / "m.aimodel"
    shutil.copytree(exported["float32"], path)
    damage(path)
    with pytest.raises(BadInput, match=words):
        files.read_graph(path)


def test_a_folder_that_is_not_there(tmp_path: Path) -> None:
    with pytest.raises(BadInput, match="does not exist"):
        asset.check(tmp_path / "m.aimodel")
    (tmp_path / "m.aimodel").write_text("a file")
    with pytest.raises(BadInput, match=r"not an \.aimodel folder"):
        asset.check(tmp_path / "m.aimodel")


def test_a_file_of_another_tool_has_no_contract(exported: dict[str, Path], tmp_path: Path) -> None:
    path = tmp_path / "m.aimodel"
    shutil.copytree(exported["float32"], path)
    foreign = {"assetVersion": "2.0", "producer": "coreai-core 1.0.0b1"}
    (path / "metadata.json").write_text(json.dumps(foreign))
    described = files.describe(path)
    assert described.export.contract == "none"
    assert described.export.format["producer"] == "coreai-core 1.0.0b1"
    assert {finding.number for finding in files.lint(path)} == {"L505", "L202", "L203", "L601"}
    assert [finding.number for finding in files.lint(exported["float32"])] == ["L601"]
