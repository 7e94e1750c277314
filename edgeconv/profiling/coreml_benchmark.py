"""Core ML's timing of a package, through coremltools' benchmarker: on a Mac only.

It was never run, because no Mac was at hand; `result_of` is tested, `benchmark` is not.
"""

from __future__ import annotations

import asyncio
import sys
from collections.abc import Mapping, Sequence
from importlib import import_module
from itertools import pairwise
from statistics import median
from typing import Any

from edgeconv.core import (
    Artifact,
    MachineInfo,
    ProfileResult,
    Status,
)
from edgeconv.errors import MissingDependency
from edgeconv.profiling.statistics import median_interval, summary

LOADS = 5
ROUNDS = 10  # of successive samples, the unit that the interval resamples


def check_platform() -> None:
    """Raises MissingDependency outside macOS, or if coremltools has no benchmarker."""
    if sys.platform != "darwin":
        raise MissingDependency(
            "Core ML's benchmarker runs on macOS only", "run edgeconv profile on a Mac"
        )
    try:
        _benchmarker()
    except (ModuleNotFoundError, AttributeError) as error:
        raise MissingDependency(
            f"this coremltools has no benchmarker: {error}", "pip install 'coremltools>=9.0'"
        ) from error


def benchmark(
    artifact: Artifact,
    runs: int,
    facts: Mapping[str, int | None],
    machine: MachineInfo,
    version: str,
) -> ProfileResult:
    """Load and predict `artifact` on this Mac, all compute units allowed."""
    tools = import_module("coremltools")
    benchmarker = _benchmarker()(tools.models.MLModel(str(artifact.path)))
    loads = asyncio.run(benchmarker.benchmark_load(iterations=LOADS)).samples
    predictions = asyncio.run(benchmarker.benchmark_predict(iterations=runs, warmup=True)).samples
    return result_of(artifact, loads, predictions, facts, machine, version)


def result_of(
    artifact: Artifact,
    loads_ms: Sequence[float],
    predictions_ms: Sequence[float],
    facts: Mapping[str, int | None],
    machine: MachineInfo,
    version: str,
) -> ProfileResult:
    """The benchmarker's samples, which are milliseconds, as a result."""
    samples = tuple(ms * 1e3 for ms in predictions_ms)
    loads = tuple(ms * 1e3 for ms in loads_ms)
    ends = [len(samples) * i // ROUNDS for i in range(ROUNDS + 1)]
    rounds = [samples[a:b] for a, b in pairwise(ends) if b > a]
    return ProfileResult(
        artifact=artifact.name,
        sha256=artifact.sha256,
        scheme=artifact.scheme,
        target=str(artifact.target),
        runtime="coreml",
        kernels="all compute units",
        version=version,
        status=Status.PASSED,
        bytes=artifact.bytes,
        latency_us=summary(samples),
        samples_us=samples,
        rounds=tuple(map(len, rounds)),
        interval_us=median_interval(rounds),
        load_us=median(loads),
        cold={"load_us": loads},
        parameters=facts.get("parameters"),
        macs=facts.get("macs"),
        peak_tensor_bytes=facts.get("peak_tensor_bytes"),
        device=f"Core ML on {machine.processor or 'this Mac'}",
        machine=machine,
    )


def _benchmarker() -> Any:
    return import_module("coremltools.models.ml_program.experimental.perf_utils").MLModelBenchmarker
