"""What a search came to: the members of its front, and how they stand to the budgets."""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from dataclasses import asdict, dataclass, field, replace
from statistics import fmean
from typing import Any

from edgeconv.core import MachineInfo
from edgeconv.search.budgets import Budgets
from edgeconv.search.candidates import Outcome, Point, Task
from edgeconv.training.cross_validation import Estimate, estimate, paired_difference

HALF_A_POINT = 0.005  # what a chosen member may lose where no --max-accuracy-drop says so


@dataclass(frozen=True)
class Member:
    """A file of the front. Differences are in accuracy: 0.01 is one point.

    Attributes:
        accuracy: over folds, each the mean of its seeds.
        drop: what is lost against the recipe's own float network, fold by fold.
        gain: over the next smaller member; None for the smallest.
        first: mean of the search's own seed, by which it was chosen: a little too good.
        test: on the test people, whom nothing was chosen by; None: not looked at.
        latency_us, interval_us: median of one inference on this machine, one thread.
        parity: the verdict of its bundle's checks.
        met: by budget: whether it is kept; None: the measurement does not decide.
    """

    name: str
    point: Point
    accuracy: Estimate
    drop: Estimate
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

    @property
    def meets(self) -> bool:
        """Whether it is within every budget that was stated."""
        return all(self.met.values())

    def to_json(self) -> dict[str, Any]:
        point = asdict(self.point) | {"candidate": self.point.candidate.to_json()}
        return {**asdict(self), "point": point, "meets": self.meets}


@dataclass(frozen=True)
class Anchor:
    """The recipe's own network in float, that everything is compared with."""

    model: str
    folds: tuple[float, ...]
    accuracy: Estimate
    runs: int
    test: float | None = None


@dataclass(frozen=True)
class SearchResult:
    """All that `front.json` holds.

    Attributes:
        states: how many trials ended how.
        more: what more time would buy, in sentences.
        people: how many are in the folds, and in the test.
    """

    recipe: str
    data: str
    seed: int
    seeds: tuple[int, ...]
    folds: int
    people: tuple[int, int]
    budgets: Budgets
    anchor: Anchor
    members: tuple[Member, ...]
    points: tuple[Point, ...]
    states: dict[str, int]
    minutes: float
    more: tuple[str, ...] = ()
    interrupted: bool = False
    versions: dict[str, str] = field(default_factory=dict)
    machine: MachineInfo = field(default_factory=MachineInfo)

    @property
    def chosen(self) -> Member | None:
        """The smallest member within every budget, and, unless --max-accuracy-drop says otherwise,
        at most half a point below the recipe's own network."""
        fitting = [m for m in self.members if m.meets]
        if self.budgets.max_drop is None:
            fitting = [m for m in fitting if m.drop.mean <= HALF_A_POINT]
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
            "met": self.met,
        }


def confirmed(point: Point, seeds: Sequence[int], outcomes: Mapping[str, Outcome]) -> Point:
    """A point with the folds of further seeds; a seed counts where all of its folds are there."""
    runs = [point.folds]
    for seed in seeds:
        found = _of_seed(point, seed, outcomes)
        if all(o is not None and not o.failed for o in found):
            runs.append(tuple(o.accuracy[point.scheme] for o in found if o is not None))
    means = tuple(fmean(values) for values in zip(*runs, strict=True))
    return replace(point, folds=means, runs=len(runs) * len(means))


def confirmed_full(
    point: Point, full: Sequence[float], seeds: Sequence[int], outcomes: Mapping[str, Outcome]
) -> tuple[tuple[float, ...], int]:
    """The same for the float network itself; and how many fits it was."""
    runs = [tuple(full)]
    for seed in seeds:
        found = [o for o in _of_seed(point, seed, outcomes) if o is not None]
        values = [o.full for o in found if o.full is not None]
        if len(values) == len(full):
            runs.append(tuple(values))
    means = tuple(fmean(values) for values in zip(*runs, strict=True))
    return means, len(runs) * len(means)


def members_of(
    points: Sequence[Point], first: Mapping[tuple[str, str], float], full: Sequence[float]
) -> tuple[Member, ...]:
    """The members of a front, the smallest first, with their statistics.

    Args:
        first: accuracy with the search's own seed, by the point's key.
        full: of the recipe's own float network on each fold.
    """
    found: list[Member] = []
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
        smaller = found[-1].point if found else None
        found.append(
            Member(
                name,
                point,
                estimate(point.folds),
                paired_difference(full, point.folds),
                paired_difference(point.folds, smaller.folds) if smaller else None,
                first[point.key],
            )
        )
    return tuple(found)


def kept_budgets(member: Member, budgets: Budgets) -> dict[str, bool | None]:
    """Each stated budget: kept or not; None where the measurement does not decide.

    Accuracy is decided by the mean, since half a point lies inside the noise of any affordable
    number of folds; the table says so where it does. Latency is decided by its interval.
    """
    found: dict[str, bool | None] = {}
    point = member.point
    if budgets.max_bytes is not None:
        found["max_bytes"] = point.bytes <= budgets.max_bytes
    if budgets.max_macs is not None:
        found["max_macs"] = point.macs <= budgets.max_macs
    if budgets.max_drop is not None:
        found["max_drop"] = member.drop.mean <= budgets.max_drop
    if budgets.max_latency_us is not None:
        found["max_latency_us"] = _in_time(member.interval_us, budgets.max_latency_us)
    return found


def _in_time(interval: tuple[float, float] | None, limit: float) -> bool | None:
    if interval is None or interval[0] <= limit < interval[1]:
        return None
    return interval[1] <= limit


def _of_seed(point: Point, seed: int, outcomes: Mapping[str, Outcome]) -> list[Outcome | None]:
    folds = range(len(point.folds))
    return [outcomes.get(Task(point.candidate, seed, fold).key) for fold in folds]
