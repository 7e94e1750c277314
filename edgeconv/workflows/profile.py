"""How fast and how large the files are, where the time goes, and whether it became more."""

from __future__ import annotations

import os
from collections.abc import Callable, Mapping, Sequence
from dataclasses import dataclass, replace
from functools import partial
from pathlib import Path
from typing import Any

from edgeconv import bundle as bundles
from edgeconv.core import (
    LOG_PROGRESS,
    NULL_PROGRESS,
    Artifact,
    Comparison,
    PathLike,
    Peaks,
    ProfileResult,
    Progress,
    Runner,
    Status,
    as_path,
)
from edgeconv.environment import describe_machine, versions
from edgeconv.profiling import TimingJob, not_run, profile_many
from edgeconv.profiling.baseline import Baseline, compare, read_baseline, with_partners
from edgeconv.profiling.comparison import MAX_SLOWDOWN, limit_of
from edgeconv.profiling.memory import arena, footprint
from edgeconv.profiling.op_timing import operations
from edgeconv.profiling.roofline import roofline
from edgeconv.profiling.timing_input import probe_sample
from edgeconv.reporting.formatting import plural
from edgeconv.runtimes import RUNTIMES, accepted, open_runner, opens, runtime_for, unavailable
from edgeconv.runtimes.litertjs.installation import installed
from edgeconv.targets import files

RUNS, WARMUP = 300, 50
# Timed only when it is asked for by name: NumPy's speed says nothing about a phone's.
NO_STOPWATCH = (
    "a reference runtime in NumPy tells nothing about the speed of Core ML; profile it on a Mac"
)
_ENGINES = {
    "keras": "keras",
    "litert": "ai-edge-litert",
    "tflite": "tflite-micro",
    "coreml": "coremltools",
}


@dataclass(frozen=True, kw_only=True)
class ProfileOptions:
    """How files are timed.

    Attributes:
        runs: timed inferences of each file.
        warmup: inferences before them.
        threads: of the runtime.
        runtime: what runs the files; `auto` chooses by their kind.
        detailed: also measure memory, the machine's peaks and the time of each operation.
        max_slowdown: share by which a file may become slower than a baseline, 0.05 for 5 %.
    """

    runs: int = RUNS
    warmup: int = WARMUP
    threads: int = 1
    runtime: str = "auto"
    detailed: bool = True
    max_slowdown: float = MAX_SLOWDOWN


def profile(
    paths: PathLike | Sequence[PathLike],
    *,
    runs: int = RUNS,
    warmup: int = WARMUP,
    threads: int = 1,
    runtime: str = "auto",
    detailed: bool = True,
    progress: Progress = LOG_PROGRESS,
) -> list[ProfileResult]:
    """Time every artifact that the paths name, interleaved: a slow moment hits all of them.

    Args:
        paths: artifacts, or bundles for all of their artifacts; one or several.
        runs: timed inferences of each artifact.
        warmup: inferences before them.
        threads: of the runtime.
        runtime: what runs the artifacts; `auto` chooses by their kind.
        detailed: also measure memory, the machine's peaks and the time of each operation.
        progress: listens to what is done.

    Returns:
        One result an artifact; one that cannot be timed here is `not_run` with a reason.

    Raises:
        BadInput: a file is missing, damaged, or not an artifact.
        UsageError: a number is out of range.
    """
    options = ProfileOptions(
        runs=runs, warmup=warmup, threads=threads, runtime=runtime, detailed=detailed
    )
    return profile_each(paths, options, progress)


def profile_each(
    paths: PathLike | Sequence[PathLike], options: ProfileOptions, progress: Progress
) -> list[ProfileResult]:
    """`profile`, with its options as one value."""
    artifacts = artifacts_of(paths)
    progress.stage(
        f"profile: {plural(len(artifacts), 'file')}, {options.runs} runs each, "
        f"{plural(options.threads, 'thread')}"
    )
    results = profile_artifacts(artifacts, options)
    return explain(artifacts, results, progress) if options.detailed else results


def profile_against(
    paths: Sequence[Path],
    baseline: Path,
    options: ProfileOptions | None = None,
    progress: Progress = NULL_PROGRESS,
) -> tuple[list[ProfileResult], list[Comparison]]:
    """`profile`, and each file against an earlier one.

    Args:
        baseline: JSON of an earlier profile, a bundle, or an artifact. Files of it that are at
            hand are timed in turns with the new ones.
        options: None: the defaults.

    Raises:
        BadInput: a file or the baseline is missing, damaged, or none.
        UsageError: `max_slowdown` is negative.
    """
    options = options or ProfileOptions()
    limit = limit_of(options.max_slowdown)
    artifacts = artifacts_of(paths)
    earlier = read_baseline(baseline, frozenset(a.sha256 for a in artifacts))
    timer = partial(profile_artifacts, options=options)
    progress.stage(
        f"profile: {plural(len(artifacts), 'file')} against {baseline}, {options.runs} runs each"
    )
    results, partners = _in_turns(artifacts, earlier, timer)
    compared = compare(artifacts, results, partners, earlier, limit, timer)
    return explain(artifacts, results, progress) if options.detailed else results, compared


