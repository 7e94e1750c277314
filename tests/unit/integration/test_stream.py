"""The reference of the stream: what every package's core must do."""

from __future__ import annotations

import math
from dataclasses import replace
from itertools import pairwise
from typing import Any

import numpy as np
import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from edgeconv.core import SensorKind
from edgeconv.datasets import hapt, resampling, windowing
from edgeconv.errors import UsageError
from edgeconv.integration import smoothing
from edgeconv.integration.sensors import ChannelSource, Part, settling_steps
from edgeconv.integration.smoothing import lowpass, oversampling
from edgeconv.integration.stream import (
    CLOSEST_INTERVALS,
    GAP_INTERVALS,
    Sample,
    SensorSettings,
    Stream,
    StreamSettings,
    Window,
)

SHORT = StreamSettings(window=8, step=3)
EVERY_STEP = StreamSettings(window=1, step=1)


def one(hz: float = 50.0, factor: float = 1.0) -> tuple[SensorSettings, ...]:
    return (SensorSettings(hz=hz, factor=factor),)


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
    config = StreamSettings(window=10, step=10, sensors=one(20.0))
    samples = [(i * 50_000_000, i / 8, -i / 4, 9.75) for i in range(32)]
    windows = Stream(config).extend(samples)
    assert len(windows) == 3
    assert [v for w in windows for v in w.values] == [v for s in samples[:30] for v in s[1:]]
    assert [w.end_ns for w in windows] == [samples[i][0] for i in (9, 19, 29)]


def test_unit_and_sign_are_one_factor() -> None:
    upright = [(t, 0.0, 0.0, -1.0) for t, *_ in regular(120)]
    config = StreamSettings(window=2, step=1, sensors=one(factor=-9.80665))
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
    stream = Stream(StreamSettings(window=4, step=1, sensors=one(hz, factor)))
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
    stream = Stream(StreamSettings(window=1, step=1, sensors=one(hz)))
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


# --- several sensors ------------------------------------------------------------------------------

GYRO, ACC = SensorKind.GYROSCOPE, SensorKind.ACCELEROMETER
Arrival = tuple[int, Sample]


def two(
    rate_hz: float = 20.0, gyro_hz: float = 50.0, window: int = 8, step: int = 3
) -> StreamSettings:
    """An accelerometer and a gyroscope."""
    sensors = (SensorSettings(), SensorSettings(GYRO, gyro_hz))
    channels = tuple(ChannelSource(sensor, axis) for sensor in (0, 1) for axis in range(3))
    return StreamSettings(rate_hz, window, step, sensors, channels)


def read(sensor: int, stamp: int) -> Sample:
    """A smooth movement; each sensor has its own."""
    s = stamp / 1e9
    return (stamp, math.sin(3 * s + sensor), math.cos(2 * s - sensor), 9.81 * (1 - sensor) + s / 9)


def fed(stream: Stream, arrivals: list[Arrival]) -> list[Window]:
    return [window for sensor, sample in arrivals for window in stream.push(sample, sensor)]


def both(seconds: float, gyro_hz: float = 50.0, begin: int = 0) -> list[Arrival]:
    """Both sensors, in the order of time; the gyroscope is read 7 ms later."""
    acc = [(0, read(0, begin + round(i * 2e7))) for i in range(int(seconds * 50))]
    gyro = [
        (1, read(1, begin + 7_000_000 + round(i * 1e9 / gyro_hz)))
        for i in range(int(seconds * gyro_hz))
    ]
    return sorted([*acc, *gyro], key=lambda arrival: arrival[1][0])


@pytest.mark.parametrize(("rate", "gyro_hz"), [(20.0, 50.0), (20.0, 100.0), (50.0, 50.0)])
def test_each_sensor_is_read_where_the_grid_is(rate: float, gyro_hz: float) -> None:
    """The movement itself is what every step must show, of both sensors at the same time."""
    windows = fed(Stream(two(rate, gyro_hz, 1, 1)), both(8, gyro_hz))
    assert len(windows) > 4 * rate
    for window in windows:
        expected = [*read(0, window.end_ns)[1:], *read(1, window.end_ns)[1:]]
        np.testing.assert_allclose(window.values, expected, atol=1e-3)


