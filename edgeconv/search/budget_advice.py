"""What more time would buy: how the front moved lately, and what was left undone."""

from __future__ import annotations

from collections.abc import Sequence
from statistics import fmean

from edgeconv.search.engine import Search
from edgeconv.search.pareto import area, pareto_front, thin
from edgeconv.search.trials import State, Trial

FEW = 12  # networks, of which a third is still some; of fewer, whether it moved the front is chance
_MANY = 50


def what_more_would_buy(search: Search) -> tuple[str, ...]:
    """In sentences for a person."""
    trials = search.trials[1 : search.told]
    judged = [t for t in trials if t.state in (State.FINISHED, State.STOPPED)]
    lines = [_progress(search) if len(judged) >= FEW else _pace(search, judged)]
    running = len(search.trials) - search.told
    if running:
        lines.append(f"{running} candidates were under way and are not counted")
    if search.repeats:
        lines.append("the sampler has begun to repeat itself: the space is nearly used up")
    elif search.out_of_time:
        lines.append(
            "the space holds many thousands of networks. Start the same command again to go on "
            "from here"
        )
    return tuple(lines)


def _pace(search: Search, judged: Sequence[Trial]) -> str:
    """How many networks an hour judges, where they are too few to say more."""
    told = f"{len(judged)} networks were judged, too few to say how the front moves"
    seconds = [o.seconds for trial in judged for o in trial.outcomes.values()]
    if not sum(seconds):
        return told
    hourly = 3600 * search.executor.workers / (fmean(seconds) * search.plan.folds)
    return f"{told}: another hour on this machine judges some {hourly:.0f} more"


def _progress(search: Search) -> str:
    """How the last third of the trials moved the front of accuracy over bytes."""
    early = thin(pareto_front(search.told_points(1 + (search.told - 1) * 2 // 3)), _MANY)
    late = thin(pareto_front(search.told_points()), _MANY)
    old = {point.key for point in early}
    new = [point for point in late if point.key not in old]
    if not new:
        return "the last third of the trials did not move the front: more time buys little"
    gain = area(late) / area(early) - 1 if early else 1.0
    return (
        f"the last third of the trials brought {len(new)} of {len(late)} members of the front "
        f"(its area grew by {gain:.2%}): more time would move it further"
    )
