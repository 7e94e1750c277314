"""`edgeconv verify`: a whole bundle, changed ones, and files made again."""

from __future__ import annotations

import json
import shutil
from pathlib import Path

import pytest
from cyclonedx.schema import SchemaVersion
from cyclonedx.validation.json import JsonStrictValidator

from edgeconv.core.paths import sha256
from edgeconv.reporting.bill_of_materials import file_digests

from .conftest import Cli

pytestmark = pytest.mark.heavy


def test_a_whole_bundle_passes(cli: Cli, bundle: Path) -> None:
    outcome = cli("verify", bundle, "--json", "-").json
    assert outcome["status"] == "passed"
    assert outcome["files"] >= 8
    assert outcome["artifacts"] == []


def test_each_changed_file_is_named(cli: Cli, bundle: Path, tmp_path: Path) -> None:
    copy = Path(shutil.copytree(bundle, tmp_path / "copy"))
    names = ("har_int8.tflite", "labels.txt")
    for name in names:
        with (copy / name).open("ab") as file:
            file.write(b"x")
    outcome = cli("verify", copy)
    assert outcome.code == 3
    assert all(f"{copy / name} has changed" in outcome.err for name in names)


def test_calibration_without_rebuild_is_refused(cli: Cli, bundle: Path) -> None:
    outcome = cli("verify", bundle, "--calibration", "synthetic")
    assert outcome.code == 2
    assert "--rebuild" in outcome.err


def test_every_file_is_made_again(cli: Cli, bundle: Path) -> None:
    outcome = cli("verify", bundle, "--rebuild", "--json", "-").json
    assert {f["name"]: f["status"] for f in outcome["artifacts"]} == {
        path.name: "passed"
        for path in bundle.iterdir()
        if path.suffix in (".tflite", ".mlpackage", ".aimodel")
    }


def test_other_bytes_under_the_right_name_are_found(cli: Cli, bundle: Path, tmp_path: Path) -> None:
    """The manifest names the digest of a file that its settings do not make."""
    copy = Path(shutil.copytree(bundle, tmp_path / "copy"))
    path = copy / "manifest.json"
    manifest = json.loads(path.read_text())
    name = "har_float32.tflite"
    [artifact] = [a for a in manifest["artifacts"] if a["path"] == name]
    manifest["artifacts"] = [artifact]
    shutil.copyfile(copy / "har_dynamic.tflite", copy / name)
    artifact["sha256"] = sha256(copy / name)
    for other in (*copy.glob("*.tflite"), *copy.glob("*.mlpackage"), *copy.glob("*.aimodel")):
        if other.name != name:
            shutil.rmtree(other) if other.is_dir() else other.unlink()
    path.write_text(json.dumps(manifest))
    outcome = cli("verify", copy, "--rebuild", "--json", "-")
    assert outcome.code == 1
    [found] = outcome.json["artifacts"]
    assert found["status"] == "failed"
    assert found["rebuilt_sha256"] != found["sha256"]
    assert "packages and the processor are those" in found["reason"]


def test_a_card_names_every_file_and_is_checked(cli: Cli, bundle: Path, tmp_path: Path) -> None:
    copy = Path(shutil.copytree(bundle, tmp_path / "copy"))
    written = cli("card", copy, "--license", "MIT", "--json", "-").json
    bom, card = copy / "bom.cdx.json", copy / "MODEL_CARD.md"
    assert JsonStrictValidator(SchemaVersion.V1_6).validate_str(bom.read_text()) is None
    others = {bom, card, copy / "report.html", *(copy / "training").rglob("*")}
    files = {path for path in copy.rglob("*") if path.is_file()} - others
    assert file_digests(bom.read_text()) == {
        path.relative_to(copy).as_posix(): sha256(path) for path in files
    }
    assert written["files"] == len(files)
    assert cli("verify", copy, "--json", "-").json["documents"] == [card.name, bom.name]
    cli("card", copy, "--license", "MIT", "--out", tmp_path / "again")
    assert (tmp_path / "again" / bom.name).read_bytes() == bom.read_bytes()
    assert (tmp_path / "again" / card.name).read_bytes() == card.read_bytes()

    refused = cli("card", copy, "--license", "my own", "--out", tmp_path / "again")
    assert refused.code == 2
    assert "not a license as SPDX writes it" in refused.err

    card.write_text(card.read_text().replace("*to be completed*", "walkers"))  # the owner's own
    assert cli("verify", copy).code == 0
    edited = cli("card", copy)
    assert edited.code == 2
    assert "says something else" in edited.err
    assert "walkers" in card.read_text()
    bom.write_text(bom.read_text().replace(sha256(copy / "labels.txt"), "0" * 64))
    assert f"{bom} does not name the files" in cli("verify", copy).err
    manifest = copy / "manifest.json"
    manifest.write_text(json.dumps(json.loads(manifest.read_text())))
    stale = cli("verify", copy)
    assert stale.code == 3
    assert f"{card} was made from another manifest" in stale.err
    assert cli("card", copy, "--force").code == 0
    assert cli("verify", copy).code == 0