def test_one_sensor_of_two_is_as_if_it_were_alone() -> None:
    """The accelerometer's channels are those of a stream without a gyroscope, on the same grid."""
    arrivals = both(8)
    begins = arrivals[1][1][0]  # the grid begins where both are there
    pair = fed(Stream(two(window=1, step=1)), arrivals)
    alone = Stream(EVERY_STEP)
    alone._start = begins
    expected = alone.extend(sample for sensor, sample in arrivals if not sensor)
    for a, b in zip(pair, expected, strict=False):
        assert (a.end_ns, list(a.values[:3])) == (b.end_ns, list(b.values))


@settings(max_examples=25)
@given(st.integers(0, 2**32), st.floats(0, 0.4))
def test_the_order_in_which_sensors_come_changes_nothing(seed: int, delay: float) -> None:
    """As long as each comes in its own order, and none is silent."""
    arrivals = both(6)
    chance = np.random.default_rng(seed)
    first, rest = arrivals[:2], arrivals[2:]
    late = {sensor: chance.uniform(0, delay * 1e9) for sensor in (0, 1)}
    mixed = sorted(rest, key=lambda arrival: arrival[1][0] + late[arrival[0]])
    assert plain(fed(Stream(two()), [*first, *mixed])) == plain(fed(Stream(two()), arrivals))


@settings(max_examples=25)
@given(st.integers(0, 2**32), st.integers(-(2**52), 2**52))
def test_a_shifted_clock_changes_nothing_for_several(seed: int, shift: int) -> None:
    chance = np.random.default_rng(seed)
    arrivals = [arrival for arrival in both(8) if chance.random() > 0.1]
    arrivals = [a for a in arrivals if not (a[0] == 1 and 4.0e9 < a[1][0] < 4.2e9)]
    moved = [(n, (t + shift, x, y, z)) for n, (t, x, y, z) in arrivals]
    one, other = Stream(two()), Stream(two())
    assert plain(fed(one, moved), shift) == plain(fed(other, arrivals))
    assert one.counts == other.counts


def test_a_pause_of_one_sensor_restarts_all() -> None:
    arrivals = [a for a in both(12) if not (a[0] == 1 and 6e9 <= a[1][0] < 6.2e9)]
    stream = Stream(two())
    windows = fed(stream, arrivals)
    assert (stream.counts.gaps, stream.counts.silent, stream.segment) == (1, 0, 1)
    first = next(w for w in windows if w.segment == 1)
    # 27 steps for the filter, 8 of the window: nothing of before the pause is in it.
    assert first.end_ns - 6.2e9 > (13 + 8 - 1) * 5e7


def test_a_sensor_that_is_silent_is_named_and_no_window_comes() -> None:
    ends = 6_000_000_000
    stream = Stream(two())
    assert list(stream.waiting) == [0, 1]
    windows = fed(stream, [a for a in both(12) if a[0] == 0 or a[1][0] < ends])
    assert list(stream.waiting) == [1]
    assert stream.counts.silent == 1
    assert max(window.end_ns for window in windows) < ends
    again = fed(stream, both(4, begin=12_000_000_000))
    assert not stream.waiting
    assert {window.segment for window in again} == {1}
    assert min(window.end_ns for window in again) > 12_000_000_000


def test_a_sensor_that_never_comes_gives_no_window() -> None:
    stream = Stream(two())
    assert fed(stream, [a for a in both(9) if a[0] == 0]) == []
    assert (stream.waiting, stream.counts.silent, stream.segment) == ((1,), 0, 0)


def test_two_clocks_are_no_clock() -> None:
    """The gyroscope counts from another origin: never a window, and it can be seen why."""
    stream = Stream(two())
    assert fed(stream, [(n, (t + n * 10**13, x, y, z)) for n, (t, x, y, z) in both(9)]) == []
    assert stream.counts.silent > 100


# --- gravity --------------------------------------------------------------------------------------


def split(rate_hz: float = 50.0, sensor_hz: float = 50.0) -> StreamSettings:
    """The accelerometer, its gravity and the rest: nine channels."""
    channels = tuple(ChannelSource(0, axis, part) for part in Part for axis in range(3))
    return StreamSettings(rate_hz, 1, 1, (SensorSettings(hz=sensor_hz),), channels)


