"""Memory and cold start of a file in a process that has run nothing else.

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
    file open, and after some inferences. `rss_peak`: the most so far. `open_us`, `first_us`: the
    first opening of a file, and the first inference, of that process. Where the process ended
    badly, `rss_reason` says how.
    """
    words = [str(artifact.path), runtime, str(threads)]
    try:
        done = run_module("edgeconv.profiling.memory", *words, seconds=_SECONDS)
    except subprocess.TimeoutExpired:
        return {"rss_reason": f"the process took more than {_SECONDS} s"}
    if done.returncode:
        last = (done.stderr.strip().splitlines() or [f"exit code {done.returncode}"])[-1]
        return {"rss_reason": f"the process that measures it failed: {last}"}
    found: dict[str, Any] = json.loads(done.stdout.splitlines()[-1])
    return found


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
    found: dict[str, Any] = {"rss_engine": _rss()}
    options = accepted(runtime, num_threads=threads)
    start = perf_counter_ns()
    with open_runner(path, runtime, **options) as runner:
        found["open_us"] = (perf_counter_ns() - start) / 1e3
        found["rss_open"] = _rss()
        infer = runner.bind(probe_sample(runner, artifact)).invoke
        start = perf_counter_ns()
        infer()
        found["first_us"] = (perf_counter_ns() - start) / 1e3
        for _ in range(_INFERENCES):
            infer()
        found["rss_run"] = _rss()
    return {**found, "rss_peak": _peak()}


def _rss() -> int | None:
    """Resident bytes just now; None where the system does not tell (it does on Linux)."""
    return _status("VmRSS")


def _peak() -> int | None:
    """The most resident bytes so far.

    Where the system has it, of this program alone; getrusage's counts the parent's as well. macOS
    counts bytes where others count KiB.
    """
    found = _status("VmHWM")
    if found is not None:
        return found
    try:
        import resource
    except ModuleNotFoundError:  # Windows
        return None
    most = resource.getrusage(resource.RUSAGE_SELF).ru_maxrss
    return most if sys.platform == "darwin" else most * 1024


def _status(key: str) -> int | None:
    """A figure of Linux's own account of this process, in bytes."""
    status = Path("/proc/self/status")
    if not status.is_file():
        return None
    found = (line.split() for line in status.read_text().splitlines() if line.startswith(key))
    return next((int(words[1]) * 1024 for words in found), None)


if __name__ == "__main__":
    result = _measure(Path(sys.argv[1]), sys.argv[2], int(sys.argv[3]))
    sys.stdout.write(json.dumps(result) + "\n")
