"""A database of MLflow that is whole, whenever its writer was killed."""

from __future__ import annotations

import sqlite3
import subprocess
import sys
from pathlib import Path

import pytest

from edgeconv.errors import BadInput
from edgeconv.search.mlflow_experiment import KEY, Experiment, local_database

mlflow = pytest.importorskip("mlflow")
pytestmark = pytest.mark.filterwarnings("ignore::ResourceWarning")


def _half(file: Path) -> None:
    """A database as MLflow leaves it when it is killed among its first tables."""
    connection = sqlite3.connect(file)
    connection.execute("CREATE TABLE metrics (key VARCHAR(250) NOT NULL, value FLOAT NOT NULL)")
    connection.commit()
    connection.close()


def _names(folder: Path) -> list[str]:
    return sorted(path.name for path in folder.iterdir())


def test_tables_of_a_killed_process_are_begun_anew(tmp_path: Path) -> None:
    _half(tmp_path / "runs.db.part")
    (tmp_path / "runs.db.part-journal").write_bytes(b"half a page")
    experiment = Experiment(local_database(tmp_path / "runs.db"), "search")
    with experiment.run("a", "first") as run:
        experiment.end("a", run, "FINISHED")
    assert "a" in Experiment(experiment.uri, "search")
    assert _names(tmp_path) == ["runs.db"]


def test_a_database_without_its_tables_is_named_with_a_cure(tmp_path: Path) -> None:
    _half(tmp_path / "runs.db")
    with pytest.raises(BadInput, match=r"runs\.db does not take the runs") as caught:
        Experiment(local_database(tmp_path / "runs.db"), "search")
    assert f"move {tmp_path / 'runs.db'} away" in caught.value.hint


def test_a_disk_error_is_no_stack_trace(tmp_path: Path, capfd: pytest.CaptureFixture[str]) -> None:
    """MLflow logs what SQLite raises, and raises it."""
    file = tmp_path / "runs.db"
    experiment = Experiment(local_database(file), "search")
    with sqlite3.connect(file) as other:
        other.execute("DROP TABLE runs")
    other.close()
    with pytest.raises(BadInput, match="no such table: runs"), experiment.run("a", "first"):
        pass
    assert capfd.readouterr().err == ""


def test_a_file_that_is_no_database_is_named(tmp_path: Path) -> None:
    (tmp_path / "runs.db").write_text("notes")
    with pytest.raises(BadInput, match=r"runs\.db does not take the runs"):
        Experiment(local_database(tmp_path / "runs.db"), "search")


def test_a_run_that_was_begun_is_filled_again(tmp_path: Path) -> None:
    uri = local_database(tmp_path / "runs.db")
    first = Experiment(uri, "search")

    killed = first.run("a", "first", {"data": "d"})
    first.client.log_param(killed.__enter__(), "model", "cnn:4")  # and its process ends here
    again = Experiment(uri, "search")
    assert "a" not in again
    with again.run("a", "first", {"data": "d"}) as run:
        again.client.log_param(run, "model", "cnn:4")
        again.end("a", run, "FINISHED")
    client = mlflow.tracking.MlflowClient(tracking_uri=uri)
    (run,) = client.search_runs([client.get_experiment_by_name("search").experiment_id])
    assert (run.info.status, run.data.tags[KEY], run.data.tags["data"]) == ("FINISHED", "a", "d")


def test_two_processes_make_one_database(tmp_path: Path) -> None:
    uri = local_database(tmp_path / "runs.db")
    code = (
        "import sys\n"
        "from edgeconv.search.mlflow_experiment import Experiment\n"
        "experiment = Experiment(sys.argv[1], sys.argv[2])\n"
        "with experiment.run('a', 'first') as run:\n"
        "    experiment.end('a', run, 'FINISHED')\n"
    )
    names = ("one", "two")
    both = [subprocess.Popen([sys.executable, "-c", code, uri, name]) for name in names]
    assert [process.wait() for process in both] == [0, 0]
    assert all("a" in Experiment(uri, name) for name in names)
    assert _names(tmp_path) == ["runs.db"]