def test_gravity_is_that_of_hapt() -> None:
    """At the contract's own rate every step is what the loader of HAPT made of the recording."""
    samples = regular(1500)
    windows = Stream(split()).extend(samples)
    values = np.array([sample[1:] for sample in samples])
    slow = hapt.gravity_of(values)
    found = steps(windows)
    skipped = settling_steps(50.0)
    assert len(windows) == len(samples) - 2 - skipped
    expected = np.hstack([values, slow, values - slow])[skipped : skipped + len(found)]
    np.testing.assert_allclose(found, expected, atol=1e-5)


def test_gravity_of_a_resampled_stream_is_nearly_that_of_the_recording() -> None:
    samples = regular(2000)
    windows = Stream(split(20.0)).extend(samples)
    slow = hapt.gravity_of(np.array([sample[1:] for sample in samples]))
    for window in windows[::7]:
        if window.end_ns % 20_000_000 == 0 and window.end_ns > 2e10:  # both have settled
            at = window.end_ns // 20_000_000
            np.testing.assert_allclose(window.values[3:6], slow[at], atol=0.03)


@settings(max_examples=20)
@given(st.tuples(*[st.floats(-80, 80)] * 3), st.sampled_from([20.0, 50.0]))
def test_a_phone_at_rest_has_no_linear_acceleration_at_all(
    values: tuple[float, float, float], rate: float
) -> None:
    windows = Stream(split(rate)).extend((t, *values) for t, *_ in regular(520))
    assert windows
    exact = np.array([*values, *values, 0.0, 0.0, 0.0], np.float32)
    for window in windows:
        np.testing.assert_array_equal(window.values, exact)


def test_a_restart_lets_gravity_settle_again() -> None:
    stream = Stream(split())
    before = stream.extend(regular(600))
    stream.restart()
    after = stream.extend(regular(600))
    assert [w.end_ns for w in before] == [w.end_ns for w in after]
    np.testing.assert_array_equal(steps(before), steps(after))


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


@pytest.mark.parametrize("step", [1, 3, 16])
def test_a_restart_in_the_handler_ends_the_sample(step: int) -> None:
    """Nothing more comes of the sample, and what follows is as in a stream that begins there."""
    stream = Stream(replace(SHORT, step=step))
    samples, seen = regular(400), []

    def handle(window: Window) -> None:
        seen.append((stream.counts.accepted - 1, window))
        if window.number == 3:
            stream.restart()

    for sample in samples:
        stream.push(sample, handle=handle)
    restarted_at = next(position for position, window in seen if window.number == 3)
    fresh = Stream(stream.settings)
    expected = fresh.extend(samples[restarted_at + 1 :])
    after = [window for _, window in seen if window.segment == 1]
    assert [w.values for w in after] == [w.values for w in expected]
    assert [w.end_ns for w in after] == [w.end_ns for w in expected]
    assert [window.number for _, window in seen] == list(range(len(seen)))


def test_a_push_in_the_handler_is_refused_and_changes_nothing() -> None:
    stream, plain = Stream(SHORT), Stream(SHORT)
    refusals = []

    def handle(window: Window) -> None:
        with pytest.raises(UsageError, match="handed out") as refusal:
            stream.push((window.end_ns + 1, 9.0, 9.0, 9.0))
        refusals.append(refusal)

    windows = [w for sample in regular(200) for w in stream.push(sample, handle=handle)]
    assert [w.values for w in windows] == [w.values for w in plain.extend(regular(200))]
    assert len(refusals) == len(windows)


def test_hours_do_not_add_up_an_error() -> None:
    """60 Hz has no whole number of nanoseconds; the 200 000th point is where it should be."""
    stream = Stream(EVERY_STEP)
    assert stream._grid_time(216_000) == 3600 * 10**9
    assert stream._grid_time(1) == 16_666_667


@pytest.mark.parametrize(
    "wrong",
    [
        {"rate_hz": 0.0},
        {"window": 0},
        {"step": 0},
        {"channels": ()},
        {"sensors": ()},
    ],
)
def test_impossible_settings_are_refused(wrong: dict[str, Any]) -> None:
    with pytest.raises(UsageError):
        StreamSettings(**wrong)


@pytest.mark.parametrize("wrong", [{"hz": -1.0}, {"hz": math.inf}, {"factor": 0.0}])
def test_impossible_sensors_are_refused(wrong: dict[str, Any]) -> None:
    with pytest.raises(UsageError):
        SensorSettings(**wrong)
