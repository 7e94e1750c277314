"""Measures memory and cold start of a file in a separate process.

`python -m edgeconv.profiling.memory FILE RUNTIME THREADS` prints both as JSON.
"""

from __future__ import annotations

import json
import subprocess
import sys
from pathlib import Path
from time import perf_counter_ns
from typing import Any

from edgeconv.core import Artifact
from edgeconv.errors import EdgeconvError
from edgeconv.subprocesses import run_module

_INFERENCES = 20
_SECONDS = 300


def footprint(artifact: Artifact, runtime: str, threads: int) -> dict[str, Any]:
    """Resident memory in bytes and cold start in µs, from a fresh process.

    `rss_engine`: with Python, NumPy and the engine loaded. `rss_open` and `rss_run`: with the
    file open, and after some inferences. `rss_peak`: the maximum so far. `open_us`, `first_us`: the
    first opening of a file, and the first inference, of that process. If the process failed,
    `rss_reason` contains the error.
    """
    arguments = [str(artifact.path), runtime, str(threads)]
    try:
        process = run_module("edgeconv.profiling.memory", *arguments, seconds=_SECONDS)
    except subprocess.TimeoutExpired:
        return {"rss_reason": f"the process took more than {_SECONDS} s"}
    if process.returncode:
        last = (process.stderr.strip().splitlines() or [f"exit code {process.returncode}"])[-1]
        return {"rss_reason": f"the process that measures it failed: {last}"}
    figures: dict[str, Any] = json.loads(process.stdout.splitlines()[-1])
    return figures


def arena(path: Path) -> tuple[int | None, str]:
    """(bytes that a microcontroller must set aside for one inference, ""), or (None, why not)."""
    from edgeconv.runtimes.arena import measure_arena

    try:
        return measure_arena(path), ""
    except EdgeconvError as error:
        return None, str(error)


def _measure(path: Path, runtime: str, threads: int) -> dict[str, Any]:
    from edgeconv.profiling.timing_input import probe_sample
    from edgeconv.runtimes import accepted, load_runtime, open_runner
    from edgeconv.targets import files

    artifact = files.describe(path)
    load_runtime(runtime)
    figures: dict[str, Any] = {"rss_engine": _rss()}
    options = accepted(runtime, num_threads=threads)
    start = perf_counter_ns()
    with open_runner(path, runtime, limits=None, **options) as runner:
        figures["open_us"] = (perf_counter_ns() - start) / 1e3
        figures["rss_open"] = _rss()
        infer = runner.bind(probe_sample(runner, artifact)).invoke
        start = perf_counter_ns()
        infer()
        figures["first_us"] = (perf_counter_ns() - start) / 1e3
        for _ in range(_INFERENCES):
            infer()
        figures["rss_run"] = _rss()
    return {**figures, "rss_peak": _peak()}


def _rss() -> int | None:
    """Current resident memory in bytes; None if the system does not report them (Linux does)."""
    return _status("VmRSS")


def _peak() -> int | None:
    """Peak of the resident memory so far, in bytes.

    Only of this process if the system reports it; getrusage includes the parent's. macOS reports
    bytes, other systems KiB.
    """
    peak = _status("VmHWM")
    if peak is not None:
        return peak
    try:
        import resource
    except ModuleNotFoundError:  # Windows
        return None
    most = resource.getrusage(resource.RUSAGE_SELF).ru_maxrss
    return most if sys.platform == "darwin" else most * 1024


def _status(key: str) -> int | None:
    """A value from Linux's status of this process, in bytes."""
    status = Path("/proc/self/status")
    if not status.is_file():
        return None
    lines = (line.split() for line in status.read_text().splitlines() if line.startswith(key))
    return next((int(words[1]) * 1024 for words in lines), None)


if __name__ == "__main__":
    result = _measure(Path(sys.argv[1]), sys.argv[2], int(sys.argv[3]))
    sys.stdout.write(json.dumps(result) + "\n")
