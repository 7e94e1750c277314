"""Timing of a runner whose cost is known, and of a real one where LiteRT is at hand."""

from __future__ import annotations

import gc
import json
from collections.abc import Callable, Mapping
from dataclasses import dataclass, field
from pathlib import Path
from time import perf_counter_ns
from typing import Any, Self

import numpy as np
import pytest
from numpy.typing import NDArray

from edgeconv.core import (
    Artifact,
    BoundRun,
    MachineInfo,
    ProfileResult,
    Runner,
    Signal,
    Status,
    TensorSpec,
)
from edgeconv.core.runner import Closing
from edgeconv.errors import BadInput, UsageError
from edgeconv.profiling import TimingJob, not_run, profile_many
from edgeconv.profiling.timing import COLD, ROUNDS, SETTLE, WARMUP_LIMIT

pytestmark = pytest.mark.timing

FACTS = {"parameters": 7, "macs": 21, "peak_tensor_bytes": 96}
MACHINE = MachineInfo(processor="test", cores=2)
SAMPLE = {"sensor": np.zeros((1, 24), np.float32)}


@dataclass
class Busy(Closing):
    """A runner that computes for a given time; `factor` of it for the inference of this number."""

    us: float = 20.0
    factor: Callable[[int], float] = lambda number: 1.0
    log: list[str] = field(default_factory=list)
    name: str = ""
    runtime: str = "busy"
    open: bool = False
    collected: bool = False  # Python's collector was on after the first inference
    bound: Mapping[str, NDArray[Any]] | None = None
    inputs: Mapping[str, TensorSpec] = field(
        default_factory=lambda: {"sensor": TensorSpec("sensor", (1, 24), "float32")}
    )
    outputs: Mapping[str, TensorSpec] = field(default_factory=dict)

    def run(self, arrays: Mapping[str, NDArray[Any]]) -> dict[str, NDArray[Any]]:
        return {}

    def bind(self, arrays: Mapping[str, NDArray[Any]]) -> BoundRun:
        assert self.open
        self.bound = arrays

        def infer() -> None:
            self.collected |= bool(self.log) and gc.isenabled()
            cost = self.us * self.factor(len(self.log))
            self.log.append(self.name)
            end = perf_counter_ns() + cost * 1000.0
            while perf_counter_ns() < end:
                pass

        return BoundRun(infer, dict)

    def __enter__(self) -> Self:
        self.open = True
        return self

    def close(self) -> None:
        self.open = False


def artifact(name: str = "har_int8.tflite") -> Artifact:
    return Artifact(
        path=Path(name),
        sha256="a" * 64,
        bytes=1234,
        target="tflite",
        scheme="int8",
        contract=Signal(window=8),
        inputs=(),
        outputs=(),
    )


def timed(runner: Busy, runs: int = 40, warmup: int = 10) -> ProfileResult:
    job = TimingJob(artifact(), lambda: runner, SAMPLE, FACTS)
    return profile_many([job], runs, warmup, 1, MACHINE)[0]


def test_what_is_known_is_measured() -> None:
    runner = Busy(us=200.0)
    found = timed(runner)
    assert found.status is Status.PASSED
    assert (found.artifact, found.runtime, found.bytes, found.threads) == (
        *("har_int8.tflite", "busy", 1234, 1),
    )
    assert len(found.samples_us) == sum(found.rounds) == 40
    assert found.interval_us is not None
    assert found.interval_us[0] <= found.latency_us["p50"] <= found.interval_us[1]
    assert {len(times) for times in found.reference_us.values()} == {len(found.rounds)}
    assert [len(times) for times in found.cold.values()] == [COLD - 1, COLD - 1]
    assert found.latency_us["min"] >= 200.0
    assert found.latency_us["p50"] < 400.0
    assert found.load_us is not None
    assert found.first_us is not None
    assert found.first_us >= 200.0
    assert (found.parameters, found.macs, found.peak_tensor_bytes) == (7, 21, 96)
    assert found.machine == MACHINE
    assert not runner.open
    assert json.dumps(found.to_json(), allow_nan=False)


