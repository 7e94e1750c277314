"""`edgeconv export`: a float model to checked files; also the second half of a run."""

from __future__ import annotations

import shutil
from collections.abc import Mapping, Sequence
from dataclasses import replace
from pathlib import Path
from types import MappingProxyType
from typing import TYPE_CHECKING, Any

from edgeconv import bundle as bundles
from edgeconv.core import (
    LOG_PROGRESS,
    NULL_PROGRESS,
    Artifact,
    Bundle,
    Compressed,
    Contract,
    EvaluationResult,
    ExportSettings,
    InputConvention,
    PathLike,
    Progress,
    Recipe,
    Samples,
    Severity,
    Signal,
    SplitInfo,
    Tensors,
    TrainedModel,
    Variant,
    as_path,
)
from edgeconv.core.export_report import broken_rules
from edgeconv.core.paths import sha256
from edgeconv.datasets.chosen_windows import PROBES, probe_windows
from edgeconv.datasets.samples import samples_of, shapes_in
from edgeconv.environment import describe_machine, versions
from edgeconv.errors import BadInput, Unsupported, UsageError
from edgeconv.ir import keras_file
from edgeconv.ir.calibration import READING_LIMIT
from edgeconv.ir.keras_interface import tensors_of
from edgeconv.ir.model_inputs import inputs_of
from edgeconv.models import file_stem
from edgeconv.reporting.formatting import plural
from edgeconv.runtimes import unavailable
from edgeconv.runtimes.predict import run_samples
from edgeconv.targets.base import scheme_of
from edgeconv.targets.conversion import ConversionRequest, convert_each
from edgeconv.workflows.golden import export_golden
from edgeconv.workflows.named_tensors import kept_samples, write_vectors
from edgeconv.workflows.steps.calibration import calibration_for
from edgeconv.workflows.steps.compression import (
    compress_all,
    compression_names,
    finetune_inputs_for,
    warn_of_cost,
    with_compression_info,
)
from edgeconv.workflows.steps.export_options import ExportOptions
from edgeconv.workflows.steps.hazards import with_findings
from edgeconv.workflows.steps.sources import exportable_model, find_model

if TYPE_CHECKING:
    import numpy as np
    from numpy.typing import NDArray

    from edgeconv.ir.model_inputs import Arrays


def export(
    model: PathLike,
    variants: Sequence[Variant],
    out: PathLike,
    options: ExportOptions | None = None,
    *,
    force: bool = False,
    progress: Progress = LOG_PROGRESS,
) -> Bundle:
    """Export a Keras model as a new bundle.

    Args:
        model: a `.keras` or `.h5` file, or a folder that holds `model.keras`.
        variants: the artifacts to make; `make_variants` makes them from names of schemes.
        out: the bundle's folder.
        options: calibration data and the like; None: the defaults.
        force: replace a bundle that is there.
        progress: listens to what is done.

    Returns:
        The bundle. Each artifact was compared with the Keras model on probe windows.

    Raises:
        UsageError: a scheme needs calibration data, or a compression recordings, and there are
            none; or `out` exists.
        BadInput: the model or the data cannot be used, or a conversion is broken.
        Unsupported: the model holds a layer that a variant cannot have.
    """
    place = as_path(out, "out")
    path = find_model(as_path(model, "model"))
    source = bundles.source_bundle(path)
    options = options or ExportOptions()
    with exportable_model(path, options.unsafe, progress) as plain:
        trained = replace(trained_model(plain, source, options), path=plain)
        if layers := keras_file.augmentation_layers(plain):
            progress.note(f"left out, as model.predict does: {', '.join(layers)} (augmentation)")
        if isinstance(trained.contract, Tensors):
            variants = _for_tensors(trained, variants, options, progress)
        with bundles.staging(place, force, progress=progress) as folder:
            _export_into(folder, trained, source, variants, options, progress)
    return bundles.read_bundle(place)


