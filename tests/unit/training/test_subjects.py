"""What training refuses before it starts."""

from __future__ import annotations

from contextlib import nullcontext
from dataclasses import replace

import numpy as np
import pytest

from edgeconv.core import Dataset, Signal, Training
from edgeconv.errors import BadInput, LeakError, UsageError
from edgeconv.training import subjects

from .small import dataset, recording, splits

TRAINING = Training()


def test_disjoint_people_pass() -> None:
    subjects.check_splits(splits(), TRAINING)


@pytest.mark.parametrize(("part", "other"), [("train", "val"), ("train", "test"), ("val", "test")])
def test_a_person_on_both_sides_is_a_leak(part: str, other: str) -> None:
    mixed = splits(**{part: dataset("8", "9"), other: dataset("7", "9")})
    with pytest.raises(LeakError, match=f"both {part} and {other}: 9"):
        subjects.check_splits(mixed, TRAINING)


def test_a_leaked_recording_without_windows_is_a_leak_too() -> None:
    train = dataset("1", "2")
    short = recording("4", 0, 5)
    leaked = replace(train, recordings=(*train.recordings, short))
    with pytest.raises(LeakError, match="4"):
        subjects.check_splits(splits(train=leaked), TRAINING)


@pytest.mark.parametrize("part", ["train", "val"])
def test_an_empty_part_is_refused(part: str) -> None:
    empty = dataset(recordings=(recording("8", 0, 5),))
    with pytest.raises(BadInput, match=f"no window is left for the part '{part}'"):
        subjects.check_splits(splits(**{part: empty}), TRAINING)


def test_one_class_is_nothing_to_learn() -> None:
    with pytest.raises(BadInput, match="one class only: Walking"):
        subjects.check_splits(splits(train=dataset("1", "2", labels=(1,))), TRAINING)


@pytest.mark.parametrize("value", [np.nan, np.inf])
def test_samples_that_are_not_finite_name_their_subject(value: float) -> None:
    samples = recording("3", 0).samples.copy()
    samples[7, 1] = value
    broken = dataset(recordings=(replace(recording("3", 0), samples=samples), recording("3", 1)))
    with pytest.raises(BadInput, match="subject 3"):
        subjects.check_splits(splits(train=broken), TRAINING)


def six_channels(part: Dataset, *others: str) -> Dataset:
    doubled = tuple(replace(r, samples=np.tile(r.samples, 2)) for r in part.recordings)
    signal = replace(part.signal, channels=("acc_x", "acc_y", "acc_z", *others))
    return replace(part, recordings=doubled, signal=signal)


def test_only_sensors_with_three_axes_are_augmented() -> None:
    for others, refused in (("gyro_x", "gyro_y", "gyro_z"), False), (("a", "b", "c"), True):
        train, val = (six_channels(dataset(name), *others) for name in "12")
        parts = splits(train=train, val=val)
        with pytest.raises(UsageError, match="x, y and z of every") if refused else nullcontext():
            subjects.check_splits(parts, TRAINING)
        subjects.check_splits(parts, replace(TRAINING, augmentation=None))


def test_missing_classes_are_named() -> None:
    assert subjects.missing_classes(dataset("1", labels=(0, 2))) == ("Walking",)


def test_together_holds_the_windows_of_both() -> None:
    one, other = dataset("1"), dataset("2", "3")
    both = subjects.concat_datasets(one, other)
    np.testing.assert_array_equal(both.windows, np.concatenate([one.windows, other.windows]))
    assert both.subject_names == ("1", "2", "3")
    assert isinstance(both.signal, Signal)
