"""Resampling: what passes, what is stopped, and what the ends do."""

from __future__ import annotations

import tracemalloc

import numpy as np
import pytest
from hypothesis import given, settings
from hypothesis import strategies as st
from numpy.typing import NDArray

from edgeconv.datasets import resampling
from edgeconv.datasets.resampling import resample_stamped, resample_uniform

SECONDS = 30.0


def tone(hz: float, seconds: NDArray[np.float64]) -> NDArray[np.float64]:
    return np.repeat(np.sin(2 * np.pi * hz * seconds + 0.4)[:, None], 3, axis=1)


def stamps(rate: float, jitter: float, seed: int = 0) -> NDArray[np.float64]:
    random = np.random.default_rng(seed)
    times = np.arange(int(SECONDS * rate)) / rate
    return 1.7e9 + times + random.uniform(-jitter, jitter, len(times)) / rate


def middle(values: NDArray[np.float64]) -> NDArray[np.float64]:
    return values[40:-40]


@pytest.mark.parametrize("rate", [50.0, 100.0, 25.0, 200 / 3])
@pytest.mark.parametrize("share", [1.1, 1.15])
def test_tone_above_the_new_nyquist_is_60_db_down(rate: float, share: float) -> None:
    times = np.arange(int(SECONDS * rate)) / rate
    out = resample_uniform(tone(10.0 * share, times), rate, 20.0)
    assert 20 * np.log10(np.abs(middle(out)).max()) < -60


@pytest.mark.parametrize("hz", [11.0, 13.0, 17.0])
def test_stamped_tone_above_the_new_nyquist_is_stopped(hz: float) -> None:
    """Jitter smears a tone; at 5 % of an interval what is left stays 30 dB down."""
    seconds = stamps(50.0, 0.05)
    out = resample_stamped(seconds, tone(hz, seconds - 1.7e9), 20.0)
    assert 20 * np.log10(np.sqrt(2) * middle(out).std()) < -30


@pytest.mark.parametrize("rate", [50.0, 100.0, 25.0, 20.0, 19.86, 40.0])
def test_2_hz_keeps_amplitude_and_phase(rate: float) -> None:
    times = np.arange(int(SECONDS * rate)) / rate
    out = resample_uniform(tone(2.0, times), rate, 20.0)
    np.testing.assert_allclose(
        middle(out), middle(tone(2.0, np.arange(len(out)) / 20.0)), atol=3e-3
    )


@pytest.mark.parametrize("rate", [50.0, 25.0, 19.86])
def test_2_hz_keeps_amplitude_and_phase_by_time_stamp(rate: float) -> None:
    seconds = stamps(rate, 0.2)
    first = seconds[0]
    out = resample_stamped(seconds, tone(2.0, seconds - first), 20.0)
    np.testing.assert_allclose(
        middle(out), middle(tone(2.0, np.arange(len(out)) / 20.0)), atol=1e-2
    )


@pytest.mark.parametrize("rate", [50.0, 25.0, 10.0, 200 / 3])
def test_gravity_stays_exact_to_the_ends(rate: float) -> None:
    still = np.tile([0.1, 9.81, -0.2], (200, 1))
    np.testing.assert_allclose(
        resample_uniform(still, rate, 20.0),
        still[:1].repeat(200 * 20 // 10, 0)[: int(199 * 20 / rate + 1e-9) + 1],
        atol=1e-12,
    )
    seconds = np.arange(200) / rate
    out = resample_stamped(seconds, still, 20.0)
    np.testing.assert_allclose(out, still[:1].repeat(len(out), 0), atol=1e-12)


def test_the_ends_do_not_ring() -> None:
    """A slow slope under gravity: zeros beyond the ends would be off by several m/s²."""
    times = np.arange(500) / 50.0
    ramp = np.repeat((9.81 + 0.1 * times)[:, None], 3, axis=1)
    out = resample_uniform(ramp, 50.0, 20.0)
    expected = np.repeat((9.81 + 0.1 * np.arange(len(out)) / 20.0)[:, None], 3, axis=1)
    np.testing.assert_allclose(out, expected, atol=2e-3)


def test_upsampling_follows_a_slow_tone() -> None:
    out = resample_uniform(tone(1.0, np.arange(300) / 10.0), 10.0, 20.0)
    np.testing.assert_allclose(middle(out), middle(tone(1.0, np.arange(len(out)) / 20)), atol=3e-3)


@settings(max_examples=40)
@given(st.integers(4, 400), st.floats(10, 200))
def test_length_and_finiteness(count: int, rate: float) -> None:
    values = np.random.default_rng(count).normal(size=(count, 3))
    out = resample_stamped(np.arange(count) / rate, values, 20.0)
    assert len(out) == int((count - 1) / rate * 20 + 1e-6) + 1
    assert np.isfinite(out).all()
    assert np.isfinite(resample_uniform(values, rate, 20.0)).all()


@settings(max_examples=25, deadline=None)
@given(st.sampled_from([25.0, 31.25, 40.0, 50.0, 52.0, 100.0, 104.0, 200.0]), st.floats(0, 1))
def test_no_tone_above_the_new_nyquist_leaves_a_hundredth(rate: float, share: float) -> None:
    """From 1.1 times the new Nyquist frequency up to the source's own, by rate and by stamps.

    Below 33 Hz, the images of the spline through stamped samples leave up to 1.4 %.
    """
    hz = 11.0 + share * (0.96 * rate / 2 - 11.0)
    times = np.arange(int(SECONDS * rate)) / rate
    assert np.abs(middle(resample_uniform(tone(hz, times), rate, 20.0))).max() < 0.01
    stamped = middle(resample_stamped(1e9 + times, tone(hz, times), 20.0))
    assert np.abs(stamped).max() < (0.01 if rate > 33 else 0.014)


@settings(max_examples=40)
@given(
    st.sampled_from([19.9, 25.0, 50.0, 52.0, 99.7, 200 / 3]),
    st.integers(400, 3000),
    st.integers(60, 700),
    st.integers(0, 99),
)
def test_blocks_do_not_show(rate: float, count: int, block: int, seed: int) -> None:
    """A long recording is resampled in blocks; the float32 samples are those of the whole."""
    random = np.random.default_rng(seed)
    values = random.normal([0, 9.8, 0], 3, (count, 3))
    seconds = 1.7e9 + (np.arange(count) + random.uniform(-0.3, 0.3, count)) / rate
    with pytest.MonkeyPatch.context() as patch:
        patch.setattr(resampling, "ROWS_AT_ONCE", 10**9)
        whole = resample_stamped(seconds, values, 20.0), resample_uniform(values, rate, 20.0)
        patch.setattr(resampling, "ROWS_AT_ONCE", max(block, 1000 if rate in (19.9, 99.7) else 60))
        parts = resample_stamped(seconds, values, 20.0), resample_uniform(values, rate, 20.0)
    for one, other in zip(whole, parts, strict=True):
        assert one.shape == other.shape
        np.testing.assert_allclose(one, other, rtol=0, atol=1e-11)


def test_a_long_recording_needs_little_memory() -> None:
    """What is needed beside a recording of 32 bytes a row: of a spline through all it is 200."""
    seconds, values = 1.7e9 + np.arange(600_000) / 50, np.zeros((600_000, 3))
    resample_stamped(seconds[:500], values[:500], 20.0)  # imports are not counted
    tracemalloc.start()
    resample_stamped(seconds, values, 20.0)
    _, peak = tracemalloc.get_traced_memory()
    tracemalloc.stop()
    assert peak < 70 * len(seconds)
