"""Decisions over joined recordings: as the packages' decider, with delays that can be counted."""

from __future__ import annotations

from dataclasses import replace

import numpy as np
import pytest
from hypothesis import given, settings
from hypothesis import strategies as st
from numpy.typing import NDArray

from edgeconv.core import Dataset, LoadReport, Recording, SensorKind, Signal
from edgeconv.errors import BadInput
from edgeconv.integration.smoothing import Decider, DecisionSettings
from edgeconv.workflows.decisions import (
    ALPHAS,
    ENERGY,
    HYSTERESES,
    UNSURE,
    judge_streams,
    shown_labels,
)

SIGNAL = Signal(window=8, step=4, rate_hz=4.0, labels=("sit", "walk", "run"))


@settings(deadline=None)
@given(st.integers(0, 1000))
def test_it_shows_what_the_decider_of_the_packages_shows(seed: int) -> None:
    rows = np.random.default_rng(seed).dirichlet(np.ones(3) * 0.7, 25)
    grid = [(a, h, u) for a in ALPHAS for h in HYSTERESES for u in UNSURE]
    shown = shown_labels(rows, grid)
    for place, (alpha, hysteresis, unsure) in enumerate(grid):
        decider = Decider(DecisionSettings(False, alpha, hysteresis, unsure))
        for number, row in enumerate(rows):
            decision = decider.update(0, row.tolist())
            assert decision is not None
            label = -1 if decision.label is None else decision.label
            assert shown[number, place] == label


def dataset(*parts: tuple[str, int, int]) -> Dataset:
    """Recordings of (subject, class, seconds), whose first channel is the class."""
    recordings = tuple(
        Recording(subject, label, np.full((4 * seconds, 3), label, np.float32))
        for subject, label, seconds in parts
    )
    empty = np.zeros((0, 2), np.int64)
    return Dataset("made up", SIGNAL, recordings, empty, LoadReport("made up", 0))


def majority(windows: NDArray[np.float32]) -> NDArray[np.float32]:
    """The share of each class in a window: right as soon as most of it is the new activity."""
    channel = windows.reshape(len(windows), 8, 3)[:, :, 0]
    return np.stack([(channel == k).mean(axis=1) for k in range(3)], axis=1).astype(np.float32)


@pytest.mark.parametrize(("step", "steps"), [(9, [9]), (75, [75]), (6, [6, 3]), (8, [8, 4, 2])])
def test_every_step_of_a_contract_can_be_judged(step: int, steps: list[int]) -> None:
    data = dataset(("a", 0, 60), ("a", 1, 60))
    data = replace(data, signal=replace(SIGNAL, step=step))
    result = judge_streams(data, [0, 1], majority)
    assert list(dict.fromkeys(f.step for f in result.tried)) == steps
    assert result.default.step == step


def test_the_delay_is_from_the_change_to_the_first_right_decision() -> None:
    data = dataset(("a", 0, 10), ("a", 1, 10), ("b", 2, 10))
    result = judge_streams(data, [0, 1, 2], majority)
    assert result.changes == 1
    assert result.hours == pytest.approx((73 + 33) / 4 / 3600)
    assert result.single.delay_s == 2.0  # after 1 s half of the window is new: the first one wins
    assert result.single.wrong == pytest.approx(1 / (19 + 9))
    assert result.single.right == 1 - result.single.wrong
    slow = next(f for f in result.tried if (f.step, f.alpha, f.hysteresis) == (4, 0.25, 0.2))
    assert slow.delay_s == 4.0
    assert result.default.unsure_below == 0.5
    assert {each.step for each in result.tried} == {1, 2, 4}
    assert len(result.tried) == 3 * len(ALPHAS) * len(HYSTERESES) * len(UNSURE)
    assert result.best.right == max(each.right for each in result.tried)


