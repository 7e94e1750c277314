"""The operations of a file with their cost, and their time where it can be measured.

LiteRT was never tested with files that are cut like this, and a crash must not end the caller: they
are timed in a separate process, `python -m edgeconv.profiling.op_timing FILE RUNTIME THREADS`.

Time, cost and roofline position of each operation.

Most runtimes have no interface to time one operation. But a file that is cut behind operation k can
be timed; the time of k is the difference to the file that is cut behind k − 1.
"""

from __future__ import annotations

import json
import subprocess
import sys
import tempfile
from collections.abc import Callable, Sequence
from contextlib import ExitStack
from dataclasses import asdict, replace
from functools import partial
from math import ceil, isfinite
from pathlib import Path
from statistics import median
from time import perf_counter_ns
from typing import Any

from edgeconv.core import Artifact, BoundRun, OpProfile, TimesOperations
from edgeconv.core.json_codec import decode_fields
from edgeconv.errors import BadInput, EdgeconvError
from edgeconv.profiling.statistics import order_statistics_interval
from edgeconv.profiling.timing_input import probe_sample
from edgeconv.runtimes import open_runner
from edgeconv.subprocesses import run_module
from edgeconv.targets import files
from edgeconv.targets.base import find_target, target_of
from edgeconv.targets.file_graph import FileGraph, Op, cut_points

ROUNDS = 40
RUNS = 5  # samples of each cut file in a round
SETTLE = 2
LEVEL = 0.95

Infer = Callable[[], object]
Opener = Callable[[ExitStack], Infer]
"""Opens a cut file until the stack closes it; the result runs one inference of it."""


def by_differences(rows: Sequence[OpProfile], openers: Sequence[Opener]) -> tuple[OpProfile, ...]:
    """`rows` with the time of each.

    Args:
        openers: one more than rows: the file without any operation, up to the end of the first
            row, of the second …; all are open at the same time.
    """
    with ExitStack() as stack:
        infers = [opener(stack) for opener in openers]
        rounds = [_round(infers, number) for number in range(ROUNDS)]
    return tuple(
        _timed(row, [times[i + 1] - times[i] for times in rounds]) for i, row in enumerate(rows)
    )


def by_steps(
    rows: Sequence[OpProfile], inferences: Sequence[Sequence[float]]
) -> tuple[OpProfile, ...]:
    """`rows` with the time of each from a runtime that reports it: µs of each row, by inference."""
    return tuple(_timed(row, [times[i] for times in inferences]) for i, row in enumerate(rows))


def shares(rows: Sequence[OpProfile]) -> list[float | None]:
    """Share of the timed rows' sum, None if a row was not timed."""
    total = sum(row.us or 0.0 for row in rows)
    return [None if row.us is None or not total else row.us / total for row in rows]


def _round(infers: Sequence[Infer], number: int) -> list[float]:
    """Median time of each, neighbors right after each other; the order changes by round."""
    order = range(len(infers)) if number % 2 == 0 else range(len(infers) - 1, -1, -1)
    times = dict.fromkeys(order, 0.0)
    for i in order:
        infer = infers[i]
        for _ in range(SETTLE):
            infer()
        times[i] = median(_once(infer) for _ in range(RUNS))
    return [times[i] for i in range(len(infers))]


def _once(infer: Infer) -> float:
    start = perf_counter_ns()
    infer()
    return (perf_counter_ns() - start) / 1e3


def _timed(row: OpProfile, us: Sequence[float]) -> OpProfile:
    """The median; a cut can cost more than the operation behind it, which is then taken as 0."""
    low, high = order_statistics_interval(us, LEVEL)
    interval = (max(low, 0.0), max(high, 0.0)) if isfinite(high) else None
    return replace(row, us=max(median(us), 0.0), interval_us=interval)


MOST_CUTS = 48
MOST_BYTES = 512 << 20  # of all cut files that are open together; each has its own weights
_INFERENCES = 40
_SECONDS = 300

CUT = "by difference: the file cut behind each operation, all cut files timed interleaved"
ENGINE = "each operation as {engine} times it on this machine: not a phone's time"
STEPS = "each step of the reference runtime, which computes in NumPy: not a phone's time"

UNTIMED = {
    "coreml": "Core ML does not expose its operations: time them in Xcode",
    "tflite-micro": "not timed one by one: only LiteRT's operations are",
    "litertjs": "not timed one by one: only LiteRT's operations are",
}
"""Runtimes whose operations cannot be timed, and why."""

TimedOperations = tuple[tuple[OpProfile, ...], str]


def operations(artifact: Artifact, runtime: str, threads: int, time_them: bool) -> TimedOperations:
    """One row for each operation of an inference, and how it was timed.

    `runtime` is the name of the runtime that timed the whole file. If single operations cannot be
    timed, or `time_them` is off, the second value gives the reason.
    """
    graph = files.read_graph(artifact.path)
    counts = cut_points(graph)
    if not time_them or not counts:
        return _rows(graph, counts), "" if counts else "the file has no operation"
    if runtime in UNTIMED:
        return _rows(graph, counts), UNTIMED[runtime]
    try:
        if find_target(artifact.target).reader.prefixes is not None:
            return _in_subprocess(artifact, runtime, threads)
        return _by_steps(artifact, graph, counts, runtime)
    except EdgeconvError as error:
        return _rows(graph, counts), f"not timed one by one: {error}"


