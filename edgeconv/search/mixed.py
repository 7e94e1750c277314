"""Mixed precision: which layers of an `int4` file are worth 8 bits, from measured sensitivity."""

from __future__ import annotations

from collections import defaultdict
from collections.abc import Sequence
from dataclasses import replace
from statistics import fmean

from edgeconv.search.candidates import Candidate, Point
from edgeconv.search.trials import Trial

INT4 = "int4"
MOST = 2  # layers that are spared; a third one has left little of the 4 bits in these networks


def mixed(members: Sequence[Point], trials: Sequence[Trial]) -> list[Candidate]:
    """For each `int4` member, the same candidate with the layer in 8 bits that it gains most by,
    and with the two.

    Sensitivity was measured with the fits of the folds, on people who train them. Whether a mixed
    file is worth its bytes is then judged like everything else: by accuracy, on every fold.
    """
    found = []
    for point in members:
        if point.scheme != INT4 or point.candidate.int8_layers:
            continue
        order = _order(next(t for t in trials if t.candidate == point.candidate))
        for count in range(1, min(MOST, len(order) - 1) + 1):
            layers = tuple(order[:count])
            found.append(replace(point.candidate, schemes=(INT4,), int8_layers=layers))
    return found


def _order(trial: Trial) -> list[str]:
    """Layers by the mean over folds of what sparing them leaves, the best first."""
    spared: dict[str, list[float]] = defaultdict(list)
    for outcome in trial.outcomes.values():
        for layer, decibels in outcome.spared_db.items():
            spared[layer].append(decibels)
    return sorted(spared, key=lambda layer: (-fmean(spared[layer]), layer))