def test_flicker_counts_what_no_change_explains() -> None:
    data = dataset(("a", 0, 60))

    def flips(windows: NDArray[np.float32]) -> NDArray[np.float32]:
        rows = np.zeros((len(windows), 3), np.float32)
        rows[np.arange(len(rows)), (np.arange(len(rows)) // 4) % 2] = 1
        return rows

    result = judge_streams(data, [0], flips)
    assert result.single.flicker == pytest.approx(58 / (59 / 60), rel=1e-6)
    assert result.single.delay_s is None
    assert result.default.flicker < result.single.flicker


def test_a_change_that_is_never_shown_is_missed() -> None:
    data = dataset(("a", 0, 10), ("a", 1, 10), ("a", 0, 10))

    def deaf(windows: NDArray[np.float32]) -> NDArray[np.float32]:
        return np.tile(np.array([0.8, 0.1, 0.1], np.float32), (len(windows), 1))

    result = judge_streams(data, [0, 1, 0], deaf)
    assert result.single.missed == 0.5
    assert result.single.delay_s == 1.0
    with pytest.raises(BadInput, match="longer than a window"):
        judge_streams(dataset(("a", 0, 2), ("b", 0, 1)), [0, 0], deaf)


def test_the_energy_minded_mode_saves_while_nothing_moves_and_delays_no_start() -> None:
    """Sitting is still, walking is not: what is left out is the middle of sitting."""
    data = dataset(("a", 0, 60), ("a", 1, 20), ("a", 0, 21))
    moving = data.recordings[1].samples
    moving[::2, 1] += 2.0  # the class stays in the first channel
    own, *others = judge_streams(data, [0, 1, 0], majority).energy
    assert len(others) == len(ENERGY) - 1
    assert (own.still_below, own.after, own.factor) == (0.1, 2, 4)
    # Of 59 and 20 windows of sitting all but the first 2 and every 4th of the others.
    windows = (4 * 101 - 8) // 4 + 1
    assert own.saved == pytest.approx((0.75 * 57 + 0.75 * 18) / windows, abs=2 / windows)
    assert (own.differs, own.newly_missed) == (0, 0)
    assert own.right == own.right_without
    assert own.starts == 1  # the change to sitting follows windows that were all run
    assert (own.added_delay_s, own.latest_s) == (0, 0)


def test_activities_that_do_not_move_show_in_the_figures() -> None:
    """A change that no reading above the threshold tells comes late or never."""
    data = dataset(*(("a", n % 2, 9) for n in range(20)))
    for recording in data.recordings:
        recording.samples[:] /= 16

    def quiet(windows: NDArray[np.float32]) -> NDArray[np.float32]:
        return majority(16 * windows)

    figures = judge_streams(data, [n % 2 for n in range(20)], quiet).energy
    worst = next(each for each in figures if each.factor == 8)
    assert worst.differs > 0.1
    assert worst.right < worst.right_without
    assert worst.newly_missed > 0
    assert worst.latest_s is not None
    assert worst.latest_s > 1


def test_channels_of_no_phone_have_no_such_mode() -> None:
    other = replace(SIGNAL, channels=("p", "q", "r"), kinds=(SensorKind.OTHER,) * 3)
    data = replace(dataset(("a", 0, 30)), signal=other)
    assert judge_streams(data, [0], majority).energy == ()


def test_settings_are_chosen_on_one_part_and_reported_on_another() -> None:
    test = judge_streams(dataset(("a", 0, 60), ("a", 1, 60)), [0, 1], majority)
    validation = replace(test, best=replace(test.single, right=1.0, step=test.tried[-1].step))

    judged = test.with_choice_of(validation, familiar=2)

    assert judged.chosen in test.tried
    assert judged.chosen is not None
    assert (judged.chosen.alpha, judged.chosen.hysteresis) == (1.0, 0.0)
    assert judged.chosen.step == validation.best.step
    assert judged.chosen.right < 1.0
    assert judged.familiar == 2
    assert (test.chosen, test.familiar) == (None, None)
