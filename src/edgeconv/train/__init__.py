"""Fits a network to some people's recordings, judged by people it has never seen."""

from __future__ import annotations

from collections.abc import Callable
from dataclasses import asdict, dataclass, replace
from importlib.util import find_spec
from pathlib import Path
from typing import TYPE_CHECKING, Any

from edgeconv.errors import UsageError
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
    from edgeconv.train.distill import Teacher
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
    teacher: Callable[[Signal], Any] | Path | None = None,
) -> TrainedModel:
    """Fit the network that `build` makes of a contract, and save it with its contract.

    Where the training asks for distillation, `teacher` builds the teacher's network, which is
    fitted to the training people first (never to those who validate), or is the `.keras` file of
    a finished one, whose people the caller has checked.

    Writes out/model.keras, out/training/history.json and out/training/tensorboard/. The same
    arguments give the same bytes of model.keras on the same machine and versions. Ctrl-C keeps
    the best epoch so far (`training["stopped"]` is then `interrupted`).

    Raises:
        LeakError: a subject is in two parts of `splits`.
        BadInput: too little data, a network that does not fit the contract, or a folder that
            cannot be written.
        UsageError: the loss is no longer finite, or distillation without a teacher.
        KeyboardInterrupt: interrupted before the first epoch ended, or while the teacher learned.
    """
    if (training.distillation is None) != (teacher is None):
        raise UsageError("distillation needs a recipe that asks for it, and a teacher handed in")
    import_tensorflow()
    from edgeconv.train import people
    from edgeconv.train.saving import make_folder, save_history

    people.check(splits, training)
    for label in people.missing_classes(splits.train):
        progress.note(f"no training window of class {label}: the network cannot learn it")
    make_folder(out / "training")
    job = _Job(build, training, out, seed, progress)
    if teacher is not None:
        job = replace(job, teacher=job.find_teacher(teacher, splits))
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
    summary = _summary(first, chosen, training, seed, splits, learned_from)
    if job.teacher is not None:
        summary["teacher"] = {"name": job.teacher.name, "parameters": job.teacher.parameters}
    return job.save(chosen, signal, summary)


@dataclass(frozen=True)
class _Job:
    """One call of `train`: what both of its fits share."""

    build: Callable[[Signal], Any]
    training: Training
    out: Path
    seed: int
    progress: Progress
    teacher: Teacher | None = None

    def find_teacher(self, source: Callable[[Signal], Any] | Path, splits: Splits) -> Teacher:
        """The teacher in a file, or a new one that learns from the training people as the student
        will, for its own number of epochs. Raises KeyboardInterrupt where it is interrupted."""
        from edgeconv.train.distill import Teacher

        how = self.training.distillation
        signal = self._signal(splits.train)
        if isinstance(source, Path) or how is None:
            return Teacher.read(Path(str(source)), signal)
        self.progress.stage(f"train the teacher: {how.teacher}, {how.epochs} epochs")
        training = replace(
            self.training,
            epochs=how.epochs,
            learning_rate=how.learning_rate,
            keep="last",
            patience=0,
            distillation=None,
        )
        model = source(signal)
        found = replace(self, build=source)._run(signal, splits.train, splits.val, training)
        if found.stopped == "interrupted":
            raise KeyboardInterrupt
        model.set_weights(found.weights)
        self.progress.stage(f"train the student, {self.training.epochs} epochs")
        return Teacher.of(model, signal)

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
            model,
            signal,
            train,
            val,
            training,
            self.seed,
            self.progress,
            tensorboard,
            checkpoint,
            self.teacher,
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
