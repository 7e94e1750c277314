"""`edgeconv search` from recipe to front: small, but nothing of it is a stand-in."""

from __future__ import annotations

import json
from pathlib import Path

import pytest

from edgeconv.cli.app import run_app

pytestmark = [pytest.mark.heavy, pytest.mark.filterwarnings("ignore::ResourceWarning")]

RECIPE = """
name = "tiny"
data = "synthetic"
model = "cnn:6s4-8"
profile_runs = 20
[training]
epochs = 1
augmentation = false
[[variants]]
target = "tflite"
scheme = "float32"
"""
EFFORT = "--trials 1 --folds 2 --confirm-seeds 0 --max-results 1 --workers 1"


@pytest.fixture(scope="module")
def folder(tmp_path_factory: pytest.TempPathFactory) -> Path:
    """A recipe, and what a search of it has left."""
    root = tmp_path_factory.mktemp("search")
    (root / "tiny.toml").write_text(RECIPE)
    assert run_app(_words(root)) == 0
    return root


def _words(root: Path, *more: str) -> list[str]:
    words = ["search", str(root / "tiny.toml"), "--out", str(root / "out"), "--quiet"]
    return [*words, *EFFORT.split(), *more]


def test_every_pareto_member_has_a_bundle_and_test_subjects_are_used_once(folder: Path) -> None:
    document = json.loads((folder / "out" / "front.json").read_text())

    assert document["subjects"] == [10, 2]
    (member,) = document["members"]
    bundle = folder / "out" / member["bundle"]
    manifest = json.loads((bundle / "manifest.json").read_text())
    evaluation = manifest["evaluations"][member["file"]]
    assert member["test"] == evaluation["accuracy"]
    size = (bundle / member["file"]).stat().st_size
    assert member["point"]["bytes"] == size
    assert document["points"][-1]["bytes"] == pytest.approx(size, abs=32)
    assert member["interval_us"][0] <= member["latency_us"] <= member["interval_us"][1]
    splits = manifest["data"]["splits"]
    learned = manifest["model"]["training"]["train_subjects"]
    assert not set(learned) & set(splits["test"]["subjects"])
    assert len(learned) == 10
    assert document["baseline"]["test"] is not None
    for name in ("front.md", "front.svg", "front.html"):
        assert (folder / "out" / name).stat().st_size > 500


def test_trials_are_in_mlflow(folder: Path) -> None:
    mlflow = pytest.importorskip("mlflow")
    database = folder / "out" / "mlflow" / "mlflow.db"

    client = mlflow.tracking.MlflowClient(tracking_uri=f"sqlite:///{database}")

    experiment = client.get_experiment_by_name("edgeconv search out")
    runs = client.search_runs([experiment.experiment_id])
    trials = [r for r in runs if "model" in r.data.params]
    assert len(trials) >= 2
    assert all(r.data.params["recipe"] == "tiny" for r in trials)
    (front,) = (r for r in runs if r.data.tags["edgeconv.candidate"] == "front")
    names = {file.path for file in client.list_artifacts(front.info.run_id)}
    assert {"front.json", "front.md", "front.html", "front.svg"} < names
    assert any(name.endswith(".tflite") for name in names)


def test_a_search_that_is_done_is_done_again_without_a_fit(folder: Path) -> None:
    lines = (folder / "out" / "trials.jsonl").read_bytes()
    before = json.loads((folder / "out" / "front.json").read_text())["members"][0]

    assert run_app(_words(folder, "--max-bytes", "1000000")) == 0

    assert (folder / "out" / "trials.jsonl").read_bytes().startswith(lines)
    after = json.loads((folder / "out" / "front.json").read_text())["members"][0]
    assert after["met"] == {"max_bytes": True}
    assert after["point"] == before["point"]


def test_another_seed_in_the_same_folder_is_refused(
    folder: Path, capsys: pytest.CaptureFixture[str]
) -> None:
    assert run_app(_words(folder, "--seed", "5")) == 2
    assert "another seed" in capsys.readouterr().err


def test_a_budget_that_nothing_can_keep_is_refused_before_any_training(
    folder: Path, capsys: pytest.CaptureFixture[str]
) -> None:
    fits = [line for line in (folder / "out" / "trials.jsonl").open() if '"fold": 0' in line]

    assert run_app(_words(folder, "--max-bytes", "100")) == 2

    assert "no candidate keeps these budgets" in capsys.readouterr().err
    later = [line for line in (folder / "out" / "trials.jsonl").open() if '"fold": 0' in line]
    assert later == fits


def test_fewer_subjects_than_folds(folder: Path, capsys: pytest.CaptureFixture[str]) -> None:
    words = _words(folder, "--folds", "11")
    words[3] = str(folder / "other")

    assert run_app(words) == 3
    assert "11 folds" in capsys.readouterr().err


def test_a_scheme_that_the_search_cannot_judge(
    folder: Path, capsys: pytest.CaptureFixture[str]
) -> None:
    assert run_app(_words(folder, "--quantize", "palette4")) == 2
    assert "TFLite files only" in capsys.readouterr().err
