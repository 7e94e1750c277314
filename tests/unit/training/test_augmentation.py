"""Each transform does what its physics says, and nothing where it is switched off."""

from __future__ import annotations

from dataclasses import replace

import numpy as np
import pytest
from hypothesis import given
from hypothesis import strategies as st
from hypothesis.extra.numpy import arrays

from edgeconv.core import Augmentation, Recording
from edgeconv.core.channels import SensorKind
from edgeconv.training import augmentation

from .small import LENGTH, SIGNAL, WINDOW, dataset, recording

OFF = Augmentation(
    shift=0,
    speed=0,
    turn=0,
    upside_down=0,
    mirror=0,
    axis_gain=0,
    amplitude=0,
    effort=0,
    coupling=0,
    roll_rad=0,
    rotation_rad=0,
    jitter=0,
    mixup=0,
)
THREE_AXES = ((SensorKind.ACCELEROMETER, (0, 1, 2)),)
SIX_AXES = (*THREE_AXES, (SensorKind.GYROSCOPE, (3, 4, 5)))
DATA = dataset("1", "2")
STRIPS = augmentation.ContinuousRecordings.of(DATA)
ALL = np.arange(len(DATA))


def rng(seed: int = 0) -> np.random.Generator:
    return np.random.default_rng(seed)


def vector(*values: float) -> augmentation.Floats:
    return np.array(values, np.float32)


def test_without_any_change_it_is_the_window_of_the_grid() -> None:
    windows = augmentation.augment(STRIPS, ALL, OFF, rng())
    assert windows.dtype == np.float32
    np.testing.assert_array_equal(windows.reshape(len(ALL), -1), DATA.windows)


def test_one_seed_one_result() -> None:
    first = augmentation.augment(STRIPS, ALL, Augmentation(), rng(3))
    assert first.dtype == np.float32
    np.testing.assert_array_equal(first, augmentation.augment(STRIPS, ALL, Augmentation(), rng(3)))
    assert np.abs(first - augmentation.augment(STRIPS, ALL, Augmentation(), rng(4))).max() > 0.1


@pytest.mark.parametrize(
    "change",
    [
        {"shift": 5},
        {"speed": 0.15},
        {"turn": 1.0},
        {"upside_down": 1.0},
        {"mirror": 1.0},
        {"axis_gain": 0.05},
        {"amplitude": 0.1},
        {"effort": 0.2},
        {"coupling": 0.3},
        {"roll_rad": 0.4},
        {"rotation_rad": 0.15},
        {"jitter": 0.1},
    ],
    ids=lambda change: next(iter(change)),
)
def test_each_setting_changes_windows(change: dict[str, float]) -> None:
    plain = augmentation.augment(STRIPS, ALL, OFF, rng())
    changed = augmentation.augment(STRIPS, ALL, replace(OFF, **change), rng())  # type: ignore[arg-type]
    assert changed.shape == plain.shape
    assert np.abs(changed - plain).max() > 1e-3


def test_a_shifted_window_is_a_stretch_of_its_own_recording() -> None:
    shifted = augmentation.cut(STRIPS, ALL, 0.0, 7, rng())
    for window, begin, end in zip(shifted, STRIPS.begin, STRIPS.end, strict=True):
        samples = STRIPS.samples[begin:end]
        stretches = np.lib.stride_tricks.sliding_window_view(samples, WINDOW, axis=0)
        assert (stretches.transpose(0, 2, 1) == window).all(axis=(1, 2)).any()


def test_cutting_never_leaves_the_recording() -> None:
    low, high = constant(0), constant(1)
    data = dataset(recordings=(low, high))
    windows = augmentation.cut(
        augmentation.ContinuousRecordings.of(data), np.arange(len(data)), 0.3, 50, rng()
    )
    labels = data.labels.astype(np.float32)
    assert (windows == labels[:, None, None]).all()


def constant(label: int) -> Recording:
    return replace(recording("1", label), samples=np.full((LENGTH, 3), label, np.float32))


def test_a_recording_of_one_window_cannot_be_stretched() -> None:
    data = dataset(recordings=(recording("1", 1, WINDOW),))
    for seed in range(10):
        window = augmentation.cut(
            augmentation.ContinuousRecordings.of(data), np.array([0]), 0.5, 5, rng(seed)
        )
        assert np.abs(window).max() <= np.abs(data.recordings[0].samples).max() * 1.2


def test_speed_keeps_the_mean_and_moves_the_cadence() -> None:
    time = np.arange(4000)
    wave = 3 * np.sin(0.5 * time)[:, None] + [0.0, 9.8, 0.0]
    data = dataset(recordings=(replace(recording("1", 1), samples=wave.astype(np.float32)),))
    recordings = replace(augmentation.ContinuousRecordings.of(data), window=1000)
    rows = np.full(20, 100)
    windows = augmentation.cut(recordings, rows, 0.15, 0, rng())
    np.testing.assert_allclose(windows.mean(axis=1), [[0, 9.8, 0]] * 20, atol=0.05)
    spectrum = np.abs(np.fft.rfft(windows[:, :, 0], axis=1))
    cadence = 2 * np.pi * spectrum.argmax(axis=1) / 1000
    assert cadence.std() > 0.01
    assert ((cadence > 0.5 * np.exp(-0.16)) & (cadence < 0.5 * np.exp(0.16))).all()


