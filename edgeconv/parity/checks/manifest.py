"""Are the figures in the manifest true? Recompute its accuracies, limits and golden tolerances.

An edited figure is found even if every digest was renewed with it.
"""

from __future__ import annotations

import math
from collections.abc import Iterator, Mapping
from dataclasses import asdict
from typing import Any

from edgeconv.core import Artifact, Bundle, Check, EvaluationResult
from edgeconv.environment import versions
from edgeconv.parity import gates, golden
from edgeconv.parity.artifact_run import ArtifactRun
from edgeconv.parity.checks.base import ParityCheck, problem_check
from edgeconv.parity.classification import evaluate
from edgeconv.parity.context import ParityContext, is_retrained

NAME = "record"
_ROUNDING = 1e-6  # relative, of figures that are recomputed from the same outputs
_ACCURACY = 0.005  # of an artifact: other kernels may classify single windows differently


def _judge(context: ParityContext, run: ArtifactRun) -> Iterator[Check]:
    bundle, artifact = context.bundle, run.artifact
    problems = [*_float_figures(context), *_accuracy(bundle, artifact, run.evaluation)]
    if bundle.versions.get("edgeconv") == versions().get("edgeconv"):  # limits change with versions
        problems += [*_limits(bundle, artifact), *_tolerance(context.golden, artifact)]
    yield problem_check(NAME, problems)


def _float_figures(context: ParityContext) -> tuple[str, ...]:
    """The first figure of the float model that is not the one of its outputs; none if the manifest
    has figures of other windows."""
    bundle, dataset = context.bundle, context.dataset
    name = bundle.model.path.name
    recorded = bundle.evaluations.get(name)
    if recorded is None or recorded.data.sha256 != dataset.sha256:
        return ()
    actual = evaluate(
        context.float_outputs,
        context.labels,
        dataset.subjects,
        recorded.labels or bundle.model.signal.labels,
        recorded.runtime,
        recorded.sha256,
        recorded.data,
    )
    return tuple(
        f"{where} of {name} is {was:.6g} in the manifest, but {now:.6g} on its windows"
        for where, was, now in _differences(_figures(recorded), _figures(actual))
    )[:1]


def _figures(evaluation: EvaluationResult) -> dict[str, Any]:
    names = ("accuracy", "balanced_accuracy", "macro_f1", "loss", "n", "confusion")
    data = asdict(evaluation)
    return {name: data[name] for name in (*names, "per_class", "per_subject")}


def _differences(recorded: Any, actual: Any, where: str = "") -> Iterator[tuple[str, float, float]]:
    """(name, recorded, actual) of each number that differs."""
    if isinstance(actual, Mapping):
        for key, value in actual.items():
            inner = f"{where} {key}".strip()
            yield from _differences(recorded.get(key, math.nan), value, inner)
    elif isinstance(actual, tuple | list):
        for i, value in enumerate(actual):
            before = recorded[i] if i < len(recorded) else math.nan
            yield from _differences(before, value, f"{where} {i}")
    elif not math.isclose(recorded, actual, rel_tol=_ROUNDING, abs_tol=_ROUNDING):
        yield where, recorded, actual


def _accuracy(
    bundle: Bundle, artifact: Artifact, evaluation: EvaluationResult | None
) -> Iterator[str]:
    recorded = bundle.evaluations.get(artifact.name)
    if evaluation is None or recorded is None or recorded.sha256 != evaluation.sha256:
        return
    same_windows = recorded.data.sha256 == evaluation.data.sha256
    if same_windows and abs(recorded.accuracy - evaluation.accuracy) > _ACCURACY:
        yield (
            f"accuracy of {artifact.name} is {recorded.accuracy:.4f} in the manifest, but "
            f"{evaluation.accuracy:.4f} on its windows"
        )


def _limits(bundle: Bundle, artifact: Artifact) -> Iterator[str]:
    """The first recorded limit that is not that of the scheme, the recipe or the caller."""
    for result in bundle.parity:
        if result.artifact != artifact.name or result.sha256 != artifact.sha256:
            continue
        asked = {**bundle.gates, **result.asked}
        derived = gates.resolve_gates(
            artifact.target,
            artifact.scheme,
            asked,
            retrained=is_retrained(artifact),
            embedding=bool(artifact.embedding),
        )
        for check in result.checks:
            limit = derived.get(check.name)
            if check.limit is None or check.name not in gates.DIRECTIONS:
                continue
            if limit is None or not math.isclose(limit, check.limit, rel_tol=_ROUNDING):
                yield (
                    f"{artifact.name} was judged by {check.name} {check.direction} "
                    f"{check.limit:g}, but scheme and recipe say "
                    + (f"{limit:g}" if limit is not None else "nothing of it")
                )
                return


def _tolerance(vectors: golden.GoldenSet | None, artifact: Artifact) -> Iterator[str]:
    expected = vectors.expected.get(artifact.name) if vectors else None
    if expected is None:
        return
    derived, _ = golden.tolerance_of(artifact)
    if expected.tolerance > derived * (1 + _ROUNDING):
        yield (
            f"the golden tolerance of {artifact.name} is {expected.tolerance:g}, but its scheme "
            f"explains {derived:g}"
        )


CHECK = ParityCheck((NAME,), _judge)
