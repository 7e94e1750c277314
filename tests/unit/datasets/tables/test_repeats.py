"""Readings that are codes for lost samples, or held from the row before, are told."""

from __future__ import annotations

from collections.abc import Callable
from dataclasses import replace
from pathlib import Path

import pytest

from edgeconv.datasets import load_dataset
from tests.unit.datasets.tables.made import Row, people, write

ROWS = people(3)


def lost(n: int, row: Row) -> Row:
    return replace(row, x=0.0, y=0.0) if n % 5 == 0 else row


def held(n: int, row: Row) -> Row:
    last = ROWS[n - n % 5]
    return replace(row, x=last.x, y=last.y, z=last.z)


def coarse(n: int, row: Row) -> Row:
    return replace(row, x=round(row.x), y=round(row.y), z=round(row.z + n % 2))


@pytest.mark.parametrize(
    ("change", "words"),
    [
        (lambda _, row: row, ()),
        (coarse, ()),
        (lost, ("x is exactly 0 in 20% of the rows", "lost_values = [0]")),
        (held, ("80% of the rows repeat", "every 5.0 rows")),
    ],
)
def test_notes(tmp_path: Path, change: Callable[[int, Row], Row], words: tuple[str, ...]) -> None:
    rows = [change(n, row) for n, row in enumerate(ROWS)]
    notes = " ".join(load_dataset(f"csv:{write(tmp_path / 'a.csv', rows)}").report.notes)
    assert all(word in notes for word in words)
    assert bool(notes) == bool(words)


def test_the_cure_of_a_code_works(tmp_path: Path) -> None:
    rows = [lost(n, row) for n, row in enumerate(ROWS)]
    data = load_dataset(f"csv:{write(tmp_path / 'a.csv', rows, 'lost_values = [0]')}")
    assert data.report.dropped == {"lost samples (lost_values)": len(ROWS) // 5}
    assert not any("exactly" in note for note in data.report.notes)


def test_the_end_of_a_range_and_spikes_are_told(tmp_path: Path) -> None:
    rows = people(3, seconds=20)
    clipped = write(tmp_path / "a.csv", [replace(r, y=min(r.y, 9.9)) for r in rows])
    notes = load_dataset(f"csv:{clipped}").report.notes
    assert any("y is exactly 9.9, the end of its readings" in note for note in notes)
    leaping = [replace(r, x=r.x + 90 * (n % 70 == 30)) for n, r in enumerate(rows)]
    notes = load_dataset(f"csv:{write(tmp_path / 'b.csv', leaping)}").report.notes
    assert any("single readings of x leap" in note and "line 32" in note for note in notes)
    notes = load_dataset(f"csv:{write(tmp_path / 'c.csv', rows)}").report.notes
    assert not any("leap" in note or "range" in note for note in notes)
