"""What a file costs the task: drops per class and per subject, and every disagreement.

The sizes of all errors of a file, counted in bins that are the same for every file.
"""

from __future__ import annotations

import math
from collections.abc import Sequence
from dataclasses import replace
from typing import TYPE_CHECKING, Any

from edgeconv.core import Disagreements, ErrorHistogram, Interval, ParityStatistics, subject_order
from edgeconv.parity.significance import LEVEL, clopper_pearson, decide

if TYPE_CHECKING:
    import numpy as np
    from numpy.typing import NDArray

    Answers = NDArray[np.int64]

BINS_A_DECADE = 4
FIRST_DECADE = -9
"""Of the smallest edge: below the float32 spacing of a probability of 1 % (1e-9)."""


def error_histogram(
    reference: NDArray[np.floating[Any]], candidate: NDArray[np.floating[Any]]
) -> ErrorHistogram:
    """Differences of finite outputs (n, classes), by their sign.

    The bins are quarters of a decade from 1e-9 up to 1, which no difference of probabilities
    exceeds; decades are added where outputs are something else.
    """
    import numpy as np

    errors = candidate.astype(np.float64) - reference
    size = np.abs(errors)
    largest = float(size.max(initial=0.0))
    last = max(0, math.ceil(math.log10(largest))) if largest > 0 else 0
    powers = np.arange(FIRST_DECADE * BINS_A_DECADE, last * BINS_A_DECADE + 1)
    edges = 10.0 ** (powers / BINS_A_DECADE)
    # a logarithm may put the largest just past the last edge
    clipped = np.clip(size, edges[0], edges[-1])
    above, below = (np.histogram(clipped[side], edges)[0] for side in (errors > 0, errors < 0))
    return ErrorHistogram(
        edges=tuple(float(f"{edge:.4g}") for edge in edges),
        above=tuple(above.tolist()),
        below=tuple(below.tolist()),
        equal=int((errors == 0).sum()),
    )


SHOWN = 6  # disagreements whose readings are kept for the report
_DIGITS = 6  # of a margin: enough to rank, and the list stays readable


def macro_f1(answers: Answers, labels: NDArray[np.integer[Any]], classes: int) -> float:
    """Mean F1 over classes that occur or were answered, as `classification.evaluate` has it."""
    import numpy as np

    hits = np.bincount(labels[answers == labels], minlength=classes)
    both = np.bincount(labels, minlength=classes) + np.bincount(answers, minlength=classes)
    return float((2 * hits[both > 0] / both[both > 0]).mean())


def largest_drop(
    reference_right: NDArray[np.bool_], right: NDArray[np.bool_], groups: NDArray[Any]
) -> float:
    """The largest drop of accuracy among the groups (classes, subjects) that `groups` names."""
    import numpy as np

    numbers = np.unique(groups, return_inverse=True)[1]
    n = np.bincount(numbers)
    change = np.bincount(numbers, reference_right.astype(float) - right)
    return float((change / n).max())


def parity_statistics(
    reference: NDArray[np.floating[Any]],
    candidate: NDArray[np.floating[Any]],
    labels: NDArray[np.integer[Any]],
    subjects: NDArray[np.str_] | None,
    label_names: Sequence[str],
    max_drop: float,
    level: float = LEVEL,
) -> ParityStatistics:
    """What stands behind a verdict, for finite outputs (n, classes) of the same windows, n ≥ 1.

    Without `subjects` all windows count as one subject's.
    """
    import numpy as np

    before, after = reference.argmax(axis=1), candidate.argmax(axis=1)
    groups = np.full(len(labels), "all") if subjects is None else subjects
    agreeing = int((before == after).sum())
    low, high = clopper_pearson(agreeing, len(labels), level)
    names = {
        i: label_names[i] if i < len(label_names) else f"class {i}"
        for i in range(reference.shape[1])
    }
    subject_names = {name: name for name in np.unique(groups).tolist()}
    per_subject = _table(before, after, labels, groups, subject_names)
    rows = per_subject.values()
    return ParityStatistics(
        agreement=Interval(agreeing / len(labels), low, high, level, "Clopper-Pearson, two-sided"),
        drop=decide(
            [int(row["lost"]) for row in rows],
            [int(row["won"]) for row in rows],
            [int(row["n"]) for row in rows],
            max_drop,
            level,
        ),
        flips=disagreements(reference, candidate, labels, groups),
        labels=tuple(names.values()),
        per_class=_table(before, after, labels, labels, names),
        per_subject=dict(sorted(per_subject.items(), key=lambda item: subject_order(item[0]))),
        errors=error_histogram(reference, candidate),
    )


def disagreements(
    reference: NDArray[np.floating[Any]],
    candidate: NDArray[np.floating[Any]],
    labels: NDArray[np.integer[Any]],
    subjects: NDArray[np.str_],
) -> Disagreements:
    """Every window for which both predict different classes, in order."""
    import numpy as np

    before, after = reference.argmax(axis=1), candidate.argmax(axis=1)
    changed = np.flatnonzero(before != after)
    top = np.sort(reference[changed].astype(np.float64), axis=1)
    return Disagreements(
        window=tuple(changed.tolist()),
        reference=tuple(before[changed].tolist()),
        answer=tuple(after[changed].tolist()),
        truth=tuple(np.asarray(labels)[changed].tolist()),
        margin=tuple(np.round(top[:, -1] - top[:, -2], _DIGITS).tolist()) if len(changed) else (),
        subject=tuple(map(str, subjects[changed])),
    )


def with_readings(measured: ParityStatistics, windows: NDArray[np.float32]) -> ParityStatistics:
    """The statistics with the canonical readings of the most confident disagreements."""
    import numpy as np

    flips = measured.flips
    if not len(flips):
        return measured
    numbers = [flips.window[i] for i in flips.most_confident(SHOWN)]
    readings = {str(n): tuple(np.round(windows[n].astype(float), 2).tolist()) for n in numbers}
    return replace(measured, flips=replace(flips, readings=readings))


def _table(
    reference: Answers,
    answers: Answers,
    labels: NDArray[np.integer[Any]],
    groups: NDArray[Any],
    names: dict[Any, str],
) -> dict[str, dict[str, float]]:
    """By group: accuracies, their drop, and numbers of regressions, improvements, disagreements.

    The keys `lost`, `won` and `flips` are those of parity.json.
    """
    table = {}
    for key, name in names.items():
        members = groups == key
        n = int(members.sum())
        if not n:
            continue
        before, after = reference[members] == labels[members], answers[members] == labels[members]
        table[name] = {
            "reference": float(before.mean()),
            "file": float(after.mean()),
            "drop": (int(before.sum()) - int(after.sum())) / n,
            "lost": int((before & ~after).sum()),
            "won": int((after & ~before).sum()),
            "flips": int((reference[members] != answers[members]).sum()),
            "n": n,
        }
    return table
