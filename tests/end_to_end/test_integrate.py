"""`edgeconv integrate` as a user meets it: what it writes, says and refuses."""

from __future__ import annotations

import json
import shutil
from pathlib import Path
from typing import Any

import numpy as np
import pytest

import edgeconv
from edgeconv.integration import RECORD
from edgeconv.runtimes.predict import run_file
from edgeconv.targets.files import describe
from tests.end_to_end.conftest import Cli

pytestmark = pytest.mark.heavy
PLATFORM = "android"


@pytest.fixture(scope="module")
def package(bundle: Path, tmp_path_factory: pytest.TempPathFactory) -> Path:
    from edgeconv.cli.app import run_app

    out = tmp_path_factory.mktemp("integrate") / "package"
    assert run_app(["integrate", PLATFORM, str(bundle), "--out", str(out), "--quiet"]) == 0
    return out


@pytest.fixture
def copy(bundle: Path, tmp_path: Path) -> Path:
    return Path(shutil.copytree(bundle, tmp_path / "bundle"))


def change(manifest: Path, edit: Any) -> None:
    document = json.loads(manifest.read_text())
    edit(document)
    manifest.write_text(json.dumps(document))


def tflites(document: dict[str, Any]) -> list[dict[str, Any]]:
    return [a for a in document["artifacts"] if a["path"].endswith(".tflite")]


def test_json_says_what_was_written(cli: Cli, bundle: Path, tmp_path: Path) -> None:
    out = tmp_path / "package"
    outcome = cli("integrate", PLATFORM, bundle, "--out", out, "--json", "-")
    assert outcome.code == 0
    assert outcome.json["platform"] == PLATFORM
    assert outcome.json["sensor_hz"] == 50
    assert outcome.json["streams"] >= 12
    for name in outcome.json["new"]:
        assert (out / name).is_file()
    record = json.loads((out / RECORD).read_text())
    assert record["artifact"]["sha256"] == outcome.json["sha256"]
    assert set(record["files"]) == set(outcome.json["new"])
    again = cli("integrate", PLATFORM, bundle, "--out", out, "--json", "-")
    assert again.json["unchanged"] == outcome.json["new"]
    assert not again.json["changed"]


def test_the_streams_hold_what_the_file_answers(package: Path, bundle: Path) -> None:
    document = json.loads(next(package.rglob("stream.json")).read_text())
    artifact = bundle / document["artifact"]["name"]
    assert describe(artifact).sha256 == document["artifact"]["sha256"]
    for stream in document["streams"]:
        windows = stream["expected"]["windows"]
        inputs = np.array([w["values"] for w in windows], np.float32)
        expected = np.array([w["outputs"] for w in windows], np.float32)
        np.testing.assert_allclose(run_file(artifact, inputs), expected, atol=1e-6)
    assert document["contract"]["outputs"] == "probabilities"


def test_changes_of_the_user_are_not_overwritten(
    cli: Cli, package: Path, bundle: Path, tmp_path: Path
) -> None:
    out = Path(shutil.copytree(package, tmp_path / "package"))
    name = min(json.loads((out / RECORD).read_text())["files"])
    (out / name).write_text("our own words")
    outcome = cli("integrate", PLATFORM, bundle, "--out", out)
    assert outcome.code == 3
    assert name in outcome.err
    assert "--force" in outcome.err
    assert (out / name).read_text() == "our own words"
    assert cli("integrate", PLATFORM, bundle, "--out", out, "--force").code == 0
    assert (out / name).read_bytes() == (package / name).read_bytes()


def test_a_missing_artifact_names_the_export_that_makes_it(
    cli: Cli, bundle: Path, tmp_path: Path
) -> None:
    outcome = cli("integrate", "mcu", bundle, "--out", tmp_path / "package")
    assert outcome.code == 4
    assert f"edgeconv export {bundle} --out DIR" in outcome.err
    assert "--quantize int8 --io-type int8" in outcome.err
    assert not (tmp_path / "package").exists()


@pytest.mark.parametrize(
    ("edit", "words"),
    [
        (lambda a: a["signal"].update(rate_hz=50.0), "rate_hz"),
        (lambda a: a["signal"].update(labels=a["signal"]["labels"][::-1]), "labels"),
        (lambda a: a["signal"].update(sensor="ios", unit="g", sign="ios"), "sensor"),
        (lambda a: a.update(sha256="0" * 64), "has changed"),
        (lambda a: a["signal"].pop("window"), "damaged"),
    ],
)
def test_a_manifest_that_was_edited_by_hand(
    cli: Cli, copy: Path, tmp_path: Path, edit: Any, words: str
) -> None:
    change(copy / "manifest.json", lambda document: [edit(a) for a in tflites(document)])
    outcome = cli("integrate", PLATFORM, copy, "--out", tmp_path / "package")
    assert outcome.code == 3
    assert words in outcome.err
    assert not (tmp_path / "package").exists()


def test_golden_vectors_that_were_edited_by_hand(cli: Cli, copy: Path, tmp_path: Path) -> None:
    golden = copy / "golden" / "golden.json"
    change(golden, lambda document: document["vectors"][0]["canonical"].__setitem__(0, 1.5))
    outcome = cli("integrate", PLATFORM, copy, "--out", tmp_path / "package")
    assert outcome.code == 3
    assert "golden" in outcome.err


@pytest.mark.parametrize(
    ("words", "code", "said"),
    [
        (("symbian",), 2, "android"),
        ((PLATFORM, "--artifact", "har.tflite"), 2, "har_int8.tflite"),
        ((PLATFORM, "--artifact", "har_float16.mlpackage"), 4, "cannot be used"),
        ((PLATFORM, "--sensor-rate", "10"), 2, "does not fit"),
        ((PLATFORM, "--sensor-rate", "1000"), 2, "does not fit"),
    ],
)
def test_words_that_do_not_fit(
    cli: Cli, bundle: Path, tmp_path: Path, words: tuple[str, ...], code: int, said: str
) -> None:
    platform, *rest = words
    outcome = cli("integrate", platform, bundle, "--out", tmp_path / "package", *rest)
    assert outcome.code == code
    assert said in outcome.err
    assert "Traceback" not in outcome.err
    assert not (tmp_path / "package").exists()


def test_a_folder_that_is_no_bundle_or_no_package(cli: Cli, bundle: Path, tmp_path: Path) -> None:
    (tmp_path / "thesis.txt").write_text("years of work")
    assert cli("integrate", PLATFORM, tmp_path, "--out", tmp_path / "package").code == 3
    assert cli("integrate", PLATFORM, bundle, "--out", tmp_path).code == 2


def test_python_writes_the_same_package(package: Path, bundle: Path, tmp_path: Path) -> None:
    made = edgeconv.integrate(PLATFORM, bundle, tmp_path / "package")
    assert made.artifact.name == json.loads((package / RECORD).read_text())["artifact"]["name"]
    for name in made.written.new:
        assert (made.path / name).read_bytes() == (package / name).read_bytes(), name


def test_another_sensor_rate_is_in_the_package(cli: Cli, bundle: Path, tmp_path: Path) -> None:
    words = ("--sensor-rate", "100", "--json", "-")
    outcome = cli("integrate", PLATFORM, bundle, "--out", tmp_path / "package", *words)
    assert outcome.code == 0
    assert outcome.json["sensor_hz"] == 100
