"""Statistics of training people only, weights of classes, and batches that repeat themselves.

Each transform does what its physics says, and nothing where it is switched off.
"""

from __future__ import annotations

from dataclasses import replace
from itertools import islice

import numpy as np
import pytest
from hypothesis import given
from hypothesis import strategies as st
from hypothesis.extra.numpy import arrays

from edgeconv.core import Augmentation, InputConvention, Normalization, Recording, Training
from edgeconv.training import batches
from edgeconv.training.batches import (
    Batches,
    ContinuousRecordings,
    augment,
    mixup,
    normalization,
    window_weights,
)

from .small import LENGTH, SIGNAL, WINDOW, dataset, recording

DATA = dataset("1", "2")
PLAIN = Training(batch_size=10, augmentation=None)
NORMALIZED = replace(
    SIGNAL,
    sensor=InputConvention.NORMALIZED,
    normalization=Normalization((0.0, 1.0, 2.0), (1.0, 2.0, 4.0)),
)


def test_axis_statistics_are_of_every_sample() -> None:
    samples = np.concatenate([r.samples for r in DATA.recordings]).astype(np.float64)
    statistics = normalization(DATA, "axis")
    np.testing.assert_allclose(statistics.mean, samples.mean(axis=0))
    np.testing.assert_allclose(statistics.std, samples.std(axis=0))


def test_a_common_scale_is_the_root_mean_square_and_moves_nothing() -> None:
    samples = np.concatenate([r.samples for r in DATA.recordings]).astype(np.float64)
    statistics = normalization(DATA, "common")
    assert statistics.mean == (0.0, 0.0, 0.0)
    np.testing.assert_allclose(statistics.std, [np.sqrt((samples**2).mean())] * 3)


@pytest.mark.parametrize("kind", ["axis", "common"])
def test_a_dead_axis_is_not_divided_by_nothing(kind: str) -> None:
    still = replace(recording("1", 0), samples=np.zeros((100, 3), np.float32))
    assert normalization(dataset(recordings=(still,)), kind).std == (1.0, 1.0, 1.0)


def test_balanced_weights_give_each_class_the_same_say() -> None:
    labels = np.array([0] * 8 + [1] * 2 + [3] * 5)
    weights = window_weights(labels, 1.0)
    assert weights.mean() == pytest.approx(1)
    of_class = [weights[labels == c].sum() for c in (0, 1, 3)]
    np.testing.assert_allclose(of_class, [5.0] * 3, rtol=1e-6)


def test_weights_of_power_zero_are_one() -> None:
    np.testing.assert_array_equal(window_weights(np.array([0, 0, 2]), 0.0), 1)


