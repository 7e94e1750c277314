"""Latency of single inferences on a monotonic nanosecond clock, with the raw samples."""

from __future__ import annotations

import gc
from collections.abc import Callable, Iterator, Mapping, Sequence
from contextlib import ExitStack, contextmanager
from dataclasses import dataclass, field
from statistics import median
from time import perf_counter_ns
from typing import TYPE_CHECKING, Any

from edgeconv.core import (
    Artifact,
    MachineInfo,
    ProfileResult,
    Runner,
    Status,
)
from edgeconv.errors import UsageError
from edgeconv.profiling.machine_speed import Calibration
from edgeconv.profiling.statistics import median_interval, summary

if TYPE_CHECKING:
    from numpy.typing import NDArray

    Sample = Mapping[str, NDArray[Any]] | Callable[[Runner], Mapping[str, NDArray[Any]]]

ROUNDS = 40  # turns of each artifact, so that a slow phase of the machine affects all
COLD = 5  # number of times each file is opened; all but the first are timed
SETTLE = 3  # untimed inferences at the start of a turn: the caches hold other artifacts' data
STABLE = 0.05  # warm-up ends when two successive blocks' medians differ by at most this share
WARMUP_LIMIT = 10  # … or after this multiple of the requested warm-up


@dataclass(frozen=True)
class TimingJob:
    """One artifact to time.

    Attributes:
        open_runner: opens it; called several times, since the first may import the engine.
        sample: the arrays of one inference, or a function that returns them for an opened runner.
        version: of the engine, as recorded.
        facts: `parameters`, `macs`, `peak_tensor_bytes`; each may be missing.
    """

    artifact: Artifact
    open_runner: Callable[[], Runner]
    sample: Sample
    facts: Mapping[str, int | None] = field(default_factory=dict)
    version: str = ""


def profile_many(
    jobs: Sequence[TimingJob],
    runs: int,
    warmup: int,
    threads: int,
    machine: MachineInfo,
) -> list[ProfileResult]:
    """Time several artifacts interleaved, so that changes of the machine's speed affect all.

    Each is opened COLD times (`load_us`, engine and file already in memory) and run once
    (`first_us`), warmed up with at least `warmup` inferences and until block medians settle, then
    timed `runs` times, one sample an inference, in ROUNDS rounds of changing order. The calibration
    kernels run beside each round. `threads` is what the runners were opened with; it is recorded,
    not set. One runner of each artifact stays open until the end.

    Raises:
        UsageError: `runs` or `threads` below 1, or `warmup` below 0.
        EdgeconvError: opening or running an artifact failed.
    """
    if runs < 1 or warmup < 0 or threads < 1:
        raise UsageError(
            f"profile: runs and threads must be at least 1 and warm-up at least 0, got {runs}, "
            f"{threads} and {warmup}",
            "--num-runs 300 --warmup-runs 20 --num-threads 1, for example",
        )
    if not jobs:
        return []
    calibration = Calibration()
    with ExitStack() as stack, _no_garbage_collection():
        timed = [_Timed(job, stack) for job in jobs]
        for one in timed:
            one.warm_up(warmup)
        for number, turn in enumerate(_turns(runs)):
            for one in timed if number % 2 == 0 else reversed(timed):
                one.measure(turn)
            calibration.measure()
        return [one.result(threads, machine, calibration) for one in timed]


def not_run(
    artifact: Artifact,
    reason: str,
    facts: Mapping[str, int | None],
    machine: MachineInfo,
    runtime: str = "",
) -> ProfileResult:
    """The result of an artifact that cannot be timed here: its size and cost only."""
    return ProfileResult(
        **_about(artifact, facts, machine), runtime=runtime, status=Status.NOT_RUN, reason=reason
    )


class _Timed:
    """An opened artifact and its measurements so far."""

    def __init__(self, job: TimingJob, stack: ExitStack) -> None:
        self._job = job
        with job.open_runner():
            pass  # imports and first reads from disk are not part of the file's cost
        self._cold: dict[str, list[float]] = {"load_us": [], "first_us": []}
        for _ in range(COLD - 2):
            with ExitStack() as closing:
                self._open(closing)
        self._open(stack)
        self._rounds: list[list[float]] = []
        self._warmup = 0
        self._settled = True

    def _open(self, stack: ExitStack) -> None:
        """Open and run once, both timed; the opened runner stays until `stack` closes it."""
        start = perf_counter_ns()
        runner = stack.enter_context(self._job.open_runner())
        self._cold["load_us"].append((perf_counter_ns() - start) / 1e3)
        sample = self._job.sample(runner) if callable(self._job.sample) else self._job.sample
        self._runtime = runner.runtime
        self._kernels = str(getattr(runner, "kernels", ""))
        self._infer = runner.bind(sample).invoke
        self._cold["first_us"].append(self._once())

    def _once(self) -> float:
        start = perf_counter_ns()
        self._infer()
        return (perf_counter_ns() - start) / 1e3

    def warm_up(self, least: int) -> None:
        """Run at least `least` inferences, and until the medians settle."""
        block = max(least // 2, 1)
        before = None
        while self._warmup < least * WARMUP_LIMIT:
            now = median(self._once() for _ in range(block))
            self._warmup += block
            settled = before is not None and abs(now - before) <= STABLE * before
            if settled and self._warmup >= least:
                return
            before = now
        self._settled = least == 0

    def measure(self, runs: int) -> None:
        """Time one round of `runs` samples."""
        for _ in range(SETTLE):
            self._infer()
        self._rounds.append([self._once() for _ in range(runs)])

    def result(self, threads: int, machine: MachineInfo, calibration: Calibration) -> ProfileResult:
        job = self._job
        samples = tuple(sample for samples in self._rounds for sample in samples)
        return ProfileResult(
            **_about(job.artifact, job.facts, machine),
            runtime=self._runtime,
            kernels=self._kernels,
            version=job.version,
            status=Status.PASSED,
            threads=threads,
            warmup=self._warmup,
            settled=self._settled,
            latency_us=summary(samples),
            samples_us=samples,
            rounds=tuple(map(len, self._rounds)),
            interval_us=median_interval(self._rounds),
            reference_us={k: tuple(v) for k, v in calibration.reference_us.items()},
            load_us=median(self._cold["load_us"]),
            first_us=median(self._cold["first_us"]),
            cold={k: tuple(v) for k, v in self._cold.items()},
        )


def _about(
    artifact: Artifact, facts: Mapping[str, int | None], machine: MachineInfo
) -> dict[str, Any]:
    return {
        "artifact": artifact.name,
        "sha256": artifact.sha256,
        "scheme": artifact.scheme,
        "target": str(artifact.target),
        "bytes": artifact.bytes,
        "parameters": facts.get("parameters"),
        "macs": facts.get("macs"),
        "peak_tensor_bytes": facts.get("peak_tensor_bytes"),
        "machine": machine,
    }


def _turns(runs: int) -> Iterator[int]:
    """`runs` in at most ROUNDS nearly equal parts."""
    rounds = min(ROUNDS, runs)
    for i in range(rounds):
        yield runs * (i + 1) // rounds - runs * i // rounds


@contextmanager
def _no_garbage_collection() -> Iterator[None]:
    """Switch off Python's collector, which would interrupt inferences at random."""
    was_on = gc.isenabled()
    gc.collect()
    gc.disable()
    try:
        yield
    finally:
        if was_on:
            gc.enable()
