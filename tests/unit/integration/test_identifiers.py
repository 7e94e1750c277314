"""Any name of a tensor becomes a legal identifier of its own."""

from __future__ import annotations

import re

import pytest
from hypothesis import given
from hypothesis import strategies as st

from edgeconv.integration.identifiers import NAMINGS, words_of


@pytest.mark.parametrize("language", NAMINGS)
@given(names=st.lists(st.text(max_size=12) | st.sampled_from(["class", "_", "3d", "in", "é"])))
def test_identifiers_are_legal_and_differ(language: str, names: list[str]) -> None:
    naming = NAMINGS[language]
    identifiers = naming.identifiers(names, "input")
    assert len(identifiers) == len(names)
    assert len({name.lower() for name in identifiers}) == len(names)
    for name in identifiers:
        assert re.fullmatch("[a-z][a-z0-9_]*" if naming.snake else "[a-z][a-zA-Z0-9]*", name)
        assert name not in naming.reserved


@pytest.mark.parametrize(
    ("name", "camel", "snake"),
    [
        ("acc", "acc", "acc"),
        ("user_id", "userId", "user_id"),
        ("inputIds", "inputIds", "input_ids"),
        ("X", "x", "x"),
        ("dense_1", "dense1", "dense_1"),
        ("HTMLText", "htmlText", "html_text"),
        ("_3d", "input3d", "input_3_d"),
        ("class", "classValue", "class_value"),
        ("___", "input", "input"),
        ("größe", "grE", "gr_e"),
    ],
)
def test_names_as_each_language_writes_them(name: str, camel: str, snake: str) -> None:
    assert NAMINGS["typescript"].identifiers([name], "input")[0].lower() == camel.lower()
    assert NAMINGS["c"].identifiers([name], "input") == (snake,)


def test_equal_identifiers_get_a_number() -> None:
    names = ["a_b", "aB", "A-B"]
    assert NAMINGS["swift"].identifiers(names, "input") == ("aB", "aB2", "aB3")


def test_words_of_a_name() -> None:
    assert words_of("userID2_ofHTTPServer") == ["user", "id", "2", "of", "http", "server"]
