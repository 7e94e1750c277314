"""Times of single operations from cut files of known cost, and the machine's peaks."""

from __future__ import annotations

import sys
from collections.abc import Callable
from contextlib import ExitStack
from functools import partial
from pathlib import Path
from time import perf_counter_ns

import pytest

from edgeconv.core import Artifact, MachineInfo, OpProfile, Signal, Status
from edgeconv.errors import MissingDependency
from edgeconv.profiling import benchmark_tools
from edgeconv.profiling.machine_speed import KERNELS, Calibration
from edgeconv.profiling.op_timing import by_differences, by_steps, shares
from edgeconv.profiling.roofline import measure_peaks

pytestmark = pytest.mark.timing

ROWS = tuple(OpProfile(i, kind, kind, 1000, 500) for i, kind in enumerate(("CONV", "RELU", "FC")))


def opener(us: float, opened: list[float], stack: ExitStack) -> Callable[[], None]:
    opened.append(us)
    stack.callback(opened.remove, us)

    def infer() -> None:
        end = perf_counter_ns() + us * 1000.0
        while perf_counter_ns() < end:
            pass

    return infer


def test_differences() -> None:
    opened: list[float] = []
    costs = (20.0, 120.0, 120.0, 160.0)
    found = by_differences(ROWS, [partial(opener, us, opened) for us in costs])
    assert opened == []
    assert [row.kind for row in found] == ["CONV", "RELU", "FC"]
    assert found[0].us == pytest.approx(100.0, abs=30.0)
    assert found[1].us == pytest.approx(0.0, abs=20.0)
    assert found[2].us == pytest.approx(40.0, abs=25.0)
    assert all(row.interval_us is not None and row.interval_us[0] >= 0.0 for row in found)
    assert found[0].gflops == pytest.approx(0.02, rel=0.5)
    assert found[0].intensity == 4.0


def test_steps_take_the_median() -> None:
    found = by_steps(ROWS[:2], [[10.0, 1.0]] * 9 + [[5000.0, 1.0]])
    assert [row.us for row in found] == [10.0, 1.0]
    assert found[0].interval_us == (10.0, 10.0)
    assert shares(found) == [10 / 11, 1 / 11]


def test_shares_of_what_was_not_timed() -> None:
    assert shares(ROWS) == [None, None, None]


def test_calibration_kernels_are_timed_by_round() -> None:
    calibration = Calibration()
    calibration.measure()
    calibration.measure()
    assert set(calibration.reference_us) == set(KERNELS)
    assert all(len(times) == 2 and min(times) > 0 for times in calibration.reference_us.values())


@pytest.mark.heavy
def test_peaks_are_those_of_a_machine() -> None:
    found = measure_peaks(1)
    assert found.threads == 1
    assert found.gflops > 1.0
    assert found.cache_gbs > 1.0
    assert found.memory_gbs > 0.5


def test_core_ml_samples_are_milliseconds() -> None:
    artifact = Artifact(
        Path("har_float16.mlpackage"), "c" * 64, 9, "coreml", "float16", Signal(), (), ()
    )
    found = benchmark_tools.result_of(
        artifact, [5.0, 4.0, 6.0], [0.1] * 25, {"macs": 3}, MachineInfo(processor="Apple M2"), "9.0"
    )
    assert (found.status, found.runtime, found.device) == (
        *(Status.PASSED, "coreml", "Core ML on Apple M2"),
    )
    assert found.latency_us["p50"] == pytest.approx(100.0)
    assert found.load_us == pytest.approx(5000.0)
    assert sum(found.rounds) == 25
    assert found.macs == 3


@pytest.mark.skipif(sys.platform == "darwin", reason="there it runs")
def test_core_ml_needs_a_mac() -> None:
    with pytest.raises(MissingDependency, match="macOS only"):
        benchmark_tools.check_platform()