def test_an_epoch_shows_each_window_once_and_reshuffles() -> None:
    batches = Batches.of(DATA, NORMALIZED, PLAIN, 0)
    assert (batches.size, batches.steps) == (10, len(DATA) // 10)
    shown = [x for x, _, _ in islice(batches, 2 * batches.steps)]
    first, second = np.concatenate(shown).reshape(2, -1, NORMALIZED.flat_size)
    assert not np.array_equal(first, second)
    rows = {x.tobytes() for x in first}
    assert len(rows) == batches.size * batches.steps
    assert rows <= {x.tobytes() for x in NORMALIZED.encode(DATA.windows)}


def test_batches_are_a_function_of_the_seed() -> None:
    training = Training(batch_size=10)
    runs = [list(islice(Batches.of(DATA, NORMALIZED, training, s), 8)) for s in (1, 1, 2)]
    for one, same in zip(runs[0], runs[1], strict=True):
        for left, right in zip(one, same, strict=True):
            np.testing.assert_array_equal(left, right)
    assert not np.array_equal(runs[0][0][0], runs[2][0][0])


def test_a_batch_has_the_contract_s_shape_and_type() -> None:
    x, y, w = next(iter(Batches.of(DATA, NORMALIZED, Training(batch_size=10), 0)))
    assert (x.shape, y.shape, w.shape) == ((10, 60), (10, 3), (10,))
    assert x.dtype == y.dtype == w.dtype == np.float32


def test_few_windows_make_one_small_batch() -> None:
    batches = Batches.of(DATA, NORMALIZED, replace(PLAIN, batch_size=10_000), 0)
    assert (batches.size, batches.steps) == (len(DATA), 1)


def test_batch_numbers_count_through_epochs() -> None:
    """The order and the random state that every earlier version used: seed, epoch and step."""
    training = Training(batch_size=10)
    batches = Batches.of(DATA, NORMALIZED, training, 3)
    how = training.augmentation
    assert how is not None
    for number in range(2 * batches.steps):
        epoch, step = divmod(number, batches.steps)
        order = np.random.default_rng([3, epoch]).permutation(len(DATA))
        rows = order[step * 10 : (step + 1) * 10]
        rng = np.random.default_rng([3, epoch, step])
        x = augment(ContinuousRecordings.of(DATA), rows, how, rng)
        x = NORMALIZED.encode(x.reshape(len(rows), -1).astype(np.float32))
        y = np.eye(3, dtype=np.float32)[DATA.labels[rows]]
        x, y = mixup(x, y, how.mixup, rng)
        for one, other in zip(batches.batch(number), (x, y, np.ones(10)), strict=True):
            np.testing.assert_array_equal(one, other)


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
AUGMENTATION_DATA = dataset("1", "2")
STRIPS = batches.ContinuousRecordings.of(AUGMENTATION_DATA)
ALL = np.arange(len(AUGMENTATION_DATA))


def rng(seed: int = 0) -> np.random.Generator:
    return np.random.default_rng(seed)


def vector(*values: float) -> batches.Floats:
    return np.array(values, np.float32)


def test_without_any_change_it_is_the_window_of_the_grid() -> None:
    windows = batches.augment(STRIPS, ALL, OFF, rng())
    assert windows.dtype == np.float32
    np.testing.assert_array_equal(windows.reshape(len(ALL), -1), AUGMENTATION_DATA.windows)


def test_one_seed_one_result() -> None:
    first = batches.augment(STRIPS, ALL, Augmentation(), rng(3))
    assert first.dtype == np.float32
    np.testing.assert_array_equal(first, batches.augment(STRIPS, ALL, Augmentation(), rng(3)))
    assert np.abs(first - batches.augment(STRIPS, ALL, Augmentation(), rng(4))).max() > 0.1


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
    plain = batches.augment(STRIPS, ALL, OFF, rng())
    changed = batches.augment(STRIPS, ALL, replace(OFF, **change), rng())  # type: ignore[arg-type]
    assert changed.shape == plain.shape
    assert np.abs(changed - plain).max() > 1e-3


def test_a_shifted_window_is_a_stretch_of_its_own_recording() -> None:
    shifted = batches.cut(STRIPS, ALL, 0.0, 7, rng())
    for window, begin, end in zip(shifted, STRIPS.begin, STRIPS.end, strict=True):
        samples = STRIPS.samples[begin:end]
        stretches = np.lib.stride_tricks.sliding_window_view(samples, WINDOW, axis=0)
        assert (stretches.transpose(0, 2, 1) == window).all(axis=(1, 2)).any()


def test_cutting_never_leaves_the_recording() -> None:
    low, high = constant(0), constant(1)
    data = dataset(recordings=(low, high))
    windows = batches.cut(
        batches.ContinuousRecordings.of(data), np.arange(len(data)), 0.3, 50, rng()
    )
    labels = data.labels.astype(np.float32)
    assert (windows == labels[:, None, None]).all()


def constant(label: int) -> Recording:
    return replace(recording("1", label), samples=np.full((LENGTH, 3), label, np.float32))


def test_a_recording_of_one_window_cannot_be_stretched() -> None:
    data = dataset(recordings=(recording("1", 1, WINDOW),))
    for seed in range(10):
        window = batches.cut(
            batches.ContinuousRecordings.of(data), np.array([0]), 0.5, 5, rng(seed)
        )
        assert np.abs(window).max() <= np.abs(data.recordings[0].samples).max() * 1.2


def test_speed_keeps_the_mean_and_moves_the_cadence() -> None:
    time = np.arange(4000)
    wave = 3 * np.sin(0.5 * time)[:, None] + [0.0, 9.8, 0.0]
    data = dataset(recordings=(replace(recording("1", 1), samples=wave.astype(np.float32)),))
    recordings = replace(batches.ContinuousRecordings.of(data), window=1000)
    rows = np.full(20, 100)
    windows = batches.cut(recordings, rows, 0.15, 0, rng())
    np.testing.assert_allclose(windows.mean(axis=1), [[0, 9.8, 0]] * 20, atol=0.05)
    spectrum = np.abs(np.fft.rfft(windows[:, :, 0], axis=1))
    cadence = 2 * np.pi * spectrum.argmax(axis=1) / 1000
    assert cadence.std() > 0.01
    assert ((cadence > 0.5 * np.exp(-0.16)) & (cadence < 0.5 * np.exp(0.16))).all()


def two_tones() -> batches.Floats:
    """200 windows of 4 s at 20 Hz with swings of 1 and 7 Hz, around gravity along y."""
    time = np.arange(80)[:, None] / 20
    swing = 3 * np.sin(2 * np.pi * time) + np.cos(2 * np.pi * 7 * time)
    window = swing * [1.0, 2.0, -1.0] + [0.0, 9.8, 0.0]
    return np.repeat(window[None].astype(np.float32), 200, axis=0)


@pytest.mark.parametrize(("effort", "coupling"), [(0.3, 0.0), (0.0, 0.3), (0.3, 0.3)])
def test_moving_more_or_less_leaves_gravity(effort: float, coupling: float) -> None:
    moved = batches.move(two_tones(), effort, coupling, 20.0, rng())
    assert moved.dtype == np.float32
    np.testing.assert_allclose(moved.mean(axis=1), two_tones().mean(axis=1), atol=1e-5)


def test_effort_is_one_factor_and_coupling_one_for_each_band() -> None:
    def gains(effort: float, coupling: float) -> tuple[np.ndarray, np.ndarray]:
        moved = batches.move(two_tones(), effort, coupling, 20.0, rng())
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
    np.testing.assert_allclose(batches.move(still, 0.2, 0.3, 5.0, rng()), still, rtol=1e-6)


def test_interpolation_passes_through_samples_and_is_exact_on_a_line() -> None:
    line = np.arange(30, dtype=np.float32)[:, None] * vector(1, -2, 0.5)
    begin, end = np.array([0]), np.array([30])
    times = np.array([[1.0, 4.25, 10.5, 28.0]])
    expected = times[0][:, None] * [1, -2, 0.5]
    np.testing.assert_allclose(batches.interpolate(line, times, begin, end)[0], expected, atol=1e-5)


def test_turn_about_the_long_axis_keeps_gravity_along_y() -> None:
    matrix = batches.orientation(50, replace(OFF, turn=1.0), rng())
    np.testing.assert_array_equal(matrix @ vector(1, 9.8, 2), [[-1, np.float32(9.8), -2]] * 50)
    np.testing.assert_allclose(np.linalg.det(matrix), 1)


def test_upside_down_is_a_turn_and_mirror_a_reflection() -> None:
    turned = batches.orientation(5, replace(OFF, upside_down=1.0), rng())
    np.testing.assert_array_equal(turned @ vector(1, 9, 2), [[-1, -9, 2]] * 5)
    mirrored = batches.orientation(5, replace(OFF, mirror=1.0), rng())
    np.testing.assert_array_equal(mirrored @ vector(1, 9, 2), [[-1, 9, 2]] * 5)
    np.testing.assert_allclose(np.linalg.det(mirrored), -1)


def test_roll_turns_about_the_screen_normal() -> None:
    matrix = batches.orientation(50, replace(OFF, roll_rad=0.4), rng())
    np.testing.assert_allclose(matrix @ vector(0, 0, 1), [[0, 0, 1]] * 50, atol=1e-6)
    assert 0.2 < np.arctan2(matrix[:, 1, 0], matrix[:, 0, 0]).std() < 0.6


def test_flips_hit_their_share_of_the_windows() -> None:
    share = (batches.flip(10_000, (-1, 1, -1), 0.3, rng())[:, 0] < 0).mean()
    assert 0.28 < share < 0.32


def test_gain_has_its_deviations() -> None:
    assert 0.045 < batches.gain(10_000, 0.05, 0, rng()).std() < 0.055
    common = np.log(batches.gain(10_000, 0, 0.1, rng()))
    assert 0.09 < common.std() < 0.11
    np.testing.assert_array_equal(common[:, 0], common[:, 1])


@given(arrays(np.float32, (4, 3), elements=st.floats(-7, 7, width=32)))
def test_a_rotation_keeps_lengths_and_handedness(vectors: batches.Floats) -> None:
    matrices = batches.rotation(vectors).astype(np.float64)
    np.testing.assert_allclose(matrices @ matrices.transpose(0, 2, 1), [np.eye(3)] * 4, atol=2e-5)
    np.testing.assert_allclose(np.linalg.det(matrices), 1, atol=2e-5)


def test_a_quarter_turn_about_z_takes_x_to_y() -> None:
    quarter = batches.rotation(np.array([[0, 0, np.pi / 2]], np.float32))
    np.testing.assert_allclose(quarter[0] @ [1, 0, 0], [0, 1, 0], atol=1e-6)


def test_jitter_has_its_deviation() -> None:
    noise = batches.jitter(np.zeros((50, 80, 3), np.float32), 0.1, rng())
    assert 0.095 < noise.std() < 0.105


@given(st.floats(0.05, 5.0), st.integers(1, 20), st.integers(0, 2**32))
def test_mixed_labels_sum_to_one(alpha: float, n: int, seed: int) -> None:
    x = np.arange(n, dtype=np.float32)[:, None]
    y = np.eye(3, dtype=np.float32)[np.arange(n) % 3]
    mixed, labels = batches.mixup(x, y, alpha, rng(seed))
    assert mixed.dtype == labels.dtype == np.float32
    np.testing.assert_allclose(labels.sum(axis=1), 1, atol=1e-6)
    # The window itself keeps the larger share.
    assert (labels[np.arange(n), np.arange(n) % 3] >= 0.5 - 1e-6).all()
    assert (mixed >= 0).all()
    assert (mixed <= n - 1 + 1e-4).all()


def test_no_mixup_hands_back_what_it_got() -> None:
    x, y = np.ones((2, 3), np.float32), np.eye(2, dtype=np.float32)
    assert batches.mixup(x, y, 0, rng()) == (x, y)
