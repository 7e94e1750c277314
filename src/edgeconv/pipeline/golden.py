"""Golden vectors of a bundle: made once, filled in for new files, checked with every parity run."""

from __future__ import annotations

from dataclasses import replace
from functools import partial
from typing import TYPE_CHECKING

from edgeconv.parity import golden
from edgeconv.pipeline.predict import run_file
from edgeconv.runtime import runtime_for, unavailable
from edgeconv.types import Artifact, Bundle, Dataset, ParityResult, Status, worst

if TYPE_CHECKING:
    import numpy as np
    from numpy.typing import NDArray


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


def with_golden(
    kept: golden.GoldenSet | None, artifact: Artifact, result: ParityResult
) -> ParityResult:
    """The result with the verdict on the golden vectors added, by the same runtime."""
    if kept is None or result.status is Status.NOT_RUN:
        return result
    check = golden.check(kept, artifact, partial(run_file, runtime=result.runtime))
    reason = result.reason
    if check.status is not Status.PASSED:
        reason = "; ".join(filter(None, (reason, f"golden vectors: {check.reason}")))
    return replace(
        result,
        checks=(*result.checks, check),
        status=worst((result.status, check.status)),
        reason=reason,
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