def _export_into(
    folder: Path,
    trained: TrainedModel,
    source: Bundle | None,
    variants: Sequence[Variant],
    options: ExportOptions,
    progress: Progress,
) -> None:
    samples: Samples | None = None
    calibration: SplitInfo | None = None
    windows: NDArray[np.float32] | None = None
    if isinstance(trained.contract, Tensors):
        stored = None if options.calibration else kept_samples(source, bundles.CALIBRATION_SAMPLES)
        samples = stored or samples_of(options.calibration, trained.contract)
        trained = replace(trained, contract=_with_ranges(trained.contract, samples))
        _note_random(samples, variants, progress)
    else:
        windows, variants, chosen = calibration_for(variants, options, trained, source, progress)
        if chosen is not None and not (source and source.training_subjects_in(chosen)):
            calibration = SplitInfo.of(chosen)
    shutil.copyfile(trained.path, folder / "model.keras")
    copied = replace(trained, path=folder / "model.keras")
    if options.signal is not None:
        keras_file.write_contract(copied.path, options.signal)
        copied = replace(copied, sha256=sha256(copied.path))
    compressed: dict[str, Compressed] = {}
    if names := compression_names(variants):
        warn_of_cost(variants, progress)
        inputs = finetune_inputs_for(copied, source, options, progress)
        compressed = compress_all(names, copied, inputs, folder, progress)
    artifacts = export_variants(
        trained,  # the user's own file, which messages name; `copied` has the same bytes
        variants,
        folder / file_stem(source.recipe.model if source and source.recipe else trained.path.stem),
        windows if samples is None else samples,
        options=options,
        compressed=compressed,
        progress=progress,
    )
    _copy_from_source(source, folder)
    bundle = Bundle(
        path=folder,
        model=copied,
        artifacts=tuple(artifacts),
        evaluations=_evaluations(source),
        data=source.data if source else None,
        recipe=_recipe(source, variants, options),
        versions=versions(),
        machine=describe_machine(),
        compressed=compressed,
        calibration=calibration,
    )
    progress.stage("golden vectors")
    if samples is not None:
        write_vectors(bundle, samples, options.unsafe)
    else:
        export_golden(source, bundle, windows, options.unsafe)
    bundles.write(bundle, folder)


def export_variants(
    model: TrainedModel,
    variants: Sequence[Variant],
    prefix: Path,
    calibration: NDArray[np.float32] | Samples | None,
    *,
    options: ExportOptions | None = None,
    compressed: Mapping[str, Compressed] = MappingProxyType({}),
    progress: Progress = NULL_PROGRESS,
) -> list[Artifact]:
    """Export every variant as files beside each other.

    Args:
        model: the float model.
        variants: what to make.
        prefix: the folder that gets the artifacts, and how their names begin: `out/har`.
        calibration: windows, or samples of named tensors, that set activation ranges; None: no
            variant needs any.
        options: whether custom code may run, and whether a file that this model cannot have is
            left out with a note; None: the defaults.
        compressed: the networks that variants with a compression are exported from, by its name.
        progress: listens to what is done.

    Returns:
        The artifacts that were exported, in the same order, each checked against its own network.
    """
    settings = options or ExportOptions()
    progress.stage(f"export: {plural(len(variants), 'file')}")
    arrays = _arrays(calibration)
    probe = arrays or (probe_windows(model.signal),)
    if arrays and isinstance(model.contract, Signal):
        probe = (_without_knocks(arrays[0], progress),)
    artifacts: dict[Variant, Artifact] = {}
    for compress in dict.fromkeys(v.compress for v in variants):
        group = [v for v in variants if v.compress == compress]
        network = compressed.get(compress)
        request = ConversionRequest(
            model=network.path if network else model.path,
            contract=model.contract,
            variants=group,
            out=prefix.parent,
            name=prefix.name,
            probe=tuple(array[:PROBES] for array in probe),
            calibration=arrays,
            ranges=network.ranges if network else None,
            run_file=_run_if_possible,
            unsafe=settings.unsafe,
            expects=_expected(model.contract),
            leave_out=settings.leave_out,
            embedding=settings.embedding,
        )
        for variant, file in zip(group, convert_each(request, progress), strict=True):
            if file is None:
                continue
            file = with_compression_info(file, compress, network) if network else file
            given = inputs_of(model.contract).for_file(request.probe, variant.sensor)
            artifacts[variant] = with_findings(file, given, progress)
    exported = [artifacts[v] for v in variants if v in artifacts]
    _note_rules(exported, progress)
    return exported


def _note_rules(made: Sequence[Artifact], progress: Progress) -> None:
    """Note the rules that files break, each once; hints are in the manifest and the report."""
    reports = {artifact.name: artifact.export for artifact in made}
    for rule in broken_rules(reports, Severity.ERROR, Severity.WARNING):
        progress.note(rule.text)


def _without_knocks(windows: NDArray[Any], progress: Progress) -> NDArray[Any]:
    """Windows cut where calibration cuts them: a file is judged on what set its ranges."""
    beyond = float((abs(windows) > READING_LIMIT).mean())
    if beyond:
        progress.note(
            f"{beyond:.2%} of the readings for calibration lie beyond {READING_LIMIT:g} m/s² "
            "(knocks): ranges and export's own check take them as that limit"
        )
    return windows.clip(-READING_LIMIT, READING_LIMIT)


