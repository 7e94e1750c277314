"""Files timed on a phone or by Core ML on a Mac, and results that were measured elsewhere."""

from __future__ import annotations

from collections.abc import Callable, Sequence
from dataclasses import replace
from functools import partial
from pathlib import Path
from typing import TYPE_CHECKING, Any

from edgeconv import bundle as bundles
from edgeconv.core import (
    NULL_PROGRESS,
    Artifact,
    Bundle,
    Comparison,
    ProfileResult,
    Progress,
    TensorSpec,
)
from edgeconv.core.paths import read_text
from edgeconv.environment import describe_machine, versions
from edgeconv.errors import BadInput, UsageError
from edgeconv.parity import golden
from edgeconv.parity.golden import read_golden
from edgeconv.profiling import benchmark_tools, not_run
from edgeconv.profiling.baseline import compare, read_baseline, read_results
from edgeconv.profiling.comparison import limit_of
from edgeconv.profiling.phone import BINARY, Phone, PhoneTask, imported
from edgeconv.reporting.formatting import plural
from edgeconv.runtimes import opens
from edgeconv.workflows.profile import ProfileOptions, artifacts_of, facts_of
from edgeconv.workflows.report import write_report

if TYPE_CHECKING:
    import numpy as np
    from numpy.typing import NDArray


def import_profile(
    path: Path, bundle: Path, device: str = "", artifact: str = ""
) -> tuple[Bundle, list[ProfileResult]]:
    """Add results that were measured elsewhere to a bundle, and write its report again.

    Args:
        path: the JSON of `edgeconv profile --json`, or what `benchmark_model` printed.
        device: how to name the device; needed for a log, and for a result that names none but was
            measured on another machine than this bundle's (its processor is then the default).
        artifact: for a log: which file it timed.

    Raises:
        BadInput: no result, or of a file whose bytes are not in the bundle.
        UsageError: a log without `device` or `artifact`.
    """
    home = bundles.read_bundle(bundle)
    log = read_log(path)
    if log is None and artifact:
        raise UsageError(
            "an artifact is named for a log of benchmark_model only", "leave --artifact out"
        )
    results = (
        [_from_log(path, log, home, device, artifact)]
        if log is not None
        else [_named(r, home, device) for r in read_results(path)]
    )
    digests = {a.sha256 for a in home.artifacts}
    known = [r for r in results if r.sha256 in digests]
    if not known:
        names = ", ".join(dict.fromkeys(r.artifact for r in results))
        raise BadInput(
            f"{path} holds no result of a file in {bundle}: the bytes of {names} are others",
            "profile the files of this very bundle",
        )
    taken = {_key(r) for r in known}
    others = tuple(r for r in home.profile if _key(r) not in taken)
    updated = replace(home, profile=(*others, *known))
    bundles.write(updated, bundle)
    write_report(bundle)
    return bundles.read_bundle(bundle), known


def read_log(path: Path) -> str | None:
    """The text of a log of benchmark_model; None where the file is none."""
    try:
        text = read_text(path, errors="replace")
    except OSError as error:
        raise BadInput(
            f"{path} cannot be read: {error.strerror}",
            "name the file that the phone's benchmark tool wrote",
        ) from error
    return None if text.lstrip().startswith(("[", "{")) else text


def _from_log(path: Path, text: str, home: Bundle, device: str, name: str) -> ProfileResult:
    artifacts = [a for a in home.artifacts if a.name == name]
    if not device or not artifacts:
        names = ", ".join(a.name for a in home.artifacts if opens("litert", a.path))
        raise UsageError(
            f"{path} is a log, which names neither device nor file",
            f"add --device NAME and --artifact with one of: {names}",
        )
    return imported(path, text, PhoneTask(artifacts[0], facts_of(artifacts[0])), device)


def _named(result: ProfileResult, home: Bundle, device: str) -> ProfileResult:
    """With the name of its device; none for what this bundle's own machine measured."""
    if device or result.device:
        return replace(result, device=device or result.device)
    here, there = home.machine, result.machine
    if (here.processor, here.cores) == (there.processor, there.cores):
        return result
    return replace(result, device=f"{there.processor} ({there.system})")


def _key(result: ProfileResult) -> tuple[str, ...]:
    """What a result is about; a newer one of the same takes its place."""
    return (
        *(result.artifact, result.device, result.runtime, result.kernels),
        str(result.threads),
    )


KINDS = ("adb", "coreml")
_ONLY = {
    "litert": "benchmark_model runs .tflite files only",
    "coreml": "Core ML runs .mlpackage files only",
}


def profile_on(
    device: str,
    paths: Sequence[Path],
    options: ProfileOptions | None = None,
    *,
    binary: str = BINARY,
    baseline: Path | None = None,
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
    options = options or ProfileOptions()
    limit = limit_of(options.max_slowdown)
    artifacts = artifacts_of(paths)
    record = read_baseline(baseline, frozenset(a.sha256 for a in artifacts)) if baseline else None
    if kind == "adb":
        connect = partial(Phone, serial, binary)
        results = _on_phone(connect, artifacts, paths, options, progress)
    else:
        results = _on_core_ml(artifacts, options.runs, progress)
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
    benchmark_tools.check_platform()
    machine = describe_machine()
    version = versions().get("coremltools", "")
    progress.stage(f"profile: Core ML, {runs} runs each")
    return [
        benchmark_tools.benchmark(a, runs, facts_of(a), machine, version)
        if opens("coreml", a.path)
        else not_run(a, _ONLY["coreml"], facts_of(a), machine)
        for a in artifacts
    ]


def _on_phone(
    connect: Callable[[], Phone],
    artifacts: Sequence[Artifact],
    paths: Sequence[Path],
    options: ProfileOptions,
    progress: Progress,
) -> list[ProfileResult]:
    runtime = options.runtime
    if runtime not in ("auto", "litert", "litert-reference"):
        raise UsageError(f"--runtime {runtime} does not run on a phone", "choose litert")
    phone = connect()
    able = [a for a in artifacts if opens("litert", a.path)]
    progress.stage(
        f"profile: {plural(len(able), 'file')} on {phone.name}, {options.runs} runs each"
    )
    vectors = _golden_sets(paths)
    tasks = [_task(a, vectors.get(a.path.parent)) for a in able]
    delegate = runtime != "litert-reference"
    timed = iter(phone.profile(tasks, options.runs, options.warmup, options.threads, delegate))
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
