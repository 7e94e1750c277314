"""From outputs to decisions."""

from __future__ import annotations

import math

import pytest
from hypothesis import given
from hypothesis import strategies as st

from edgeconv.errors import UsageError
from edgeconv.integration.smoothing import (
    Decider,
    DecisionSettings,
    EnergySaver,
    EnergySettings,
    softmax,
)

A, B, UNSURE = [0.9, 0.1, 0.0], [0.2, 0.8, 0.0], [0.45, 0.55, 0.0]


def test_the_first_window_decides_and_ties_go_to_the_first_class() -> None:
    decision = Decider().update(0, [0.4, 0.4, 0.2])
    assert decision is not None
    assert (decision.candidate, decision.probabilities) == (0, (0.4, 0.4, 0.2))


def test_probabilities_are_smoothed() -> None:
    decider = Decider(DecisionSettings(alpha=0.25))
    decider.update(0, A)
    decision = decider.update(0, B)
    assert decision is not None
    assert decision.probabilities == pytest.approx((0.725, 0.275, 0.0))
    assert decision.label == 0


def test_only_a_clear_lead_changes_the_class() -> None:
    decider = Decider(DecisionSettings(alpha=1.0, hysteresis=0.125))
    labels = []
    for outputs in (A, [0.4375, 0.5625, 0.0], UNSURE, B, [0.51, 0.49, 0.0], A):
        decision = decider.update(0, outputs)
        assert decision is not None
        labels.append(decision.candidate)
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
    decision = Decider(DecisionSettings(logits=True)).update(0, [0.0, math.log(3.0), -1000.0])
    assert decision is not None
    assert decision.label == 1
    assert decision.probabilities == pytest.approx((0.25, 0.75, 0.0))


@given(st.lists(st.floats(-1e4, 1e4), min_size=1, max_size=8), st.floats(-1e4, 1e4))
def test_softmax_is_a_distribution_and_knows_no_offset(logits: list[float], offset: float) -> None:
    found = softmax(logits)
    assert sum(found) == pytest.approx(1)
    assert found == pytest.approx(softmax([x + offset for x in logits]), abs=1e-9)


@pytest.mark.parametrize(
    ("alpha", "hysteresis", "unsure_below"),
    [
        *((0.0, 0.1, 0.5), (1.1, 0.1, 0.5), (0.5, -0.1, 0.5), (0.5, 1.0, 0.5)),
        *((0.5, 0.1, -0.1), (0.5, 0.1, 1.1), (0.5, 0.1, math.nan)),
    ],
)
def test_impossible_settings_are_refused(
    alpha: float, hysteresis: float, unsure_below: float
) -> None:
    with pytest.raises(UsageError):
        DecisionSettings(alpha=alpha, hysteresis=hysteresis, unsure_below=unsure_below)


def test_below_the_threshold_there_is_no_decision_and_smoothing_goes_on() -> None:
    decider = Decider(DecisionSettings(alpha=1.0, unsure_below=0.5))
    labels = []
    for outputs in (A, [0.4, 0.3, 0.3], [0.5, 0.25, 0.25], B, [0.375, 0.375, 0.25], A):
        decision = decider.update(0, outputs)
        assert decision is not None
        labels.append((decision.candidate, decision.label))
    assert labels == [(0, 0), (0, None), (0, 0), (1, 1), (1, None), (0, 0)]


MOVEMENTS = st.lists(st.booleans(), min_size=1, max_size=40)


@given(MOVEMENTS, st.integers(0, 3), st.integers(1, 5))
def test_movement_is_always_run_and_stillness_every_so_often(
    moves: list[bool], after: int, factor: int
) -> None:
    saver = EnergySaver(EnergySettings(0.5, after, factor), (0,), width=1)
    runs = [saver.runs(0, (1.0, -1.0) if move else (0.0, 0.25)) for move in moves]
    assert all(run for run, move in zip(runs, moves, strict=True) if move)
    skipped = 0
    for run in runs:
        skipped = 0 if run else skipped + 1
        assert skipped < factor


@pytest.mark.parametrize(("below", "after", "factor"), [(-1.0, 2, 4), (0.1, -1, 4), (0.1, 2, 0)])
def test_impossible_energy_settings_are_refused(below: float, after: int, factor: int) -> None:
    with pytest.raises(UsageError):
        EnergySettings(below, after, factor)
