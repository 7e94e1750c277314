"""What a file's answers cost the task: per class, per person, and every answer that changed."""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import replace
from typing import TYPE_CHECKING, Any

from edgeconv.core import Disagreements, Interval, ParityResult, ParityStatistics, subject_order
from edgeconv.parity.histogram import error_histogram
from edgeconv.parity.intervals import clopper_pearson
from edgeconv.parity.noninferiority import LEVEL, decide

if TYPE_CHECKING:
    import numpy as np
    from numpy.typing import NDArray

    Answers = NDArray[np.int64]

SHOWN = 6  # flips whose readings are kept to be looked at
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
    """The largest fall of accuracy among the groups (classes, people) that `groups` names."""
    import numpy as np

    numbers = np.unique(groups, return_inverse=True)[1]
    n = np.bincount(numbers)
    change = np.bincount(numbers, reference_right.astype(float) - right)
    return float((change / n).max())


def evidence(
    reference: NDArray[np.floating[Any]],
    candidate: NDArray[np.floating[Any]],
    labels: NDArray[np.integer[Any]],
    subjects: NDArray[np.str_] | None,
    label_names: Sequence[str],
    max_drop: float,
    level: float = LEVEL,
) -> ParityStatistics:
    """All that a verdict rests on, for finite outputs (n, classes) of the same windows, n ≥ 1.

    Without `subjects` all windows count as one person's.
    """
    import numpy as np

    answers, own = reference.argmax(axis=1), candidate.argmax(axis=1)
    people = np.full(len(labels), "all") if subjects is None else subjects
    agreeing = int((answers == own).sum())
    low, high = clopper_pearson(agreeing, len(labels), level)
    names = {
        i: label_names[i] if i < len(label_names) else f"class {i}"
        for i in range(reference.shape[1])
    }
    per_subject = _table(answers, own, labels, people, {p: p for p in np.unique(people).tolist()})
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
        flips=flips(reference, candidate, labels, people),
        labels=tuple(names.values()),
        per_class=_table(answers, own, labels, labels, names),
        per_subject=dict(sorted(per_subject.items(), key=lambda item: subject_order(item[0]))),
        errors=error_histogram(reference, candidate),
    )


def flips(
    reference: NDArray[np.floating[Any]],
    candidate: NDArray[np.floating[Any]],
    labels: NDArray[np.integer[Any]],
    subjects: NDArray[np.str_],
) -> Disagreements:
    """Every window that is answered otherwise than by the reference, in their order."""
    import numpy as np

    answers, own = reference.argmax(axis=1), candidate.argmax(axis=1)
    changed = np.flatnonzero(answers != own)
    top = np.sort(reference[changed].astype(np.float64), axis=1)
    return Disagreements(
        window=tuple(changed.tolist()),
        reference=tuple(answers[changed].tolist()),
        answer=tuple(own[changed].tolist()),
        truth=tuple(np.asarray(labels)[changed].tolist()),
        margin=tuple(np.round(top[:, -1] - top[:, -2], _DIGITS).tolist()) if len(changed) else (),
        subject=tuple(map(str, subjects[changed])),
    )


def with_readings(result: ParityResult, windows: NDArray[np.float32]) -> ParityResult:
    """The result with the sensor's readings of its surest flips, of canonical `windows`."""
    import numpy as np

    found = result.evidence
    if found is None or not len(found.flips):
        return result
    numbers = [found.flips.window[i] for i in found.flips.surest(SHOWN)]
    kept = {str(n): tuple(np.round(windows[n].astype(float), 2).tolist()) for n in numbers}
    return replace(result, evidence=replace(found, flips=replace(found.flips, readings=kept)))


def _table(
    reference: Answers,
    answers: Answers,
    labels: NDArray[np.integer[Any]],
    groups: NDArray[Any],
    names: dict[Any, str],
) -> dict[str, dict[str, float]]:
    """By group: shares answered rightly, their drop, windows lost, won, flipped, and all."""
    found = {}
    for key, name in names.items():
        own = groups == key
        n = int(own.sum())
        if not n:
            continue
        before, after = reference[own] == labels[own], answers[own] == labels[own]
        found[name] = {
            "reference": float(before.mean()),
            "file": float(after.mean()),
            "drop": (int(before.sum()) - int(after.sum())) / n,
            "lost": int((before & ~after).sum()),
            "won": int((after & ~before).sum()),
            "flips": int((reference[own] != answers[own]).sum()),
            "n": n,
        }
    return found
