"""The result of a search: the points of its Pareto front, and whether they meet the budgets."""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from dataclasses import asdict, dataclass, field, replace
from itertools import product
from statistics import fmean
from typing import Any

from edgeconv.core import MachineInfo
from edgeconv.search.candidates import DesignPoint, SearchCandidate, SearchTask, TaskOutcome
from edgeconv.search.options import Budgets
from edgeconv.training.fold_results import Estimate, estimate, paired_difference

DEFAULT_MAX_DROP = 0.005  # largest accuracy drop of a chosen file without --max-accuracy-drop
DEFAULT_MAX_SUBJECT_DROP = 0.02  # the same on any subject, without --max-subject-drop


Outcomes = Mapping[str, TaskOutcome]
"""By the key of the task."""


@dataclass(frozen=True)
class ParetoMember:
    """A file of the front. Differences are in accuracy: 0.01 is one percentage point.

    Attributes:
        accuracy: over folds, each the mean of its seeds.
        drop: accuracy drop below the recipe's float network, paired by fold, over the folds that
            this was judged on; None where there was no time for any.
        gain: over the next smaller file; None for the smallest.
        first: mean of the search's seed, by which it was chosen: slightly optimistic.
        test: accuracy on the test subjects, which were not used for any choice; None: not measured.
        latency_us, interval_us: median of one inference on this machine, one thread.
        parity: the verdict of its bundle's checks.
        met: by budget: whether it is met; None: the measurement does not decide.
        by_subject: accuracy drop on each subject of the folds, below the recipe's file in the same
            scheme, where that was judged; the greatest first.
        accuracy_by_subject: accuracy on each subject, the lowest first. Both are means over seeds.
    """

    name: str
    point: DesignPoint
    accuracy: Estimate
    drop: Estimate | None
    gain: Estimate | None
    first: float
    bundle: str = ""
    file: str = ""
    test: float | None = None
    test_windows: int = 0
    latency_us: float | None = None
    interval_us: tuple[float, float] | None = None
    parity: str = "not_run"
    met: dict[str, bool | None] = field(default_factory=dict)
    by_subject: dict[str, float] = field(default_factory=dict)
    accuracy_by_subject: dict[str, float] = field(default_factory=dict)

    @property
    def seeds(self) -> int:
        """With how many seeds it was judged on all folds."""
        return self.point.runs // max(len(self.point.folds), 1)

    @property
    def worst_drop(self) -> tuple[str, float] | None:
        """The subject with the greatest accuracy drop; None where none is compared."""
        return next(iter(self.by_subject.items()), None)

    @property
    def worst_subject(self) -> tuple[str, float] | None:
        """The subject with the lowest accuracy; None where none is known."""
        return next(iter(self.accuracy_by_subject.items()), None)

    @property
    def meets(self) -> bool:
        """Whether it is within every budget that was stated."""
        return all(self.met.values())

    def to_json(self) -> dict[str, Any]:
        point = asdict(self.point) | {"candidate": self.point.candidate.to_json()}
        return {**asdict(self), "point": point, "meets": self.meets}


@dataclass(frozen=True)
class Baseline:
    """The recipe's float network, the baseline of all comparisons.

    Attributes:
        folds: accuracy of the first folds, of as many as there was time for.
    """

    model: str
    folds: tuple[float, ...]
    accuracy: Estimate | None
    runs: int
    test: float | None = None


@dataclass(frozen=True)
class SearchResult:
    """All that `front.json` holds.

    Attributes:
        states: number of trials by state.
        advice: what more time would buy, in sentences.
        subjects: number of subjects in the folds, and in the test.
        judged_per_minute: candidates that were judged on a fold or more; None if all were known.
        workers_busy: share of the workers' time that they worked, until the bundles are made.
    """

    recipe: str
    data: str
    seed: int
    seeds: tuple[int, ...]
    folds: int
    subjects: tuple[int, int]
    budgets: Budgets
    baseline: Baseline
    members: tuple[ParetoMember, ...]
    points: tuple[DesignPoint, ...]
    states: dict[str, int]
    minutes: float
    judged_per_minute: float | None = None
    workers_busy: float | None = None
    advice: tuple[str, ...] = ()
    interrupted: bool = False
    versions: dict[str, str] = field(default_factory=dict)
    machine: MachineInfo = field(default_factory=MachineInfo)

    @property
    def chosen(self) -> ParetoMember | None:
        """The smallest member within every budget, and, unless the budgets say otherwise, at most
        0.5 points below the recipe's network, and 2 points on any subject."""
        fitting = [m for m in self.members if m.meets]
        if self.budgets.max_drop is None:
            fitting = [m for m in fitting if m.drop and m.drop.mean <= DEFAULT_MAX_DROP]
        if self.budgets.max_subject_drop is None:
            fitting = [m for m in fitting if _on_every_subject(m, DEFAULT_MAX_SUBJECT_DROP)]
        return fitting[0] if fitting else None

    @property
    def met(self) -> bool:
        """Whether any member is within every budget that was stated."""
        return any(member.meets for member in self.members)

    def to_json(self) -> dict[str, Any]:
        points = [asdict(p) | {"candidate": p.candidate.to_json()} for p in self.points]
        chosen = self.chosen
        return {
            **asdict(self),
            "machine": self.machine.to_json(),
            "points": points,
            "members": [member.to_json() for member in self.members],
            "chosen": chosen.name if chosen else None,
            "chosen_confirmed": chosen.seeds > 1 if chosen else None,
            "met": self.met,
        }


