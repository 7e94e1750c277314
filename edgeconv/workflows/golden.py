"""Golden vectors of a bundle: written by `run` and `export`, and what a device recorded on them."""

from __future__ import annotations

from collections.abc import Callable, Sequence
from functools import partial
from typing import TYPE_CHECKING

from edgeconv import bundle as bundles
from edgeconv.core import (
    LOG_PROGRESS,
    Artifact,
    Bundle,
    Check,
    Dataset,
    MachineInfo,
    ParityResult,
    PathLike,
    Progress,
    Status,
    Tensors,
    as_path,
)
from edgeconv.datasets.chosen_windows import probe_windows
from edgeconv.environment import describe_machine
from edgeconv.errors import BadInput, Unsupported
from edgeconv.parity import golden
from edgeconv.parity.checks.base import problem_check
from edgeconv.parity.checks.contract import NAME as CONTRACT
from edgeconv.parity.checks.contract import contradictions
from edgeconv.parity.checks.golden import same_environment
from edgeconv.parity.golden.named_vectors import check_named_report, read_named
from edgeconv.parity.output_comparison import not_run
from edgeconv.reporting.formatting import plural
from edgeconv.runtimes import runtime_for, unavailable
from edgeconv.runtimes.predict import predict_file, run_file
from edgeconv.workflows.named_tensors import named_check
from edgeconv.workflows.steps.models_under_test import (
    named_artifacts,
    not_opened,
    runtime_pairs,
)

if TYPE_CHECKING:
    import numpy as np
    from numpy.typing import NDArray


def check_device_outputs(
    bundle: PathLike, results: PathLike, *, progress: Progress = LOG_PROGRESS
) -> list[ParityResult]:
    """Check what a device recorded for the golden vectors of a bundle.

    Artifacts that the device did not run are reported as a note.

    Args:
        bundle: its folder.
        results: the JSON document that the device wrote.
        progress: receives stages, progress and notes.

    Returns:
        One result for each recorded artifact.

    Raises:
        BadInput: not a bundle, a bundle without golden vectors, or a results file that cannot be
            read or that names an artifact that is not in the set.
    """
    content = bundles.read_bundle(as_path(bundle, "bundle"))
    progress.stage(f"golden vectors: {results} against {bundle}")
    path = as_path(results, "results")
    if isinstance(content.model.contract, Tensors):
        named = read_named(content.path)
        if named is None:
            raise BadInput(f"{bundle} has no golden vectors", "export it again")
        return check_named_report(named, golden.digest_of(content.path), path)
    vectors = golden.read_golden(content)
    if vectors is None:
        raise BadInput(f"{bundle} has no golden vectors", "make the bundle with edgeconv run")
    report = golden.read_device_report(path)
    checked = golden.check_device_report(vectors, golden.digest_of(content.path), report)
    absent = sorted(set(vectors.expected) - {result.artifact for result in checked})
    if absent:
        progress.note(f"not recorded, so not judged: {', '.join(absent)}")
    return checked


def check_golden_vectors(
    bundle: PathLike,
    *,
    runtimes: Sequence[str] = ("auto",),
    files: Sequence[str] = (),
    progress: Progress = LOG_PROGRESS,
) -> list[ParityResult]:
    """Run the files of a bundle on its own golden vectors: no recordings and no Keras are needed.

    Each file must give what it gave when the bundle was made, within the tolerance of its scheme,
    and its contract must be the bundle's. What the float model gives was compared with then.

    Args:
        bundle: its folder.
        runtimes: each file runs in those that open it.
        files: their names; none: all of them.
        progress: receives stages, progress and notes.

    Returns:
        One result for each file and runtime; `not_run` with a reason for what nothing here runs.

    Raises:
        BadInput: not a bundle, one of its files has changed, or it has no golden vectors.
        UsageError: the bundle has no file of that name, or an unknown runtime.
    """
    content = bundles.read_bundle(as_path(bundle, "bundle"))
    judge = _judge_of(content)
    pairs = runtime_pairs(named_artifacts(content, files), runtimes)
    progress.stage(f"golden vectors: {plural(len(pairs), 'file')} of {bundle}")
    machine = describe_machine()
    results = []
    for done, (artifact, runtime) in enumerate(pairs, 1):
        reason = unavailable(artifact.path, runtime) if runtime else not_opened(artifact.path)
        if reason:
            results.append(not_run(artifact, runtime, reason, machine))
        else:
            results.append(_checked(content, artifact, runtime, judge, machine))
        status = str(results[-1].status).replace("_", " ")
        progress.update(done, len(pairs), f"{artifact.name}: {status}")
    return results


