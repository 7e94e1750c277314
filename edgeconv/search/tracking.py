"""Trials of a search and folds of a cross-validation as MLflow runs."""

from __future__ import annotations

import logging
from collections.abc import Iterator, Mapping, Sequence
from contextlib import AbstractContextManager, contextmanager
from pathlib import Path
from typing import Any

from edgeconv import plugins
from edgeconv.core import Recipe
from edgeconv.core.json_codec import encode_fields
from edgeconv.errors import BadInput
from edgeconv.search.trials import Trial, TrialState
from edgeconv.training.fold_results import FoldRun, macro_f1

KEY = "edgeconv.candidate"
FOLDER = "mlflow"
_DATABASE = "sqlite:///"
_BATCH = 900  # metrics in one call; MLflow takes 1000
_LONGEST = 500  # characters of a parameter
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
            self._runs = _known_runs(self._client, self._experiment)

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

    def _reporting(self, uri: str) -> AbstractContextManager[None]:
        return _reporting(self._mlflow, uri)


class FoldTracker:
    """Folds of a cross-validation as runs: parameters, metrics of each epoch, fingerprint of the
    data. A fold that is there already, from an earlier run, is not written twice.

    Raises:
        MissingDependency: MLflow is not installed.
        BadInput: the address does not answer.
    """

    def __init__(self, uri: str, name: str) -> None:
        self._mlflow, self.uri = import_mlflow(), uri
        with _reporting(self._mlflow, uri):
            self._client = self._mlflow.tracking.MlflowClient(tracking_uri=uri)
            known = self._client.get_experiment_by_name(name)
            self._experiment = (
                known.experiment_id
                if known
                else self._client.create_experiment(name, _artifacts_beside(uri))
            )
            self._runs = _known_runs(self._client, self._experiment)

    def log(
        self,
        key: str,
        recipe: Recipe,
        run: FoldRun,
        history: Sequence[Mapping[str, float]],
        fingerprint: str,
    ) -> None:
        """Keep a fold that ended, with its confusion as an artifact.

        Args:
            key: of the fold; one that is known is left alone.
            recipe: what was trained, with the seed.
            run: what it gave.
            history: figures of each epoch.
            fingerprint: digest of windows, labels and subjects of all data.
        """
        if key in self._runs:
            return
        entities = self._mlflow.entities
        figures = {"accuracy": run.accuracy.overall, "macro_f1": macro_f1(run.confusion)}
        figures |= {"worst_subject": min(run.accuracy.by_subject.values())}
        figures |= {"seconds": run.seconds, "parameters": float(run.parameters)}
        metrics = [entities.Metric(name, value, 0, 0) for name, value in figures.items()]
        metrics += [
            entities.Metric(f"epoch_{name}", value, 0, step)
            for step, epoch in enumerate(history, 1)
            for name, value in epoch.items()
        ]
        tags = {KEY: key, "data_sha256": fingerprint}
        title = f"{recipe.name}, fold {run.fold}, seed {run.seed}"
        with _reporting(self._mlflow, self.uri):
            created = self._client.create_run(self._experiment, run_name=title, tags=tags)
            number = str(created.info.run_id)
            params = [entities.Param(k, v) for k, v in _flat(recipe, run).items()]
            self._client.log_batch(number, metrics[:_BATCH], params)
            for first in range(_BATCH, len(metrics), _BATCH):
                self._client.log_batch(number, metrics[first : first + _BATCH])
            self._client.log_dict(number, encode_fields(run), "fold.json")
            self._client.set_terminated(number, "FINISHED")
        self._runs[key] = number


def _artifacts_beside(uri: str) -> str | None:
    """Where files go of a database on this machine, which MLflow would put where it is started."""
    file = uri.removeprefix(_DATABASE)
    return (Path(file).absolute().parent / "mlartifacts").as_uri() if file != uri else None


def _flat(recipe: Recipe, run: FoldRun) -> dict[str, str]:
    """The settings of a recipe as parameters, tables flattened by a dot."""
    flat = {"model": recipe.model, "data": recipe.data, "fold": str(run.fold)}
    flat |= {"seed": str(run.seed), "test_subjects": " ".join(run.test_subjects)[:_LONGEST]}

    def add(prefix: str, table: Mapping[str, Any]) -> None:
        for name, value in table.items():
            if isinstance(value, Mapping):
                add(f"{prefix}{name}.", value)
            else:
                flat[f"{prefix}{name}"] = str(value)[:_LONGEST]

    add("training.", encode_fields(recipe.training))
    add("windowing.", encode_fields(recipe.windowing))
    return flat


def _known_runs(client: Any, experiment: str) -> dict[str, str]:
    """Runs by the key of their candidate or fold."""
    runs: dict[str, str] = {}
    token = None
    while True:
        page = client.search_runs([experiment], page_token=token)
        runs |= {r.data.tags[KEY]: r.info.run_id for r in page if KEY in r.data.tags}
        token = page.token
        if not token:
            return runs


@contextmanager
def _reporting(mlflow: Any, uri: str) -> Iterator[None]:
    try:
        yield
    except (mlflow.exceptions.MlflowException, OSError) as error:
        raise BadInput(
            f"MLflow at {uri} does not take the runs: {str(error).splitlines()[0]}",
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
