"""`edgeconv export`: a float model to checked files; also the second half of a run."""

from __future__ import annotations

import math
import shutil
from collections.abc import Mapping, Sequence
from dataclasses import replace
from pathlib import Path
from types import MappingProxyType
from typing import TYPE_CHECKING

from edgeconv import bundle as bundles
from edgeconv.core import (
    LOG_PROGRESS,
    NULL_PROGRESS,
    Artifact,
    Bundle,
    Compressed,
    EvaluationResult,
    InputConvention,
    PathLike,
    Progress,
    Recipe,
    Signal,
    TrainedModel,
    Variant,
    as_path,
)
from edgeconv.core.paths import sha256
from edgeconv.datasets.chosen_windows import PROBES, probe_windows
from edgeconv.environment import describe_machine, versions
from edgeconv.errors import BadInput
from edgeconv.ir import keras_file
from edgeconv.models import file_stem
from edgeconv.reporting.formatting import plural
from edgeconv.runtimes import unavailable
from edgeconv.runtimes.predict import run_file
from edgeconv.targets.conversion import ConversionRequest, convert_all
from edgeconv.workflows.golden import export_golden
from edgeconv.workflows.steps.calibration import calibration_for
from edgeconv.workflows.steps.compression import (
    compress_all,
    compression_names,
    finetune_inputs_for,
    warn_of_cost,
    with_compression_info,
)
from edgeconv.workflows.steps.export_options import ExportOptions
from edgeconv.workflows.steps.sources import exportable_model, find_model

if TYPE_CHECKING:
    import numpy as np
    from numpy.typing import NDArray


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
        if keras_file.read_contract(plain) is None:
            variants = _plain_tensors(plain, variants, options, progress)
        trained = replace(trained_model(plain, source), path=plain)
        with bundles.staging(place, force) as folder:
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
    windows, variants = calibration_for(variants, options, trained, source, progress)
    shutil.copyfile(trained.path, folder / "model.keras")
    copied = replace(trained, path=folder / "model.keras")
    compressed: dict[str, Compressed] = {}
    if names := compression_names(variants):
        warn_of_cost(variants, progress)
        inputs = finetune_inputs_for(copied, source, options, progress)
        compressed = compress_all(names, copied, inputs, folder, progress)
    artifacts = export_variants(
        trained,  # the user's own file, which messages name; `copied` has the same bytes
        variants,
        folder,
        file_stem(source.recipe.model if source and source.recipe else trained.path.stem),
        windows,
        unsafe=options.unsafe,
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
        recipe=_recipe(source, variants),
        versions=versions(),
        machine=describe_machine(),
        compressed=compressed,
    )
    progress.stage("golden vectors")
    export_golden(source, bundle, windows, options.unsafe)
    bundles.write(bundle, folder)


def export_variants(
    model: TrainedModel,
    variants: Sequence[Variant],
    folder: Path,
    stem: str,
    calibration: NDArray[np.float32] | None,
    *,
    unsafe: bool = False,
    compressed: Mapping[str, Compressed] = MappingProxyType({}),
    progress: Progress = NULL_PROGRESS,
) -> list[Artifact]:
    """Export every variant into `folder`.

    Args:
        model: the float model.
        variants: what to make.
        folder: gets the artifacts.
        stem: of the artifacts' file names.
        calibration: windows that set activation ranges; None: no variant needs any.
        unsafe: allow custom code in the Keras file.
        compressed: the networks that variants with a compression are exported from, by its name.
        progress: listens to what is done.

    Returns:
        One artifact a variant, in the same order, each checked against its own network.
    """
    progress.stage(f"export: {plural(len(variants), 'file')}")
    probe = calibration[:PROBES] if calibration is not None else probe_windows(model.signal)
    artifacts: dict[Variant, Artifact] = {}
    for compress in dict.fromkeys(v.compress for v in variants):
        group = [v for v in variants if v.compress == compress]
        network = compressed.get(compress)
        request = ConversionRequest(
            model=network.path if network else model.path,
            signal=model.signal,
            variants=group,
            out=folder,
            name=stem,
            probe=probe,
            calibration=calibration,
            ranges=network.ranges if network else None,
            run_file=_run_if_possible,
            unsafe=unsafe,
        )
        files = convert_all(request, progress)
        if network:
            files = [with_compression_info(file, compress, network) for file in files]
        artifacts |= dict(zip(group, files, strict=True))
    return [artifacts[v] for v in variants]


def _plain_tensors(
    path: Path, variants: Sequence[Variant], options: ExportOptions, progress: Progress
) -> list[Variant]:
    """The variants of a model without a sensor contract: they expect what the model expects.

    Raises:
        BadInput: `options` ask for a phone's own readings, which only a contract can give.
    """
    if options.require_contract:
        raise BadInput(
            f"{path} has no sensor contract, so its normalization cannot be folded in",
            "leave --sensor out to export it as it is, or train it with edgeconv",
        )
    shape = keras_file.input_shape(path)
    flat = f", as one flat vector of {math.prod(shape)} values" if len(shape) > 1 else ""
    progress.note(
        f"{path.name} has no sensor contract: its files expect the model's own input {shape}{flat}"
    )
    return [replace(variant, sensor=InputConvention.NORMALIZED) for variant in variants]


def trained_model(path: Path, source: Bundle | None) -> TrainedModel:
    """A `.keras` file with its sensor contract, or with one that says its input's shape only."""
    if source is not None:
        return source.model
    signal = keras_file.read_contract(path) or _contract_of_shape(path)
    return TrainedModel(path, sha256(path), signal, parameters=keras_file.parameter_count(path))


def _contract_of_shape(path: Path) -> Signal:
    """A contract of unnamed channels; the first axis of a model of two axes is time.

    Raises:
        BadInput: the input has more than two axes.
    """
    shape = keras_file.input_shape(path)
    if len(shape) > 2:
        raise BadInput(
            f"{path}: an input of shape {shape}; one flat vector, or time and channels, can be "
            "exported",
            "give the model one of these inputs, with a Reshape layer behind it",
        )
    time, channels = shape if len(shape) == 2 else (shape[0], 1)
    names = tuple(f"channel{n}" for n in range(channels)) if len(shape) == 2 else ("value",)
    return Signal(channels=names, window=time, step=time, sensor=InputConvention.NORMALIZED)


def _run_if_possible(path: Path, encoded: NDArray[np.float32]) -> NDArray[np.float32] | None:
    return None if unavailable(path) else run_file(path, encoded)


def _copy_from_source(source: Bundle | None, folder: Path) -> None:
    """Copy what stays with the model: learning curve, float outputs, and input profile."""
    names = (Path("training") / "history.json", Path(bundles.REFERENCE), Path(bundles.INPUTS))
    for name in names:
        if source is not None and (source.path / name).is_file():
            (folder / name).parent.mkdir(exist_ok=True)
            shutil.copyfile(source.path / name, folder / name)


def _evaluations(source: Bundle | None) -> dict[str, EvaluationResult]:
    evaluation = source.evaluations.get("model.keras") if source else None
    return {"model.keras": evaluation} if evaluation else {}


def _recipe(source: Bundle | None, variants: Sequence[Variant]) -> Recipe | None:
    """The recipe of the model's own bundle, with the variants of this export."""
    recipe = source.recipe if source else None
    return replace(recipe, variants=tuple(variants)) if recipe else None
