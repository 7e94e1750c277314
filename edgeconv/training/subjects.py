"""Checks of the splits before a fit: no subject in two parts, and enough data in each part."""

from __future__ import annotations

from dataclasses import replace
from itertools import combinations

import numpy as np

from edgeconv.core import Dataset, Splits, Training
from edgeconv.errors import BadInput, LeakError, UsageError

PARTS = ("train", "val", "test")


def check_splits(splits: Splits, training: Training) -> None:
    """Refuse splits with which a fit could not be evaluated.

    Raises:
        LeakError: a subject is in two parts.
        BadInput: no window or a single class to train on, no window to validate on, or values
            that are not finite.
        UsageError: augmentation of data that is not from one three-axis accelerometer.
    """
    for one, other in combinations(PARTS, 2):
        shared = set(splits.part(one).subject_names) & set(splits.part(other).subject_names)
        if shared:
            raise LeakError(
                f"subjects in both {one} and {other}: {', '.join(sorted(shared))}",
                "give each subject to one part only",
            )
    for name in ("train", "val"):
        _check_part(name, splits.part(name))
    if len(np.unique(splits.train.labels)) < 2:
        only = splits.train.signal.labels[int(splits.train.labels[0])]
        raise BadInput(
            f"the training subjects have one class only: {only}", "record two activities or more"
        )
    signal = splits.train.signal
    if training.augmentation is not None and not signal.triads:
        raise UsageError(
            "augmentation turns the phone, which changes x, y and z of every sensor together; the "
            f"data has channels {signal.channels}",
            "switch it off in the recipe (augmentation = false), or give all three axes of each "
            "accelerometer and gyroscope, and nothing else",
        )


def missing_classes(dataset: Dataset) -> tuple[str, ...]:
    """Labels of the contract that occur in no window of the data set."""
    counts = np.bincount(dataset.labels, minlength=len(dataset.signal.labels))
    return tuple(label for label, n in zip(dataset.signal.labels, counts, strict=True) if not n)


def concat_datasets(one: Dataset, other: Dataset) -> Dataset:
    """Both parts' recordings and windows as one data set."""
    index = other.index.copy()
    index[:, 0] += len(one.recordings)
    return replace(
        one,
        recordings=one.recordings + other.recordings,
        index=np.concatenate([one.index, index]),
    )


def _check_part(name: str, part: Dataset) -> None:
    if not len(part):
        raise BadInput(
            f"no window is left for the part '{name}'",
            "give recordings of more subjects, or longer ones",
        )
    for recording in part.recordings:
        if not np.isfinite(recording.samples).all():
            raise BadInput(
                f"subject {recording.subject}: samples that are not finite ({recording.source})",
                "drop or repair them before training",
            )
