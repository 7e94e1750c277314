"""Copies of samples are found wherever they begin, and chance repetitions are none."""

from __future__ import annotations

from dataclasses import replace
from pathlib import Path

import numpy as np
import pytest
from hypothesis import given
from hypothesis import strategies as st

from edgeconv.datasets import load_dataset
from edgeconv.datasets.in_memory import dataset_from_arrays
from edgeconv.datasets.rules import check_recordings
from edgeconv.datasets.rules.copies import CopiedRows, Place
from tests.unit.datasets.tables.made import people, walk, write

ONE, OTHER = Place("p1", "Walking", "a.csv"), Place("p2", "Walking", "b.csv")


@given(st.integers(0, 2**32 - 1), st.integers(0, 300), st.integers(200, 600))
def test_a_part_is_found_wherever_it_begins(seed: int, start: int, length: int) -> None:
    rows = np.random.default_rng(seed).normal(size=(1000, 3))
    copies = CopiedRows(2000)
    copies.add(ONE, rows)
    copies.add(OTHER, np.concatenate([rows[::-1][:77], rows[start : start + length]]))
    pairs = copies.pairs()
    assert [(one, other) for one, other, _ in pairs][:1] == [(ONE, OTHER)]
    assert 0.3 * length < pairs[0][2] < 2.5 * length


@given(st.integers(0, 2**32 - 1))
def test_coarse_readings_that_repeat_by_chance_are_no_copies(seed: int) -> None:
    random = np.random.default_rng(seed)
    copies = CopiedRows(4000)
    for place in (ONE, OTHER):
        copies.add(place, np.round(random.normal([0, 0, 64], 0.4, (2000, 3))))
    copies.add(Place("p3", "Sitting", ""), np.tile([0.0, 0.0, 9.8], (500, 1)))
    assert copies.pairs() == []


@pytest.mark.parametrize("subject", ["p1", "p9"])
def test_a_part_of_a_recording_in_another_file(tmp_path: Path, subject: str) -> None:
    write(tmp_path / "a.csv", people())
    part = [replace(r, subject=subject, time=r.time - 1.35 + 500) for r in walk("p1")[27:]]
    write(tmp_path / "b.csv", part)
    (finding,) = (f for f in load_dataset(f"csv:{tmp_path}").report.findings if f.rule == "D301")
    assert "Walking of p1 (a.csv)" in finding.text
    assert f"Walking of {subject} (b.csv)" in finding.text


def test_windows_that_overlap_are_copies_of_another_subject_only() -> None:
    rows = np.array([[r.x, r.y, r.z] for r in walk(seconds=60)])
    windows = np.stack([rows[n : n + 80] for n in range(0, 1100, 20)])
    labels = ["Walking"] * len(windows)
    same = dataset_from_arrays(windows, labels, ["p1"] * len(windows))
    assert not [f for f in check_recordings(same) if f.rule == "D301"]
    apart = dataset_from_arrays(windows, labels, [f"p{n % 2}" for n in range(len(windows))])
    assert [f for f in check_recordings(apart) if f.rule == "D301"]


def test_a_whole_copy_does_not_hide_a_part_of_another_recording() -> None:
    """The windows of `p2` are those of `p1`, begun 20 readings later; one window of `p3` is given
    twice."""
    rows = np.array([[r.x, r.y, r.z] for r in walk(seconds=60)])
    one, later = ([rows[n : n + 80] for n in range(start, 1000, 80)] for start in (0, 20))
    third = np.random.default_rng(0).normal(size=(80, 3))
    windows = np.stack([*one, *later, third, third])
    subjects = ["p1"] * len(one) + ["p2"] * len(later) + ["p3"] * 2
    data = dataset_from_arrays(windows, ["Walking"] * len(windows), subjects)
    found = [f for f in check_recordings(data) if f.rule == "D301"]
    assert len(found) == 2
    assert "p3" in found[0].text
    assert "p1" in found[1].text
    assert "p2" in found[1].text
