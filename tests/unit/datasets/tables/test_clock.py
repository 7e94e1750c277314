"""Clocks of phones, radios and exports: each gives the recording that was made, or is refused."""

from __future__ import annotations

from collections import Counter

import numpy as np
import pytest
from hypothesis import given
from hypothesis import strategies as st
from numpy.typing import NDArray

from edgeconv.datasets.tables.clock import ClockNotes, recordings, refuse_interleaved
from edgeconv.errors import BadInput

TRUE: NDArray[np.float64] = np.arange(400, dtype=np.float64) * 0.02  # 50 Hz


def values(n: int) -> NDArray[np.float64]:
    return np.stack([np.arange(n), np.zeros(n), np.ones(n)], axis=1).astype(np.float64)


def run(
    seconds: NDArray[np.float64],
) -> tuple[list[tuple[NDArray[np.float64], NDArray[np.float64]]], ClockNotes, Counter[str]]:
    notes, dropped = ClockNotes(), Counter[str]()
    return list(recordings(seconds, values(len(seconds)), notes, dropped)), notes, dropped


def test_a_good_clock_is_left_alone() -> None:
    ((times, readings),), notes, dropped = run(TRUE)
    np.testing.assert_array_equal(times, TRUE)
    assert len(readings) == 400
    assert not notes.sentences()
    assert not dropped


@pytest.mark.parametrize("size", [2, 3, 5, 8, 20, 50])
def test_packets_that_share_a_stamp_are_spread_over_their_time(size: int) -> None:
    seconds = TRUE[(np.arange(400) // size) * size]
    ((times, readings),), notes, dropped = run(seconds)
    assert len(readings) == 400
    np.testing.assert_allclose(np.diff(times), 0.02, rtol=1e-6)
    assert "50.0 samples a second" in notes.sentences()[0]
    assert not dropped


@pytest.mark.parametrize("size", [4, 8, 16])
def test_bursts_of_arrival_are_spread_over_the_whole_duration(size: int) -> None:
    packet, place = np.divmod(np.arange(400), size)
    ((times, _),), _, dropped = run(packet * size * 0.02 + place * 0.001)
    np.testing.assert_allclose(np.diff(times), 0.02, rtol=1e-6)
    assert not dropped


def test_packets_are_cut_at_a_pause() -> None:
    seconds = np.concatenate(
        [TRUE[(np.arange(200) // 4) * 4], 60 + TRUE[(np.arange(200) // 4) * 4]]
    )
    parts, _, _ = run(seconds)
    assert [len(readings) for _, readings in parts] == [200, 200]


def test_newest_first_and_text_order_are_sorted() -> None:
    ((times, readings),), notes, _ = run(TRUE[::-1])
    np.testing.assert_array_equal(times, TRUE)
    assert readings[0, 0] == 399
    assert "were sorted" in notes.sentences()[0]
    as_text = np.array(sorted(TRUE, key=lambda t: f"{t:.3f}"))
    ((times, _),), _, _ = run(as_text)
    np.testing.assert_array_equal(times, TRUE)


def test_a_clock_that_starts_again_gives_two_recordings() -> None:
    parts, notes, _ = run(np.concatenate([TRUE, TRUE]))
    assert [len(readings) for _, readings in parts] == [400, 400]
    assert not notes.sentences()


def test_a_late_row_is_put_in_its_place() -> None:
    seconds = TRUE.copy()
    seconds[[100, 101]] = seconds[[101, 100]]
    ((times, readings),), _, dropped = run(seconds)
    np.testing.assert_array_equal(times, TRUE)
    assert readings[100, 0] == 101
    assert not dropped


@given(st.permutations(range(60)))
def test_any_order_of_the_rows_gives_the_same_recording(order: list[int]) -> None:
    seconds = TRUE[:60][order]
    notes, dropped = ClockNotes(), Counter[str]()
    parts = list(recordings(seconds, values(60), notes, dropped))
    kept = sum(len(readings) for _, readings in parts) + sum(dropped.values())
    assert kept == 60
    for times, _ in parts:
        assert (np.diff(times) != 0).all()


@pytest.mark.parametrize("rates", [(50, 100), (100, 50), (200, 25), (25, 200), (50, 50)])
def test_a_recording_is_cut_where_its_rate_changes(rates: tuple[int, int]) -> None:
    first, second = (np.arange(10 * rate) / rate for rate in rates)
    seconds = np.concatenate([first, 10 + second])
    parts, notes, dropped = run(seconds)
    assert [len(times) for times, _ in parts] == (
        [len(seconds)] if rates[0] == rates[1] else [len(first), len(second)]
    )
    assert any("rate changes" in note for note in notes.sentences()) == (rates[0] != rates[1])
    assert not dropped


@given(st.integers(0, 2**32 - 1), st.floats(0.0, 0.4))
def test_an_uneven_clock_of_one_rate_is_not_cut(seed: int, jitter: float) -> None:
    random = np.random.default_rng(seed)
    parts, notes, _ = run(np.sort(TRUE + random.normal(0, jitter * 0.02, len(TRUE))))
    assert len(parts) == 1
    assert not notes.sentences()


def test_lost_samples_are_noted() -> None:
    kept = np.random.default_rng(0).random(len(TRUE)) > 0.6
    _, notes, _ = run(TRUE[kept])
    assert "interpolated" in notes.sentences()[0]


@pytest.mark.parametrize("devices", [1, 2, 3])
def test_rows_of_devices_that_alternate_are_refused(devices: int) -> None:
    steps = np.arange(600) // devices * 0.02
    moving = np.stack([np.sin(12 * steps), 9.8 + np.cos(12 * steps), steps * 0], axis=1)
    turned = moving + 6.0 * (np.arange(600) % devices)[:, None]
    if devices == 1:
        refuse_interleaved(turned, "walk.csv", "walk.csv.toml")
        return
    with pytest.raises(BadInput, match=f"every {devices}. one"):
        refuse_interleaved(turned, "walk.csv", "walk.csv.toml")


def test_late_rows_are_sorted_and_a_clock_that_is_set_back_ends_the_recording() -> None:
    late = TRUE.copy()
    late[[100, 101]] = late[[101, 100]]
    parts, notes, dropped = run(late)
    assert [len(times) for times, _ in parts] == [400]
    assert "sorted" in notes.sentences()[0]
    parts, _, dropped = run(np.where(np.arange(400) < 200, TRUE, TRUE - 0.093))
    assert [len(times) for times, _ in parts] == [200, 200]
    assert not dropped
