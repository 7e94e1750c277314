"""Trials of a search and folds of a cross-validation as MLflow runs."""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from pathlib import Path
from typing import Any

from edgeconv.core import Recipe
from edgeconv.core.json_codec import encode_fields
from edgeconv.search.mlflow_experiment import Experiment, local_database
from edgeconv.search.trials import Trial, TrialState
from edgeconv.training.fold_results import FoldRun, macro_f1

FOLDER = "mlflow"
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
        place = folder.absolute() / FOLDER
        artifacts = None if uri else (place / "artifacts").as_uri()
        self.uri, self._header = uri or local_database(place / "mlflow.db"), header
        self._experiment = Experiment(self.uri, name, artifacts)

    def log(self, trial: Trial) -> None:
        """Keep a trial that is over."""
        key, client = trial.candidate.key, self._experiment.client
        if key in self._experiment:
            return
        with self._experiment.run(key, f"{trial.number} {trial.candidate.model}") as run:
            client.log_batch(run, self._metrics(trial), self._params(trial))
            client.set_tag(run, "state", str(trial.state))
            if trial.reason:
                client.set_tag(run, "reason", trial.reason)
            self._experiment.end(key, run, _ENDS.get(trial.state, "FAILED"))

    def log_front(self, name: str, figures: Mapping[str, float], files: Sequence[Path]) -> None:
        """Keep the outcome of the whole search, with its files."""
        metric, client = self._experiment.mlflow.entities.Metric, self._experiment.client
        with self._experiment.run(name, name) as run:
            client.log_batch(run, [metric(k, v, 0, 0) for k, v in figures.items()])
            for file in files:
                client.log_artifact(run, str(file))
            self._experiment.end(name, run, "FINISHED")

    def _params(self, trial: Trial) -> list[Any]:
        candidate = trial.candidate
        values = {
            **self._header,
            "model": candidate.model,
            "compress": candidate.compress or "none",
        }
        values |= {f"training.{name}": str(value) for name, value in candidate.training}
        return [self._experiment.mlflow.entities.Param(k, v) for k, v in values.items()]

    def _metrics(self, trial: Trial) -> list[Any]:
        """The step is the fold. Means stand for measured trials only."""
        metric = self._experiment.mlflow.entities.Metric
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


class FoldTracker:
    """Folds of a cross-validation as runs: parameters, metrics of each epoch, fingerprint of the
    data. A fold that is there already, from an earlier run, is not written twice.

    Raises:
        MissingDependency: MLflow is not installed.
        BadInput: the address does not answer.
    """

    def __init__(self, uri: str, name: str) -> None:
        self._experiment = Experiment(uri, name)

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
        if key in self._experiment:
            return
        client, entities = self._experiment.client, self._experiment.mlflow.entities
        figures = {"accuracy": run.accuracy.overall, "macro_f1": macro_f1(run.confusion)}
        figures |= {"worst_subject": min(run.accuracy.by_subject.values())}
        figures |= {"seconds": run.seconds, "parameters": float(run.parameters)}
        metrics = [entities.Metric(name, value, 0, 0) for name, value in figures.items()]
        metrics += [
            entities.Metric(f"epoch_{name}", value, 0, step)
            for step, epoch in enumerate(history, 1)
            for name, value in epoch.items()
        ]
        title = f"{recipe.name}, fold {run.fold}, seed {run.seed}"
        with self._experiment.run(key, title, {"data_sha256": fingerprint}) as number:
            params = [entities.Param(k, v) for k, v in _flat(recipe, run).items()]
            client.log_batch(number, metrics[:_BATCH], params)
            for first in range(_BATCH, len(metrics), _BATCH):
                client.log_batch(number, metrics[first : first + _BATCH])
            client.log_dict(number, encode_fields(run), "fold.json")
            self._experiment.end(key, number, "FINISHED")


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
