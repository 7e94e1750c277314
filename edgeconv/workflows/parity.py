"""`edgeconv parity`: every artifact of a bundle against its float model, on labeled windows."""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from dataclasses import dataclass, replace

from edgeconv import bundle as bundles
from edgeconv.core import (
    LOG_PROGRESS,
    Bundle,
    EvaluationResult,
    ParityResult,
    PathLike,
    Progress,
    Tensors,
    as_path,
)
from edgeconv.datasets import DataSource, describe_source, names_data
from edgeconv.datasets.rules import check_contract
from edgeconv.errors import Unsupported, UsageError
from edgeconv.parity.artifact_run import run_artifact
from edgeconv.parity.checks import CHECKS
from edgeconv.parity.context import ParityContext, float_outputs
from edgeconv.parity.gates import resolve_gates
from edgeconv.parity.layerwise.comparison import compare_layers
from edgeconv.parity.output_comparison import not_run
from edgeconv.parity.saturation import saturation_sentence
from edgeconv.reporting.formatting import plural
from edgeconv.runtimes import RuntimeChoice
from edgeconv.workflows.named_tensors import check_named
from edgeconv.workflows.steps.models_under_test import (
    named_artifacts,
    not_opened,
    runtime_pairs,
    store_results,
)
from edgeconv.workflows.steps.sources import load_part, own_data


@dataclass(frozen=True)
class ParityRun:
    """What one run of parity found: a result for each artifact and runtime, and accuracies."""

    parity: tuple[ParityResult, ...]
    evaluations: dict[str, EvaluationResult]


def check_parity(
    bundle: PathLike,
    data: DataSource | None = None,
    *,
    split: str = "test",
    runtimes: Sequence[str] | RuntimeChoice = ("auto",),
    gates: Mapping[str, float] | None = None,
    layers: bool = False,
    progress: Progress = LOG_PROGRESS,
) -> Bundle:
    """Check every artifact of a bundle against its float model.

    On the test subjects of the bundle's own data set, the results are written into the bundle; a
    file that nothing ran keeps its earlier ones there.

    Args:
        bundle: its folder.
        data: recordings to check on: a specification, a `Dataset`, arrays or a data frame; None:
            those that the model was trained and tested on.
        split: `train`, `val`, `test` or `all` of them.
        runtimes: each artifact runs in those that open it; one that none opens is `not_run`. A
            `RuntimeChoice` also says how they compute; the results are then not written into the
            bundle.
        gates: limits that replace those of the recipe and the schemes.
        layers: also compare the artifacts with the float model layer by layer.
        progress: receives stages, progress and notes.

    Returns:
        The bundle with its new results.

    Raises:
        BadInput: not a bundle, or one of its files has changed.
        UsageError: unknown gate, runtime or split, or no data to check on.
    """
    content = bundles.read_bundle(as_path(bundle, "bundle"))
    choice = RuntimeChoice.of(runtimes)
    choice.check_applies(artifact.path for artifact in content.artifacts)
    if isinstance(content.model.contract, Tensors):
        if layers:
            raise Unsupported(
                f"--layers does not apply: the model of {bundle} takes named tensors, and layers "
                "are compared on windows of a sensor",
                "compare the outputs; `edgeconv inspect FILE` shows the operations",
            )
        return check_named(content, data, split, choice, gates or {}, progress)
    context = prepare_parity(bundle, data, split=split, gates=gates, progress=progress)
    context = replace(context, choice=choice)
    run = check_artifacts(context, choice.names)
    checked = replace(
        context.bundle,
        parity=run.parity,
        evaluations={**context.bundle.evaluations, **run.evaluations},
    )
    if layers:
        pairs = [p for p in runtime_pairs(context.bundle.artifacts, choice.names) if p[1]]
        compared = compare_layers(context.bundle, context.dataset, context.data, pairs, progress)
        checked = replace(checked, layers=compared)
    if not names_data(data) and split == "test" and not choice.compute:
        store_results(checked, context.bundle, progress)
    return checked


def prepare_parity(
    bundle: PathLike,
    data: DataSource | None = None,
    *,
    split: str = "test",
    gates: Mapping[str, float] | None = None,
    progress: Progress = LOG_PROGRESS,
) -> ParityContext:
    """Read a bundle, the windows and the float model's outputs once, for one or more checks.

    Raises:
        BadInput: not a bundle, or one of its files has changed.
        UsageError: unknown gate or split, or no data to check on.
    """
    content = bundles.read_bundle(as_path(bundle, "bundle"))
    source = own_data(content, data)
    if source == "":
        raise UsageError(f"{bundle} does not name its data", "name some: --data SPEC")
    limits = {**content.gates, **(gates or {})}
    for artifact in content.artifacts:
        resolve_gates(artifact.target, artifact.scheme, limits)
    progress.stage(f"parity: {bundle} on {describe_source(source)}")
    dataset, facts = load_part(source, split, progress, content)
    check_contract(content.model.signal, dataset, "the float model")
    outputs = float_outputs(content, dataset, progress)
    return ParityContext(content, dataset, outputs, facts, limits, progress)


def check_artifacts(
    context: ParityContext, runtimes: Sequence[str] = ("auto",), names: Sequence[str] = ()
) -> ParityRun:
    """Check artifacts of a bundle in every runtime that was asked for; nothing is written.

    Args:
        context: what they are checked against.
        runtimes: each artifact runs in those that open it.
        names: of the artifacts to check; none means all.

    Raises:
        UsageError: the bundle has no artifact of that name, or an unknown runtime.
        BadInput: an artifact is damaged.
    """
    results: list[ParityResult] = []
    evaluations: dict[str, EvaluationResult] = {}
    pairs = runtime_pairs(named_artifacts(context.bundle, names), runtimes)
    windows = plural(len(context.dataset), "window")
    context.progress.stage(f"parity: {plural(len(pairs), 'file')} on {windows}")
    for done, (artifact, runtime) in enumerate(pairs, 1):
        run = run_artifact(context, artifact, runtime) if runtime else not_opened(artifact.path)
        if isinstance(run, str):
            result = not_run(artifact, runtime, run, context.machine)
            result = replace(result, asked=context.requested_limits)
        else:
            checks = [check for entry in CHECKS for check in entry.judge(context, run)]
            result = run.result(context).with_checks(*checks)
            if run.evaluation is not None:
                evaluations.setdefault(artifact.name, run.evaluation)
        results.append(result)
        if sentence := saturation_sentence(result):
            context.progress.note(sentence)
        status = str(result.status).replace("_", " ")
        context.progress.update(done, len(pairs), f"{artifact.name}: {status}")
    return ParityRun(tuple(results), evaluations)
