"""Cross-validation by subject: the folds, the fit of one fold, and the statistics of all folds.

    make_folds(subjects, 6) → evaluate_fold(build(name), train, held_out, training) → FoldRun
    → CrossValidation → mean, worst fold, worst subject, intervals, paired differences

The folds depend on the subjects and the number of folds alone, so that any two recipes, and every
candidate of a search, are evaluated on the same subjects.
"""

from __future__ import annotations

import math
from collections import defaultdict
from collections.abc import Callable, Sequence
from dataclasses import dataclass, field, replace
from functools import cache
from pathlib import Path
from statistics import fmean, stdev, variance
from typing import TYPE_CHECKING, Any

from edgeconv.core import NULL_PROGRESS, Dataset, Progress, Signal, Splits, Training
from edgeconv.core.json_codec import decode_fields, encode_fields
from edgeconv.errors import BadInput, UsageError
from edgeconv.plugins import import_tensorflow

if TYPE_CHECKING:
    import numpy as np
    from numpy.typing import NDArray

FOLD_SEED = 7  # the folds must not depend on the seed of a fit
CONFIDENCE = 0.95


def make_folds(subjects: Sequence[str], count: int) -> tuple[tuple[str, ...], ...]:
    """All subjects in `count` groups of nearly equal size; each group is held out once.

    Raises:
        UsageError: fewer than two folds.
        BadInput: fewer subjects than folds.
    """
    import numpy as np

    if count < 2:
        raise UsageError(
            f"--folds {count}: each fold is evaluated by a model fitted on the other folds",
            "use 2 to 10",
        )
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


# ---- one fold --------------------------------------------------------------------------------
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
        raise UsageError("distillation needs both a recipe that asks for it and a teacher")
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


# ---- statistics over folds -------------------------------------------------------------------
@dataclass(frozen=True)
class Estimate:
    """A mean over folds, and half the width of its 95 % interval; None with fewer than two."""

    mean: float
    half: float | None

    @property
    def low(self) -> float:
        return self.mean - (math.inf if self.half is None else self.half)

    @property
    def high(self) -> float:
        return self.mean + (math.inf if self.half is None else self.half)

    @property
    def noise(self) -> bool:
        """Whether the interval contains 0: then, as a difference, nothing was shown."""
        return self.low <= 0 <= self.high


def estimate(values: Sequence[float]) -> Estimate:
    """The mean of independent values with Student's t interval.

    Args:
        values: one for each fold, the mean of its seeds. The seeds of a fold are not independent
            values, because they are evaluated on the same subjects.
    """
    if len(values) < 2:
        return Estimate(fmean(values), None)
    half = _quantile(len(values) - 1) * math.sqrt(variance(values) / len(values))
    return Estimate(fmean(values), half)


def paired_difference(one: Sequence[float], other: Sequence[float]) -> Estimate:
    """`one` minus `other`, fold by fold: what both folds have in common cancels out."""
    return estimate([a - b for a, b in zip(one, other, strict=True)])


@cache
def _quantile(freedom: int) -> float:
    from scipy.stats import t

    return float(t.ppf(0.5 + CONFIDENCE / 2, freedom))


# ---- all folds -------------------------------------------------------------------------------
@dataclass(frozen=True)
class FoldAccuracy:
    """Share of the held-out subjects' windows that one model classifies correctly."""

    overall: float
    by_subject: dict[str, float]

    @classmethod
    def of(cls, predicted: NDArray[np.int64], held_out: Dataset) -> FoldAccuracy:
        """Of the class numbers that a model gave the held-out windows."""
        correct, subjects = predicted == held_out.labels, held_out.subjects
        each = {s: float(correct[subjects == s].mean()) for s in held_out.subject_names}
        return cls(float(correct.mean()), each)


@dataclass(frozen=True)
class FoldRun:
    """One fold with one seed.

    Attributes:
        test_subjects: the held-out subjects.
        val_subjects: the subjects that validated the fit, if validation chose its epoch; otherwise
            they were trained on.
        confusion: windows by true class (rows) and predicted class, in the order of the labels.
        compressed: accuracy of the same network fine-tuned, and after each compression, by name.
    """

    fold: int
    seed: int
    test_subjects: tuple[str, ...]
    val_subjects: tuple[str, ...]
    accuracy: FoldAccuracy
    confusion: tuple[tuple[int, ...], ...]
    epochs: int
    parameters: int
    seconds: float
    compressed: dict[str, FoldAccuracy] = field(default_factory=dict)


@dataclass(frozen=True)
class PairedComparison:
    """A recipe minus its baseline, fold by fold, over the seeds that both have (over all seeds
    where they have none in common)."""

    baseline: str
    folds: int
    difference: Estimate


