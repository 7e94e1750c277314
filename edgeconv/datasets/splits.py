"""Splits into train, validation and test parts that never share a subject."""

from __future__ import annotations

import hashlib
from collections.abc import Collection
from itertools import combinations

from edgeconv.core import Dataset, Splits, subject_order
from edgeconv.errors import BadInput, LeakError, UsageError

TEST_FRACTION = 1 / 6
VAL_FRACTION = 1 / 9
LAST_TRAINING_USER = 28  # of WISDM v1.1, as in the reference article


def check_disjoint(**parts: Collection[str]) -> None:
    """Refuse parts that share a subject: `check_disjoint(train=…, calibration=…, test=…)`.

    Calibration may use training subjects; then pass only the pairs that must be disjoint.

    Raises:
        LeakError: names the subjects and the two parts.
    """
    for (first, some), (second, others) in combinations(parts.items(), 2):
        shared = sorted(set(some) & set(others), key=subject_order)
        if shared:
            raise LeakError(
                f"subjects {', '.join(shared)} are in both {first} and {second}",
                "a subject's windows may be in one part only",
            )


def split(
    dataset: Dataset,
    *,
    test_fraction: float = TEST_FRACTION,
    val_fraction: float = VAL_FRACTION,
    test_subjects: Collection[str] | None = None,
    val_subjects: Collection[str] | None = None,
) -> Splits:
    """Split by subject: explicit subjects first, then the data set's own rule, then fractions.

    Args:
        dataset: what to split; subjects are never in two parts.
        test_fraction: share of the subjects for the test, if neither they nor a rule name them.
        val_fraction: share of the subjects for validation, likewise.
        test_subjects: the subjects of the test; None: those that the data set names, its own
            rule, or a fraction.
        val_subjects: the subjects of the validation, likewise.

    Returns:
        The three parts, and in words how they were chosen.

    Raises:
        BadInput: fewer than 3 subjects, fewer than 2 classes, or a class that no training subject
            recorded.
        LeakError: a subject named for both validation and test.
        UsageError: an unknown subject, or a fraction outside 0 … 1.
    """
    _check_enough(dataset)
    for fraction in (test_fraction, val_fraction):
        if not 0 < fraction < 1:
            raise UsageError(f"split: a fraction of {fraction:g}", "choose between 0 and 1")
    subjects = dataset.subject_names
    if test_subjects is None:
        test_subjects = dataset.test_subjects or None
        val_subjects = val_subjects if val_subjects is not None else dataset.val_subjects or None
    order = _hashed(subjects)
    test, test_rule = _test(dataset.name, order, test_fraction, test_subjects)
    check_disjoint(val=val_subjects or (), test=test)
    val, val_rule = _val(
        [s for s in order if s not in test], len(order), val_fraction, val_subjects
    )
    _check_known(subjects, {*test, *val})
    train = set(subjects) - set(test) - set(val)
    check_disjoint(train=train, val=val, test=test)
    splits = Splits(
        train=dataset.of_subjects(train),
        val=dataset.of_subjects(val),
        test=dataset.of_subjects(test),
        rule=f"by subject; test: {test_rule}; val: {val_rule}; train: the other {len(train)}",
    )
    _check_parts(splits)
    return splits


def usual_subjects(dataset: Dataset) -> tuple[tuple[str, ...], tuple[str, ...]]:
    """The subjects of test and validation that `split` chooses where the caller names none."""
    order = _hashed(dataset.subject_names)
    test, _ = _test(dataset.name, order, TEST_FRACTION, dataset.test_subjects or None)
    rest = [s for s in order if s not in test]
    val, _ = _val(rest, len(order), VAL_FRACTION, dataset.val_subjects or None)
    return tuple(test), tuple(val)


def _hashed(subjects: Collection[str]) -> list[str]:
    return sorted(subjects, key=lambda name: hashlib.sha256(name.encode()).digest())


def _test(
    name: str, order: list[str], fraction: float, given: Collection[str] | None
) -> tuple[list[str], str]:
    if given is not None:
        return sorted(given, key=subject_order), f"{len(set(given))} named subjects"
    late = [s for s in order if s.isdecimal() and int(s) > LAST_TRAINING_USER]
    if name == "wisdm" and late and len(order) - len(late) >= 2:
        return late, f"users above {LAST_TRAINING_USER}"
    count = max(1, round(len(order) * fraction))
    return order[:count], f"first {count} of {len(order)} in the order of sha256(subject)"


def _val(
    rest: list[str], total: int, fraction: float, given: Collection[str] | None
) -> tuple[list[str], str]:
    if given is not None:
        return sorted(given, key=subject_order), f"{len(set(given))} named subjects"
    count = max(1, round(total * fraction))
    return rest[:count], f"next {count} in the order of sha256(subject)"


def _check_enough(dataset: Dataset) -> None:
    subjects = dataset.subject_names
    if len(subjects) < 3:
        raise BadInput(
            f"{dataset.name} has recordings of {', '.join(subjects)} only, but train, val and test "
            "need at least one subject each",
            "record at least 3 subjects; to evaluate a finished file, --split all takes any number",
        )
    present = {dataset.signal.labels[r.label] for r in dataset.recordings}
    if len(present) < 2:
        raise BadInput(
            f"{dataset.name}: only one class ({', '.join(present)}), nothing to distinguish",
            "record at least 2 activities",
        )


def _check_known(subjects: Collection[str], named: Collection[str]) -> None:
    unknown = sorted(set(named) - set(subjects), key=subject_order)
    if unknown:
        raise UsageError(
            f"split: no subject {', '.join(unknown)} in the data",
            f"there are {', '.join(subjects)}",
        )


def _check_parts(splits: Splits) -> None:
    for name in ("train", "val", "test"):
        if not len(splits.part(name)):
            raise BadInput(f"split: the {name} part is empty ({splits.rule})", "use more subjects")
    recorded = {recording.label for recording in splits.train.recordings}
    missing = [c for n, c in enumerate(splits.train.signal.labels) if n not in recorded]
    if missing:
        raise BadInput(
            f"split: no training subject recorded {', '.join(missing)} ({splits.rule})",
            "record these classes with more subjects, or choose the subjects of val and test",
        )
