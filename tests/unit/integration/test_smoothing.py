"""From outputs to decisions."""

from __future__ import annotations

import math

import pytest
from hypothesis import given
from hypothesis import strategies as st

from edgeconv.errors import UsageError
from edgeconv.integration.smoothing import Decider, softmax

A, B, UNSURE = [0.9, 0.1, 0.0], [0.2, 0.8, 0.0], [0.45, 0.55, 0.0]


def test_the_first_window_decides_and_ties_go_to_the_first_class() -> None:
    decision = Decider().update(0, [0.4, 0.4, 0.2])
    assert decision is not None
    assert (decision.label, decision.probabilities) == (0, (0.4, 0.4, 0.2))


def test_probabilities_are_smoothed() -> None:
    decider = Decider(alpha=0.25)
    decider.update(0, A)
    decision = decider.update(0, B)
    assert decision is not None
    assert decision.probabilities == pytest.approx((0.725, 0.275, 0.0))
    assert decision.label == 0


def test_only_a_clear_lead_changes_the_class() -> None:
    decider = Decider(alpha=1.0, hysteresis=0.125)
    labels = []
    for outputs in (A, [0.4375, 0.5625, 0.0], UNSURE, B, [0.51, 0.49, 0.0], A):
        decision = decider.update(0, outputs)
        assert decision is not None
        labels.append(decision.label)
    # 0.125 is not more than 0.125
    assert labels == [0, 0, 0, 1, 1, 0]


def test_a_restart_forgets_what_was_before() -> None:
    decider = Decider()
    decider.update(0, A)
    decision = decider.update(1, UNSURE)
    assert decision is not None
    assert (decision.label, decision.probabilities) == (1, tuple(UNSURE))


@pytest.mark.parametrize("bad", [math.nan, math.inf])
def test_outputs_that_are_not_finite_are_no_answer(bad: float) -> None:
    decider = Decider()
    assert decider.update(0, [bad, 0.5, 0.5]) is None
    before = decider.update(0, A)
    assert decider.update(0, [0.1, bad, 0.9]) is before
    after, fresh = decider.update(0, B), Decider()
    fresh.update(0, A)
    assert after == fresh.update(0, B)


def test_logits_go_through_softmax() -> None:
    decision = Decider(logits=True).update(0, [0.0, math.log(3.0), -1000.0])
    assert decision is not None
    assert decision.label == 1
    assert decision.probabilities == pytest.approx((0.25, 0.75, 0.0))


@given(st.lists(st.floats(-1e4, 1e4), min_size=1, max_size=8), st.floats(-1e4, 1e4))
def test_softmax_is_a_distribution_and_knows_no_offset(logits: list[float], offset: float) -> None:
    found = softmax(logits)
    assert sum(found) == pytest.approx(1)
    assert found == pytest.approx(softmax([x + offset for x in logits]), abs=1e-9)


@pytest.mark.parametrize(("alpha", "hysteresis"), [(0.0, 0.1), (1.1, 0.1), (0.5, -0.1), (0.5, 1.0)])
def test_impossible_settings_are_refused(alpha: float, hysteresis: float) -> None:
    with pytest.raises(UsageError):
        Decider(alpha=alpha, hysteresis=hysteresis)
