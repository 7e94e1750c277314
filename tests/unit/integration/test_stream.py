"""The reference of the stream: what every package's core must do."""

from __future__ import annotations

import math
from itertools import pairwise
from typing import Any

import numpy as np
import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from edgeconv.datasets import resampling, windowing
from edgeconv.errors import UsageError
from edgeconv.integration import smoothing
from edgeconv.integration.smoothing import lowpass, oversampling
from edgeconv.integration.stream import (
    CLOSEST_INTERVALS,
    GAP_INTERVALS,
    Sample,
    Stream,
    StreamSettings,
    Window,
)

SHORT = StreamSettings(window=8, step=3)
EVERY_STEP = StreamSettings(window=1, step=1)


def regular(count: int, hz: float = 50.0, start: int = 0) -> list[Sample]:
    """A slow movement sampled evenly."""
    return [
        (start + round(i * 1e9 / hz), math.sin(i / 9), math.cos(i / 11), 9.81 + math.sin(i / 7))
        for i in range(count)
    ]


def plain(windows: list[Window], shift: int = 0) -> list[tuple[Any, ...]]:
    return [(w.number, w.segment, w.end_ns - shift, tuple(w.values)) for w in windows]


def steps(windows: list[Window]) -> np.ndarray[Any, Any]:
    return np.array([w.values for w in windows], np.float64)


# --- the filter -----------------------------------------------------------------------------------


@pytest.mark.parametrize("factor", [2, 3, 4, 5, 7, 10])
def test_the_filter_is_that_of_training(factor: int) -> None:
    np.testing.assert_allclose(lowpass(factor), resampling._taps(factor), atol=1e-15)


def test_the_constants_are_those_of_training() -> None:
    ours = (
        smoothing.PASS_EDGE,
        smoothing.STOP_EDGE,
        smoothing.DESIGN_DB,
        smoothing.NOMINAL_TOLERANCE,
    )
    theirs = (
        *(resampling.PASS_EDGE, resampling.STOP_EDGE),
        *(resampling.DESIGN_DB, resampling.NOMINAL_TOLERANCE),
    )
    assert ours == theirs
    assert GAP_INTERVALS == windowing.GAP_INTERVALS


@pytest.mark.parametrize(
    ("sensor", "factor"), [(10, 1), (20, 1), (20.6, 1), (21, 2), (50, 3), (52, 3), (100, 5)]
)
def test_the_fine_grid_is_not_coarser_than_the_sensor(sensor: float, factor: int) -> None:
    assert oversampling(sensor, 20.0) == factor


def test_the_sum_of_the_taps_is_one() -> None:
    for factor in (1, 2, 3, 5):
        taps = lowpass(factor)
        assert math.fsum(taps) == pytest.approx(1, abs=1e-15)
        assert taps == taps[::-1]


# --- windows and steps ----------------------------------------------------------------------------


def test_windows_come_when_full_and_then_every_step() -> None:
    windows = Stream(SHORT).extend(regular(200))
    assert [w.number for w in windows] == list(range(len(windows)))
    assert {w.segment for w in windows} == {0}
    # The filter has 81 taps on 60 Hz: its first full support is around point 40, the next whole
    # step is 42 / 60 Hz = 0.7 s, and seven steps later the window is full.
    assert windows[0].end_ns == 700_000_000 + 7 * 50_000_000
    assert {b.end_ns - a.end_ns for a, b in pairwise(windows)} == {3 * 50_000_000}
    # Neighbours share what overlaps: time-major, three values a step.
    for a, b in pairwise(windows):
        assert tuple(a.values[9:]) == tuple(b.values[:15])


def test_a_step_longer_than_the_window_leaves_some_out() -> None:
    windows = Stream(StreamSettings(window=2, step=5)).extend(regular(200))
    assert {b.end_ns - a.end_ns for a, b in pairwise(windows)} == {5 * 50_000_000}


def test_samples_on_the_grid_pass_unchanged_without_a_filter() -> None:
    config = StreamSettings(window=10, step=10, sensor_hz=20.0)
    samples = [(i * 50_000_000, i / 8, -i / 4, 9.75) for i in range(32)]
    windows = Stream(config).extend(samples)
    assert len(windows) == 3
    assert [v for w in windows for v in w.values] == [v for s in samples[:30] for v in s[1:]]
    assert [w.end_ns for w in windows] == [samples[i][0] for i in (9, 19, 29)]


def test_unit_and_sign_are_one_factor() -> None:
    upright = [(t, 0.0, 0.0, -1.0) for t, *_ in regular(120)]
    config = StreamSettings(window=2, step=1, factor=-9.80665)
    window = Stream(config).extend(upright)[0]
    assert list(window.values) == pytest.approx([0, 0, 9.80665] * 2, abs=1e-6)


