"""What more time would buy: how the front moved lately, and what was left undone."""

from __future__ import annotations

from edgeconv.search.engine import Search
from edgeconv.search.front import area, front, thin
from edgeconv.search.trials import State

_MANY = 50


def what_more_would_buy(search: Search) -> tuple[str, ...]:
    """In sentences for a person."""
    trials = search.trials[1 : search.told]
    judged = [t for t in trials if t.state in (State.FINISHED, State.STOPPED)]
    lines = [_progress(search)] if len(judged) >= 3 else []
    running = len(search.trials) - search.told
    if running:
        lines.append(f"{running} candidates were under way and are not counted")
    if search.repeats:
        lines.append("the sampler has begun to repeat itself: the space is nearly used up")
    elif search.out_of_time:
        lines.append(
            f"{len(judged)} networks were judged; the space holds many thousands more. "
            "Start the same command again to go on from here"
        )
    return tuple(lines)


def _progress(search: Search) -> str:
    """How the last third of the trials moved the front of accuracy over bytes."""
    early = thin(front(search.told_points(1 + (search.told - 1) * 2 // 3)), _MANY)
    late = thin(front(search.told_points()), _MANY)
    old = {point.key for point in early}
    new = [point for point in late if point.key not in old]
    if not new:
        return "the last third of the trials did not move the front: more time buys little"
    gain = area(late) / area(early) - 1 if early else 1.0
    return (
        f"the last third of the trials brought {len(new)} of {len(late)} members of the front "
        f"(its area grew by {gain:.2%}): more time would move it further"
    )
