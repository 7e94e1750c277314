"""Numbers in words.

One result in plain lines.
"""

from __future__ import annotations

import math
from dataclasses import replace

import pytest
from hypothesis import given
from hypothesis import strategies as st

from edgeconv.core import Check, Status
from edgeconv.reporting import explain, formatting

from . import bundles


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


RESULT = bundles.full().parity[0]


def test_a_pass_names_runtime_and_recordings() -> None:
    text = explain(RESULT, "synthetic, split test")
    assert text.startswith("har_float32.tflite behaves like the float model (litert, ")
    assert text.endswith("of synthetic, split test)")


def test_a_failure_lists_what_is_no_pass() -> None:
    checks = (
        Check("max_abs", Status.FAILED, 0.5, 0.05, "<=", "largest error in window 7"),
        Check("snr_db", Status.PASSED, 90.0, 30.0, ">="),
        Check("contract", Status.FAILED, None, None, "<=", "rate_hz is 50.0 in the file"),
    )
    text = explain(replace(RESULT, status=Status.FAILED, checks=checks), "x")
    assert text.splitlines()[1:] == [
        "  max_abs is 0.5, must be <= 0.05: largest error in window 7",
        "  contract: rate_hz is 50.0 in the file",
    ]


def test_a_failure_without_checks_has_its_reason() -> None:
    text = explain(replace(RESULT, status=Status.FAILED, checks=(), reason="NaN"), "x")
    assert text.splitlines()[1:] == ["  NaN"]


def test_not_checked_and_not_proven_are_two_things() -> None:
    waiting = replace(RESULT, status=Status.NOT_RUN, reason="no Mac", n=0)
    assert explain(waiting, "x") == "har_float32.tflite was not checked: no Mac"
    undecided = replace(waiting, reason="too few windows to know", n=12)
    assert "is not proven to behave like the float model: too few" in explain(undecided, "x")
