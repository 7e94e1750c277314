"""The main job, from the command line to the files that a mobile engineer takes away."""

from __future__ import annotations

import json
import shutil
import subprocess
import sys
from pathlib import Path

import numpy as np
import pytest

from edgeconv import open_runner
from tests.end_to_end.conftest import Cli

pytestmark = pytest.mark.heavy


def test_a_bundle_holds_what_the_contract_says(bundle: Path) -> None:
    names = {p.name for p in bundle.iterdir()}
    assert names >= {
        *("manifest.json", "model.keras", "labels.txt", "golden", "parity.json"),
        *("profile.json", "report.html", "har_float32.tflite", "har_float16.tflite"),
        *("har_dynamic.tflite", "har_int8.tflite", "har_float16.mlpackage"),
        *("har_w8a8.mlpackage", "har_palette4.mlpackage"),
    }
    assert (bundle / "labels.txt").read_text().split() == [
        *("Downstairs", "Jogging", "Sitting", "Standing", "Upstairs", "Walking")
    ]
    manifest = json.loads((bundle / "manifest.json").read_text())
    assert manifest["model"]["parameters"] == 520_486
    sensors = {a["path"]: a["signal"]["sensor"] for a in manifest["artifacts"]}
    assert sensors["har_int8.tflite"] == "android"
    assert sensors["har_float16.mlpackage"] == "ios"


def test_every_file_was_checked_and_passed(bundle: Path) -> None:
    results = json.loads((bundle / "parity.json").read_text())
    document = json.loads((bundle / "manifest.json").read_text())
    files = {artifact["path"] for artifact in document["artifacts"]}
    assert {r["artifact"] for r in results} == files
    assert len(results) == len(files) >= 8
    assert {r["status"] for r in results} == {"passed"}
    assert all(r["checks"] and r["n"] > 100 for r in results)


@pytest.mark.parametrize(
    "name", ["model.keras", "har_float32.tflite", "har_int8.tflite", "har_float16.mlpackage"]
)
def test_evaluate_agrees_with_the_run(cli: Cli, bundle: Path, name: str) -> None:
    done = cli("evaluate", bundle / name, "--data", "synthetic", "--json", "-")
    assert done.code == 0, done.err
    recorded = json.loads((bundle / "manifest.json").read_text())["evaluations"][name]
    assert done.json["accuracy"] == recorded["accuracy"]
    assert done.json["sha256"] == recorded["sha256"]
    assert np.sum(done.json["confusion"]) == done.json["n"]
    assert done.json.keys() >= {"balanced_accuracy", "macro_f1", "loss", "runtime"}


def test_parity_again_needs_no_tensorflow(bundle: Path) -> None:
    """The float outputs are kept in the bundle: CI of an app team need not install a trainer."""
    code = (
        "import sys\nfrom edgeconv.cli.app import run_app\n"
        f"code = run_app(['parity', {str(bundle)!r}, '--quiet'])\n"
        "print(code, 'tensorflow' in sys.modules, 'keras' in sys.modules)"
    )
    done = subprocess.run([sys.executable, "-c", code], capture_output=True, text=True, check=True)
    assert done.stdout.splitlines()[-1] == "0 False False", done.stdout + done.stderr


