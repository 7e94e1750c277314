"""Golden vectors of a bundle: made once, filled in for new files, checked with every parity run."""

from __future__ import annotations

from dataclasses import replace
from functools import partial
from pathlib import Path
from typing import TYPE_CHECKING

from edgeconv import bundle as bundles
from edgeconv.core import (
    NULL_PROGRESS,
    Artifact,
    Bundle,
    Dataset,
    ParityResult,
    Progress,
    Status,
    worst,
)
from edgeconv.environment import versions
from edgeconv.errors import BadInput
from edgeconv.parity import golden
from edgeconv.runtimes import runtime_for, unavailable
from edgeconv.runtimes.predict import run_file

if TYPE_CHECKING:
    import numpy as np
    from numpy.typing import NDArray


EXACT = ("litert", "litert-reference", "coreml-reference")  # not what a driver or a phone decides
KERNELS = ("ai-edge-litert", "numpy")  # distributions that compute in them


def write_golden(bundle: Bundle, test: Dataset, reference: NDArray[np.float32]) -> None:
    """Choose windows of test people, ask every file, and write the set into the bundle."""
    made = golden.make(
        test.windows, test.labels, reference, bundle.model.signal, bundle.model.sha256
    )
    _ask_all(made, bundle)


def carry_golden(home: Bundle | None, bundle: Bundle) -> None:
    """For an export: the windows of the bundle that the model came from, asked of the new files.

    Needs neither the recordings nor the float model. Without such windows there is no golden set.
    """
    kept = golden_of(home) if home is not None else None
    if kept is not None and kept.model_sha256 == bundle.model.sha256 and not kept.conflicts:
        _ask_all(kept.emptied(), bundle)


def golden_of(bundle: Bundle) -> golden.GoldenSet | None:
    """The bundle's golden set; None where none was made. (A set that has vanished since is found
    when the bundle is read.)

    Raises:
        BadInput: its files are damaged.
    """
    if not (bundle.path / golden.FOLDER).is_dir():
        return None
    kept = golden.read(bundle.path)
    if kept.model_sha256 != bundle.model.sha256:
        stale = "golden vectors were made from another float model"
        return replace(kept, conflicts=(*kept.conflicts, stale))
    return kept


def check_recorded(
    path: Path, recorded: Path, progress: Progress = NULL_PROGRESS
) -> list[ParityResult]:
    """What a device answered to a bundle's golden vectors, one result a recorded file.

    Files of the bundle that the device did not run are told as a note.

    Raises:
        BadInput: no bundle, no golden vectors in it, or a results file that cannot be read or names
            a file that the set does not know.
    """
    bundle = bundles.read(path)
    progress.stage(f"golden vectors: {recorded} against {path}")
    kept = golden_of(bundle)
    if kept is None:
        raise BadInput(f"{path} holds no golden vectors", "make the bundle with edgeconv run")
    found = golden.check_recording(
        kept, golden.digest_of(bundle.path), golden.read_recording(recorded)
    )
    absent = sorted(set(kept.expected) - {result.artifact for result in found})
    if absent:
        progress.note(f"not recorded, so not judged: {', '.join(absent)}")
    return found


def with_golden(
    bundle: Bundle, kept: golden.GoldenSet | None, artifact: Artifact, result: ParityResult
) -> ParityResult:
    """The result with the verdict on the golden vectors added, by the same runtime."""
    if kept is None or not result.n:
        return result
    run = partial(run_file, runtime=result.runtime)
    at_home = _at_home(bundle, kept.expected.get(artifact.name), result)
    check = golden.check(kept, artifact, run, at_home=at_home)
    reason = result.reason
    if check.status is not Status.PASSED:
        reason = "; ".join(filter(None, (reason, f"golden vectors: {check.reason}")))
    return replace(
        result,
        checks=(*result.checks, check),
        status=worst((result.status, check.status)),
        reason=reason,
    )


def _at_home(bundle: Bundle, expected: golden.Expectation | None, result: ParityResult) -> bool:
    """Whether the answers were recorded by what runs now."""
    if expected is None or expected.runtime != result.runtime or result.runtime not in EXACT:
        return False
    now = versions()
    return bundle.machine.get("architecture") == result.machine.get("architecture") and all(
        bundle.versions.get(name) == now.get(name) for name in KERNELS
    )


def _ask_all(made: golden.GoldenSet, bundle: Bundle) -> None:
    for artifact in bundle.artifacts:
        reason = unavailable(artifact.path)
        made = golden.expect(
            made,
            artifact,
            "" if reason else runtime_for(artifact.path),
            None if reason else run_file,
            reason or "",
        )
    golden.write(made, bundle.path)
