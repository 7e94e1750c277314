"""The samples are run as their README says."""

from __future__ import annotations

import json
import subprocess
import sys
from pathlib import Path

import pytest

from tests.conftest import ROOT
from tests.end_to_end.conftest import Cli

SAMPLES = ROOT / "samples"


def test_the_csv_sample_loads(cli: Cli) -> None:
    done = cli("data", "describe", f"csv:{SAMPLES / 'accelerometer.csv'}", "--json", "-")
    assert done.code == 0, done.err
    assert done.json["windows"] > 0
    assert 9 < done.json["mean_magnitude"] < 12


@pytest.mark.heavy
def test_the_recipe_sample_runs(cli: Cli, tmp_path: Path) -> None:
    out = tmp_path / "mine"
    done = cli("run", SAMPLES / "recipe.toml", "--out", out, "--allow-not-run", "--json", "-")
    assert done.code in (0, 1), done.err  # four epochs may not be enough for the stricter gate
    manifest = json.loads((out / "manifest.json").read_text())
    assert manifest["recipe"]["gates"] == {"accuracy_drop": 0.02}
    assert {a["scheme"] for a in manifest["artifacts"]} == {"int8", "float16"}


@pytest.mark.heavy
def test_the_python_sample_runs(tmp_path: Path) -> None:
    done = subprocess.run(
        [sys.executable, SAMPLES / "python_api.py", tmp_path / "api"],
        capture_output=True,
        text=True,
        check=True,
    )
    assert "har_int8.tflite" in done.stdout
    assert "'Standing'" in done.stdout
