"""Spellings of one name are joined; names that differ are not."""

from __future__ import annotations

import pytest
from hypothesis import given
from hypothesis import strategies as st

from edgeconv.datasets.tables.names import join_spellings, label_order, plain


@pytest.mark.parametrize("other", ["walking", "WALKING", " Walking ", "Wálking"])
def test_spellings_that_differ_in_case_accents_or_blanks(other: str) -> None:
    chosen, joined = join_spellings({"Walking": 10, other: 3})
    assert chosen[other] == "Walking"
    assert joined == [("Walking", other)]


def test_names_that_differ_stay_apart() -> None:
    chosen, joined = join_spellings({"p1": 1, "p11": 1, "Walk": 1, "Walking": 1})
    assert joined == []
    assert all(name == kept for name, kept in chosen.items())


@given(st.dictionaries(st.text(min_size=1), st.integers(1, 99)))
def test_every_spelling_gets_one_of_its_own_kind(counts: dict[str, int]) -> None:
    chosen, _ = join_spellings(counts)
    assert chosen.keys() == counts.keys()
    assert all(plain(name) == plain(kept) and kept in counts for name, kept in chosen.items())


def test_numbers_are_ordered_by_value() -> None:
    assert sorted(["10", "2", "b", "a", "1"], key=label_order) == ["1", "2", "10", "a", "b"]