@settings(max_examples=30)
@given(st.lists(st.integers(1, 60), max_size=12), st.integers(0, 2**32))
def test_any_chunking_gives_the_same_windows(sizes: list[int], seed: int) -> None:
    samples = messy(seed)
    whole = Stream(SHORT)
    expected = plain(whole.extend(samples))
    parts, rest, found = Stream(SHORT), samples, []
    for size in sizes:
        found += parts.extend(rest[:size])
        rest = rest[size:]
    found += parts.extend(rest)
    assert plain(found) == expected
    assert parts.counts == whole.counts


@settings(max_examples=30)
@given(st.integers(0, 2**32), st.integers(-(2**52), 2**52))
def test_a_shifted_clock_changes_nothing(seed: int, shift: int) -> None:
    samples = messy(seed)
    moved = [(t + shift, x, y, z) for t, x, y, z in samples]
    assert plain(Stream(SHORT).extend(moved), shift) == plain(Stream(SHORT).extend(samples))


def messy(seed: int) -> list[Sample]:
    """Jitter, lost, doubled, late and impossible samples, and pauses."""
    chance = np.random.default_rng(seed)
    now, found = 0, []
    for i in range(300):
        now += int(chance.integers(14_000_000, 26_000_000))
        kind = chance.random()
        if kind < 0.01:
            now += 400_000_000
        stamp = now - int(chance.integers(0, 90_000_000)) if kind > 0.95 else now
        x = math.nan if 0.9 < kind < 0.92 else math.sin(i / 5)
        if not 0.85 < kind < 0.88:
            found.append((stamp, x, float(chance.normal()), 9.81))
    return found


@settings(max_examples=30)
@given(
    st.integers(0, 2**32),
    st.tuples(*[st.floats(-80, 80)] * 3),
    st.sampled_from([(50.0, 1.0), (20.0, 1.0), (100.0, -9.80665)]),
)
def test_a_constant_stays_exactly_constant(
    seed: int, values: tuple[float, float, float], source: tuple[float, float]
) -> None:
    hz, factor = source
    chance = np.random.default_rng(seed)
    stream = Stream(StreamSettings(window=4, step=1, sensor_hz=hz, factor=factor))
    now, windows = 0, []
    for _ in range(250):
        now += int(chance.uniform(0.6, 1.4) * 1e9 / hz)
        windows += stream.push((now, *values))
    expected = np.array([value * factor for value in values], np.float32)
    assert windows
    for window in windows:
        np.testing.assert_array_equal(np.reshape(window.values, (4, 3)), np.tile(expected, (4, 1)))


# --- against training -----------------------------------------------------------------------------


@pytest.mark.parametrize("hz", [26.0, 50.0, 52.0, 100.0])
@pytest.mark.parametrize("tone", [0.7, 2.0, 5.0, 8.0])
def test_a_tone_in_the_pass_band_is_as_training_has_it(hz: float, tone: float) -> None:
    seconds = np.arange(int(12 * hz)) / hz
    values = np.sin(2 * np.pi * tone * seconds)
    stream = Stream(StreamSettings(window=1, step=1, sensor_hz=hz))
    windows = stream.extend(
        (round(t * 1e9), float(v), 0.0, 0.0) for t, v in zip(seconds, values, strict=True)
    )
    trained = resampling.resample_stamped(seconds, values[:, None], 20.0)[:, 0]
    index = np.array([w.end_ns for w in windows]) // 50_000_000
    inner = (index >= 30) & (index < 200)  # training's edges are continued, which is no truth
    # A cubic with slopes of parabolas: the slopes are off by at most (ωh)³/6 an interval, of which
    # u(1−u) ≤ 1/4 counts; a cubic with true slopes by (ωh)⁴/384. The filter weighs such errors by
    # at most the sum of its taps' sizes. Both filters keep a pass band's tone within 60 dB.
    phase = 2 * np.pi * tone / hz
    gain = float(np.abs(lowpass(oversampling(hz, 20.0))).sum())
    bound = gain * (phase**3 / 24 + phase**4 / 384) + 2e-3
    assert np.abs(steps(windows)[inner, 0] - trained[index[inner]]).max() < bound


def test_what_would_alias_is_filtered_out() -> None:
    samples = [(t, math.sin(2 * math.pi * 15 * t / 1e9), 0.0, 9.81) for t, *_ in regular(600)]
    # What is left is the cubic's: its image at 65 Hz falls on 5 Hz of the 60 Hz grid.
    assert np.abs(steps(Stream(EVERY_STEP).extend(samples))[:, 0]).max() < 5e-3


