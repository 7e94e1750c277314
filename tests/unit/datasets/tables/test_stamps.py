"""Units of time stamps, counters, and clocks that start again."""

from __future__ import annotations

import numpy as np
import pytest
from hypothesis import given
from hypothesis import strategies as st
from numpy.typing import NDArray

from edgeconv.datasets.tables.clock import ClockNotes
from edgeconv.datasets.tables.schema import TICKS
from edgeconv.datasets.tables.stamps import check_rate, counts_rows, likely_units, unwrapped
from edgeconv.errors import BadInput

TRUE: NDArray[np.float64] = np.arange(400, dtype=np.float64) * 0.02  # 50 Hz


def test_counters_of_rows_are_told_from_times() -> None:
    assert counts_rows(np.arange(100.0))
    assert not counts_rows(TRUE)
    assert not counts_rows(np.arange(100.0) * 2)


@pytest.mark.parametrize(
    ("factor", "refused"), [(1, False), (1e3, True), (1e6, True), (1e-4, True)]
)
def test_check_rate_refuses_a_wrong_unit(factor: float, refused: bool) -> None:
    if not refused:
        check_rate(TRUE * factor, "a.csv", "a.csv.toml", "", TRUE * factor)
        return
    with pytest.raises(BadInput, match="samples a second") as error:
        check_rate(TRUE * factor, "a.csv", "a.csv.toml", "", TRUE * factor)
    assert "timestamp_unit" in error.value.hint


@pytest.mark.parametrize("unit", TICKS)
def test_the_unit_is_told_by_the_rate(unit: str) -> None:
    assert unit in [name for name, _ in likely_units(TRUE / TICKS[unit])]


@pytest.mark.parametrize(
    ("unit", "start"),
    [("ms", 1.7e12), ("us", 1.7e15), ("ns", 1.7e18), ("100ns", 1.33e17), ("d", 45356.4)],
)
def test_a_known_epoch_tells_the_unit_alone(unit: str, start: float) -> None:
    ((name, hertz),) = likely_units(TRUE / 2 / TICKS[unit] + start)
    assert (name, round(hertz)) == (unit, 100)


def test_no_unit_fits_a_counter_of_32768_a_second() -> None:
    assert likely_units(TRUE * 32768) == []
    with pytest.raises(BadInput, match="samples a second") as error:
        check_rate(TRUE * 32768, "a.csv", "a.csv.toml", "", TRUE * 32768)
    assert "rate_hz" in error.value.hint


PERIODS = {"at midnight": 86400.0, "after 32 bits": 2.0**32}


@given(st.integers(1, 399), st.sampled_from(list(PERIODS.values())))
def test_a_clock_that_starts_again_goes_on(place: int, period: float) -> None:
    notes = ClockNotes()
    stamps = (period - place * 0.02 + TRUE) % period
    np.testing.assert_allclose(np.diff(unwrapped(stamps, PERIODS, notes)), 0.02, atol=1e-5)
    assert sum(notes.starts_again.values()) == 1


@given(st.floats(-2e5, -1.0))
def test_another_step_back_is_left_alone(step: float) -> None:
    stamps = np.concatenate([TRUE + 2e5, TRUE + 2e5 + 8 + step])
    near = [abs(step + period) for period in PERIODS.values()]
    if min(near) > 0.2:
        np.testing.assert_array_equal(unwrapped(stamps, PERIODS, ClockNotes()), stamps)