def profile_artifacts(
    artifacts: Sequence[Artifact], options: ProfileOptions
) -> list[ProfileResult]:
    """The results in the order of `artifacts`; one that cannot be timed here says why."""
    machine = describe_machine()
    reasons = [_why_not(a, options.runtime) for a in artifacts]
    jobs = [
        _job(a, options.runtime, options.threads)
        for a, reason in zip(artifacts, reasons, strict=True)
        if reason is None
    ]
    timed = iter(profile_many(jobs, options.runs, options.warmup, options.threads, machine))
    return [
        next(timed) if reason is None else not_run(a, reason, facts_of(a), machine)
        for a, reason in zip(artifacts, reasons, strict=True)
    ]


def explain(
    artifacts: Sequence[Artifact],
    results: Sequence[ProfileResult],
    progress: Progress = NULL_PROGRESS,
) -> list[ProfileResult]:
    """The results with operations, memory and this machine's peaks; a step for each file."""
    timed = [r for r in results if r.status is Status.PASSED]
    progress.stage("profile: operations and memory")
    peaks = roofline(timed[0].threads, timed[0].runtime) if timed else None
    explained = []
    for number, (artifact, result) in enumerate(zip(artifacts, results, strict=True), 1):
        explained.append(_explained(artifact, result, peaks))
        progress.update(number, len(results), artifact.name)
    return explained


def facts_of(artifact: Artifact) -> dict[str, int | None]:
    """Parameters, multiply-accumulates and peak tensor memory, read from the file."""
    graph = files.read_graph(artifact.path)
    return {
        "parameters": graph.parameters,
        "macs": graph.macs,
        "peak_tensor_bytes": graph.peak_tensor_bytes,
    }


def artifacts_of(paths: PathLike | Sequence[PathLike]) -> list[Artifact]:
    """The artifacts that the paths name: files, or bundles for all of theirs."""
    several = [paths] if isinstance(paths, str | os.PathLike) else paths
    return [artifact for path in several for artifact in _artifacts(as_path(path, "paths"))]


def _explained(artifact: Artifact, result: ProfileResult, peaks: Peaks | None) -> ProfileResult:
    ran = result.status is Status.PASSED
    ops, method = operations(artifact, result.runtime, result.threads, time_them=ran)
    memory = footprint(artifact, result.runtime, result.threads) if ran else {}
    if opens("tflite-micro", artifact.path):
        bytes_, reason = arena(artifact.path)
        memory |= {"arena": bytes_} if bytes_ is not None else {"arena_reason": reason}
    return replace(result, ops=ops, ops_method=method, memory=memory, peaks=peaks if ran else None)


def _in_turns(
    artifacts: Sequence[Artifact],
    baseline: Baseline,
    timer: Callable[[Sequence[Artifact]], list[ProfileResult]],
) -> tuple[list[ProfileResult], list[tuple[Artifact, ProfileResult] | None]]:
    """Each artifact right beside its partner in every round."""
    partners = with_partners(artifacts, baseline)
    line = [
        one for pair in zip(artifacts, partners, strict=True) for one in pair if one is not None
    ]
    timed = iter(timer(line))
    results, timed_partners = [], []
    for partner in partners:
        results.append(next(timed))
        timed_partners.append((partner, next(timed)) if partner is not None else None)
    return results, timed_partners


def _artifacts(path: Path) -> tuple[Artifact, ...]:
    if bundles.is_bundle(path):
        return bundles.read_bundle(path).artifacts
    return (files.describe(path),)


def _why_not(artifact: Artifact, runtime: str) -> str | None:
    if runtime == "auto" and runtime_for(artifact.path) == "coreml-reference":
        return NO_STOPWATCH
    return unavailable(artifact.path, runtime)


def _job(artifact: Artifact, runtime: str, threads: int) -> TimingJob:
    name = runtime_for(artifact.path, runtime)
    options = accepted(name, num_threads=threads)
    if RUNTIMES[name].engine:  # it is timed in this process, which it may not end
        with open_runner(artifact.path, name) as runner:
            runner.run(probe_sample(runner, artifact))
    return TimingJob(
        artifact,
        partial(_open, artifact, name, options),
        partial(probe_sample, artifact=artifact),
        facts_of(artifact),
        _version(name),
    )


def _version(runtime: str) -> str:
    """Of the engine behind a runtime that is here; empty where it is our own."""
    if runtime == "litertjs":
        return installed().version
    return versions().get(_ENGINES.get(runtime.partition("-")[0], ""), "")


def _open(artifact: Artifact, runtime: str, options: Mapping[str, Any]) -> Runner:
    return open_runner(artifact.path, runtime, limits=None, **options)