def test_jitter_of_the_stamps_is_followed() -> None:
    """A movement sampled at uneven times gives what it gives at even ones."""
    chance = np.random.default_rng(5)
    even = [i * 20_000_000 for i in range(500)]
    uneven = [t + int(chance.uniform(-6e6, 6e6)) for t in even]
    uneven[0] = 0  # the grid begins at the first stamp
    heard = [
        steps(Stream(EVERY_STEP).extend((t, math.sin(t * 12e-9), 0.0, 9.81) for t in times))
        for times in (even, uneven)
    ]
    length = min(map(len, heard))
    assert np.abs(heard[0][:length] - heard[1][:length]).max() < 2e-3


# --- what is refused ------------------------------------------------------------------------------


@pytest.mark.parametrize("bad", [math.nan, math.inf, -math.inf])
@pytest.mark.parametrize("place", [1, 2, 3])
def test_values_that_are_not_finite_are_dropped(bad: float, place: int) -> None:
    samples = regular(200)
    spoilt: Any = list(samples[100])
    spoilt[place] = bad
    spoilt[0] += 1_000_000
    stream, clean = Stream(SHORT), Stream(SHORT)
    windows = stream.extend([*samples[:101], tuple(spoilt), *samples[101:]])
    assert plain(windows) == plain(clean.extend(samples))
    assert (stream.counts.not_finite, stream.counts.accepted) == (1, 200)


@pytest.mark.parametrize(
    ("shift", "reason"),
    [(0, "duplicate"), (1_000_000, "duplicate"), (-1, "late"), (-99_000_000, "late")],
)
def test_doubled_and_late_samples_are_dropped(shift: int, reason: str) -> None:
    samples = regular(200)
    extra = (samples[100][0] + shift, 50.0, 50.0, 50.0)
    stream = Stream(SHORT)
    windows = stream.extend([*samples[:101], extra, *samples[101:]])
    assert plain(windows) == plain(Stream(SHORT).extend(samples))
    counts = vars(stream.counts)
    assert counts[reason] == 1
    assert counts["accepted"] == 200
    assert stream.segment == 0


def test_a_sample_just_far_enough_is_taken() -> None:
    stream = Stream(SHORT)
    nearest = round(CLOSEST_INTERVALS * 20_000_000)
    stream.extend([(0, 0.0, 0.0, 0.0), (nearest, 0.0, 0.0, 0.0)])
    assert (stream.counts.accepted, stream.counts.duplicate) == (2, 0)


@pytest.mark.parametrize(("pause", "restarts"), [(100_000_000, 0), (100_000_001, 1)])
def test_a_pause_of_more_than_five_intervals_restarts(pause: int, restarts: int) -> None:
    first = regular(200)
    second = regular(200, start=first[-1][0] + pause)
    stream = Stream(SHORT)
    windows = stream.extend([*first, *second])
    assert (stream.counts.gaps, stream.segment) == (restarts, restarts)
    if restarts:
        alone = Stream(SHORT)
        expected = plain(alone.extend(second))
        after = [w for w in windows if w.segment == 1]
        assert [(w.end_ns, tuple(w.values)) for w in after] == [e[2:] for e in expected]
        assert [w.number for w in windows] == list(range(len(windows)))


def test_a_clock_that_was_set_back_restarts() -> None:
    first, second = regular(200, start=7_000_000_000), regular(200)
    stream = Stream(SHORT)
    windows = stream.extend([*first, *second])
    assert (stream.counts.clock_resets, stream.counts.gaps, stream.segment) == (1, 0, 1)
    expected = plain(Stream(SHORT).extend(second))
    assert [w.end_ns for w in windows if w.segment] == [e[2] for e in expected]


def test_a_restart_by_hand_forgets_all_samples() -> None:
    stream = Stream(SHORT)
    samples = regular(400)
    before = stream.extend(samples[:200])
    stream.restart()
    after = stream.extend(samples[200:])
    assert {w.segment for w in after} == {1}
    assert after[0].number == len(before)
    assert after[0].end_ns > samples[200][0]


def test_hours_do_not_add_up_an_error() -> None:
    """60 Hz has no whole number of nanoseconds; the 200 000th point is where it should be."""
    stream = Stream(EVERY_STEP)
    assert stream._grid_time(216_000) == 3600 * 10**9
    assert stream._grid_time(1) == 16_666_667


@pytest.mark.parametrize(
    "wrong",
    [
        {"rate_hz": 0.0},
        {"sensor_hz": -1.0},
        {"sensor_hz": math.inf},
        {"window": 0},
        {"step": 0},
        {"channels": 0},
        {"factor": 0.0},
        {"factor": math.nan},
    ],
)
def test_impossible_settings_are_refused(wrong: dict[str, Any]) -> None:
    with pytest.raises(UsageError):
        StreamSettings(**wrong)
