"""Advice on the time budget: how the front moved lately, and what was not evaluated."""

from __future__ import annotations

from collections.abc import Sequence
from statistics import fmean

from edgeconv.search.engine import Search
from edgeconv.search.pareto import area, pareto_front, thin
from edgeconv.search.trials import Trial, TrialState

FEW = 12  # networks; with fewer, whether the last third moved the front is chance
_MANY = 50


def budget_advice(search: Search) -> tuple[str, ...]:
    """What more time would bring, as sentences."""
    trials = search.trials[1 : search.reported]
    evaluated = [t for t in trials if t.state in (TrialState.FINISHED, TrialState.PRUNED)]
    lines = [_progress(search) if len(evaluated) >= FEW else _pace(search, evaluated)]
    running = len(search.trials) - search.reported
    if running:
        lines.append(f"{running} candidates were still running and are not counted")
    if search.repeats:
        lines.append("the sampler has begun to repeat itself: the space is nearly used up")
    elif search.out_of_time:
        lines.append(
            "the space holds many thousands of networks. Start the same command again to go on "
            "from here"
        )
    return tuple(lines)


def _pace(search: Search, evaluated: Sequence[Trial]) -> str:
    """Networks evaluated per hour, if there are too few to say more."""
    count = f"{len(evaluated)} networks were evaluated, too few to say how the Pareto front moves"
    seconds = [o.seconds for trial in evaluated for o in trial.outcomes.values()]
    if not sum(seconds):
        return count
    hourly = 3600 * search.executor.workers / (fmean(seconds) * search.plan.folds)
    return f"{count}: another hour on this machine evaluates about {hourly:.0f} more"


def _progress(search: Search) -> str:
    """How the last third of the trials moved the front of accuracy over bytes."""
    early = thin(pareto_front(search.reported_points(1 + (search.reported - 1) * 2 // 3)), _MANY)
    late = thin(pareto_front(search.reported_points()), _MANY)
    old = {point.key for point in early}
    new = [point for point in late if point.key not in old]
    if not new:
        return "the last third of the trials did not move the Pareto front: more time buys little"
    gain = area(late) / area(early) - 1 if early else 1.0
    return (
        f"the last third of the trials brought {len(new)} of {len(late)} points of the Pareto "
        f"front (its area grew by {gain:.2%}): more time would move it further"
    )
