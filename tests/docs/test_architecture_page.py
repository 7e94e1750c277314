"""The table of layers in ARCHITECTURE.md is the one that the architecture tests enforce."""

from __future__ import annotations

import re
from pathlib import Path

from tests.architecture.rules import LAYERS

PAGE = Path(__file__).resolve().parents[2] / "ARCHITECTURE.md"
ROW = re.compile(r"^\| (\d*) ?\| ((?:`\w+/?`(?:, )?)+) \|", re.MULTILINE)


def test_layers_are_those_of_the_rules() -> None:
    layers: list[set[str]] = []
    for number, packages in ROW.findall(PAGE.read_text("utf-8")):
        if number:
            assert int(number) == len(layers) + 1
            layers.append(set())
        layers[-1] |= set(re.findall(r"`(\w+)/?`", packages))
    assert layers == [set(layer) - {"__main__"} for layer in LAYERS if layer != ("__main__",)]
