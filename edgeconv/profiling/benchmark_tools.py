"""Core ML's timing of a package, through coremltools' benchmarker: on a Mac only.

It was never run, because no Mac was at hand; `result_of` is tested, `benchmark` is not.

Parses the output of Google's `benchmark_model`.

The tool's lines may begin with `INFO: ` or logcat's `I tflite  : `; older versions have no
percentiles. Its last `count=` line before the summary is the measurement, those before are warm-up.
"""

from __future__ import annotations

import asyncio
import re
import sys
from collections.abc import Mapping, Sequence
from dataclasses import dataclass
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
from edgeconv.errors import BadInput, MissingDependency
from edgeconv.profiling.statistics import median_interval, summary

_NUMBER = r"(-?\d+(?:\.\d+)?(?:e[+-]?\d+)?)(?![\w.])"
_SUMMARY = re.compile(
    rf"Inference timings in us: Init: {_NUMBER}, First inference: {_NUMBER}, "
    rf"Warmup \(avg\): {_NUMBER}, Inference \(avg\): {_NUMBER}"
)
_COUNT = re.compile(r"\bcount=(\d+)(.*)")
_STATISTIC = re.compile(rf"(\w+)={_NUMBER}")
_MEMORY = re.compile(
    rf"(?:Memory footprint delta from the start of the tool|Peak memory footprint) \(MB\): "
    rf"init={_NUMBER} overall={_NUMBER}"
)
_OPERATIONS = "Operator-wise Profiling Info for Regular Benchmark Runs"
_INSIDE = "Delegate internal:"
_ORDER, _TOP = "= Run Order =", "= Top by Computation Time ="
# node type, [start,] first, avg ms, %, cdf %, mem KB, times called, name
_ROW = re.compile(
    r"^\s*(?P<kind>\S.*?)\s+(?:[\d.]+\s+)?[\d.]+\s+(?P<ms>\d+(?:\.\d+)?)\s+[\d.]+%\s+[\d.]+%"
    r"\s+[\d.]+\s+\d+\s+(?P<name>\S.*?)\s*$"
)


@dataclass(frozen=True)
class Timing:
    """One run of the tool, µs. `p50_us` is its median, or the mean if there is none."""

    init_us: float
    first_us: float
    p50_us: float
    statistics: dict[str, float]
    delegate: str
    memory_mb: tuple[float, float] | None


@dataclass(frozen=True)
class NodeTime:
    """One line of the tool's table of operations."""

    kind: str
    name: str
    us: float


def parse_timing(text: str) -> Timing:
    """Read the output of one run.

    Raises:
        BadInput: it contains no result; the message has the tool's error, or its last line.
    """
    summary = _SUMMARY.search(text)
    counts = [m for m in _COUNT.finditer(text) if summary and m.start() < summary.start()]
    if summary is None or not counts:
        raise BadInput(
            f"benchmark_model printed no result: {complaint(text)}",
            "run its command line by hand to see the reason",
        )
    init, first, _, average = map(float, summary.groups())
    last = counts[-1]
    statistics = {name: float(value) for name, value in _STATISTIC.findall(last.group(2))}
    memory = _MEMORY.search(text)
    return Timing(
        init_us=init,
        first_us=first,
        p50_us=statistics.get("median", average),
        statistics={"count": float(last.group(1)), "avg": average, **statistics},
        delegate=_delegate(text),
        memory_mb=(float(memory.group(1)), float(memory.group(2))) if memory else None,
    )


def parse_nodes(text: str) -> tuple[NodeTime, ...]:
    """The time of each operation of a run with `--enable_op_profiling=true`; empty without it.

    If a delegate took the graph and reports its operations, these are returned.
    """
    _, heading, section = text.partition(_OPERATIONS)
    if not heading:
        return ()
    graph, heading, delegate = section.partition(_INSIDE)
    return _table(delegate if heading else graph) or _table(graph)


def complaint(text: str) -> str:
    """The line of an output with the error, else its last line."""
    lines = [line.strip() for line in text.splitlines() if line.strip()]
    errors = [line for line in lines if re.search(r"error|fail|not found|denied", line, re.I)]
    return (errors or lines or ["it printed nothing"])[-1][:300]


def _table(section: str) -> tuple[NodeTime, ...]:
    _, _, table = section.partition(_ORDER)
    rows = map(_ROW.match, table.partition(_TOP)[0].splitlines())
    return tuple(
        NodeTime(row["kind"], _bare(row["name"]), float(row["ms"]) * 1e3) for row in rows if row
    )


def _bare(name: str) -> str:
    """`[a/Relu6]:0` without brackets and number."""
    return re.sub(r":\d+$", "", name).strip("[]")


def _delegate(text: str) -> str:
    """The delegate that took the graph, as the tool names it; empty if none did."""
    applied = re.search(r"Explicitly applied (\w+) delegate", text)
    created = re.search(r"Created TensorFlow Lite (\w+) delegate", text)
    match = applied or created
    return match.group(1) if match else ""


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
