"""What is written of a conformance run names no folder of the machine that it ran on."""

from __future__ import annotations

import pytest

from .record import without_places


@pytest.mark.parametrize(
    ("text", "told"),
    [
        ("<module 'a' from '/home/x/lib/site-packages/a/b.py'>", "<module 'a' from 'a/b.py'>"),
        ("no file /home/x/model.mlpackage", "no file …/model.mlpackage"),
        ("shapes (2, 3) and/or 4/5, iOS16/macOS13", "shapes (2, 3) and/or 4/5, iOS16/macOS13"),
    ],
)
def test_folders_are_left_out(text: str, told: str) -> None:
    assert without_places(text) == told
