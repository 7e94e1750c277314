"""The tool that every accuracy of the documentation comes from."""

from __future__ import annotations

import json
import os
import subprocess
import sys
from pathlib import Path

import pytest

pytestmark = pytest.mark.heavy

TOOL = Path(__file__).resolve().parents[3] / "tools" / "cross_validate.py"
RECIPE = """
[training]
epochs = 1
refit = false
"""


def run(*arguments: str) -> subprocess.CompletedProcess[str]:
    return subprocess.run(
        [sys.executable, str(TOOL), *arguments],
        capture_output=True,
        text=True,
        timeout=300,
        check=False,
        env=os.environ | {"TF_CPP_MIN_LOG_LEVEL": "3"},
    )


def test_each_person_is_held_out_once(tmp_path: Path) -> None:
    recipe = tmp_path / "quick.toml"
    recipe.write_text(RECIPE)
    out = tmp_path / "cv.json"
    result = run(
        str(recipe), "--data", "synthetic", "--folds", "2", "--val", "1", "--out", str(out)
    )
    assert result.returncode == 0, result.stderr
    assert "quick: 0." in result.stdout
    found = json.loads(out.read_text())
    tested = [s for r in found["runs"] for s in r["test"]]
    assert len(tested) == len(set(tested)) == len(found["summary"]["people"])
    for one in found["runs"]:
        assert not set(one["test"]) & set(one["val"])
    mean = sum(r["accuracy"] for r in found["runs"]) / 2
    assert found["summary"]["mean"] == pytest.approx(mean)


def test_an_earlier_recipe_is_compared_fold_by_fold(tmp_path: Path) -> None:
    recipe, first = tmp_path / "last.toml", tmp_path / "first.json"
    recipe.write_text(RECIPE.replace("false", "true"))
    common = [
        str(recipe),
        "--data",
        "synthetic",
        "--folds",
        "2",
        "--val",
        "1",
        "--model",
        "cnn:4s4",
    ]
    one = run(*common, "--out", str(first))
    assert one.returncode == 0, one.stderr
    again = run(*common, "--against", str(first), "--epochs", "1")
    assert "against last: +0.00 points, 95 % interval +0.00 to +0.00 over 2 folds" in again.stdout
    assert {r["parameters"] for r in json.loads(first.read_text())["runs"]} == {142}


def test_a_wrong_word_is_the_user_s_error() -> None:
    result = run("no-such-recipe", "--data", "synthetic")
    assert result.returncode == 2
    assert "Traceback" not in result.stderr
