"""All of it: data, training, files, proof, timing, report."""

from __future__ import annotations

from dataclasses import replace
from pathlib import Path

from edgeconv import bundle as bundles
from edgeconv.core import (
    NULL_PROGRESS,
    Artifact,
    Bundle,
    Compressed,
    DataInfo,
    Progress,
    Recipe,
    Splits,
    TrainedModel,
)
from edgeconv.environment import describe_machine, versions
from edgeconv.errors import EdgeconvError
from edgeconv.models import file_stem
from edgeconv.parity import gates
from edgeconv.parity.context import ParityContext
from edgeconv.parity.drift.store import report_inputs, write_input_profile
from edgeconv.recipes import check_variants
from edgeconv.workflows.export import export_variants
from edgeconv.workflows.golden import write_golden
from edgeconv.workflows.parity import check_artifacts
from edgeconv.workflows.profile import explain, profile_artifacts
from edgeconv.workflows.report import write_report
from edgeconv.workflows.steps.calibration import calibrate, calibration_size
from edgeconv.workflows.steps.compression import (
    Learning,
    compress_all,
    learned_from,
    names_of,
    warn,
)
from edgeconv.workflows.train import evaluate_reference, fit_model, load_splits


class _Stopped(EdgeconvError):
    """Ctrl-C ended the training: the model is worth keeping, going on is not what was asked."""

    exit_code = 130


def run(
    recipe: Recipe, out: Path, force: bool = False, progress: Progress = NULL_PROGRESS
) -> Bundle:
    """Everything that a recipe says, into the bundle `out`.

    Raises:
        UsageError, Unsupported: the recipe cannot be run; found before any work starts.
        BadInput, LeakError: the data cannot be used.
    """
    check_variants(recipe.variants)
    for variant in recipe.variants:
        gates.resolve_gates(variant.target, variant.scheme, recipe.gates)
    with bundles.staging(out, force, keep_model=True) as folder:
        splits, data = load_splits(recipe.data, progress)
        model = fit_model(recipe, splits, folder, progress)
        base = Bundle(
            path=folder,
            model=model,
            artifacts=(),
            data=data,
            recipe=recipe,
            versions=versions(),
            machine=describe_machine(),
        )
        bundles.write(base, folder)
        _refuse_interrupted(model, out)
        made = _compress(recipe, model, splits, folder, progress)
        artifacts = _export(recipe, model, splits, folder, made, progress)
        made_of = replace(base, artifacts=artifacts, compressed=made)
        finished = _measure(made_of, data, recipe, splits, progress)
        bundles.write(finished, folder)
        progress.stage("report")
        write_report(folder)
    return bundles.read(out)


def _refuse_interrupted(model: TrainedModel, out: Path) -> None:
    if model.interrupted:
        kept = bundles.partial_of(out) / model.path.name
        raise _Stopped(
            "training was interrupted", f"go on with: edgeconv export {kept} --out {out}"
        )


def _compress(
    recipe: Recipe, model: TrainedModel, splits: Splits, folder: Path, progress: Progress
) -> dict[str, Compressed]:
    names = names_of(recipe.variants)
    if not names:
        return {}
    warn(recipe.variants, progress)
    people = learned_from(model, splits)
    learning = Learning(people, recipe.training, recipe.compression, recipe.seed, splits.test)
    return compress_all(names, model, learning, folder, progress)


def _export(
    recipe: Recipe,
    model: TrainedModel,
    splits: Splits,
    folder: Path,
    made: dict[str, Compressed],
    progress: Progress,
) -> tuple[Artifact, ...]:
    size = calibration_size(recipe.variants)
    windows = calibrate(splits.train, splits.test.subject_names, size) if size else None
    return tuple(
        export_variants(
            *(model, recipe.variants, folder, file_stem(recipe.model), windows, progress),
            compressed=made,
        )
    )


def _measure(
    bundle: Bundle, data: DataInfo, recipe: Recipe, splits: Splits, progress: Progress
) -> Bundle:
    """The proof: float model and files on test subjects, golden vectors, timing."""
    test, model = splits.test, bundle.model
    evaluation, reference = evaluate_reference(model, splits, data, progress)
    bundles.write_reference(bundle.path, reference, test.sha256, model.sha256)
    write_input_profile(bundle.path, splits.train)
    facts = replace(evaluation.data, inputs=report_inputs(bundle, test, progress))
    evaluation = replace(evaluation, data=facts)
    progress.stage("golden vectors")
    write_golden(bundle, test, reference)
    context = ParityContext(bundle, test, reference, facts, recipe.gates, progress)
    checked = check_artifacts(context)
    progress.stage(f"profile: {recipe.profile_runs} runs each, one thread")
    timed = profile_artifacts(bundle.artifacts, recipe.profile_runs)
    return replace(
        bundle,
        evaluations={model.path.name: evaluation, **checked.evaluations},
        parity=checked.parity,
        profile=tuple(explain(bundle.artifacts, timed, progress)),
    )
