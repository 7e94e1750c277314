"""Fits a network to the training subjects, and validates it on held-out subjects."""

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
    """Fit the network that `build` returns for a contract, and save it with its contract.

    If the training uses distillation, `teacher` is either a function that builds the teacher's
    network, which is then fitted to the training subjects first (never to the validation
    subjects), or the `.keras` file of a finished teacher, whose subjects the caller has checked.

    Writes out/model.keras, out/training/history.json and out/training/tensorboard/. The same
    arguments give the same bytes of model.keras on the same machine and versions. Ctrl-C saves
    the best epoch so far (`training["stopped"]` is then `interrupted`).

    Raises:
        LeakError: a subject is in two parts of `splits`.
        BadInput: too little data, a network that does not fit the contract, or a folder that
            cannot be written.
        UsageError: the loss is no longer finite, or distillation without a teacher.
        KeyboardInterrupt: interrupted before the first epoch ended, or while the teacher was
            fitted.
    """
    if (training.distillation is None) != (teacher is None):
        raise UsageError(
            "distillation: its recipe or its teacher is missing", "give both or neither"
        )
    import_tensorflow()
    from edgeconv.training import subjects
    from edgeconv.training.callbacks import make_folder, save_history
    from edgeconv.training.session import TrainingSession

    subjects.check_splits(splits, training)
    for label in subjects.missing_classes(splits.train):
        progress.note(f"no training window of class {label}: the network cannot learn it")
    make_folder(out / "training")
    session = TrainingSession(build, training, out, seed, progress)
    if teacher is not None:
        session = replace(session, teacher=session.prepare_teacher(teacher, splits))
    first, signal = session.fit(splits.train, splits.val)
    save_history(first.history, out / "training" / "history.json")
    chosen, fitted_on = first, splits.train
    if training.refit and first.stopped != "interrupted":
        progress.stage("train again, now with the validation subjects too")
        all_subjects = subjects.concat_datasets(splits.train, splits.val)
        try:
            chosen, signal = session.refit(all_subjects, first)
            fitted_on = all_subjects
        except KeyboardInterrupt:
            progress.note("interrupted: keeping the network of the first fit")
            chosen = replace(first, stopped="interrupted")
    summary = _summary(first, chosen, training, seed, splits, fitted_on)
    if session.teacher is not None:
        info = TeacherInfo(session.teacher.name, session.teacher.parameters)
        summary = replace(summary, teacher=info)
    return session.save(chosen, signal, summary)


def _summary(
    first: Fit, chosen: Fit, training: Training, seed: int, splits: Splits, fitted_on: Dataset
) -> TrainingSummary:
    """The manifest's record of a training; the validation figures are those of the first fit."""
    selected = first.history[first.epoch - 1]
    return TrainingSummary(
        seed=seed,
        stopped=chosen.stopped,
        epochs=len(first.history),
        selected_epoch=first.epoch,
        val_loss=selected["val_loss"],
        val_accuracy=selected["val_accuracy"],
        refitted=fitted_on is not splits.train,
        train_subjects=fitted_on.subject_names,
        val_subjects=splits.val.subject_names,
        windows=len(fitted_on),
        settings=training,
    )
