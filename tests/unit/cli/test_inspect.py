"""`edgeconv inspect`: a contract as a person writes it."""

from __future__ import annotations

import pytest

from edgeconv.cli.inspect import _plain


@pytest.mark.parametrize(
    ("value", "text"),
    [
        (["x", "y", "z"], "x, y, z"),
        (("x",), "x"),
        ({"mean": [0.0, 0.5], "std": [1.25]}, "mean 0, 0.5; std 1.25"),
        (True, "yes"),
        (None, "none"),
        (80, "80"),
        ("m/s^2", "m/s^2"),
    ],
)
def test_plain_has_no_python_in_it(value: object, text: str) -> None:
    assert _plain(value) == text
