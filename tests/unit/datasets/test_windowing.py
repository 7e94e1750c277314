"""From segments to windows: gaps, clocks, counts."""

from __future__ import annotations

from collections import Counter

import numpy as np
import pytest
from numpy.typing import NDArray

from edgeconv.core import Windowing
from edgeconv.datasets.tables.schema import Scale
from edgeconv.datasets.windowing import GAP_INTERVALS, DatasetInfo, Segment, assemble, split_by_gaps
from edgeconv.errors import BadInput


def still(count: int) -> NDArray[np.float64]:
    return np.tile([0.0, 9.81, 0.0], (count, 1))


def cut(seconds: NDArray[np.float64]) -> tuple[list[int], Counter[str]]:
    dropped: Counter[str] = Counter()
    parts = split_by_gaps(seconds, still(len(seconds)), dropped)
    return [len(part) for part, _ in parts], dropped


def test_a_gap_splits_and_a_shorter_pause_does_not() -> None:
    seconds = np.arange(300, dtype=np.float64) * 0.05
    seconds[100:] += 0.05 * (GAP_INTERVALS - 1) - 0.001
    seconds[200:] += 0.05 * GAP_INTERVALS
    assert cut(seconds) == ([200, 100], Counter())


def test_a_restarted_clock_splits() -> None:
    assert cut(np.concatenate([np.arange(100) * 0.05 + 500, np.arange(90) * 0.05])) == (
        [100, 90],
        Counter(),
    )


def test_doubled_and_late_samples_are_dropped_and_counted() -> None:
    seconds = np.arange(100, dtype=np.float64) * 0.05
    seconds[10] = seconds[9]
    seconds[50] = seconds[49] - 0.01
    assert cut(seconds) == (
        [98],
        Counter({"duplicate time stamp": 1, "time stamp out of order": 1}),
    )


def test_a_clock_that_stands_still_is_counted() -> None:
    assert cut(np.zeros(100)) == ([], Counter({"time stamps do not increase": 100}))


def test_windows_never_cross_and_short_recordings_are_counted() -> None:
    seconds = np.arange(400, dtype=np.float64) * 0.05
    seconds[200:] += 3.0
    data = assemble(
        DatasetInfo("test", "here"),
        ("A", "B"),
        [
            Segment("1", 0, still(400), seconds=seconds),
            Segment("1", 1, still(79), rate_hz=20.0),
            Segment("2", 1, still(80), rate_hz=20.0),
        ],
        Windowing(),
        {"blank line": 2},
    )
    assert [len(r.samples) for r in data.recordings] == [200, 200, 80]
    assert data.index.tolist() == [[r, s] for r in (0, 1) for s in (0, 40, 80, 120)] + [[2, 0]]
    assert data.report.kept == 480
    assert data.report.dropped == {"blank line": 2, "recording shorter than a window": 79}
    np.testing.assert_allclose(data.windows.reshape(-1, 80, 3)[:, :, 1], 9.81, rtol=1e-6)


def test_a_slow_sensor_is_not_stretched_to_the_rate() -> None:
    with pytest.raises(BadInput, match="as long as a window") as error:
        assemble(
            DatasetInfo("test", "here"),
            ("A",),
            [Segment("1", 0, still(500), seconds=np.arange(500) / 5.0)],
            Windowing(),
        )
    assert "sampled below 10 Hz" in error.value.hint


def test_layout_is_time_major() -> None:
    values = np.arange(240, dtype=np.float64).reshape(80, 3)
    data = assemble(
        DatasetInfo("t", "t"), ("A",), [Segment("1", 0, values, rate_hz=20.0)], Windowing()
    )
    np.testing.assert_array_equal(data.windows[0], np.arange(240))


def test_core_motion_becomes_android() -> None:
    """Screen up at rest: z is −1 g in Core Motion and +9.80665 m/s² on Android."""
    np.testing.assert_array_equal(
        np.array([[0.0, 0.0, -1.0]]) * Scale("g", "ios").factor, [[0.0, 0.0, 9.80665]]
    )


@pytest.mark.parametrize("reading", [1e12, -1e39, 1e308])
@pytest.mark.parametrize("stamped", [True, False])
def test_a_reading_that_no_sensor_gives_is_named(reading: float, stamped: bool) -> None:
    """1e39 is finite here and infinite in a window; 1e308 overflows in the spline."""
    values = still(100)
    values[50, 2] = reading
    seconds = np.arange(100) / 20.0
    segment = (
        Segment("33", 0, values, seconds=seconds, source="raw.txt")
        if stamped
        else Segment("33", 0, values, rate_hz=20.0, source="raw.txt")
    )
    with pytest.raises(BadInput, match=r"raw\.txt: a reading of .* \(subject 33, A\) is beyond"):
        assemble(DatasetInfo("test", "here"), ("A",), [segment], Windowing())
