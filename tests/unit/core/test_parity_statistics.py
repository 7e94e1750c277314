"""Ratios in decibels, with a number for every case."""

from __future__ import annotations

import math

import pytest

from edgeconv.core.parity_statistics import MAX_DB, decibels


@pytest.mark.parametrize(
    ("signal", "noise", "expected"),
    [
        (1.0, 1.0, 0.0),
        (100.0, 1.0, 20.0),
        (1.0, 0.0, MAX_DB),
        (0.0, 0.0, MAX_DB),
        (0.0, 1.0, -MAX_DB),
        (1.0, math.inf, -MAX_DB),
        (1e300, 1e-300, MAX_DB),
    ],
)
def test_decibels(signal: float, noise: float, expected: float) -> None:
    assert decibels(signal, noise) == pytest.approx(expected)
