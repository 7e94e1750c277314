"""One experiment of MLflow, which a process that is killed leaves whole."""

from __future__ import annotations

import fcntl
import logging
from collections.abc import Iterator, Mapping
from contextlib import contextmanager
from pathlib import Path
from typing import Any

from edgeconv import plugins
from edgeconv.errors import BadInput

KEY = "edgeconv.candidate"
RUNNING = "RUNNING"
_DATABASE = "sqlite:///"
_BESIDE = ("-journal", "-wal", "-shm")
"""Endings of what SQLite keeps beside a database while it writes."""


def local_database(file: Path) -> str:
    """MLflow's address of a database in a file."""
    return f"{_DATABASE}{file.absolute()}"


class Experiment:
    """Runs by the key of what they hold. One that is finished is not written twice; one that a
    killed process had begun is filled again.

    Args:
        uri: any that MLflow takes.
        artifacts: folder for the runs' files, as an address; None: where MLflow puts them, but
            beside a database on this machine, which MLflow would put where it is started.

    Raises:
        MissingDependency: MLflow is not installed.
        BadInput: the address does not answer, or the database there is damaged.
    """

    def __init__(self, uri: str, name: str, artifacts: str | None = None) -> None:
        self.mlflow, self.uri = import_mlflow(), uri
        file = _file_of(uri)
        with self._reporting(ValueError):  # of a migration that meets half a table
            if file is not None:
                _create(self.mlflow, file)
                artifacts = artifacts or (file.absolute().parent / "mlartifacts").as_uri()
            self.client = self.mlflow.tracking.MlflowClient(tracking_uri=uri)
            known = self.client.get_experiment_by_name(name)
            self._id = known.experiment_id if known else None
            if self._id is None:
                self._id = self.client.create_experiment(name, artifacts)
            self._finished, self._begun = self._runs()

    def __contains__(self, key: str) -> bool:
        """Whether a run with this key is finished."""
        return key in self._finished

    @contextmanager
    def run(self, key: str, title: str, tags: Mapping[str, str] | None = None) -> Iterator[str]:
        """The id of a run to fill; the one with this key, if there is one."""
        known = self._finished.get(key) or self._begun.get(key)
        with self._reporting():
            yield known or self._create_run(key, title, tags or {})

    def end(self, key: str, run: str, status: str) -> None:
        """The run has all that it shall have."""
        self.client.set_terminated(run, status)
        self._finished[key] = run

    @contextmanager
    def _reporting(self, *more: type[Exception]) -> Iterator[None]:
        """Failures of MLflow, and of the database below it, as bad input."""
        from sqlalchemy.exc import SQLAlchemyError

        try:
            yield
        except (
            self.mlflow.exceptions.MlflowException,
            SQLAlchemyError,
            OSError,
            *more,
        ) as error:
            hint = "start that server, or leave --tracking-uri out"
            if file := _file_of(self.uri):
                hint = f"see to that disk, or move {file} away: the runs are written anew"
            raise BadInput(
                f"MLflow at {self.uri} does not take the runs: {_reason(error)}", hint
            ) from error

    def _create_run(self, key: str, title: str, tags: Mapping[str, str]) -> str:
        created = self.client.create_run(self._id, run_name=title, tags={KEY: key, **tags})
        self._begun[key] = str(created.info.run_id)
        return self._begun[key]

    def _runs(self) -> tuple[dict[str, str], dict[str, str]]:
        """Finished and unfinished runs, by key."""
        finished: dict[str, str] = {}
        begun: dict[str, str] = {}
        token = None
        while True:
            page = self.client.search_runs([self._id], page_token=token)
            for run in page:
                if KEY in run.data.tags:
                    runs = begun if run.info.status == RUNNING else finished
                    runs[run.data.tags[KEY]] = run.info.run_id
            token = page.token
            if not token:
                return finished, begun


def _reason(error: BaseException) -> str:
    """A line: what the database said, if it was that."""
    said = [getattr(each, "orig", None) for each in (error, error.__cause__, error.__context__)]
    return str(next(filter(None, said), error)).splitlines()[0]


def _file_of(uri: str) -> Path | None:
    """The file of a database on this machine; None for any other address."""
    name = uri.removeprefix(_DATABASE).partition("?")[0]
    return Path(name) if uri.startswith(_DATABASE) and name else None


def _create(mlflow: Any, file: Path) -> None:
    """Make MLflow's tables, if there is no such file.

    MLflow makes them in a hundred steps, and cannot open a database that has only some. So the
    file gets its name when it has all.
    """
    if file.exists():
        return
    file.parent.mkdir(parents=True, exist_ok=True)
    part = file.with_name(f"{file.name}.part")
    with part.open("ab") as handle:
        fcntl.flock(handle, fcntl.LOCK_EX)  # another process may be making them
        if file.exists():
            part.unlink(missing_ok=True)
            return
        handle.truncate(0)
        for ending in _BESIDE:
            part.with_name(part.name + ending).unlink(missing_ok=True)
        mlflow.tracking.MlflowClient(tracking_uri=local_database(part)).search_experiments()
        part.rename(file)


def import_mlflow() -> Any:
    """MLflow, which then says nothing unasked. Raises MissingDependency."""
    try:
        import mlflow
        import mlflow.tracking
    except ModuleNotFoundError as error:
        raise plugins.missing(error) from error
    # After the import, which sets another level. Errors are raised, too; logged, they are a trace.
    for name in ("mlflow", "alembic"):
        logging.getLogger(name).setLevel(logging.CRITICAL)
    return mlflow
