"""Dataclasses to JSON and back."""

from __future__ import annotations

import json
from collections.abc import Callable
from dataclasses import dataclass, field
from enum import StrEnum
from pathlib import Path
from typing import Any, cast

import pytest

from edgeconv.core import Recipe, Training
from edgeconv.core.json_codec import damage, decode_fields, encode_fields


class Color(StrEnum):
    RED = "red"


@dataclass(frozen=True)
class Inner:
    pair: tuple[float, float] = (0.0, 1.0)


@dataclass(frozen=True)
class Outer:
    name: str
    count: int = 0
    color: Color = Color.RED
    path: Path = Path("a")
    inner: Inner | None = None
    many: tuple[Inner, ...] = ()
    table: dict[str, tuple[int, ...]] = field(default_factory=dict)


FULL = Outer("x", 3, Color.RED, Path("b/c"), Inner((1.0, 2.5)), (Inner(),), {"k": (1, 2)})


def test_decode_fields_reads_what_encode_fields_wrote() -> None:
    assert decode_fields(Outer, json.loads(json.dumps(encode_fields(FULL)))) == FULL
    assert decode_fields(Outer, {"name": "x"}) == Outer("x")


def test_recipe_survives() -> None:
    recipe = Recipe("mine", training=Training(augmentation=None), gates={"max_abs": 0.1})
    assert Recipe.from_json(json.loads(json.dumps(recipe.to_json()))) == recipe


@pytest.mark.parametrize(
    ("data", "message"),
    [
        ([], "must be an object"),
        ({}, "the outer lacks 'name'"),
        ({"name": "x", "size": 1}, "the outer has no key 'size'"),
        ({"name": 3}, "outer: name must be text"),
        ({"name": "x", "count": True}, "outer: count must be a whole number"),
        ({"name": "x", "count": 1.5}, "outer: count must be a whole number"),
        ({"name": "x", "color": "blue"}, "must be one of .*, got 'blue'"),
        ({"name": "x", "inner": {"pair": [1]}}, "pair must be a list of 2, got 1"),
        ({"name": "x", "many": "ab"}, "outer: many must be a list"),
        ({"name": "x", "table": {"k": ["a"]}}, "outer: table.k must be a whole number"),
    ],
)
def test_decode_fields_refuses(data: Any, message: str) -> None:
    with pytest.raises(ValueError, match=message):
        decode_fields(Outer, data)


@pytest.mark.parametrize(
    ("read", "words"),
    [
        (lambda: dict[str, int]()["sha256"], "'sha256' is missing"),
        (lambda: list[int]()[0], "a list in it is too short"),
        (lambda: cast("Any", None)["x"], "a value in it is of another kind than it should be"),
        (lambda: cast("Any", 1).lower(), "a value in it is of another kind than it should be"),
        (lambda: int(float("inf")), "a number in it is too large"),
        (lambda: json.loads("{"), "Expecting property name"),
    ],
)
def test_damage_is_told_without_pythons_words(read: Callable[[], Any], words: str) -> None:
    with pytest.raises((LookupError, TypeError, AttributeError, ArithmeticError, ValueError)) as e:
        read()
    assert damage(e.value).startswith(words)
