"""Domination and the front, on any set of points."""

from __future__ import annotations

import itertools

from hypothesis import given
from hypothesis import strategies as st

from edgeconv.search import DesignPoint, SearchCandidate, area, pareto_front, thin
from edgeconv.search.pareto import APART, dominates
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
    kept = pareto_front(points)

    assert not any(dominates(one, other) for one in points for other in kept)
    for left in set(points) - set(kept):
        beaten = any(dominates(one, left) for one in kept)
        twin = any(
            (one.accuracy, one.bytes, one.macs) == (left.accuracy, left.bytes, left.macs)
            for one in kept
        )
        assert beaten or twin
    assert list(kept) == sorted(kept, key=lambda p: p.bytes)


@given(_SETS)
def test_the_order_of_the_points_changes_nothing(points: list[DesignPoint]) -> None:
    assert pareto_front(points) == pareto_front(points[::-1])


@given(_SETS, st.integers(1, 6))
def test_thinning_keeps_a_rising_ladder(points: list[DesignPoint], most: int) -> None:
    members = pareto_front(points)
    kept = thin(members, most)

    assert len(kept) <= most
    assert set(kept) <= set(members)
    assert bool(kept) == bool(members)
    for smaller, larger in itertools.pairwise(kept):
        assert larger.accuracy > smaller.accuracy
        assert larger.bytes >= smaller.bytes * APART
    if members:
        assert max(p.accuracy for p in kept) == max(p.accuracy for p in members)


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
