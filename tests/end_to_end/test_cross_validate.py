"""`edgeconv cross-validate`: every subject is held out once, and recipes are compared by fold."""

from __future__ import annotations

import json
from pathlib import Path

import pytest

from tests.end_to_end.conftest import Cli
from tests.json_schemas import valid

pytestmark = pytest.mark.heavy

SMALL = ("--data", "synthetic", "--folds", "2", "--val-subjects", "1", "--quiet")


def recipe(folder: Path, name: str, refit: str) -> Path:
    path = folder / f"{name}.toml"
    path.write_text(f"[training]\nepochs = 1\nrefit = {refit}\n")
    return path


def test_each_subject_is_held_out_once(cli: Cli, tmp_path: Path) -> None:
    """A recipe that chooses its epoch is fitted as `train` does it."""
    out = tmp_path / "cv.json"
    choosing = recipe(tmp_path, "choosing", "false")
    result = cli("cross-validate", choosing, *SMALL, "--model", "cnn:4s4", "--json", out)
    assert result.code == 0, result.err
    document = valid(json.loads(out.read_text()))
    tested = [s for run in document["runs"] for s in run["test_subjects"]]
    assert len(tested) == len(set(tested)) == len(document["summary"]["by_subject"])
    for run in document["runs"]:
        assert not set(run["test_subjects"]) & set(run["val_subjects"])
        assert run["parameters"] == 142
    mean = sum(run["accuracy"]["overall"] for run in document["runs"]) / 2
    assert document["summary"]["accuracy"]["mean"] == pytest.approx(mean)
    assert "choosing: accuracy 0." in result.out


def test_a_baseline_is_a_recipe_or_an_earlier_result(cli: Cli, tmp_path: Path) -> None:
    out = tmp_path / "cv.json"
    last = recipe(tmp_path, "last", "true")
    words = ("cross-validate", last, *SMALL, "--model", "cnn:4s4", "--only", "0")
    first = cli(*words, "--json", out)
    assert first.code == 0, first.err
    again = cli(*words, "--baseline", out)
    sentence = (
        "against last: +0.00 percentage points over 1 fold and the common seed 0: one fold gives no"
    )
    assert sentence in again.out
    other = cli(*words, "--baseline", last)
    assert "against last: " in other.out


def test_compressions_are_evaluated_beside_fine_tuning(cli: Cli, tmp_path: Path) -> None:
    text = "[training]\nepochs = 1\nrefit = true\n[compression]\nepochs = 1\n"
    path, out = tmp_path / "small.toml", tmp_path / "cv.json"
    path.write_text(text)
    words = (path, *SMALL, "--model", "cnn:4s4", "--only", "1", "--compress", "prune50")
    result = cli("cross-validate", *words, "--json", out)
    assert result.code == 0, result.err
    document = valid(json.loads(out.read_text()))
    assert set(document["runs"][0]["compressed"]) == {"fine-tuned", "prune50"}
    assert "prune50" in result.out


@pytest.mark.parametrize(
    ("words", "code"),
    [
        (("no-such-recipe",), 2),
        (("har", "--only", "9"), 2),
        (("har", "--folds", "99"), 3),
        (("har", "--val-subjects", "99"), 2),
    ],
    ids=str,
)
def test_wrong_words_are_the_user_s_error(cli: Cli, words: tuple[str, ...], code: int) -> None:
    result = cli("cross-validate", *words, "--data", "synthetic")
    assert result.code == code
    assert "Traceback" not in result.err
