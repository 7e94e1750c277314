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
