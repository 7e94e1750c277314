"""Dataclasses to JSON and back."""

from __future__ import annotations

import json
from dataclasses import dataclass, field
from enum import StrEnum
from pathlib import Path
from typing import Any

import pytest

from edgeconv.core import Recipe, Training
from edgeconv.core.json_codec import decode_fields, encode_fields


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
        ({}, "name"),
        ({"name": "x", "size": 1}, "has no size"),
        ({"name": 3}, "Outer.name must be str"),
        ({"name": "x", "count": True}, "Outer.count must be int"),
        ({"name": "x", "count": 1.5}, "Outer.count must be int"),
        ({"name": "x", "color": "blue"}, "blue"),
        ({"name": "x", "inner": {"pair": [1]}}, "zip"),
        ({"name": "x", "many": "ab"}, "Outer.many"),
        ({"name": "x", "table": {"k": ["a"]}}, "Outer.table.k must be int"),
    ],
)
def test_decode_fields_refuses(data: Any, message: str) -> None:
    with pytest.raises(ValueError, match=message):
        decode_fields(Outer, data)
