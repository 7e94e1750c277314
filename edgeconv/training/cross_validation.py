"""One candidate on one fold: fitted once and judged, without a bundle or a file.

    folds of people → `judge(build(name), learners, held, training, seed)` → accuracy, history

That is the second fit of `train`, in half the time. The held-out people choose nothing: the model
is that of the last epoch, and a training that picks its epoch by validation loss is refused, since
its accuracy here would be of the people it was picked by.

To give up a hopeless candidate early, hand in a `Progress`: `update(epoch, epochs, note)` comes
after each epoch, and what it raises ends the fit. `Judged.history` has each `val_accuracy`.
"""

from __future__ import annotations

from collections.abc import Callable
from dataclasses import dataclass, replace
from pathlib import Path
from typing import TYPE_CHECKING, Any

from edgeconv.core import NULL_PROGRESS, Dataset, Progress, Signal, Splits, Training
from edgeconv.errors import UsageError
from edgeconv.plugins import import_tensorflow

if TYPE_CHECKING:
    import numpy as np
    from numpy.typing import NDArray


@dataclass(frozen=True, eq=False)
class Judged:
    """What became of a candidate.

    Attributes:
        accuracy: share of the held-out people's windows.
        predicted: (n,) class number of each of them.
        parameters: weights of the network.
        history: of every epoch; `val_*` are of the held-out people.
    """

    accuracy: float
    predicted: NDArray[np.int64]
    parameters: int
    history: tuple[dict[str, float], ...]


def takes_last(training: Training) -> bool:
    """Whether validation people choose nothing, so that one fit on everybody is the result."""
    return training.refit and training.keep == "last" and not training.patience


def judge(
    build: Callable[[Signal], Any],
    learners: Dataset,
    held: Dataset,
    training: Training,
    seed: int = 0,
    progress: Progress = NULL_PROGRESS,
    teacher: Callable[[Signal], Any] | Path | None = None,
) -> Judged:
    """Fit to `learners`, and judge by the float network's answers for `held`.

    Args:
        teacher: as in `train`; a new one is fitted to `learners` as well.

    Raises:
        UsageError: the training picks an epoch by validation, or the loss is no longer finite.
        LeakError: somebody is in both parts.
        BadInput: too little data, or a network that does not fit the contract.
        KeyboardInterrupt: interrupted.
    """
    if not takes_last(training):
        raise UsageError(
            "a fold is judged by people who may choose nothing",
            'set keep = "last", patience = 0 and refit = true in the recipe',
        )
    if (training.distillation is None) != (teacher is None):
        raise UsageError("distillation needs a recipe that asks for it, and a teacher handed in")
    import_tensorflow()
    from edgeconv.training import subjects
    from edgeconv.training.callbacks import probabilities
    from edgeconv.training.session import Job

    splits = Splits(learners, held, held.of_subjects(()), "one fold")
    subjects.check(splits, training)
    job = Job(build, training, Path(), seed, progress)
    if teacher is not None:
        job = replace(job, teacher=job.find_teacher(teacher, splits))
    signal = job.contract(learners)
    found = job.run(signal, learners, held, training)
    if found.stopped == "interrupted":
        raise KeyboardInterrupt
    model = build(signal)
    model.set_weights(found.weights)
    predicted = probabilities(model, signal.encode(held.windows)).argmax(axis=1)
    accuracy = float((predicted == held.labels).mean())
    return Judged(accuracy, predicted, int(model.count_params()), found.history)
