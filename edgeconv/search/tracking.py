"""Trials as MLflow runs: parameters, the accuracy of each fold, and the front's files."""

from __future__ import annotations

import logging
from collections.abc import Iterator, Mapping, Sequence
from contextlib import contextmanager
from pathlib import Path
from typing import Any

from edgeconv import plugins
from edgeconv.errors import BadInput
from edgeconv.search.trials import Trial, TrialState

KEY = "edgeconv.candidate"
FOLDER = "mlflow"
_ENDS = {
    TrialState.FINISHED: "FINISHED",
    TrialState.PRUNED: "KILLED",
    TrialState.PRUNED_BY_SIZE: "KILLED",
}


class Tracker:
    """Writes into one experiment, from the search's process; a trial that is there already,
    from before a kill, is not written twice.

    Args:
        uri: any that MLflow takes; empty: a database in `folder`, which needs no server.
        header: parameters that all trials share.

    Raises:
        MissingDependency: MLflow is not installed.
        BadInput: the address does not answer.
    """

    def __init__(self, folder: Path, uri: str, name: str, header: Mapping[str, str]) -> None:
        self._mlflow = import_mlflow()
        self.uri, self._header = (
            uri or f"sqlite:///{folder.absolute() / FOLDER / 'mlflow.db'}",
            header,
        )
        place = None
        if not uri:
            (folder / FOLDER).mkdir(parents=True, exist_ok=True)
            place = (folder.absolute() / FOLDER / "artifacts").as_uri()
        with self._reporting(self.uri):
            self._client = self._mlflow.tracking.MlflowClient(tracking_uri=self.uri)
            known = self._client.get_experiment_by_name(name)
            self._experiment = (
                known.experiment_id if known else self._client.create_experiment(name, place)
            )
            self._runs = self._known_runs()

    def log(self, trial: Trial) -> None:
        """Keep a trial that is over."""
        if trial.candidate.key in self._runs:
            return
        with self._reporting(self.uri):
            run = self._begin(f"{trial.number} {trial.candidate.model}", trial.candidate.key)
            self._client.log_batch(run, self._metrics(trial), self._params(trial))
            self._client.set_tag(run, "state", str(trial.state))
            if trial.reason:
                self._client.set_tag(run, "reason", trial.reason)
            self._client.set_terminated(run, _ENDS.get(trial.state, "FAILED"))

    def log_front(self, name: str, figures: Mapping[str, float], files: Sequence[Path]) -> None:
        """Keep the outcome of the whole search, with its files."""
        with self._reporting(self.uri):
            run = self._runs.get(name) or self._begin(name, name)
            entities = self._mlflow.entities
            self._client.log_batch(run, [entities.Metric(k, v, 0, 0) for k, v in figures.items()])
            for file in files:
                self._client.log_artifact(run, str(file))
            self._client.set_terminated(run, "FINISHED")

    def _begin(self, title: str, key: str) -> str:
        run = self._client.create_run(self._experiment, run_name=title, tags={KEY: key})
        self._runs[key] = str(run.info.run_id)
        return self._runs[key]

    def _known_runs(self) -> dict[str, str]:
        """Runs by the candidate's key."""
        runs: dict[str, str] = {}
        token = None
        while True:
            page = self._client.search_runs([self._experiment], page_token=token)
            runs |= {r.data.tags[KEY]: r.info.run_id for r in page if KEY in r.data.tags}
            token = page.token
            if not token:
                return runs

    def _params(self, trial: Trial) -> list[Any]:
        candidate = trial.candidate
        values = {
            **self._header,
            "model": candidate.model,
            "compress": candidate.compress or "none",
        }
        values |= {f"training.{name}": str(value) for name, value in candidate.training}
        return [self._mlflow.entities.Param(k, v) for k, v in values.items()]

    def _metrics(self, trial: Trial) -> list[Any]:
        """The step is the fold. Means stand for measured trials only."""
        metric = self._mlflow.entities.Metric
        metrics = [
            metric(f"fold_accuracy_{scheme}", value, 0, fold)
            for fold, outcome in sorted(trial.outcomes.items())
            for scheme, value in outcome.accuracy.items()
        ]
        if trial.sizes is not None:
            metrics.append(metric("macs", trial.sizes.macs, 0, 0))
            metrics += [metric(f"bytes_{s}", n, 0, 0) for s, n in trial.sizes.bytes.items()]
        metrics += [metric(f"accuracy_{p.scheme}", p.accuracy, 0, 0) for p in trial.points()]
        return metrics

    @contextmanager
    def _reporting(self, uri: str) -> Iterator[None]:
        try:
            yield
        except (self._mlflow.exceptions.MlflowException, OSError) as error:
            raise BadInput(
                f"MLflow at {uri} does not take the trials: {str(error).splitlines()[0]}",
                "start that server, or leave --tracking-uri out",
            ) from error


def import_mlflow() -> Any:
    """MLflow, which then says nothing unasked. Raises MissingDependency."""
    try:
        import mlflow
        import mlflow.tracking
    except ModuleNotFoundError as error:
        raise plugins.missing(error) from error
    # After the import, which sets another one.
    for name in ("mlflow", "alembic"):
        logging.getLogger(name).setLevel(logging.ERROR)
    return mlflow
