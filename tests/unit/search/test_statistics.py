"""The deviation of paired differences, and the rule that stops a candidate."""

from __future__ import annotations

import numpy as np
import pytest
from hypothesis import given
from hypothesis import strategies as st
from scipy.stats import t

from edgeconv.search.statistics import DEVIATION, SURE, pooled, worse

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
