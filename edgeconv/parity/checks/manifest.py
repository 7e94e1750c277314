"""Does a bundle tell of itself what is true? Its figures, its limits, its golden tolerances.

All of them can be worked out again, so that an edited number is found even where every digest was
renewed with it.
"""

from __future__ import annotations

import math
from collections.abc import Iterator, Mapping
from dataclasses import asdict, replace
from typing import TYPE_CHECKING, Any

from edgeconv.core import (
    Artifact,
    Bundle,
    Check,
    Dataset,
    EvaluationResult,
    ParityResult,
    Status,
    worst,
)
from edgeconv.environment import versions
from edgeconv.parity import gates, golden
from edgeconv.parity.checks.retrained import is_retrained
from edgeconv.parity.classification import evaluate

if TYPE_CHECKING:
    import numpy as np
    from numpy.typing import NDArray

NAME = "record"
_DIGITS = 1e-6  # relative, of figures that are worked out again from the very same outputs
_POINTS = 0.005  # of an artifact's accuracy: other kernels may answer single windows otherwise


def float_figures(
    bundle: Bundle, dataset: Dataset, labels: NDArray[np.int64], reference: NDArray[np.float32]
) -> tuple[str, ...]:
    """Where the manifest's figures of the float model are not those of its own outputs.

    Nothing where they were measured on other windows.
    """
    name = bundle.model.path.name
    told = bundle.evaluations.get(name)
    if told is None or told.data.get("sha256") != dataset.sha256:
        return ()
    names = told.labels or bundle.model.signal.labels
    true = evaluate(reference, labels, dataset.subjects, names, told.runtime, told.sha256, {})
    return tuple(
        f"{where} of {name} is {was:.6g} in the manifest, but {now:.6g} on its windows"
        for where, was, now in _differences(_figures(told), _figures(true))
    )[:1]


def with_record(
    bundle: Bundle,
    kept: golden.GoldenSet | None,
    artifact: Artifact,
    result: ParityResult,
    figures: tuple[str, ...],
    own: EvaluationResult | None,
) -> ParityResult:
    """The result with the verdict on what the bundle says of this file added.

    Args:
        figures: of `float_figures`.
        own: the file's evaluation on the windows of this run.
    """
    if not result.n:
        return result
    reasons = [*figures, *_accuracy(bundle, artifact, own)]
    if bundle.versions.get("edgeconv") == versions().get("edgeconv"):  # limits change with versions
        reasons += [*_limits(bundle, artifact), *_tolerance(kept, artifact)]
    reason = "; ".join(reasons)
    status = Status.FAILED if reason else Status.PASSED
    told = f"what the bundle records: {reason}" if reason else ""
    return replace(
        result,
        checks=(*result.checks, Check(NAME, status, None, None, "<=", reason)),
        status=worst((result.status, status)),
        reason="; ".join(filter(None, (result.reason, told))),
    )


def _figures(found: EvaluationResult) -> dict[str, Any]:
    wanted = ("accuracy", "balanced_accuracy", "macro_f1", "loss", "n", "confusion")
    whole = asdict(found)
    return {name: whole[name] for name in (*wanted, "per_class", "per_subject")}


def _differences(told: Any, true: Any, where: str = "") -> Iterator[tuple[str, float, float]]:
    """(name, told, true) of each number that differs."""
    if isinstance(true, Mapping):
        for key, value in true.items():
            inner = f"{where} {key}".strip()
            yield from _differences(told.get(key, math.nan), value, inner)
    elif isinstance(true, tuple | list):
        for i, value in enumerate(true):
            yield from _differences(told[i] if i < len(told) else math.nan, value, f"{where} {i}")
    elif not math.isclose(told, true, rel_tol=_DIGITS, abs_tol=_DIGITS):
        yield where, told, true


def _accuracy(bundle: Bundle, artifact: Artifact, own: EvaluationResult | None) -> Iterator[str]:
    told = bundle.evaluations.get(artifact.name)
    if own is None or told is None or told.data.get("sha256") != own.data.get("sha256"):
        return
    if told.sha256 == own.sha256 and abs(told.accuracy - own.accuracy) > _POINTS:
        yield (
            f"accuracy of {artifact.name} is {told.accuracy:.4f} in the manifest, but "
            f"{own.accuracy:.4f} on its windows"
        )


def _limits(bundle: Bundle, artifact: Artifact) -> Iterator[str]:
    """Recorded limits that lie beyond those of the scheme, the recipe and what was asked for."""
    for result in bundle.parity:
        if result.artifact != artifact.name or result.sha256 != artifact.sha256:
            continue
        asked = {**bundle.recipe.get("gates", {}), **result.asked}
        derived = gates.resolve_gates(
            artifact.target, artifact.scheme, asked, retrained=is_retrained(artifact)
        )
        for check in result.checks:
            limit = derived.get(check.name)
            if check.limit is None or check.name not in gates.DIRECTIONS:
                continue
            if limit is None or not math.isclose(limit, check.limit, rel_tol=_DIGITS):
                yield (
                    f"{artifact.name} was judged by {check.name} {check.direction} "
                    f"{check.limit:g}, but scheme and recipe say "
                    + (f"{limit:g}" if limit is not None else "nothing of it")
                )
                return


def _tolerance(kept: golden.GoldenSet | None, artifact: Artifact) -> Iterator[str]:
    expected = kept.expected.get(artifact.name) if kept else None
    if expected is None:
        return
    derived, _ = golden.tolerance_of(artifact)
    if expected.tolerance > derived * (1 + _DIGITS):
        yield (
            f"the golden tolerance of {artifact.name} is {expected.tolerance:g}, but its scheme "
            f"explains {derived:g}"
        )
