"""Names, rates and pieces of recordings; labels that no held-out fold believes."""

from __future__ import annotations

from dataclasses import replace
from pathlib import Path

import pytest
from hypothesis import given
from hypothesis import strategies as st

from edgeconv.datasets import load_dataset
from edgeconv.datasets.rules.labels import doubtful_labels
from edgeconv.datasets.tables.names import near_spellings, plain
from tests.unit.datasets.tables.made import people, walk, write


@pytest.mark.parametrize(
    ("one", "other"),
    [("1", "01"), ("1", "1.0"), ("p1", "P01"), ("Walking", " wálking"), ("S 1", "s_001")],
)
def test_spellings_of_one_name(one: str, other: str) -> None:
    assert plain(one) == plain(other)


@pytest.mark.parametrize(
    ("one", "other"), [("1", "10"), ("p1", "p11"), ("0", "00.5"), ("1.5", "15")]
)
def test_different_names(one: str, other: str) -> None:
    assert plain(one) != plain(other)


@given(st.integers(0, 10**6), st.integers(0, 10**6))
def test_numbers_are_told_apart_by_value(one: int, other: int) -> None:
    assert (plain(f"{one:05d}") == plain(f"{other}.0")) == (one == other)


@pytest.mark.parametrize(
    ("names", "pairs"),
    [
        (("Walking", "Walkng"), 1),
        (("Walking", "Wakling"), 1),
        (("Sitting", "Sittimg"), 1),
        (("Sitting", "Standing"), 0),
        (("Upstairs", "Downstairs"), 0),
        (("Jogging", "Walking"), 0),
        (("anna1", "anna2"), 0),
        (("run", "ran"), 0),
    ],
)
def test_near_spellings(names: tuple[str, ...], pairs: int) -> None:
    assert len(near_spellings(names)) == pairs


def test_many_pieces(tmp_path: Path) -> None:
    rows = [r for r in walk("p1", seconds=80) if r.time % 5 < 4.4] + walk("p2", seconds=80)
    data = load_dataset(f"csv:{write(tmp_path / 'a.csv', rows)}")
    found = {f.rule: f for f in data.report.findings}
    assert found["D305"].where == "subject p1"


def test_a_wrong_label_is_doubted_and_others_are_not(tmp_path: Path) -> None:
    rows = people(5, seconds=30)
    sound = load_dataset(f"csv:{write(tmp_path / 'a.csv', rows)}")
    assert doubtful_labels(sound) == []
    swapped = {"Walking": "Sitting", "Sitting": "Walking"}
    slips = [replace(r, activity=swapped[r.activity]) if r.subject == "p3" else r for r in rows]
    wrong = load_dataset(f"csv:{write(tmp_path / 'b.csv', slips)}")
    findings = doubtful_labels(wrong)
    assert {finding.where for finding in findings} == {"subject p3, Walking", "subject p3, Sitting"}
    assert len(wrong) == len(sound)
