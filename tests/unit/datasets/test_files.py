"""Blocks of text as numbers: read as field by field, or not at all."""

from __future__ import annotations

import numpy as np
import pytest
from hypothesis import given
from hypothesis import strategies as st

from edgeconv.datasets.files import parse_block, parse_number

COLUMNS = 3
number = st.floats(-1e6, 1e6).map(str)
odd = st.sampled_from(
    ["", " ", "\t", "\r", " 1 ", "-", "1_0", "0x1", "nan", "inf", "1e", "1 2", "."]
)


def slow(rows: list[list[str]]) -> list[list[float]] | None:
    """The numbers one by one; None if any of them is none."""
    numbers = [[parse_number(field.encode()) for field in row] for row in rows]
    if any(len(row) != COLUMNS or any(isinstance(n, str) for n in row) for row in numbers):
        return None
    return [[float(n) for n in row] for row in numbers]


@given(st.lists(st.lists(st.one_of(number, odd), min_size=2, max_size=4), min_size=1, max_size=4))
def test_a_block_is_what_its_fields_are_or_nothing(rows: list[list[str]]) -> None:
    table = parse_block("\n".join(map(",".join, rows)).encode(), b"\n", len(rows), COLUMNS)
    expected = slow(rows)
    if table is not None:
        assert expected is not None
        assert np.array_equal(table, expected)


@pytest.mark.parametrize("blank", ["", " ", "\t", "\r", "  \t "])
@pytest.mark.parametrize("place", [0, 1, 2])
def test_a_blank_field_is_no_number(blank: str, place: int) -> None:
    row = ["1", "2", "3"]
    row[place] = blank
    assert parse_block(",".join(row).encode(), b"\n", 1, COLUMNS) is None
    assert parse_block(b"1, 2 ,3", b"\n", 1, COLUMNS) is not None