def test_a_file_that_was_tampered_with_is_refused(cli: Cli, bundle: Path, tmp_path: Path) -> None:
    copy = tmp_path / "copy"
    shutil.copytree(bundle, copy)
    victim = copy / "har_float32.tflite"
    data = bytearray(victim.read_bytes())
    data[len(data) // 2] ^= 0x40
    victim.write_bytes(data)
    done = cli("parity", copy)
    assert done.code == 3
    assert "har_float32.tflite has changed" in done.err


@pytest.mark.parametrize("how", ["removed", "moved value"])
def test_golden_vectors_cannot_vanish(cli: Cli, bundle: Path, tmp_path: Path, how: str) -> None:
    copy = tmp_path / "copy"
    shutil.copytree(bundle, copy)
    golden = copy / "golden" / "golden.json"
    if how == "removed":
        shutil.rmtree(golden.parent)
    else:
        golden.write_text(golden.read_text().replace("0.9", "0.8", 1))
    done = cli("parity", copy)
    assert done.code == 3
    assert "golden.json" in done.err


def test_export_from_a_folder_that_train_wrote(cli: Cli, tmp_path: Path) -> None:
    """A colon of the model's name is in no file's: not every file system takes it."""
    trained = tmp_path / "trained"
    done = cli("train", "--model", "cnn:16s4-32", "--epochs", 1, "--out", trained)
    assert done.code == 0, done.err
    done = cli("export", trained, "--quantize", "int8", "--out", tmp_path / "out")
    assert done.code == 0, done.err
    assert (tmp_path / "out" / "cnn-16s4-32_int8.tflite").is_file()
    profile = (trained / "inputs.json").read_bytes()
    assert (tmp_path / "out" / "inputs.json").read_bytes() == profile
    assert cli("data", "check", "synthetic", "--against", trained).code == 0


def test_a_gate_that_cannot_be_met_fails(cli: Cli, bundle: Path, tmp_path: Path) -> None:
    copy = tmp_path / "copy"
    shutil.copytree(bundle, copy)
    junit = tmp_path / "junit.xml"
    done = cli("parity", copy, "--gate", "top1_agreement=1.01", "--junit", junit)
    assert done.code == 1
    assert "top1_agreement" in done.out
    assert "<failure" in junit.read_text()


def test_export_from_a_bundle(cli: Cli, bundle: Path, tmp_path: Path) -> None:
    out = tmp_path / "ios"
    done = cli("export", bundle / "model.keras", "--target", "coreml", "--out", out)
    assert done.code == 0, done.err
    assert f"edgeconv parity {out}" in done.out
    assert done.out.count("✓ passed") == 2
    assert {p.name for p in out.glob("*.mlpackage")} == {
        *("har_float16.mlpackage", "har_float32.mlpackage")
    }
    assert (out / "har_float16.mlpackage" / "Manifest.json").read_bytes() == (
        bundle / "har_float16.mlpackage" / "Manifest.json"
    ).read_bytes()
    again = cli("parity", out)
    assert again.code == 0, again.err


@pytest.mark.parametrize("calibration", [(), ("--calibration", "synthetic")], ids=["none", "data"])
def test_export_of_a_model_alone_has_golden_vectors(
    cli: Cli, bundle: Path, tmp_path: Path, calibration: tuple[str, ...]
) -> None:
    """Of calibration windows, else seeded ones; their labels are the float model's predictions."""
    model = shutil.copyfile(bundle / "model.keras", tmp_path / "alone.keras")
    out = tmp_path / "out"
    words = ("export", model, "--target", "tflite", "--quantize", "float32", "--out", out)
    done = cli(*words, *calibration)
    assert done.code == 0, done.err
    document = json.loads((out / "golden" / "golden.json").read_text())
    assert document["artifacts"]["alone_float32.tflite"]["status"] == "passed"
    labels = document["signal"]["labels"]
    for vector in document["vectors"]:
        assert labels[int(np.argmax(vector["reference"]))] == vector["label"]
    recorded = tmp_path / "results.json"
    name = "alone_float32.tflite"
    entry = document["artifacts"][name]
    result = {"artifact": name, "sha256": entry["sha256"], "outputs": entry["expected"]}
    recorded.write_text(
        json.dumps({"format": "edgeconv-golden-results", "schema_version": 1, "results": [result]})
    )
    assert cli("golden", "check", out, recorded).code == 0


def test_export_without_recordings(cli: Cli, bundle: Path, tmp_path: Path) -> None:
    """A model file on its own: what needs no calibration is made, the rest is named."""
    lone = tmp_path / "lone.keras"
    shutil.copyfile(bundle / "model.keras", lone)
    asked = cli("export", lone, "--quantize", "int8", "--out", tmp_path / "asked")
    assert asked.code == 2
    assert "--calibration" in asked.err
    usual = cli("export", lone, "--target", "tflite", "--out", tmp_path / "usual")
    assert usual.code == 0, usual.err
    assert "int8 left out" in usual.err
    assert not (tmp_path / "usual" / "lone_int8.tflite").exists()
    assert (tmp_path / "usual" / "lone_float16.tflite").exists()


def test_export_takes_every_sensor(cli: Cli, bundle: Path, tmp_path: Path) -> None:
    """The same physical movement gives the same answer, whatever the phone's unit and sign."""
    standing = np.tile(np.array([0.3, 9.6, 1.2], np.float32), 80)[None, :]
    answers = []
    for sensor, factor in (("android", 1.0), ("ios", -1 / 9.80665)):
        out = tmp_path / sensor
        done = cli(
            *("export", bundle, "--target", "tflite", "--quantize", "float32"),
            *("--sensor", sensor, "--out", out),
        )
        assert done.code == 0, done.err
        (file,) = out.glob("*.tflite")
        with open_runner(file) as runner:
            answers.append(runner.run({"sensor": (standing * factor).astype("f4")}))
    np.testing.assert_allclose(answers[0]["probabilities"], answers[1]["probabilities"], atol=1e-5)


def test_inspect_and_profile_and_report(cli: Cli, bundle: Path, tmp_path: Path) -> None:
    facts = cli("inspect", bundle / "har_int8.tflite", "--json", "-").json
    assert facts["cost"]["parameters"] == 520_486
    assert facts["cost"]["macs"] == 8_685_960
    assert facts["contract"]["unit"] == "m/s^2"
    words = ("profile", bundle / "har_int8.tflite", "--num-runs", 20, "--json", "-")
    (measured,) = cli(*words).json["profile"]
    assert len(measured["samples_us"]) == 20
    assert 0 < measured["latency_us"]["p50"] <= measured["latency_us"]["p99"]
    page = tmp_path / "report.html"
    assert cli("report", bundle, "--out", page).code == 0
    assert "SYNTHETIC" in page.read_text().upper()
