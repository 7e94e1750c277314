"""A search over the toy, as the pipeline sets it up."""

from __future__ import annotations

import sys
from collections.abc import Sequence
from dataclasses import dataclass, field
from pathlib import Path
from typing import Any

from edgeconv.models import searched_family
from edgeconv.search import (
    Budgets,
    DesignPoint,
    Evaluate,
    Journal,
    Sampler,
    Search,
    SearchCandidate,
    SearchPlan,
    Space,
    Trial,
    open_executor,
    pareto_front,
)
from tests.unit.search.toy import Toy

BASELINE = SearchCandidate("cnn:100", schemes=("int8", "int4"))
SPACE = Space({"": ("int8", "int4")}, 5, *searched_family("har"))


@dataclass
class Heard:
    """Listens, and remembers which trials ended."""

    ended_numbers: list[int] = field(default_factory=list)

    def changed(self, search: Search) -> None: ...

    def ended(self, trial: Trial) -> None:
        self.ended_numbers.append(trial.number)


def toy_search(
    folder: Path,
    evaluate: Evaluate | None = None,
    executor: str = "local",
    workers: int = 1,
    trials: int | None = 12,
    budgets: Budgets | None = None,
    until: float | None = None,
    seed: int = 0,
    added: Sequence[SearchCandidate] = (),
    **plan: Any,
) -> Search:
    """One whole search, three folds a candidate."""
    journal = Journal.open(folder, {"seed": seed})
    opened = open_executor(executor, evaluate or Toy(), workers, "")
    try:
        sampler = Sampler(SPACE, seed)
        wanted = SearchPlan(folds=3, seed=seed, trials=trials, until=until, **plan)
        search = Search(sampler, opened, journal, budgets or Budgets(), wanted, Heard())
        search.run(BASELINE)
        search.add(added)
    finally:
        opened.close()
    return search


def figures(points: Sequence[DesignPoint]) -> list[tuple[str, str, int, tuple[float, ...]]]:
    """What two searches are compared by."""
    return [(p.candidate.key, p.scheme, p.bytes, p.folds) for p in points]


def states(search: Search) -> list[tuple[str, str]]:
    return [(t.candidate.key, str(t.state)) for t in search.trials]


if __name__ == "__main__":
    folder, log, endless = Path(sys.argv[1]), Path(sys.argv[2]), float(sys.argv[3])
    toy = Toy(log=log, endless_after=endless)
    done = toy_search(folder, toy, workers=2, trials=int(sys.argv[4]))
    sys.stdout.write(" ".join(row[0] for row in figures(pareto_front(done.points()))))