def two_tones() -> augmentation.Floats:
    """200 windows of 4 s at 20 Hz with swings of 1 and 7 Hz, around gravity along y."""
    time = np.arange(80)[:, None] / 20
    swing = 3 * np.sin(2 * np.pi * time) + np.cos(2 * np.pi * 7 * time)
    window = swing * [1.0, 2.0, -1.0] + [0.0, 9.8, 0.0]
    return np.repeat(window[None].astype(np.float32), 200, axis=0)


@pytest.mark.parametrize(("effort", "coupling"), [(0.3, 0.0), (0.0, 0.3), (0.3, 0.3)])
def test_moving_more_or_less_leaves_gravity(effort: float, coupling: float) -> None:
    moved = augmentation.move(two_tones(), effort, coupling, 20.0, rng())
    assert moved.dtype == np.float32
    np.testing.assert_allclose(moved.mean(axis=1), two_tones().mean(axis=1), atol=1e-5)


def test_effort_is_one_factor_and_coupling_one_for_each_band() -> None:
    def gains(effort: float, coupling: float) -> tuple[np.ndarray, np.ndarray]:
        moved = augmentation.move(two_tones(), effort, coupling, 20.0, rng())
        spectrum, plain = (np.fft.rfft(x, axis=1)[:, [4, 28]] for x in (moved, two_tones()))
        factors = np.abs(spectrum) / np.abs(plain)
        np.testing.assert_allclose(factors, factors[:, :, :1].repeat(3, axis=2), rtol=1e-3)
        return np.log(factors[:, 0, 0]), np.log(factors[:, 1, 0])

    slow, fast = gains(0.2, 0.0)
    np.testing.assert_allclose(slow, fast, atol=1e-3)
    assert 0.17 < slow.std() < 0.23
    slow, fast = gains(0.0, 0.3)
    assert abs(np.corrcoef(slow, fast)[0, 1]) < 0.2
    assert 0.25 < slow.std() < 0.35
    assert 0.25 < fast.std() < 0.35


def test_bands_above_half_the_rate_are_left_out() -> None:
    still = np.full((2, 10, 3), 9.8, np.float32)
    np.testing.assert_allclose(augmentation.move(still, 0.2, 0.3, 5.0, rng()), still, rtol=1e-6)


def test_interpolation_passes_through_samples_and_is_exact_on_a_line() -> None:
    line = np.arange(30, dtype=np.float32)[:, None] * vector(1, -2, 0.5)
    begin, end = np.array([0]), np.array([30])
    times = np.array([[1.0, 4.25, 10.5, 28.0]])
    expected = times[0][:, None] * [1, -2, 0.5]
    np.testing.assert_allclose(
        augmentation.interpolate(line, times, begin, end)[0], expected, atol=1e-5
    )


def test_turn_about_the_long_axis_keeps_gravity_along_y() -> None:
    matrix = augmentation.orientation(50, replace(OFF, turn=1.0), rng())[0]
    np.testing.assert_array_equal(matrix @ vector(1, 9.8, 2), [[-1, np.float32(9.8), -2]] * 50)
    np.testing.assert_allclose(np.linalg.det(matrix), 1)


def test_upside_down_is_a_turn_and_mirror_a_reflection() -> None:
    turned = augmentation.orientation(5, replace(OFF, upside_down=1.0), rng())[0]
    np.testing.assert_array_equal(turned @ vector(1, 9, 2), [[-1, -9, 2]] * 5)
    mirrored = augmentation.orientation(5, replace(OFF, mirror=1.0), rng())[0]
    np.testing.assert_array_equal(mirrored @ vector(1, 9, 2), [[-1, 9, 2]] * 5)
    np.testing.assert_allclose(np.linalg.det(mirrored), -1)


def test_roll_turns_about_the_screen_normal() -> None:
    matrix = augmentation.orientation(50, replace(OFF, roll_rad=0.4), rng())[0]
    np.testing.assert_allclose(matrix @ vector(0, 0, 1), [[0, 0, 1]] * 50, atol=1e-6)
    assert 0.2 < np.arctan2(matrix[:, 1, 0], matrix[:, 0, 0]).std() < 0.6


def test_flips_hit_their_share_of_the_windows() -> None:
    share = (augmentation.flip(10_000, (-1, 1, -1), 0.3, rng())[:, 0] < 0).mean()
    assert 0.28 < share < 0.32


def test_gains_have_their_deviations() -> None:
    assert 0.045 < augmentation.sensitivity(10_000, 0.05, rng()).std() < 0.055
    assert 0.09 < np.log(augmentation.amplitude(10_000, 0.1, rng())).std() < 0.11


