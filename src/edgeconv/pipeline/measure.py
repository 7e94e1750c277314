"""How fast and how large the files are."""

from __future__ import annotations

from collections.abc import Callable, Mapping, Sequence
from functools import partial
from pathlib import Path
from typing import TYPE_CHECKING, Any

from edgeconv import bundle as bundles
from edgeconv.formats import artifact as files
from edgeconv.machine import describe_machine
from edgeconv.pipeline.exporting import probe_windows
from edgeconv.pipeline.predict import bound_sample
from edgeconv.profile import Job, not_run, profile_many
from edgeconv.runtime import open_runner, unavailable
from edgeconv.types import Artifact, ProfileResult, Progress, Runner, Silent, Target

if TYPE_CHECKING:
    import numpy as np
    from numpy.typing import NDArray

_NOBODY = Silent()
WARMUP = 50
# Timed only when it is asked for by name: NumPy's speed says nothing about a phone's.
NO_STOPWATCH = (
    "a reference runtime in NumPy tells nothing about the speed of Core ML; profile it on a Mac"
)


def profile(
    paths: Sequence[Path],
    runs: int,
    warmup: int = WARMUP,
    threads: int = 1,
    runtime: str = "auto",
    progress: Progress = _NOBODY,
) -> list[ProfileResult]:
    """Time every artifact that `paths` name: files, or all of a bundle. In turns, so that a slow
    moment of the machine hits all of them.

    Raises:
        BadInput: a file is missing, damaged, or no artifact.
    """
    artifacts = [artifact for path in paths for artifact in _artifacts(path)]
    progress.stage(f"profile: {len(artifacts)} files, {runs} runs each, {threads} thread(s)")
    return profile_artifacts(artifacts, runs, warmup, threads, runtime)


def profile_artifacts(
    artifacts: Sequence[Artifact],
    runs: int,
    warmup: int = WARMUP,
    threads: int = 1,
    runtime: str = "auto",
) -> list[ProfileResult]:
    """The results in the order of `artifacts`; one that cannot be timed here says why."""
    machine = describe_machine()
    reasons = {a.path: _why_not(a, runtime) for a in artifacts}
    jobs = {
        a.path: Job(a, _opener(a, runtime, threads), partial(_sample, artifact=a), facts_of(a))
        for a in artifacts
        if reasons[a.path] is None
    }
    timed = profile_many(list(jobs.values()), runs, warmup, threads, machine) if jobs else []
    results = dict(zip(jobs, timed, strict=True))
    for artifact in artifacts:
        reason = reasons[artifact.path]
        if reason is not None:
            results[artifact.path] = not_run(artifact, reason, facts_of(artifact), machine)
    return [results[a.path] for a in artifacts]


def facts_of(artifact: Artifact) -> dict[str, int | None]:
    """Parameters, multiply-accumulates and peak tensor memory, read from the file."""
    graph = files.read_graph(artifact.path)
    return {
        "parameters": graph.parameters,
        "macs": graph.macs,
        "peak_tensor_bytes": graph.peak_tensor_bytes,
    }


def _artifacts(path: Path) -> tuple[Artifact, ...]:
    return bundles.read(path).artifacts if bundles.is_bundle(path) else (files.describe(path),)


def _why_not(artifact: Artifact, runtime: str) -> str | None:
    if artifact.target is Target.COREML and runtime == "auto":
        return NO_STOPWATCH
    return unavailable(artifact.path, runtime)


def _opener(artifact: Artifact, runtime: str, threads: int) -> Callable[[], Runner]:
    options: dict[str, Any] = {"num_threads": threads} if artifact.target is Target.TFLITE else {}
    return partial(open_runner, artifact.path, runtime, **options)


def _sample(runner: Runner, artifact: Artifact) -> Mapping[str, NDArray[np.float32]]:
    """Latency does not depend on the values (no denormals in them): the exporter's probes do."""
    return bound_sample(runner, artifact.signal, probe_windows(artifact.signal))
