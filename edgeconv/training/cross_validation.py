"""Cross-validation by subject: the folds, and the fit of one fold.

    make_folds(subjects, 6) → evaluate_fold(build(name), train, held_out, training) → FoldRun
    → CrossValidation (fold_results.py) → mean, worst subjects, intervals, paired differences

The folds depend on the subjects and the number of folds alone, so that any two recipes, and every
candidate of a search, are evaluated on the same subjects.
"""

from __future__ import annotations

from collections.abc import Callable, Sequence
from dataclasses import dataclass, replace
from pathlib import Path
from typing import TYPE_CHECKING, Any

from edgeconv.core import NULL_PROGRESS, Dataset, Progress, Signal, Splits, Training
from edgeconv.errors import BadInput, UsageError
from edgeconv.plugins import import_tensorflow

if TYPE_CHECKING:
    import numpy as np
    from numpy.typing import NDArray

FOLD_SEED = 7  # the folds must not depend on the seed of a fit


def check_count(folds: int) -> None:
    """Make sure that there are other folds to fit on.

    Raises:
        UsageError: fewer than two.
    """
    if folds < 2:
        raise UsageError(
            f"--folds {folds}: each fold is evaluated by a model fitted on the other folds",
            "use 2 to 10",
        )


def make_folds(subjects: Sequence[str], count: int) -> tuple[tuple[str, ...], ...]:
    """All subjects in `count` groups of nearly equal size; each group is held out once.

    Raises:
        UsageError: fewer than two folds.
        BadInput: fewer subjects than folds.
    """
    import numpy as np

    check_count(count)
    if len(subjects) < count:
        raise BadInput(
            f"{count} folds need {count} subjects or more, but there are {len(subjects)}",
            f"pass --folds {len(subjects)} or add recordings of more subjects",
        )
    order = np.random.default_rng(FOLD_SEED).permutation(len(subjects))
    parts = np.array_split(order, count)
    return tuple(tuple(subjects[i] for i in sorted(part)) for part in parts)


def draw_subjects(subjects: Sequence[str], count: int, seed: int) -> tuple[str, ...]:
    """`count` of the subjects, in their order, to validate a fit."""
    import numpy as np

    drawn = np.random.default_rng(seed).choice(len(subjects), count, replace=False)
    return tuple(subjects[i] for i in sorted(drawn))


@dataclass(frozen=True, eq=False)
class FoldResult:
    """The fit of one fold.

    Attributes:
        accuracy: share of the held-out subjects' windows that are classified correctly.
        predicted: (n,) class number of each of these windows.
        parameters: number of weights of the network.
        history: of every epoch; `val_*` are of the held-out subjects.
    """

    accuracy: float
    predicted: NDArray[np.int64]
    parameters: int
    history: tuple[dict[str, float], ...]


def uses_last_epoch(training: Training) -> bool:
    """Whether the validation subjects decide nothing, so that one fit on all subjects is enough."""
    return training.refit and training.keep == "last" and not training.patience


def evaluate_fold(
    build: Callable[[Signal], Any],
    train: Dataset,
    held_out: Dataset,
    training: Training,
    seed: int = 0,
    progress: Progress = NULL_PROGRESS,
    teacher: Callable[[Signal], Any] | Path | None = None,
) -> FoldResult:
    """Fit a network to `train`, and evaluate its last epoch on `held_out`; writes no file.

    That is the second fit of `edgeconv.training.train`, in half the time. The held-out subjects
    decide nothing: a training that picks its epoch by validation loss is refused, because its
    accuracy would be that of the same subjects by which the epoch was picked.

    To give up early, pass a `Progress`: `update(epoch, epochs, note)` is called after each epoch,
    and an exception that it raises ends the fit.

    Args:
        teacher: as in `train`; a network that is built is fitted to `train` as well.

    Raises:
        UsageError: the training picks an epoch by validation, or the loss is no longer finite.
        LeakError: a subject is in both parts.
        BadInput: too little data, or a network that does not fit the contract.
        KeyboardInterrupt: interrupted.
    """
    if not uses_last_epoch(training):
        raise UsageError(
            "the held-out subjects of a fold must not choose the epoch",
            'set keep = "last", patience = 0 and refit = true in the recipe',
        )
    if (training.distillation is None) != (teacher is None):
        raise UsageError(
            "distillation: its recipe or its teacher is missing",
            "give both or neither",
        )
    import_tensorflow()
    from edgeconv.training import subjects
    from edgeconv.training.callbacks import probabilities
    from edgeconv.training.session import TrainingSession

    splits = Splits(train, held_out, held_out.of_subjects(()), "one fold")
    subjects.check_splits(splits, training)
    session = TrainingSession(build, training, Path(), seed, progress)
    if teacher is not None:
        session = replace(session, teacher=session.prepare_teacher(teacher, splits))
    signal = session.contract(train)
    fit = session.run(signal, train, held_out, training)
    if fit.stopped == "interrupted":
        raise KeyboardInterrupt
    model = build(signal)
    model.set_weights(fit.weights)
    predicted = probabilities(model, signal.encode(held_out.windows)).argmax(axis=1)
    accuracy = float((predicted == held_out.labels).mean())
    return FoldResult(accuracy, predicted, int(model.count_params()), fit.history)