def swinging(n: int) -> tuple[augmentation.Floats, augmentation.Floats]:
    """Accelerations and rotation rates of n windows, at random."""
    both = rng(7).normal(0, 3, (2, n, WINDOW, 3)).astype(np.float32)
    return both[0], both[1]


@pytest.mark.parametrize("change", ["turn", "upside_down", "mirror", "roll_rad", "rotation_rad"])
def test_a_turned_gyroscope_turns_the_gravity_that_is_turned(change: str) -> None:
    """ω × g is how fast gravity moves in the phone's frame, so it has to move with gravity."""
    acceleration, rate = swinging(40)
    settings = replace(OFF, **{change: 0.5})  # type: ignore[arg-type]

    def turned(x: augmentation.Floats) -> augmentation.Floats:
        return augmentation.turn(x, SIX_AXES, settings, rng(3))

    both = turned(np.concatenate([acceleration, rate], axis=2))
    speed = np.cross(rate, acceleration).astype(np.float32)
    expected = turned(np.concatenate([speed, rate], axis=2))[:, :, :3]
    np.testing.assert_allclose(np.cross(both[:, :, 3:], both[:, :, :3]), expected, atol=1e-3)
    assert np.abs(both[:, :, :3] - acceleration).max() > 0.1


def test_the_acceleration_among_six_channels_changes_as_alone() -> None:
    acceleration, rate = swinging(20)
    settings = replace(Augmentation(), jitter=0.0)
    alone = augmentation.turn(acceleration, THREE_AXES, settings, rng(5))
    shifted = ((SensorKind.GYROSCOPE, (0, 1, 2)), (SensorKind.ACCELEROMETER, (3, 4, 5)))
    both = augmentation.turn(
        np.concatenate([rate, acceleration], axis=2), shifted, settings, rng(5)
    )
    np.testing.assert_array_equal(both[:, :, 3:], alone)


def test_a_window_of_six_channels_is_augmented() -> None:
    signal = replace(SIGNAL, channels=("acc_x", "acc_y", "acc_z", "gyro_x", "gyro_y", "gyro_z"))
    samples = np.concatenate([r.samples for r in (recording("1", 2), recording("2", 1))], axis=1)
    whole = Recording("1", 2, samples, "two sensors")
    strips = augmentation.ContinuousRecordings.of(
        replace(dataset(recordings=(whole,)), signal=signal)
    )
    windows = augmentation.augment(strips, np.arange(5), Augmentation(), rng())
    assert windows.shape == (5, WINDOW, 6)
    still = augmentation.augment(strips, np.arange(5), OFF, rng())
    assert (np.abs(windows - still).max(axis=(0, 1)) > 0.1).all()


@given(arrays(np.float32, (4, 3), elements=st.floats(-7, 7, width=32)))
def test_a_rotation_keeps_lengths_and_handedness(vectors: augmentation.Floats) -> None:
    matrices = augmentation.rotation(vectors).astype(np.float64)
    np.testing.assert_allclose(matrices @ matrices.transpose(0, 2, 1), [np.eye(3)] * 4, atol=2e-5)
    np.testing.assert_allclose(np.linalg.det(matrices), 1, atol=2e-5)


def test_a_quarter_turn_about_z_takes_x_to_y() -> None:
    quarter = augmentation.rotation(np.array([[0, 0, np.pi / 2]], np.float32))
    np.testing.assert_allclose(quarter[0] @ [1, 0, 0], [0, 1, 0], atol=1e-6)


def test_jitter_has_its_deviation() -> None:
    noise = augmentation.jitter(np.zeros((50, 80, 6), np.float32), SIX_AXES, 0.1, rng())
    assert 0.095 < noise[:, :, :3].std() < 0.105
    assert 0.019 < noise[:, :, 3:].std() < 0.021


@given(st.floats(0.05, 5.0), st.integers(1, 20), st.integers(0, 2**32))
def test_mixed_labels_sum_to_one(alpha: float, n: int, seed: int) -> None:
    x = np.arange(n, dtype=np.float32)[:, None]
    y = np.eye(3, dtype=np.float32)[np.arange(n) % 3]
    mixed, labels = augmentation.mixup(x, y, alpha, rng(seed))
    assert mixed.dtype == labels.dtype == np.float32
    np.testing.assert_allclose(labels.sum(axis=1), 1, atol=1e-6)
    # The window itself keeps the larger share.
    assert (labels[np.arange(n), np.arange(n) % 3] >= 0.5 - 1e-6).all()
    assert (mixed >= 0).all()
    assert (mixed <= n - 1 + 1e-4).all()


def test_no_mixup_hands_back_what_it_got() -> None:
    x, y = np.ones((2, 3), np.float32), np.eye(2, dtype=np.float32)
    assert augmentation.mixup(x, y, 0, rng()) == (x, y)
