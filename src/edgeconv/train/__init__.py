"""Fits a network to some people's recordings, judged by people it has never seen."""

from __future__ import annotations

from collections.abc import Callable
from dataclasses import asdict, dataclass, replace
from importlib.util import find_spec
from pathlib import Path
from typing import TYPE_CHECKING, Any

from edgeconv.plugins import import_tensorflow
from edgeconv.types import (
    Dataset,
    Progress,
    Sensor,
    Signal,
    Silent,
    Splits,
    TrainedModel,
    Training,
)

if TYPE_CHECKING:
    from edgeconv.train.fit import Fit

CHECKPOINT = "best.keras"  # of a training under way; gone when it ends
_NO_PROGRESS = Silent()


def train(
    build: Callable[[Signal], Any],
    splits: Splits,
    training: Training,
    out: Path,
    seed: int = 0,
    progress: Progress = _NO_PROGRESS,
) -> TrainedModel:
    """Fit the network that `build` makes of a contract, and save it with its contract.

    Writes out/model.keras, out/training/history.json and out/training/tensorboard/. The same
    arguments give the same bytes of model.keras on the same machine and versions. Ctrl-C keeps
    the best epoch so far (`training["stopped"]` is then `interrupted`).

    Raises:
        LeakError: a subject is in two parts of `splits`.
        BadInput: too little data, a network that does not fit the contract, or a folder that
            cannot be written.
        UsageError: the loss is no longer finite.
        KeyboardInterrupt: interrupted before the first epoch ended.
    """
    import_tensorflow()
    from edgeconv.train import people
    from edgeconv.train.saving import make_folder, save_history

    people.check(splits, training)
    for label in people.missing_classes(splits.train):
        progress.note(f"no training window of class {label}: the network cannot learn it")
    make_folder(out / "training")
    job = _Job(build, training, out, seed, progress)
    first, signal = job.fit(splits.train, splits.val)
    save_history(first.history, out / "training" / "history.json")
    chosen, learned_from = first, splits.train
    if training.refit and first.stopped != "interrupted":
        progress.stage("train again, now with the validation people too")
        everyone = people.together(splits.train, splits.val)
        try:
            chosen, signal = job.refit(everyone, first)
            learned_from = everyone
        except KeyboardInterrupt:
            progress.note("interrupted: keeping the network of the first fit")
            chosen = replace(first, stopped="interrupted")
    return job.save(chosen, signal, _summary(first, chosen, training, seed, splits, learned_from))


@dataclass(frozen=True)
class _Job:
    """One call of `train`: what both of its fits share."""

    build: Callable[[Signal], Any]
    training: Training
    out: Path
    seed: int
    progress: Progress

    def fit(self, train: Dataset, val: Dataset) -> tuple[Fit, Signal]:
        """Fit with validation, logs and a checkpoint on disk."""
        from edgeconv.train.saving import save_model

        signal = self._signal(train)
        checkpoint = self.out / "training" / CHECKPOINT

        def keep(weights: list[Any]) -> None:
            save_model(self.build, weights, signal, checkpoint, self.seed)

        return self._run(signal, train, val, self.training, self._tensorboard(), keep), signal

    def refit(self, train: Dataset, first: Fit) -> tuple[Fit, Signal]:
        """Fit anew, for as many epochs as the first fit chose. Raises KeyboardInterrupt."""
        signal = self._signal(train)
        training = replace(self.training, epochs=first.epoch)
        second = self._run(signal, train, None, training)
        if second.stopped == "interrupted":
            raise KeyboardInterrupt
        return second, signal

    def save(self, chosen: Fit, signal: Signal, summary: dict[str, Any]) -> TrainedModel:
        """Write out/model.keras; the checkpoint has then done its duty."""
        from edgeconv.formats.digest import sha256
        from edgeconv.train.saving import save_model

        path = self.out / "model.keras"
        parameters = save_model(self.build, chosen.weights, signal, path, self.seed)
        (self.out / "training" / CHECKPOINT).unlink(missing_ok=True)
        return TrainedModel(path, sha256(path), signal, parameters, summary)

    def _signal(self, train: Dataset) -> Signal:
        from edgeconv.train.batches import normalisation

        statistics = normalisation(train, self.training.normalisation)
        return replace(train.signal, sensor=Sensor.NORMALIZED, normalisation=statistics)

    def _run(
        self,
        signal: Signal,
        train: Dataset,
        val: Dataset | None,
        training: Training,
        tensorboard: Path | None = None,
        checkpoint: Callable[[list[Any]], None] | None = None,
    ) -> Fit:
        import keras

        from edgeconv.train.fit import check_model, fit

        keras.utils.set_random_seed(self.seed)
        model = self.build(signal)
        check_model(model, signal)
        return fit(
            model, signal, train, val, training, self.seed, self.progress, tensorboard, checkpoint
        )

    def _tensorboard(self) -> Path | None:
        if find_spec("tensorboard") is None:
            self.progress.note("no TensorBoard logs: pip install tensorboard to have them")
            return None
        return self.out / "training" / "tensorboard"


def _summary(
    first: Fit, chosen: Fit, training: Training, seed: int, splits: Splits, learned_from: Dataset
) -> dict[str, Any]:
    """What the manifest keeps of a training; the validation figures are of the first fit."""
    judged = first.history[first.epoch - 1]
    return {
        "seed": seed,
        "stopped": chosen.stopped,
        "epochs": len(first.history),
        "kept_epoch": first.epoch,
        "val_loss": judged["val_loss"],
        "val_accuracy": judged["val_accuracy"],
        "refitted": learned_from is not splits.train,
        "train_subjects": list(learned_from.subject_names),
        "val_subjects": list(splits.val.subject_names),
        "windows": len(learned_from),
        "settings": asdict(training),
    }
