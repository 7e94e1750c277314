"""Intervals of medians: coverage where it can be counted, and what is known by hand."""

from __future__ import annotations

from math import inf

import numpy as np
import pytest
from hypothesis import given
from hypothesis import strategies as st

from edgeconv.profiling.statistics import (
    median_interval,
    order_statistics_interval,
    paired_ratio,
    separate_ratio,
    summary,
)

times = st.floats(0.1, 1e6)


@given(st.lists(times, min_size=1, max_size=200))
def test_summary_is_ordered(samples: list[float]) -> None:
    found = summary(samples)
    assert set(found) == {"p50", "p90", "p99", "mean", "min", "max"}
    order = [found[name] for name in ("min", "p50", "p90", "p99", "max")]
    assert order == sorted(order)
    assert found["min"] <= found["mean"] * (1 + 1e-9)
    assert found["mean"] <= found["max"] * (1 + 1e-9)


def test_summary_by_hand() -> None:
    found = summary([float(i) for i in range(1, 102)])
    assert found == pytest.approx(
        {"p50": 51.0, "p90": 91.0, "p99": 100.0, "mean": 51.0, "min": 1.0, "max": 101.0}
    )


@pytest.mark.parametrize(
    ("n", "level", "k"),
    [(7, 0.99, 0), (8, 0.99, 1), (20, 0.95, 6), (20, 0.99, 4), (40, 0.99, 12), (40, 0.95, 14)],
)
def test_ranks_of_the_exact_interval(n: int, level: float, k: int) -> None:
    """Against the tables of the sign test."""
    values = [float(i) for i in range(1, n + 1)]
    expected = (float(k), float(n + 1 - k)) if k else (-inf, inf)
    assert order_statistics_interval(values, level) == expected


def test_exact_interval_covers_the_median() -> None:
    """2,000 samples of a skewed distribution: as often as it says, or a little more."""
    random = np.random.default_rng(1)
    draws = random.lognormal(0.0, 1.0, (2000, 20))
    hits = sum(
        low <= 1.0 <= high for low, high in (order_statistics_interval(d, 0.95) for d in draws)
    )
    assert 0.94 <= hits / 2000 <= 0.98


def test_bootstrap_respects_rounds() -> None:
    """Samples of a round are alike: resampling them singly would be far too sure."""
    random = np.random.default_rng(2)
    hits, n = 0, 100
    for _ in range(n):
        levels = random.normal(100.0, 5.0, 20)
        rounds = [list(random.normal(level, 0.1, 15)) for level in levels]
        low, high = median_interval(rounds)
        hits += bool(low <= 100.0 <= high)
    assert hits / n >= 0.85


@given(st.lists(st.lists(times, min_size=1, max_size=9), min_size=1, max_size=30))
def test_interval_encloses_the_median_and_repeats(rounds: list[list[float]]) -> None:
    low, high = median_interval(rounds, 0.99)
    samples = [v for values in rounds for v in values]
    assert min(samples) <= low <= high <= max(samples)
    assert median_interval(rounds, 0.99) == (low, high)


def test_paired_ratio_is_free_of_what_both_met() -> None:
    random = np.random.default_rng(3)
    states = random.choice([1.0, 1.5, 3.0], 40)
    theirs = [list(10 * s * random.normal(1, 0.005, 8)) for s in states]
    ours = [list(11 * s * random.normal(1, 0.005, 8)) for s in states]
    found = paired_ratio(ours, theirs, 0.99)
    assert found.low < 1.1 < found.high
    assert found.high - found.low < 0.02


def test_few_pairs_say_nothing() -> None:
    found = paired_ratio([[2.0]] * 3, [[1.0]] * 3, 0.99)
    assert (found.estimate, found.low, found.high) == (2.0, 0.0, inf)


def test_separate_ratio() -> None:
    random = np.random.default_rng(4)
    found = separate_ratio(
        list(random.normal(20, 0.5, 40)), list(random.normal(10, 0.25, 40)), 0.99
    )
    assert found.low < 2.0 < found.high
    assert found.high - found.low < 0.1


@given(st.lists(st.floats(0.1, 1e4), min_size=1, max_size=40), st.sampled_from([0.9, 0.95, 0.99]))
def test_the_exact_interval_of_a_median_is_scipys(values: list[float], level: float) -> None:
    """SciPy's bounds of a quantile; where n is too small it says NaN, and we: anything."""
    from scipy.stats import quantile_test

    expected = quantile_test(values, p=0.5).confidence_interval(level)
    low, high = order_statistics_interval(values, level)
    assert (low if np.isfinite(low) else np.nan) == pytest.approx(expected.low, nan_ok=True)
    assert (high if np.isfinite(high) else np.nan) == pytest.approx(expected.high, nan_ok=True)
