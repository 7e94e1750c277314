"""Label maps: what may stand in them, and what they make of labels."""

from __future__ import annotations

import json

import pytest
from hypothesis import given
from hypothesis import strategies as st

from edgeconv.core import LabelMap
from edgeconv.errors import UsageError

NAMES = st.lists(st.sampled_from("ABCDEFGH"), unique=True)


@given(NAMES, NAMES, st.integers(1, 4))
def test_every_label_becomes_one_class(labels: list[str], named: list[str], size: int) -> None:
    groups = [named[n : n + size] for n in range(0, len(named), size)]
    merged = LabelMap({f"class {n}": tuple(group) for n, group in enumerate(groups)})
    classes = merged.merged(labels)
    assert len(set(classes)) == len(classes)
    assert {merged.class_of(label) for label in labels} == set(classes)
    assert all(merged.class_of(label) == label for label in labels if label not in named)
    assert LabelMap.from_json(json.loads(json.dumps({"classes": merged.classes}))) == merged


def test_an_empty_map_changes_nothing() -> None:
    assert not LabelMap()
    assert LabelMap().merged(("B", "A")) == ("B", "A")


@pytest.mark.parametrize(
    ("table", "word"),
    [
        ({"classes": {"Stairs": ["Up"], "Steps": ["Up"]}}, "'Up' stands in it more than once"),
        ({"classes": {"Stairs": ["Up"]}, "drop": ["Up"]}, "more than once"),
        ({"classes": {"Stairs": []}}, "has no label"),
        ({"classes": {"Stairs": "Up"}}, "not a list of labels"),
        ({"classes": {" ": ["Up"]}}, "blank"),
        ({"classes": ["Up"]}, "not a table"),
        ({"drop": "Up"}, "not a list of labels"),
        ({"Stairs": ["Up"]}, "unknown key 'Stairs'"),
        ("Up", "is a table"),
    ],
)
def test_a_wrong_map_is_refused(table: object, word: str) -> None:
    with pytest.raises(UsageError, match=word):
        LabelMap.from_table(table, "map.toml")