@dataclass(frozen=True)
class CrossValidation:
    """Every fold of a recipe.

    Attributes:
        folds: the number of folds of the plan, of which `runs` may hold some only.
        comparison: with a baseline, where one was given.
    """

    recipe: str
    model: str
    data: str
    folds: int
    labels: tuple[str, ...]
    runs: tuple[FoldRun, ...]
    comparison: PairedComparison | None = None

    @property
    def seeds(self) -> tuple[int, ...]:
        return tuple(dict.fromkeys(run.seed for run in self.runs))

    @property
    def accuracy(self) -> Estimate:
        """Mean over folds, each the mean of its seeds, with its interval."""
        return estimate(list(self.by_fold().values()))

    @property
    def deviation(self) -> float | None:
        """Sample standard deviation over runs; None of one run."""
        values = [run.accuracy.overall for run in self.runs]
        return stdev(values) if len(values) > 1 else None

    @property
    def worst_fold(self) -> tuple[int, float]:
        """Number and accuracy of the fold with the lowest accuracy."""
        return min(self.by_fold().items(), key=lambda item: item[1])

    @property
    def worst_subject(self) -> tuple[str, float]:
        """Name and accuracy of the subject with the lowest accuracy."""
        return next(iter(self.by_subject().items()))

    def by_fold(self, seeds: Sequence[int] | None = None) -> dict[int, float]:
        """Accuracy of each fold, the mean of its seeds (of the given ones only)."""
        values: dict[int, list[float]] = defaultdict(list)
        for run in self.runs:
            if seeds is None or run.seed in seeds:
                values[run.fold].append(run.accuracy.overall)
        return {fold: fmean(each) for fold, each in values.items()}

    def by_subject(self) -> dict[str, float]:
        """Accuracy of each subject, the mean of the seeds; the lowest first."""
        values: dict[str, list[float]] = defaultdict(list)
        for run in self.runs:
            for subject, accuracy in run.accuracy.by_subject.items():
                values[subject].append(accuracy)
        means = {subject: fmean(each) for subject, each in values.items()}
        return dict(sorted(means.items(), key=lambda item: item[1]))

    def recall(self) -> dict[str, float | None]:
        """Share of each class's windows that are classified as it; None without windows."""
        recalls: dict[str, float | None] = {}
        for i, label in enumerate(self.labels):
            windows = sum(sum(run.confusion[i]) for run in self.runs)
            correct = sum(run.confusion[i][i] for run in self.runs)
            recalls[label] = correct / windows if windows else None
        return recalls

    def compressions(self) -> dict[str, tuple[Estimate, Estimate]]:
        """Of each compression: its accuracy, and its paired difference to the float network."""
        names = dict.fromkeys(name for run in self.runs for name in run.compressed)
        estimates = {}
        for name in names:
            pairs: dict[int, list[tuple[float, float]]] = defaultdict(list)
            for run in self.runs:
                pair = run.compressed[name].overall, run.accuracy.overall
                pairs[run.fold].append(pair)
            small = [fmean(a for a, _ in each) for each in pairs.values()]
            plain = [fmean(b for _, b in each) for each in pairs.values()]
            estimates[name] = estimate(small), paired_difference(small, plain)
        return estimates

    def compared_with(self, baseline: CrossValidation) -> CrossValidation:
        """The same runs, with the paired difference to a baseline.

        Raises:
            BadInput: the two have no fold in common, or a fold with other held-out subjects.
        """
        mine = {run.fold: run.test_subjects for run in self.runs}
        theirs = {run.fold: run.test_subjects for run in baseline.runs}
        shared = sorted(mine.keys() & theirs.keys())
        if not shared or any(mine[fold] != theirs[fold] for fold in shared):
            raise BadInput(
                f"{self.recipe} and {baseline.recipe} were not evaluated on the same folds",
                "cross-validate both with the same data and the same number of folds",
            )
        seeds = [seed for seed in self.seeds if seed in baseline.seeds] or None
        one, other = self.by_fold(seeds), baseline.by_fold(seeds)
        shared = [fold for fold in shared if fold in one and fold in other]
        gap = paired_difference([one[fold] for fold in shared], [other[fold] for fold in shared])
        return replace(self, comparison=PairedComparison(baseline.recipe, len(shared), gap))

    def to_json(self) -> dict[str, Any]:
        """All runs, and what follows from them under `summary`."""
        fold, subject = self.worst_fold, self.worst_subject
        summary = {
            "runs": len(self.runs),
            "accuracy": encode_fields(self.accuracy),
            "deviation": self.deviation,
            "worst_fold": {"fold": fold[0], "accuracy": fold[1]},
            "worst_subject": {"subject": subject[0], "accuracy": subject[1]},
            "by_subject": self.by_subject(),
            "recall": self.recall(),
            "compressed": {
                name: {"accuracy": encode_fields(one), "difference": encode_fields(gap)}
                for name, (one, gap) in self.compressions().items()
            },
        }
        return encode_fields(self) | {"seeds": list(self.seeds), "summary": summary}

    @classmethod
    def from_json(cls, data: dict[str, Any]) -> CrossValidation:
        """Raises ValueError where it is not what `to_json` gives."""
        derived = {"seeds", "summary", "format", "schema_version"}
        return decode_fields(cls, {k: v for k, v in data.items() if k not in derived})