def confirmed(
    point: DesignPoint, seeds: Sequence[int], outcomes: Mapping[str, TaskOutcome]
) -> DesignPoint:
    """A point with the folds of further seeds; a seed counts where all of its folds are there."""
    runs = [point.folds]
    for seed in seeds:
        fold_outcomes = _of_seed(point, seed, outcomes)
        if all(o is not None and not o.failed for o in fold_outcomes):
            runs.append(tuple(o.accuracy[point.scheme] for o in fold_outcomes if o is not None))
    means = tuple(fmean(values) for values in zip(*runs, strict=True))
    return replace(point, folds=means, runs=len(runs) * len(means))


def confirmed_float_accuracy(
    point: DesignPoint,
    float_accuracy: Sequence[float],
    seeds: Sequence[int],
    outcomes: Mapping[str, TaskOutcome],
) -> tuple[tuple[float, ...], int]:
    """The same for the float network itself; and the number of fits."""
    runs = [tuple(float_accuracy)]
    for seed in seeds:
        fold_outcomes = [o for o in _of_seed(point, seed, outcomes) if o is not None]
        values = [o.float_accuracy for o in fold_outcomes if o.float_accuracy is not None]
        if len(values) == len(float_accuracy):
            runs.append(tuple(values))
    means = tuple(fmean(values) for values in zip(*runs, strict=True))
    return means, len(runs) * len(means)


def pareto_members(
    points: Sequence[DesignPoint],
    first: Mapping[tuple[str, str], float],
    float_accuracy: Sequence[float],
) -> tuple[ParetoMember, ...]:
    """The points of a front, the smallest first, with their statistics.

    Args:
        first: accuracy with the search's seed, by the point's key.
        float_accuracy: of the recipe's float network on the folds that it was judged on.
    """
    members: list[ParetoMember] = []
    names: set[str] = set()
    for point in points:
        name = f"{point.candidate.model.replace(':', '-')}_{point.scheme}"
        if point.candidate.compress:
            name += f"_{point.candidate.compress}"
        if point.candidate.int8_layers:
            name += "_mixed"
        if name in names:
            name += f"_{point.candidate.key[:4]}"
        names.add(name)
        smaller = members[-1].point if members else None
        members.append(
            ParetoMember(
                name,
                point,
                estimate(point.folds),
                accuracy_drop(float_accuracy, point) if float_accuracy else None,
                paired_difference(point.folds, smaller.folds) if smaller else None,
                first[point.key],
            )
        )
    return tuple(members)


def check_budgets(member: ParetoMember, budgets: Budgets) -> dict[str, bool | None]:
    """Each stated budget: met or not; None where the measurement does not decide.

    Accuracy is decided by the mean, since half a percentage point lies inside the noise of any
    affordable number of folds; the table marks such differences. Latency is decided by its
    interval.
    """
    met: dict[str, bool | None] = {}
    point = member.point
    if budgets.max_bytes is not None:
        met["max_bytes"] = point.bytes <= budgets.max_bytes
    if budgets.max_macs is not None:
        met["max_macs"] = point.macs <= budgets.max_macs
    if budgets.max_drop is not None:
        met["max_drop"] = member.drop.mean <= budgets.max_drop if member.drop else None
    if budgets.max_subject_drop is not None:
        met["max_subject_drop"] = _on_every_subject(member, budgets.max_subject_drop)
    if budgets.max_latency_us is not None:
        met["max_latency_us"] = _in_time(member.interval_us, budgets.max_latency_us)
    return met


def _on_every_subject(member: ParetoMember, limit: float) -> bool:
    return all(drop <= limit for drop in member.by_subject.values())


def accuracy_drop(float_accuracy: Sequence[float], point: DesignPoint) -> Estimate:
    """Accuracy drop below the recipe's float network, on the folds that this was judged on."""
    return paired_difference(float_accuracy, point.folds[: len(float_accuracy)])


def accuracy_by_subject(
    candidate: SearchCandidate,
    scheme: str,
    tasks: tuple[Sequence[int], Sequence[int]],
    outcomes: Outcomes,
) -> dict[str, float]:
    """Accuracy of a file on each subject, the mean of its seeds; the lowest first.

    Args:
        tasks: numbers of folds, and seeds: the search's and those that confirmed.
        outcomes: by the key of the task.
    """
    values: dict[str, list[float]] = {}
    for fold, seed in product(*tasks):
        outcome = outcomes.get(SearchTask(candidate, seed, fold).key)
        for subject, accuracy in (outcome.by_subject.get(scheme, {}) if outcome else {}).items():
            values.setdefault(subject, []).append(accuracy)
    means = {subject: fmean(each) for subject, each in values.items()}
    return dict(sorted(means.items(), key=lambda item: item[1]))


def subject_drops(
    accuracy: Mapping[str, float], reference: Mapping[str, float]
) -> dict[str, float]:
    """Accuracy drop on each subject that both have been judged on, the greatest first."""
    drops = {s: reference[s] - accuracy[s] for s in accuracy if s in reference}
    return dict(sorted(drops.items(), key=lambda item: -item[1]))


def _in_time(interval: tuple[float, float] | None, limit: float) -> bool | None:
    if interval is None or interval[0] <= limit < interval[1]:
        return None
    return interval[1] <= limit


def _of_seed(
    point: DesignPoint, seed: int, outcomes: Mapping[str, TaskOutcome]
) -> list[TaskOutcome | None]:
    folds = range(len(point.folds))
    return [outcomes.get(SearchTask(point.candidate, seed, fold).key) for fold in folds]
