"""Numbers in words."""

from __future__ import annotations

import math

import pytest
from hypothesis import given
from hypothesis import strategies as st

from edgeconv.reporting import formatting


@pytest.mark.parametrize(
    ("text", "expected"),
    [
        (formatting.size(540_592), "541 kB"),
        (formatting.size(2_086_920), "2.09 MB"),
        (formatting.size(999), "999 B"),
        (formatting.size(0), "0 B"),
        (formatting.size(None), "not run"),
        (formatting.percent(0.953), "95.30 %"),
        (formatting.points(-0.0012), "−0.12"),
        (formatting.points(0.0), "0.00"),
        (formatting.points(-1e-9), "0.00"),
        (formatting.points(0.01), "+1.00"),
        (formatting.duration(74.26), "74.3 µs"),
        (formatting.duration(1834.0), "1.83 ms"),
        (formatting.duration(2.5e6), "2.5 s"),
        (formatting.times(3.861), "3.86×"),
        (formatting.times(162.4), "162×"),
        (formatting.count(520_486), "520,486"),
        (formatting.number(0.0), "0"),
        (formatting.number(1.25e-7), "1.25e−07"),
        (formatting.number(math.inf), "∞"),
        (formatting.number(-math.inf), "−∞"),
        (formatting.number(math.nan), "not a number"),
        (formatting.plural(1, "person", "people"), "1 person"),
        (formatting.plural(2, "person", "people"), "2 people"),
    ],
)
def test_words(text: str, expected: str) -> None:
    assert text == expected


@given(st.floats(min_value=0, max_value=1e12))
def test_sizes_and_times_keep_three_digits(value: float) -> None:
    for text, units in (
        (formatting.size(value), {"B": 1.0, "kB": 1e3, "MB": 1e6}),
        (formatting.duration(value), {"µs": 1.0, "ms": 1e3, "s": 1e6}),
    ):
        figure, unit = text.split()
        assert float(figure) * units[unit] == pytest.approx(value, rel=5.1e-3, abs=0.51)


@given(st.floats())
def test_any_number_has_words(value: float) -> None:
    assert formatting.number(value)
