"""Domination and the front, on any set of points.

The deviation of paired differences, and the rule that stops a candidate.
"""

from __future__ import annotations

import itertools

import numpy as np
import pytest
from hypothesis import given
from hypothesis import strategies as st
from scipy.stats import t

from edgeconv.search import DesignPoint, SearchCandidate, area, pareto_front, thin
from edgeconv.search.pareto import APART, DEVIATION, SURE, dominates, pooled, worse
from tests.unit.search.toy import point

_POINTS = st.builds(
    lambda accuracy, size, macs, name: DesignPoint(
        SearchCandidate(f"cnn:{name}"), "int8", size, macs, (accuracy / 10,) * 2, 2
    ),
    st.integers(0, 10),
    st.integers(1, 20),
    st.integers(1, 5),
    st.integers(1, 1000),
)
_SETS = st.lists(_POINTS, max_size=20, unique_by=lambda p: p.key)


@given(_POINTS, _POINTS, _POINTS)
def test_domination_is_a_strict_order(a: DesignPoint, b: DesignPoint, c: DesignPoint) -> None:
    assert not dominates(a, a)
    assert not (dominates(a, b) and dominates(b, a))
    assert not (dominates(a, b) and dominates(b, c)) or dominates(a, c)


@given(_SETS)
def test_the_front_is_what_nothing_beats(points: list[DesignPoint]) -> None:
    front = pareto_front(points)

    assert not any(dominates(one, other) for one in points for other in front)
    for left in set(points) - set(front):
        beaten = any(dominates(one, left) for one in front)
        twin = any(
            (one.accuracy, one.bytes, one.macs) == (left.accuracy, left.bytes, left.macs)
            for one in front
        )
        assert beaten or twin
    assert list(front) == sorted(front, key=lambda p: p.bytes)


@given(_SETS)
def test_the_order_of_the_points_changes_nothing(points: list[DesignPoint]) -> None:
    assert pareto_front(points) == pareto_front(points[::-1])


@given(_SETS, st.integers(1, 6))
def test_thinning_keeps_a_rising_ladder(points: list[DesignPoint], most: int) -> None:
    members = pareto_front(points)
    thinned = thin(members, most)

    assert len(thinned) <= most
    assert set(thinned) <= set(members)
    assert bool(thinned) == bool(members)
    for smaller, larger in itertools.pairwise(thinned):
        assert larger.accuracy > smaller.accuracy
        assert larger.bytes >= smaller.bytes * APART
    if members:
        assert max(p.accuracy for p in thinned) == max(p.accuracy for p in members)


@given(_SETS, _POINTS)
def test_a_point_more_never_makes_a_front_worth_less(
    points: list[DesignPoint], more: DesignPoint
) -> None:
    before = area(points)

    assert area([*points, more]) >= before - 1e-9
    assert abs(area(pareto_front(points)) - before) < 1e-9 or area(pareto_front(points)) <= before


def test_the_least_useful_member_goes_first() -> None:
    members = [point(0.80, 1000), point(0.81, 2000), point(0.90, 3000), point(0.95, 9000)]

    assert [p.bytes for p in thin(members, 3)] == [1000, 3000, 9000]
    assert [p.bytes for p in thin(members, 1)] == [9000]


def test_a_member_that_is_a_tenth_larger_or_less_takes_its_neighbours_place() -> None:
    members = [point(0.80, 1000), point(0.85, 1050), point(0.90, 2000)]

    assert [p.bytes for p in thin(members, 9)] == [1050, 2000]


_SHARES = st.floats(0, 1)
_FOLDS = st.lists(_SHARES, min_size=1, max_size=6)


@given(_FOLDS, st.data())
def test_a_candidate_as_good_as_its_rival_goes_on(folds: list[float], data: st.DataObject) -> None:
    better = [data.draw(st.floats(v, 1)) for v in folds]

    assert not worse(better, folds, 0.0, DEVIATION)
    assert not worse([], folds, 0.0, DEVIATION)


@given(_FOLDS, st.data())
def test_what_is_worse_than_a_hopeless_one_is_hopeless(
    folds: list[float], data: st.DataObject
) -> None:
    values = [data.draw(_SHARES) for _ in folds]
    lower = [data.draw(st.floats(0, v)) for v in values]

    if worse(values, folds, 0.0, DEVIATION):
        assert worse(lower, folds, 0.0, DEVIATION)


@given(_FOLDS, st.floats(0, 0.5), st.floats(0, 0.5))
def test_a_larger_margin_stops_fewer(folds: list[float], one: float, more: float) -> None:
    incumbent = [min(v + 0.2, 1) for v in folds]

    if worse(folds, incumbent, one + more, DEVIATION):
        assert worse(folds, incumbent, one, DEVIATION)


def test_only_the_folds_that_are_done_are_compared() -> None:
    assert not worse([0.9], [0.9, 1.0, 1.0], 0.0, 0.001)
    assert worse([0.5], [0.9, 0.1, 0.1], 0.0, 0.02)


def test_equal_candidates_are_rarely_stopped() -> None:
    """As often as the rule says: once in 200 looks."""
    random = np.random.default_rng(0)
    noise = random.normal(0, 0.02, (20_000, 2))

    stopped = sum(worse(list(gap), [0.0, 0.0], 0.0, 0.02) for gap in noise)

    assert stopped / len(noise) == pytest.approx(t.sf(SURE, 1e9), rel=0.35)


def test_the_deviation_begins_as_a_guess_and_follows_what_is_seen() -> None:
    assert pooled([]) == pytest.approx(DEVIATION)
    random = np.random.default_rng(1)
    seen = [list(random.normal(0.1, 0.05, 5)) for _ in range(200)]
    assert pooled(seen) == pytest.approx(0.05, rel=0.05)
