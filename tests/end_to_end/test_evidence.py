"""How sure, any two files, device results and wrong recordings: from the command line."""

from __future__ import annotations

import json
import shutil
from pathlib import Path
from typing import Any

import pytest

from edgeconv.datasets import load_dataset
from tests.end_to_end.conftest import Cli

pytestmark = pytest.mark.heavy


@pytest.fixture
def copy(bundle: Path, tmp_path: Path) -> Path:
    """A bundle that a test may write its results into."""
    return Path(shutil.copytree(bundle, tmp_path / "copy"))


def test_too_few_windows_is_no_pass(cli: Cli, copy: Path) -> None:
    done = cli("parity", copy, "--max-accuracy-drop", "0.003", "--json", "-", "--quiet")
    assert done.code == 1
    assert done.json["status"] == "not_run"
    result = done.json["parity"][0]
    assert "too few windows to know" in result["reason"]
    assert result["evidence"]["drop"]["decision"] == "undecided"
    allowed = cli("parity", copy, "--max-accuracy-drop", "0.003", "--allow-not-run", "-q")
    assert allowed.code == 0
    assert "Too few windows to know" in allowed.out
    assert cli("parity", copy, "--max-accuracy-drop", "0.05", "-q").code == 0
    assert cli("parity", copy, "--max-accuracy-drop", "5", "-q").code == 2


def test_evidence_is_kept_in_the_bundle(bundle: Path) -> None:
    for result in json.loads((bundle / "parity.json").read_text()):
        found = result["evidence"]
        assert len(found["flips"]["window"]) == sum(r["flips"] for r in found["per_class"].values())
        assert found["agreement"]["low"] < 1
        assert found["drop"]["max_drop"] == 0.005
        assert found["drop"]["subjects"] == len(found["per_subject"]) == 2
    report = (bundle / "report.html").read_text()
    assert "Agreement" in report
    assert "McNemar" in report


@pytest.mark.parametrize(
    ("first", "second"),
    [
        ("model.keras", "har_float32.tflite"),
        ("har_float32.tflite", "har_float16.mlpackage"),
        ("har_float16.mlpackage", "model.keras"),
    ],
)
def test_any_two_files_of_a_bundle(cli: Cli, bundle: Path, first: str, second: str) -> None:
    words = ("compare", bundle / first, bundle / second, "--data", "synthetic", "--json", "-")
    loose = [f"--gate={name}" for name in ("max_abs=0.05", "snr_db=40", "kl_mean=0.001")]
    done = cli(*words, *loose)
    assert done.code == 0, done.err
    (result,) = done.json["parity"]
    assert (result["artifact"], result["reference"]["name"]) == (second, first)


def recorded(bundle: Path) -> dict[str, Any]:
    """A device that answers what was expected, for the int8 file."""
    golden = json.loads((bundle / "golden" / "golden.json").read_text())
    name = "har_int8.tflite"
    kept = golden["artifacts"][name]
    return {
        "format": "edgeconv-golden-results",
        "schema_version": 1,
        "golden": golden["sha256"],
        "results": [{"artifact": name, "sha256": kept["sha256"], "outputs": kept["expected"]}],
    }


def test_what_a_device_recorded(cli: Cli, bundle: Path, tmp_path: Path) -> None:
    document, path = recorded(bundle), tmp_path / "results.json"
    path.write_text(json.dumps(document))
    junit = tmp_path / "found.xml"
    good = cli("golden", "check", bundle, path, "--junit", junit, "--json", "-")
    assert good.code == 0, good.err
    assert good.json["parity"][0]["checks"][0]["name"] == "golden"
    assert "har_float32.tflite" in good.err  # told as not recorded
    assert 'failures="0"' in junit.read_text()
    document["results"][0]["outputs"][2][1] += 0.5
    path.write_text(json.dumps(document))
    moved = cli("golden", "check", bundle, path)
    assert moved.code == 1
    assert "vector 2 (" in moved.out
    assert cli("golden", "check", bundle, tmp_path / "absent.json").code == 3
    assert cli("golden", "check", bundle, bundle, path).code == 2


@pytest.fixture(scope="module")
def in_g(tmp_path_factory: pytest.TempPathFactory) -> str:
    """The synthetic people's readings as a CSV of m/s² that holds g."""
    path = tmp_path_factory.mktemp("csv") / "app.csv"
    dataset = load_dataset("synthetic")
    lines = ["subject,activity,timestamp,x,y,z"]
    clock = 0.0
    for recording in dataset.recordings:
        name = dataset.signal.labels[recording.label]
        clock += 60.0
        for i, (x, y, z) in enumerate(recording.samples / 9.80665):
            t = clock + i / dataset.signal.rate_hz
            lines.append(f"p{recording.subject},{name},{t:.3f},{x:.5f},{y:.5f},{z:.5f}")
        clock += len(recording.samples) / dataset.signal.rate_hz
    path.write_text("\n".join(lines) + "\n")
    Path(f"{path}.toml").write_text(
        'allow = ["D101", "D110"]\n'
    )  # else the data are refused for it
    return f"csv:{path}"


def test_recordings_in_g_are_named(cli: Cli, bundle: Path, in_g: str) -> None:
    clean = cli("data", "check", "synthetic", "--against", bundle, "--json", "-")
    assert clean.code == 0, clean.err
    assert clean.json["findings"] == []
    wrong = cli("data", "check", in_g, "--against", bundle)
    assert wrong.code == 1
    assert "the readings are in g" in wrong.out
    outcome = cli("parity", bundle, "--data", in_g, "--split", "all", "--allow-not-run")
    assert "the recordings: the readings are in g" in outcome.err
    judged = cli(
        "evaluate", bundle / "har_int8.tflite", "--data", in_g, "--split", "all", "--json", "-"
    )
    assert judged.json["data"]["inputs"]["findings"][0]["kind"].startswith("g ")


def test_a_bundle_that_knows_nothing_of_its_inputs(
    cli: Cli, bundle: Path, in_g: str, copy: Path
) -> None:
    (copy / "inputs.json").unlink()
    done = cli("data", "check", in_g, "--against", copy)
    assert done.code == 3
    assert "has no inputs.json" in done.err
    assert cli("data", "check", "synthetic", "--against", copy).code == 3
