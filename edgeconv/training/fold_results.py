"""What the folds of a cross-validation show: accuracy, macro-F1, worst subjects, paired losses."""

from __future__ import annotations

import math
from collections import defaultdict
from collections.abc import Collection, Sequence
from dataclasses import dataclass, field, replace
from functools import cache
from statistics import fmean, stdev, variance
from typing import TYPE_CHECKING, Any

from edgeconv.core import Dataset
from edgeconv.core.json_codec import decode_fields, encode_fields
from edgeconv.errors import BadInput

if TYPE_CHECKING:
    import numpy as np
    from numpy.typing import NDArray

CONFIDENCE = 0.95
WORST_SHARE = 1 / 4  # of the subjects: whose mean is reported beside that of all


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
    def noise(self) -> bool | None:
        """Whether the interval contains 0: then, as a difference, nothing was shown.

        None without an interval, which says neither.
        """
        return None if self.half is None else self.low <= 0 <= self.high


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


def macro_f1(confusion: Sequence[Sequence[int]]) -> float:
    """Mean F1 over the classes that occur or were answered, as `evaluate` defines it.

    Args:
        confusion: windows by true class (rows) and predicted class.
    """
    scores = []
    for i, row in enumerate(confusion):
        occur, answered = sum(row), sum(other[i] for other in confusion)
        if occur or answered:
            scores.append(2 * row[i] / (occur + answered))
    return fmean(scores)


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
    """A recipe minus its baseline, over the fits that both have.

    Attributes:
        difference: of accuracy, paired by fold.
        by_subject: the difference on each subject, the mean of the seeds; the greatest loss first.
        seeds: of the fits compared; none: the two have no seed of a fold in common, so the mean of
            all seeds of the one is compared with that of the other.
    """

    baseline: str
    folds: int
    difference: Estimate
    by_subject: dict[str, float] = field(default_factory=dict)
    seeds: tuple[int, ...] = ()

    @property
    def worst_loss(self) -> tuple[str, float] | None:
        """The subject that loses most, and the difference there; None where none is compared."""
        return min(self.by_subject.items(), key=lambda item: item[1], default=None)


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
    def macro_f1(self) -> Estimate:
        """Mean over folds of macro-F1, each the mean of its seeds, with its interval."""
        values: dict[int, list[float]] = defaultdict(list)
        for run in self.runs:
            values[run.fold].append(macro_f1(run.confusion))
        return estimate([fmean(each) for each in values.values()])

    @property
    def worst_subjects(self) -> tuple[int, float]:
        """How many subjects the worst quarter is, and their mean accuracy."""
        each = list(self.by_subject().values())
        count = max(1, round(WORST_SHARE * len(each)))
        return count, fmean(each[:count])

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

    def by_fold(self) -> dict[int, float]:
        """Accuracy of each fold, the mean of its seeds."""
        values: dict[int, list[float]] = defaultdict(list)
        for run in self.runs:
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
        """The same runs, with the paired difference to a baseline, over the fits that both have.

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
        pairs = {(r.fold, r.seed) for r in self.runs} & {(r.fold, r.seed) for r in baseline.runs}
        mine_of, theirs_of = (each._of(pairs) if pairs else each for each in (self, baseline))
        one, other = mine_of.by_fold(), theirs_of.by_fold()
        shared = [fold for fold in shared if fold in one and fold in other]
        gap = paired_difference([one[fold] for fold in shared], [other[fold] for fold in shared])
        mean, lower = mine_of.by_subject(), theirs_of.by_subject()
        losses = {s: mean[s] - lower[s] for s in mean if s in lower}
        losses = dict(sorted(losses.items(), key=lambda item: item[1]))
        seeds = tuple(sorted({seed for _, seed in pairs}))
        comparison = PairedComparison(baseline.recipe, len(shared), gap, losses, seeds)
        return replace(self, comparison=comparison)

    def _of(self, fits: Collection[tuple[int, int]]) -> CrossValidation:
        """The runs of some folds and seeds only."""
        return replace(self, runs=tuple(r for r in self.runs if (r.fold, r.seed) in fits))

    def to_json(self) -> dict[str, Any]:
        """All runs, and what follows from them under `summary`."""
        (fold, subject), (count, worst) = (self.worst_fold, self.worst_subject), self.worst_subjects
        summary = {
            "runs": len(self.runs),
            "accuracy": encode_fields(self.accuracy),
            "macro_f1": encode_fields(self.macro_f1),
            "deviation": self.deviation,
            "worst_fold": {"fold": fold[0], "accuracy": fold[1]},
            "worst_subject": {"subject": subject[0], "accuracy": subject[1]},
            "worst_subjects": {"subjects": count, "accuracy": worst},
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