_Judge = Callable[[Artifact, str, MachineInfo], tuple[Check, int]]
"""From a file and what runs it to the check of its outputs, and the number of vectors."""


def _judge_of(content: Bundle) -> _Judge:
    """Raises BadInput for a bundle without golden vectors."""
    missing = BadInput(
        f"{content.path} has no golden vectors, so it cannot be checked without recordings",
        "make it again with this version, or check it on recordings: edgeconv parity",
    )
    if isinstance(content.model.contract, Tensors):
        named = read_named(content.path)
        if named is None:
            raise missing
        return lambda artifact, runtime, _: (
            named_check(content, named, artifact, runtime),
            len(named),
        )
    vectors = golden.read_golden(content)
    if vectors is None:
        raise missing

    def judge(artifact: Artifact, runtime: str, machine: MachineInfo) -> tuple[Check, int]:
        same = same_environment(content, vectors, artifact.name, runtime, machine)
        run = partial(run_file, runtime=runtime)
        return golden.check_golden(vectors, artifact, run, same_environment=same), len(vectors)

    return judge


def _checked(
    content: Bundle, artifact: Artifact, runtime: str, judge: _Judge, machine: MachineInfo
) -> ParityResult:
    ran = runtime_for(artifact.path, runtime)
    try:
        check, n = judge(artifact, ran, machine)
    except Unsupported as error:
        return not_run(artifact, ran, str(error), machine)
    return ParityResult(
        artifact=artifact.name,
        sha256=artifact.sha256,
        scheme=artifact.scheme,
        target=str(artifact.target),
        runtime=ran,
        status=Status.PASSED,
        n=n,
        machine=machine,
    ).with_checks(problem_check(CONTRACT, contradictions(content, artifact)), check)


def write_golden(bundle: Bundle, test: Dataset, reference: NDArray[np.float32]) -> None:
    """Select windows of test subjects, run every artifact on them, and write the set.

    Args:
        bundle: gets the set.
        test: windows to select from.
        reference: the float model's outputs for them, (windows, classes).
    """
    vectors = golden.make(
        test.windows, test.labels, reference, bundle.model.signal, bundle.model.sha256
    )
    _record_all(vectors, bundle)


def export_golden(
    source: Bundle | None,
    bundle: Bundle,
    windows: NDArray[np.float32] | None,
    unsafe: bool = False,
) -> None:
    """Write the golden vectors of an export.

    The windows are those of the bundle that the model is from, if it has a set for this model:
    that needs neither recordings nor the float model. Otherwise they are selected from `windows`,
    and the float model's own predictions stand for the true classes. A model without class names
    gets no set.

    Args:
        source: the bundle that the model is from.
        bundle: gets the set.
        windows: canonical (n, window·channels), for example those of the calibration; None: seeded
            random ones.
        unsafe: run code of the model's own layers.
    """
    vectors = golden.read_golden(source) if source is not None else None
    model = bundle.model
    if vectors is not None and not vectors.conflicts and vectors.model_sha256 == model.sha256:
        _record_all(vectors.without_outputs(), bundle)
        return
    if not model.signal.labels:
        return
    chosen = probe_windows(model.signal) if windows is None else windows
    reference, _ = predict_file(model.path, model.signal, chosen, "keras", unsafe=unsafe)
    predicted = reference.argmax(axis=1)
    _record_all(golden.make(chosen, predicted, reference, model.signal, model.sha256), bundle)


def _record_all(vectors: golden.GoldenSet, bundle: Bundle) -> None:
    for artifact in bundle.artifacts:
        reason = unavailable(artifact.path)
        vectors = golden.record_outputs(
            vectors,
            artifact,
            "" if reason else runtime_for(artifact.path),
            None if reason else run_file,
            reason or "",
        )
    golden.write(vectors, bundle.path)
