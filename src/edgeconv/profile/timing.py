"""Latency of single inferences on a monotonic nanosecond clock, raw samples kept."""

from __future__ import annotations

import gc
from collections.abc import Callable, Iterator, Mapping, Sequence
from contextlib import ExitStack, contextmanager
from dataclasses import dataclass, field
from statistics import fmean, median
from time import perf_counter_ns
from typing import TYPE_CHECKING, Any

from edgeconv.errors import UsageError
from edgeconv.types import Artifact, ProfileResult, Runner, Status

if TYPE_CHECKING:
    from numpy.typing import NDArray

    Sample = Mapping[str, NDArray[Any]] | Callable[[Runner], Mapping[str, NDArray[Any]]]

ROUNDS = 20  # each artifact's turn comes this often, so that a slow spell of the machine hits all
SETTLE = 3  # untimed inferences at the start of a turn: the others have emptied the caches
STABLE = 0.05  # warm-up ends when two successive blocks' medians differ by at most this share
WARMUP_LIMIT = 10  # … or after this many times the asked warm-up


@dataclass(frozen=True)
class Job:
    """One artifact to time.

    Attributes:
        open_runner: opens it; called twice, since the first time may import the engine. The
            second is timed as `load_us`.
        sample: the arrays of one inference, or what makes them for an opened runner.
        facts: `parameters`, `macs`, `peak_tensor_bytes`; each may be missing.
    """

    artifact: Artifact
    open_runner: Callable[[], Runner]
    sample: Sample
    facts: Mapping[str, int | None] = field(default_factory=dict)


def profile(
    artifact: Artifact,
    open_runner: Callable[[], Runner],
    sample: Sample,
    runs: int,
    warmup: int,
    threads: int,
    facts: Mapping[str, int | None],
    machine: Mapping[str, Any],
) -> ProfileResult:
    """Time one artifact alone; see `profile_many`."""
    job = Job(artifact, open_runner, sample, facts)
    return profile_many([job], runs, warmup, threads, machine)[0]


def profile_many(
    jobs: Sequence[Job],
    runs: int,
    warmup: int,
    threads: int,
    machine: Mapping[str, Any],
) -> list[ProfileResult]:
    """Time several artifacts in turns, so that they share the machine's good and bad moments.

    Each is opened (`load_us`, engine and file already in memory), run once (`first_us`), warmed up
    with at least `warmup` inferences and until block medians settle, then timed `runs` times, one
    sample an inference. `threads` is what the runners were opened with; it is recorded, not set.
    All stay open at the same time.

    Raises:
        UsageError: `runs` or `threads` below 1, or `warmup` below 0.
        EdgeconvError: as opening or running raises it.
    """
    if runs < 1 or warmup < 0 or threads < 1:
        raise UsageError(
            f"profile: runs and threads must be at least 1 and warm-up at least 0, got {runs}, "
            f"{threads} and {warmup}"
        )
    with ExitStack() as stack:
        timed = [_Timed(job, stack) for job in jobs]
        with _no_garbage_collection():
            for one in timed:
                one.warm_up(warmup)
            for turn in _turns(runs):
                for one in timed:
                    one.measure(turn)
        return [one.result(threads, machine) for one in timed]


def not_run(
    artifact: Artifact,
    reason: str,
    facts: Mapping[str, int | None],
    machine: Mapping[str, Any],
    runtime: str = "",
) -> ProfileResult:
    """What is known of an artifact that cannot be timed here: its size and its facts."""
    return ProfileResult(
        **_about(artifact, facts, machine), runtime=runtime, status=Status.NOT_RUN, reason=reason
    )


def summary(samples_us: Sequence[float]) -> dict[str, float]:
    """p50, p90, p99 (linear interpolation between samples), mean, min and max."""
    import numpy as np

    p50, p90, p99 = np.percentile(samples_us, (50, 90, 99))
    return {
        "p50": float(p50),
        "p90": float(p90),
        "p99": float(p99),
        "mean": fmean(samples_us),
        "min": min(samples_us),
        "max": max(samples_us),
    }


class _Timed:
    """An opened artifact and what was measured of it so far."""

    def __init__(self, job: Job, stack: ExitStack) -> None:
        self._job = job
        with job.open_runner():
            pass  # whatever is imported or read from disk for the first time is no cost of the file
        start = perf_counter_ns()
        runner = stack.enter_context(job.open_runner())
        self._load_us = (perf_counter_ns() - start) / 1e3
        sample = job.sample(runner) if callable(job.sample) else job.sample
        self._runtime = runner.runtime
        self._infer = runner.bind(sample)
        self._first_us = self._once()
        self._samples_us: list[float] = []
        self._warmup = 0

    def _once(self) -> float:
        start = perf_counter_ns()
        self._infer()
        return (perf_counter_ns() - start) / 1e3

    def warm_up(self, least: int) -> None:
        """At least `least` inferences, then on until they have settled."""
        block = max(least // 2, 1)
        before = None
        while self._warmup < least * WARMUP_LIMIT:
            now = median(self._once() for _ in range(block))
            self._warmup += block
            settled = before is not None and abs(now - before) <= STABLE * before
            if settled and self._warmup >= least:
                return
            before = now

    def measure(self, runs: int) -> None:
        for _ in range(SETTLE):
            self._infer()
        self._samples_us += [self._once() for _ in range(runs)]

    def result(self, threads: int, machine: Mapping[str, Any]) -> ProfileResult:
        job = self._job
        return ProfileResult(
            **_about(job.artifact, job.facts, machine),
            runtime=self._runtime,
            status=Status.PASSED,
            threads=threads,
            warmup=self._warmup,
            latency_us=summary(self._samples_us),
            samples_us=tuple(self._samples_us),
            load_us=self._load_us,
            first_us=self._first_us,
        )


def _about(
    artifact: Artifact, facts: Mapping[str, int | None], machine: Mapping[str, Any]
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
        "machine": dict(machine),
    }


def _turns(runs: int) -> Iterator[int]:
    """`runs` in at most ROUNDS nearly equal parts."""
    rounds = min(ROUNDS, runs)
    for i in range(rounds):
        yield runs * (i + 1) // rounds - runs * i // rounds


@contextmanager
def _no_garbage_collection() -> Iterator[None]:
    """Python's collector would stop inferences at random."""
    was_on = gc.isenabled()
    gc.collect()
    gc.disable()
    try:
        yield
    finally:
        if was_on:
            gc.enable()