def _in_subprocess(artifact: Artifact, runtime: str, threads: int) -> TimedOperations:
    """Run `_by_cuts` in a separate process. Raises BadInput if that fails."""
    arguments = [str(artifact.path), runtime, str(threads)]
    try:
        process = run_module("edgeconv.profiling.op_timing", *arguments, seconds=_SECONDS)
    except subprocess.TimeoutExpired as error:
        raise BadInput(
            f"it took more than {_SECONDS} s",
            "the file is too slow here for it; its whole latency is measured",
        ) from error
    if process.returncode:
        last = (process.stderr.strip().splitlines() or [""])[-1]
        raise BadInput(
            f"LiteRT ended with exit code {process.returncode} on a cut file: {last}",
            "edgeconv inspect says whether the file is damaged",
        )
    rows = json.loads(process.stdout.splitlines()[-1])
    return tuple(decode_fields(OpProfile, row) for row in rows), CUT


def _by_cuts(
    artifact: Artifact, graph: FileGraph, runtime: str, threads: int
) -> tuple[OpProfile, ...]:
    chosen = _chosen(cut_points(graph), artifact.bytes)
    with tempfile.TemporaryDirectory() as folder:
        openers: list[Opener] = []
        target = target_of(artifact.path)
        assert target.reader.prefixes is not None  # checked by `operations`
        for number, data in enumerate(target.reader.prefixes(artifact.path, (0, *chosen))):
            path = Path(folder) / f"{number}{target.suffix}"
            path.write_bytes(data)
            openers.append(partial(_open_cut, path, artifact, runtime, threads))
        return by_differences(_rows(graph, chosen), openers)


def _open_cut(
    path: Path, artifact: Artifact, runtime: str, threads: int, stack: ExitStack
) -> Callable[[], object]:
    runner = stack.enter_context(open_runner(path, runtime, limits=None, num_threads=threads))
    return runner.bind(probe_sample(runner, artifact)).invoke


def _by_steps(
    artifact: Artifact, graph: FileGraph, counts: Sequence[int], runtime: str
) -> TimedOperations:
    """Times that the engine itself reports, or those from one value of the reference runtime to the
    next, as it computes them."""
    computed: list[tuple[str, int]] = []

    def watch(name: str, _: Any) -> None:
        computed.append((name, perf_counter_ns()))

    rows, inferences = _rows(graph, counts), []
    with open_runner(artifact.path, runtime, limits=None) as runner:
        sample = probe_sample(runner, artifact)
        if isinstance(runner, TimesOperations):
            times = runner.operation_times(sample, _INFERENCES)
            members = [range(row.first, row.first + row.count) for row in rows]
            summed = [[sum(each[i] for i in row) for row in members] for each in times]
            return by_steps(rows, summed), ENGINE.format(engine=getattr(runner, "kernels", runtime))
        bind: Callable[..., BoundRun] = runner.bind
        infer = bind(sample, watch).invoke
        infer()
        for _ in range(_INFERENCES):
            computed.clear()
            start = perf_counter_ns()
            infer()
            inferences.append(_step_times(start, computed, graph, rows))
    return by_steps(rows, inferences), STEPS


def _step_times(
    start: int, computed: Sequence[tuple[str, int]], graph: FileGraph, rows: Sequence[OpProfile]
) -> list[float]:
    """µs of each row; a step without a row (it was merged) counts toward the next."""
    place = {graph.tensors[i].name: row for row, op in _ops(graph, rows) for i in op.outputs}
    times, last = [0.0] * len(rows), start
    for name, now in computed:
        if name in place:
            times[place[name]] += (now - last) / 1e3
            last = now
    return times


def _ops(graph: FileGraph, rows: Sequence[OpProfile]) -> list[tuple[int, Op]]:
    return [(i, graph.ops[row.first + row.count - 1]) for i, row in enumerate(rows)]


def _chosen(counts: Sequence[int], file_bytes: int) -> list[int]:
    """A selection of the places to cut, evenly spaced, including the last."""
    fitting = 2 * MOST_BYTES // max(file_bytes, 1)  # a cut file has half of the weights on average
    step = ceil(len(counts) / max(2, min(MOST_CUTS, fitting)))
    return list(counts[::-1][::step][::-1])


def _rows(graph: FileGraph, counts: Sequence[int]) -> tuple[OpProfile, ...]:
    """One row from each place to cut to the next; operations that unpack weights are left out."""
    behind = set(cut_points(graph))
    rows, start = [], 0
    for end in counts:
        members = [i for i in range(start, end) if i + 1 in behind]
        rows.append(_row(graph, members))
        start = end
    return tuple(rows)


def _row(graph: FileGraph, members: Sequence[int]) -> OpProfile:
    ops = [graph.ops[i] for i in members]
    return OpProfile(
        first=members[0],
        count=members[-1] - members[0] + 1,
        kind=" + ".join(dict.fromkeys(op.kind for op in ops)),
        name=ops[-1].name,
        macs=sum(op.macs for op in ops),
        bytes=sum(graph.tensors[i].bytes for op in ops for i in {*op.inputs, *op.outputs}),
    )


if __name__ == "__main__":
    one = files.describe(Path(sys.argv[1]))
    timed = _by_cuts(one, files.read_graph(one.path), sys.argv[2], int(sys.argv[3]))
    sys.stdout.write(json.dumps([asdict(row) for row in timed]) + "\n")
