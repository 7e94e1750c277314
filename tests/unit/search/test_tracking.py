"""What MLflow's own client reads back; no server and no network."""

from __future__ import annotations

import sys
from pathlib import Path

import pytest

from edgeconv.errors import BadInput, MissingDependency
from edgeconv.models import searched_family
from edgeconv.search import Budgets, Sampler, SearchCandidate, Space, TaskOutcome, Trial, TrialState
from edgeconv.search.mlflow_experiment import KEY
from edgeconv.search.tracking import FOLDER, Tracker

HEADER = {"recipe": "har", "seed": "0"}


def _trial(number: int, folds: int, state: TrialState) -> Trial:
    candidate = SearchCandidate("cnn:8-16", (("epochs", 60), ("learning_rate", 0.003)))
    if number:
        candidate = SearchCandidate("cnn:12", (("epochs", 30),))
    trial = Trial(number, candidate, state=state, schemes=("int8",))
    trial.size(TaskOutcome({"int8": 4000}, 12_000), Budgets())
    trial.state = state
    trial.outcomes = {
        fold: TaskOutcome({"int8": 4000}, 12_000, {"int8": 0.9 + fold / 100}, float_accuracy=0.9)
        for fold in range(folds)
    }
    return trial


@pytest.mark.filterwarnings("ignore::ResourceWarning")
def test_trials_folds_and_files_are_read_back_by_mlflows_client(tmp_path: Path) -> None:
    mlflow = pytest.importorskip("mlflow")
    tracker = Tracker(tmp_path, "", "search", HEADER)
    tracker.log(_trial(0, 3, TrialState.FINISHED))
    stopped = _trial(1, 1, TrialState.PRUNED)
    stopped.reason = "after 1 folds below the smaller cnn:8-16 int8"
    tracker.log(stopped)
    (tmp_path / "front.md").write_text("# Front")
    tracker.log_front("front", {"members": 2.0}, [tmp_path / "front.md"])

    again = Tracker(tmp_path, "", "search", HEADER)
    again.log(stopped)  # as after a kill: it is there already

    client = mlflow.tracking.MlflowClient(tracking_uri=tracker.uri)
    experiment = client.get_experiment_by_name("search")
    runs = {run.data.tags[KEY]: run for run in client.search_runs([experiment.experiment_id])}
    assert len(runs) == 3
    first = runs[_trial(0, 3, TrialState.FINISHED).candidate.key]
    assert first.info.status == "FINISHED"
    assert first.data.params["model"] == "cnn:8-16"
    assert first.data.params["training.learning_rate"] == "0.003"
    assert first.data.params["recipe"] == "har"
    assert first.data.metrics["accuracy_int8"] == pytest.approx(0.91)
    assert first.data.metrics["bytes_int8"] == 4000
    history = client.get_metric_history(first.info.run_id, "fold_accuracy_int8")
    assert [(m.step, m.value) for m in history] == [(0, 0.9), (1, 0.91), (2, 0.92)]
    ended = runs[stopped.candidate.key]
    assert ended.info.status == "KILLED"
    assert "accuracy_int8" not in ended.data.metrics, "a stopped trial is no figure"
    assert ended.data.tags["reason"].startswith("after 1 folds")
    files = client.list_artifacts(runs["front"].info.run_id)
    assert [file.path for file in files] == ["front.md"]
    assert (tmp_path / FOLDER / "mlflow.db").is_file()


def test_an_address_that_mlflow_does_not_take(tmp_path: Path) -> None:
    pytest.importorskip("mlflow")

    with pytest.raises(BadInput, match="carrier-pigeon"):
        Tracker(tmp_path, "carrier-pigeon://loft", "search", HEADER)


def test_missing_packages_are_named(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setitem(sys.modules, "mlflow", None)
    monkeypatch.setitem(sys.modules, "optuna", None)

    with pytest.raises(MissingDependency, match="'mlflow-skinny' is not installed"):
        Tracker(tmp_path, "", "search", HEADER)
    with pytest.raises(MissingDependency, match="'optuna' is not installed") as caught:
        Sampler(Space({"": ("int8",)}, 3, *searched_family("har")), 0)
    assert caught.value.hint == 'install it: pip install "edgeconv[search]"'