def _expected(contract: Contract) -> InputConvention:
    """What a model takes itself: normalized windows, or readings that it normalizes."""
    return contract.sensor if isinstance(contract, Signal) else InputConvention.NORMALIZED


def _for_tensors(
    model: TrainedModel, variants: Sequence[Variant], options: ExportOptions, progress: Progress
) -> list[Variant]:
    """The variants of a model without a sensor contract: files take what the model takes.

    Raises:
        BadInput: `options` ask for a phone's own readings, which only a sensor contract can give.
        Unsupported: a variant is fine-tuned.
    """
    if names := compression_names(variants):
        raise Unsupported(
            f"compression '{names[0]}' does not apply: {model.path} takes named tensors, and "
            "fine-tuning needs labeled windows of a sensor",
            "describe its windows (--signal FILE); --quantize needs no training",
        )
    if options.require_contract:
        raise BadInput(
            f"{model.path} has no sensor contract, so its normalization cannot be folded in",
            "leave --sensor out to export it as it is, describe its windows (--signal FILE), or "
            "train it with edgeconv",
        )
    if options.embedding:
        raise Unsupported(
            f"{model.path} takes named tensors, and an embedding is a further output of a model "
            "that takes windows of a sensor",
            "make it an output of the Keras model, or describe its windows (--signal FILE)",
        )
    assert isinstance(model.contract, Tensors)
    progress.note(
        f"{model.path.name} has no sensor contract: its files take and give what the model does: "
        f"{model.contract.summary}"
    )
    return [replace(variant, sensor=InputConvention.NORMALIZED) for variant in variants]


def _with_ranges(contract: Tensors, samples: Samples) -> Tensors:
    """Inputs without a declared range have that of the data."""
    return contract if samples.random else contract.within(samples.arrays)


def _note_random(samples: Samples, variants: Sequence[Variant], progress: Progress) -> None:
    if not samples.random:
        return
    schemes = sorted({v.scheme for v in variants if scheme_of(v).calibration_windows})
    ranges = f" and set the ranges of {', '.join(schemes)}" if schemes else ""
    progress.note(
        f"no data are named: {samples.origin}, check the files{ranges}; name real ones with "
        "--calibration npz:FILE"
    )


def trained_model(
    path: Path, source: Bundle | None, options: ExportOptions | None = None
) -> TrainedModel:
    """A Keras file with its contract, or with what the model itself says of its tensors."""
    if source is not None:
        return source.model
    options = options or ExportOptions()
    contract = keras_file.read_contract(path)
    if contract is not None and options.signal is not None:
        raise UsageError(
            f"{path} has a sensor contract already",
            "leave --signal out; edgeconv.write_contract replaces a contract",
        )
    contract = contract or options.signal
    if contract is None:
        fixed = shapes_in(options.calibration)
        contract = tensors_of(keras_file.load_model(path, options.unsafe), fixed)
    return TrainedModel(path, sha256(path), contract, parameters=keras_file.parameter_count(path))


def _arrays(calibration: NDArray[np.float32] | Samples | None) -> Arrays | None:
    """One array for each input."""
    if calibration is None:
        return None
    return (
        tuple(calibration.arrays.values()) if isinstance(calibration, Samples) else (calibration,)
    )


def _run_if_possible(path: Path, contract: Contract, samples: Arrays) -> Arrays | None:
    return None if unavailable(path) else run_samples(path, contract, samples)


def _copy_from_source(source: Bundle | None, folder: Path) -> None:
    """Copy what stays with the model: learning curve, float outputs, input profile, and texts."""
    inner = bundles.embedding_file(Path(bundles.MODEL))
    copied_names = (bundles.REFERENCE, inner, bundles.INPUTS, bundles.VOCABULARY)
    texts = (bundles.TEST_SAMPLES, bundles.CALIBRATION_SAMPLES)
    names = (Path("training") / "history.json", *map(Path, (*copied_names, *texts)))
    for name in names:
        if source is not None and (source.path / name).is_file():
            (folder / name).parent.mkdir(exist_ok=True)
            shutil.copyfile(source.path / name, folder / name)


def _evaluations(source: Bundle | None) -> dict[str, EvaluationResult]:
    evaluation = source.evaluations.get("model.keras") if source else None
    return {"model.keras": evaluation} if evaluation else {}


def _recipe(
    source: Bundle | None, variants: Sequence[Variant], options: ExportOptions
) -> Recipe | None:
    """The recipe of the model's own bundle, with the variants and settings of this export."""
    recipe = source.recipe if source else None
    if recipe is None:
        return None
    return replace(recipe, variants=tuple(variants), export=ExportSettings(options.embedding))
