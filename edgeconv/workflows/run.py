"""`edgeconv run`: data, training, compression, export, parity, profile and report in one go."""

from __future__ import annotations

from dataclasses import replace
from pathlib import Path

from edgeconv import bundle as bundles
from edgeconv.core import (
    LOG_PROGRESS,
    Artifact,
    Bundle,
    Compressed,
    DataInfo,
    PathLike,
    Progress,
    Recipe,
    Splits,
    TrainedModel,
    as_path,
)
from edgeconv.core.signal import EMBEDDING
from edgeconv.datasets import DataSource, spec_of, with_default
from edgeconv.datasets.text import is_text
from edgeconv.environment import describe_machine, versions
from edgeconv.errors import EdgeconvError
from edgeconv.models import build, file_stem
from edgeconv.parity import gates
from edgeconv.parity.context import ParityContext
from edgeconv.parity.drift.store import report_inputs, write_input_profile
from edgeconv.plugins import require
from edgeconv.recipes import check_packages, check_variants, load_recipe
from edgeconv.runtimes.predict import predict_outputs
from edgeconv.workflows.export import export_variants
from edgeconv.workflows.golden import write_golden
from edgeconv.workflows.parity import check_artifacts
from edgeconv.workflows.profile import ProfileOptions, explain, profile_artifacts
from edgeconv.workflows.report import write_report
from edgeconv.workflows.steps.calibration import calibrate, calibration_size
from edgeconv.workflows.steps.compression import (
    FinetuneInputs,
    compress_all,
    compression_names,
    training_subset,
    warn_of_cost,
)
from edgeconv.workflows.steps.export_options import ExportOptions
from edgeconv.workflows.train import (
    evaluate_reference,
    fit_model,
    load_splits,
    with_data,
)
from edgeconv.workflows.train_text import run_texts


class _Stopped(EdgeconvError):
    """Ctrl-C ended the training: the model is kept, but the run does not go on."""

    exit_code = 130


def run(
    recipe: Recipe | PathLike,
    out: PathLike,
    *,
    data: DataSource | None = None,
    force: bool = False,
    progress: Progress = LOG_PROGRESS,
) -> Bundle:
    """Do everything that a recipe says: train, compress, export, check, profile and report.

    Args:
        recipe: a recipe, the name of a built-in one, or a TOML file.
        out: the bundle's folder.
        data: a specification, a `Dataset`, arrays or a data frame; None: the recipe's own.
        force: replace a bundle that is there.
        progress: listens to what is done.

    Returns:
        The bundle, with parity and profile of every artifact.

    Raises:
        UsageError: the recipe cannot be run, or `out` exists; found before any work starts.
        Unsupported: a variant of the recipe cannot exist; found before any work starts.
        BadInput: the data cannot be used.
        LeakError: a subject would be in two splits.
        MissingDependency: training, a variant or the report needs a package that is not
            installed; found before any work starts.
    """
    require("tensorflow", "keras", "matplotlib", "jinja2")
    recipe = recipe if isinstance(recipe, Recipe) else load_recipe(recipe)
    place = as_path(out, "out")
    _check(recipe)
    if is_text(spec := spec_of(with_default(data, recipe.data))):
        return run_texts(replace(recipe, data=spec), place, force, progress)
    recipe, source = with_data(recipe, data)
    with bundles.staging(place, force, keep_model=True, progress=progress) as folder:
        splits, info = load_splits(source, progress)
        model = fit_model(recipe, splits, folder, progress)
        base = Bundle(
            path=folder,
            model=model,
            artifacts=(),
            data=info,
            recipe=recipe,
            versions=versions(),
            machine=describe_machine(),
        )
        bundles.write(base, folder)
        _refuse_interrupted(model, place)
        networks = _compress(recipe, model, splits, folder, progress)
        artifacts = _export(recipe, model, splits, folder, networks, progress)
        exported = replace(base, artifacts=artifacts, compressed=networks)
        finished = _measure(exported, info, recipe, splits, progress)
        bundles.write(finished, folder)
        progress.stage("report")
        write_report(folder)
    return bundles.read_bundle(place)


def _check(recipe: Recipe) -> None:
    """Refuse what a recipe names and nobody has, before recordings are read."""
    build(recipe.model)
    check_variants(recipe.variants)
    check_packages(recipe.variants)
    for variant in recipe.variants:
        gates.resolve_gates(variant.target, variant.scheme, recipe.gates)


def _refuse_interrupted(model: TrainedModel, out: Path) -> None:
    if model.interrupted:
        trained = bundles.partial_of(out) / model.path.name
        raise _Stopped(
            "training was interrupted", f"go on with: edgeconv export {trained} --out {out}"
        )


def _compress(
    recipe: Recipe, model: TrainedModel, splits: Splits, folder: Path, progress: Progress
) -> dict[str, Compressed]:
    names = compression_names(recipe.variants)
    if not names:
        return {}
    warn_of_cost(recipe.variants, progress)
    train = training_subset(model, splits)
    inputs = FinetuneInputs(train, recipe.training, recipe.compression, recipe.seed, splits.test)
    return compress_all(names, model, inputs, folder, progress)


def _export(
    recipe: Recipe,
    model: TrainedModel,
    splits: Splits,
    folder: Path,
    networks: dict[str, Compressed],
    progress: Progress,
) -> tuple[Artifact, ...]:
    size = calibration_size(recipe.variants)
    windows = calibrate(splits.train, splits.test.subject_names, size) if size else None
    return tuple(
        export_variants(
            model,
            recipe.variants,
            folder / file_stem(recipe.model),
            windows,
            options=ExportOptions(embedding=recipe.export.embedding),
            compressed=networks,
            progress=progress,
        )
    )


def _measure(
    bundle: Bundle, data: DataInfo, recipe: Recipe, splits: Splits, progress: Progress
) -> Bundle:
    """Evaluate, check and profile: float model and artifacts on held-out subjects."""
    test, model = splits.test, bundle.model
    evaluation, reference = evaluate_reference(model, splits, data, progress)
    bundles.write_reference(bundle.path, reference, test.sha256, model.sha256)
    if recipe.export.embedding:
        outputs = predict_outputs(model.path, model.signal, test.windows, "keras", embedding=True)
        assert outputs.embedding is not None
        name, inner = bundles.embedding_file(model.path), {EMBEDDING: outputs.embedding}
        bundles.write_outputs(bundle.path, inner, test.sha256, model.sha256, name)
    write_input_profile(bundle.path, splits.train)
    facts = replace(evaluation.data, inputs=report_inputs(bundle, test, progress))
    evaluation = replace(evaluation, data=facts)
    progress.stage("golden vectors")
    write_golden(bundle, test, reference)
    context = ParityContext(bundle, test, reference, facts, recipe.gates, progress)
    checked = check_artifacts(context)
    progress.stage(f"profile: {recipe.profile_runs} runs each, one thread")
    timed = profile_artifacts(bundle.artifacts, ProfileOptions(runs=recipe.profile_runs))
    return replace(
        bundle,
        evaluations={model.path.name: evaluation, **checked.evaluations},
        parity=checked.parity,
        profile=tuple(explain(bundle.artifacts, timed, progress)),
    )
