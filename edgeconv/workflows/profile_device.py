"""Files timed on a phone, or by Core ML on a Mac."""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import replace
from functools import partial
from pathlib import Path
from typing import TYPE_CHECKING, Any

from edgeconv import bundle as bundles
from edgeconv.core import (
    NULL_PROGRESS,
    Artifact,
    Comparison,
    ProfileResult,
    Progress,
    TensorSpec,
)
from edgeconv.environment import describe_machine, versions
from edgeconv.errors import UsageError
from edgeconv.parity import golden
from edgeconv.parity.golden import read_golden
from edgeconv.profiling import coreml_benchmark, not_run
from edgeconv.profiling.baseline import compare, read_baseline
from edgeconv.profiling.comparison import MAX_SLOWDOWN, limit_of
from edgeconv.profiling.phone import BINARY, Phone, PhoneTask
from edgeconv.reporting.formatting import plural
from edgeconv.runtimes import opens
from edgeconv.workflows.profile import artifacts_of, facts_of

if TYPE_CHECKING:
    import numpy as np
    from numpy.typing import NDArray

KINDS = ("adb", "coreml")
_ONLY = {
    "litert": "benchmark_model runs .tflite files only",
    "coreml": "Core ML runs .mlpackage files only",
}


def profile_on(
    device: str,
    paths: Sequence[Path],
    runs: int,
    warmup: int = 50,
    threads: int = 1,
    runtime: str = "auto",
    binary: str = BINARY,
    baseline: Path | None = None,
    max_slowdown: float = MAX_SLOWDOWN,
    progress: Progress = NULL_PROGRESS,
) -> tuple[list[ProfileResult], list[Comparison]]:
    """Time files on `device`: `adb`, `adb:SERIAL`, or `coreml` on a Mac.

    Files of a bundle that has golden vectors also answer these there; what they answered is in
    the result's `details`. A `baseline` is compared by its numbers, of the same device only.

    Raises:
        UsageError: an unknown device, none or several.
        MissingDependency: no adb, no benchmark_model on the phone, or no Mac.
        BadInput: a file, or the run on the device.
    """
    kind, _, serial = device.partition(":")
    if kind not in KINDS:
        raise UsageError(f"--device {device}: unknown", "give adb, adb:SERIAL or coreml")
    limit = limit_of(max_slowdown)
    artifacts = artifacts_of(paths)
    record = read_baseline(baseline, frozenset(a.sha256 for a in artifacts)) if baseline else None
    if kind == "adb":
        results = _on_phone(
            artifacts, paths, serial, binary, runs, warmup, threads, runtime, progress
        )
    else:
        results = _on_core_ml(artifacts, runs, progress)
    if record is None:
        return results, []
    measured = {a.path: r for a, r in zip(artifacts, results, strict=True)}
    return results, compare(
        artifacts,
        results,
        [None for _ in artifacts],
        replace(record, artifacts=()),
        limit,
        lambda again: [measured[a.path] for a in again],  # a phone is not asked a second time
    )


def _on_core_ml(
    artifacts: Sequence[Artifact], runs: int, progress: Progress
) -> list[ProfileResult]:
    coreml_benchmark.check_platform()
    machine = describe_machine()
    version = versions().get("coremltools", "")
    progress.stage(f"profile: Core ML, {runs} runs each")
    return [
        coreml_benchmark.benchmark(a, runs, facts_of(a), machine, version)
        if opens("coreml", a.path)
        else not_run(a, _ONLY["coreml"], facts_of(a), machine)
        for a in artifacts
    ]


def _on_phone(
    artifacts: Sequence[Artifact],
    paths: Sequence[Path],
    serial: str,
    binary: str,
    runs: int,
    warmup: int,
    threads: int,
    runtime: str,
    progress: Progress,
) -> list[ProfileResult]:
    if runtime not in ("auto", "litert", "litert-reference"):
        raise UsageError(f"--runtime {runtime} does not run on a phone", "choose litert")
    phone = Phone(serial, binary)
    able = [a for a in artifacts if opens("litert", a.path)]
    progress.stage(f"profile: {plural(len(able), 'file')} on {phone.name}, {runs} runs each")
    vectors = _golden_sets(paths)
    tasks = [_task(a, vectors.get(a.path.parent)) for a in able]
    timed = iter(phone.profile(tasks, runs, warmup, threads, runtime != "litert-reference"))
    return [
        next(timed)
        if opens("litert", a.path)
        else replace(not_run(a, _ONLY["litert"], facts_of(a), phone.machine), device=phone.name)
        for a in artifacts
    ]


def _golden_sets(paths: Sequence[Path]) -> dict[Path, golden.GoldenSet]:
    """Golden vectors by the folder of the bundle."""
    golden_sets = {
        path: read_golden(bundles.read_bundle(path)) for path in paths if bundles.is_bundle(path)
    }
    return {
        path: known
        for path, known in golden_sets.items()
        if known is not None and not known.conflicts
    }


def _task(artifact: Artifact, vectors: golden.GoldenSet | None) -> PhoneTask:
    task = PhoneTask(artifact, facts_of(artifact))
    expected = vectors.expected.get(artifact.name) if vectors else None
    if vectors is None or expected is None or expected.outputs is None:
        return task
    first, last = artifact.inputs[0], artifact.outputs[0]
    rows = vectors.inputs[expected.sensor]
    return replace(
        task,
        input_name=first.name,
        input_shape=first.shape,
        golden=tuple(_stored(row, first).tobytes() for row in rows),
        evaluate_golden=partial(_evaluate_golden, vectors=vectors, expected=expected, spec=last),
    )


def _stored(row: NDArray[np.float32], spec: TensorSpec) -> NDArray[Any]:
    """Real numbers as the tensor stores them."""
    import numpy as np

    if spec.scale is None:
        return row.astype(spec.dtype)
    info = np.iinfo(spec.dtype)
    scaled = np.round(row / spec.scale) + (spec.zero_point or 0)
    stored: NDArray[Any] = np.clip(scaled, info.min, info.max).astype(spec.dtype)
    return stored


def _evaluate_golden(
    outputs: Sequence[bytes],
    vectors: golden.GoldenSet,
    expected: golden.Expectation,
    spec: TensorSpec,
) -> dict[str, Any]:
    """The check of the golden outputs as a dictionary, and the outputs themselves."""
    import numpy as np

    rows = [np.frombuffer(data, spec.dtype).astype(np.float32) for data in outputs]
    if len({len(row) for row in rows}) != 1:
        reason = "the outputs' sizes differ from each other"
        return {"status": "failed", "n": len(rows), "reason": reason}
    real = np.stack(rows)
    if spec.scale is not None:
        real = (real - (spec.zero_point or 0)) * np.float32(spec.scale)
    check = golden.compare(vectors, expected, real)
    return {
        "status": str(check.status),
        "max_abs": check.value,
        "tolerance": check.limit,
        "n": len(rows),
        "reason": check.reason,
        "outputs": [[float(v) for v in row] for row in real],
    }