def test_first_inference_and_warm_up_are_no_samples() -> None:
    runner = Busy(us=50.0, factor=lambda number: 10.0 if number < 10 + COLD - 1 else 1.0)
    found = timed(runner)
    assert found.first_us is not None
    assert found.first_us >= 500.0
    assert found.latency_us["p50"] < 400.0
    assert found.warmup >= 10
    assert len(runner.log) == COLD - 1 + found.warmup + 40 + ROUNDS * SETTLE


def test_warm_up_goes_on_until_it_has_settled() -> None:
    """A processor that clocks up: each block of 5 is a quarter faster than the one before."""
    runner = Busy(us=20.0, factor=lambda number: 1.25 ** max(0, 8 - (number - COLD + 1) // 5))
    assert timed(runner).warmup >= 40


def test_warm_up_ends_though_nothing_settles() -> None:
    runner = Busy(us=20.0, factor=lambda number: 1.0 + ((number - COLD + 1) // 5) % 2)
    found = timed(runner, runs=1)
    assert found.warmup <= 10 * WARMUP_LIMIT
    assert not found.settled


def test_without_warm_up() -> None:
    assert timed(Busy(), warmup=0).warmup == 0


def test_turns_are_taken() -> None:
    log: list[str] = []
    runners = [Busy(name=name, log=log) for name in "ab"]
    jobs = [TimingJob(artifact(r.name), lambda r=r: r, SAMPLE, FACTS) for r in runners]  # type: ignore[misc]
    found = profile_many(jobs, 120, 0, 2, MACHINE)
    assert [r.artifact for r in found] == ["a", "b"]
    assert {len(r.samples_us) for r in found} == {120}
    assert {r.threads for r in found} == {2}
    timed_part = "".join(log)[2 * (COLD - 1) :]
    turn = 120 // ROUNDS + SETTLE
    assert timed_part == ("a" * turn + "b" * 2 * turn + "a" * turn) * (ROUNDS // 2)


def test_sample_may_depend_on_the_runner() -> None:
    runner = Busy()

    def ones(opened: Runner) -> dict[str, NDArray[Any]]:
        return {name: np.ones((1, 24), np.float32) for name in opened.inputs}

    profile_many([TimingJob(artifact(), lambda: runner, ones, FACTS)], 1, 0, 1, MACHINE)
    assert runner.bound is not None
    assert runner.bound["sensor"].shape == (1, 24)


def test_collector_is_back_on() -> None:
    assert gc.isenabled()
    runner = Busy()
    timed(runner)
    assert gc.isenabled()
    assert not runner.collected


def test_error_closes_every_runner() -> None:
    first = Busy()

    def refuse() -> Busy:
        raise BadInput("truncated")

    jobs = [
        TimingJob(artifact("a"), lambda: first, SAMPLE),
        TimingJob(artifact("b"), refuse, SAMPLE),
    ]
    with pytest.raises(BadInput, match="truncated"):
        profile_many(jobs, 1, 0, 1, MACHINE)
    assert not first.open
    assert gc.isenabled()


@pytest.mark.parametrize(("runs", "warmup", "threads"), [(0, 1, 1), (1, -1, 1), (1, 1, 0)])
def test_nonsense_is_refused(runs: int, warmup: int, threads: int) -> None:
    with pytest.raises(UsageError, match="profile"):
        profile_many([TimingJob(artifact(), Busy, SAMPLE, FACTS)], runs, warmup, threads, MACHINE)


def test_nothing_to_time() -> None:
    assert profile_many([], 1, 0, 1, MACHINE) == []


def test_not_run_keeps_size_and_facts() -> None:
    found = not_run(artifact(), "Core ML runs on macOS only", FACTS, MACHINE)
    assert found.status is Status.NOT_RUN
    assert found.reason == "Core ML runs on macOS only"
    assert (found.bytes, found.parameters, found.macs) == (1234, 7, 21)
    assert found.samples_us == ()
    assert found.load_us is None


def test_facts_may_be_missing() -> None:
    found = not_run(artifact(), "unknown", {}, MACHINE)
    assert found.parameters is None


def test_survives_json() -> None:
    found = timed(Busy(), runs=5)
    assert ProfileResult.from_json(json.loads(json.dumps(found.to_json()))) == found
