"""Fits a network to some people's recordings, judged by people it has never seen."""

from __future__ import annotations

from collections.abc import Callable
from dataclasses import replace
from pathlib import Path
from typing import TYPE_CHECKING, Any

from edgeconv.core import (
    NULL_PROGRESS,
    Dataset,
    Progress,
    Signal,
    Splits,
    TeacherInfo,
    TrainedModel,
    Training,
    TrainingSummary,
)
from edgeconv.errors import UsageError
from edgeconv.plugins import import_tensorflow

if TYPE_CHECKING:
    from edgeconv.training.fit import Fit


def train(
    build: Callable[[Signal], Any],
    splits: Splits,
    training: Training,
    out: Path,
    seed: int = 0,
    progress: Progress = NULL_PROGRESS,
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
    from edgeconv.training import subjects
    from edgeconv.training.checkpoints import make_folder, save_history
    from edgeconv.training.session import Job

    subjects.check(splits, training)
    for label in subjects.missing_classes(splits.train):
        progress.note(f"no training window of class {label}: the network cannot learn it")
    make_folder(out / "training")
    job = Job(build, training, out, seed, progress)
    if teacher is not None:
        job = replace(job, teacher=job.find_teacher(teacher, splits))
    first, signal = job.fit(splits.train, splits.val)
    save_history(first.history, out / "training" / "history.json")
    chosen, learned_from = first, splits.train
    if training.refit and first.stopped != "interrupted":
        progress.stage("train again, now with the validation people too")
        everyone = subjects.concat_datasets(splits.train, splits.val)
        try:
            chosen, signal = job.refit(everyone, first)
            learned_from = everyone
        except KeyboardInterrupt:
            progress.note("interrupted: keeping the network of the first fit")
            chosen = replace(first, stopped="interrupted")
    summary = _summary(first, chosen, training, seed, splits, learned_from)
    if job.teacher is not None:
        taught_by = TeacherInfo(job.teacher.name, job.teacher.parameters)
        summary = replace(summary, teacher=taught_by)
    return job.save(chosen, signal, summary)


def _summary(
    first: Fit, chosen: Fit, training: Training, seed: int, splits: Splits, learned_from: Dataset
) -> TrainingSummary:
    """What the manifest keeps of a training; the validation figures are of the first fit."""
    selected = first.history[first.epoch - 1]
    return TrainingSummary(
        seed=seed,
        stopped=chosen.stopped,
        epochs=len(first.history),
        selected_epoch=first.epoch,
        val_loss=selected["val_loss"],
        val_accuracy=selected["val_accuracy"],
        refitted=learned_from is not splits.train,
        train_subjects=learned_from.subject_names,
        val_subjects=splits.val.subject_names,
        windows=len(learned_from),
        settings=training,
    )
