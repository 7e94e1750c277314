"""Splits by subject, the leak guard, calibration windows."""

from __future__ import annotations

import numpy as np
import pytest
from hypothesis import given
from hypothesis import strategies as st

from edgeconv.core import Dataset, Windowing
from edgeconv.datasets.chosen_windows import calibration_windows
from edgeconv.datasets.splits import check_disjoint, split
from edgeconv.datasets.windowing import DatasetInfo, Segment, assemble
from edgeconv.errors import BadInput, LeakError, UsageError


def people(
    names: list[str], name: str = "test", labels: tuple[int, ...] = (0, 1), steps: int = 120
) -> Dataset:
    random = np.random.default_rng(0)
    segments = [
        Segment(subject, label, random.normal((0.0, 9.8, 0.0), 1.0, (steps, 3)), rate_hz=20.0)
        for subject in names
        for label in labels
    ]
    return assemble(DatasetInfo(name, "made up"), ("A", "B"), segments, Windowing())


def numbered(count: int) -> list[str]:
    return [str(n) for n in range(1, count + 1)]


@given(st.integers(3, 60), st.randoms(use_true_random=False))
def test_parts_are_disjoint_complete_and_independent_of_order(count: int, random: object) -> None:
    names = numbered(count)
    shuffled = list(names)
    random.shuffle(shuffled)  # type: ignore[attr-defined]
    one, other = split(people(names, steps=80)), split(people(shuffled, steps=80))
    parts = [set(one.part(p).subject_names) for p in ("train", "val", "test")]
    assert sum(map(len, parts)) == count
    assert set.union(*parts) == set(names)
    assert len(parts[2]) == max(1, round(count / 6))
    assert len(parts[1]) == max(1, round(count / 9))
    assert [one.part(p).subject_names for p in ("train", "val", "test")] == [
        other.part(p).subject_names for p in ("train", "val", "test")
    ]


def test_eighteen_subjects() -> None:
    splits = split(people(numbered(18)))
    assert [len(splits.part(p).subject_names) for p in ("train", "val", "test")] == [13, 2, 3]
    assert "sha256" in splits.rule


def test_wisdm_tests_on_users_above_28() -> None:
    splits = split(people(numbered(36), "wisdm"))
    assert splits.test.subject_names == tuple(str(n) for n in range(29, 37))
    assert len(splits.val.subject_names) == 4
    assert "users above 28" in splits.rule


def test_a_part_of_wisdm_without_late_users_falls_back() -> None:
    assert "sha256" in split(people(numbered(9), "wisdm")).rule.split("val")[0]


def test_named_subjects() -> None:
    splits = split(people(numbered(6)), test_subjects=["2"], val_subjects=["5", "6"])
    assert splits.test.subject_names == ("2",)
    assert splits.val.subject_names == ("5", "6")
    assert splits.train.subject_names == ("1", "3", "4")


def test_a_leak_is_refused() -> None:
    with pytest.raises(LeakError, match="subjects 2, 10 are in both calibration and test"):
        check_disjoint(calibration=["1", "2", "10"], test=["10", "2", "3"])
    with pytest.raises(LeakError):
        split(people(numbered(6)), test_subjects=["2"], val_subjects=["2"])
    check_disjoint(train=["1"], test=["2"])


@pytest.mark.parametrize(
    ("names", "labels", "word"),
    [(["1"], (0, 1), "subject"), (["1", "2"], (0, 1), "subject"), (["1", "2", "3"], (1,), "class")],
)
def test_too_little_to_split(names: list[str], labels: tuple[int, ...], word: str) -> None:
    with pytest.raises(BadInput, match=word) as error:
        split(people(names, labels=labels))
    assert error.value.hint


def test_a_class_missing_from_training_is_named() -> None:
    data = people(numbered(6))
    keep = [r for r in data.recordings if r.label == 0 or r.subject == "1"]
    segments = [
        Segment(r.subject, r.label, r.samples.astype(np.float64), rate_hz=20.0) for r in keep
    ]
    less = assemble(DatasetInfo("test", "made up"), ("A", "B"), segments, Windowing())
    with pytest.raises(BadInput, match="no training subject recorded B"):
        split(less, test_subjects=["1"])


def test_unknown_subject_and_odd_fraction() -> None:
    with pytest.raises(UsageError, match="no subject 77"):
        split(people(numbered(4)), test_subjects=["77"])
    with pytest.raises(UsageError, match="fraction"):
        split(people(numbered(4)), test_fraction=1.5)
    with pytest.raises(BadInput, match="train part is empty"):
        split(people(numbered(4)), test_fraction=0.9)


def test_calibration_is_spread_and_deterministic() -> None:
    data = people(numbered(5), steps=400)
    chosen = calibration_windows(data, 20, seed=3)
    assert chosen.shape == (20, 240)
    np.testing.assert_array_equal(chosen, calibration_windows(data, 20, seed=3))
    assert not np.array_equal(chosen, calibration_windows(data, 20, seed=4))
    places = [int(np.flatnonzero((data.windows == w).all(axis=1))[0]) for w in chosen]
    cells = [(str(data.subjects[p]), int(data.labels[p])) for p in places]
    assert {cells.count(cell) for cell in set(cells)} == {2}
    assert len(set(cells)) == 10


def test_calibration_with_too_few_windows_takes_all() -> None:
    data = people(["1"])
    assert len(calibration_windows(data, 500, seed=0)) == len(data)
    with pytest.raises(UsageError):
        calibration_windows(data, 0, seed=0)
