"""Float model → checked files: the second half of a run, and the whole of `edgeconv export`."""

from __future__ import annotations

import shutil
from collections.abc import Mapping, Sequence
from dataclasses import replace
from pathlib import Path
from types import MappingProxyType
from typing import TYPE_CHECKING

from edgeconv import bundle as bundles
from edgeconv.core import (
    NULL_PROGRESS,
    Artifact,
    Bundle,
    Compressed,
    EvaluationResult,
    InputConvention,
    Progress,
    Recipe,
    Signal,
    TrainedModel,
    Variant,
)
from edgeconv.core.digest import sha256
from edgeconv.datasets.random_windows import PROBES, probe_windows
from edgeconv.environment import describe_machine, versions
from edgeconv.errors import BadInput
from edgeconv.ir import keras_file
from edgeconv.models import file_stem
from edgeconv.runtimes import unavailable
from edgeconv.runtimes.predict import run_file
from edgeconv.targets.conversion import export_all
from edgeconv.workflows.golden import export_golden
from edgeconv.workflows.steps.calibration import calibration_for
from edgeconv.workflows.steps.compression import compress_all, learning_for, names_of, told, warn
from edgeconv.workflows.steps.sources import find_model

if TYPE_CHECKING:
    import numpy as np
    from numpy.typing import NDArray


def export(
    model: Path,
    variants: Sequence[Variant],
    out: Path,
    calibration: str | None = None,
    force: bool = False,
    unsafe: bool = False,
    progress: Progress = NULL_PROGRESS,
    all_or_nothing: bool = True,
    data: str | None = None,
    epochs: int | None = None,
    seed: int | None = None,
) -> Bundle:
    """Export a `.keras` file (or the one in a folder that edgeconv wrote) as a new bundle.

    Args:
        calibration: data specification for schemes with integer activations; its training people
            are used. Without it, those of the bundle that the model lies in.
        all_or_nothing: where there are no calibration data, fail; otherwise leave the files that
            need them out, and say so.
        data: recordings for variants with a compression, which trains the network on; without it,
            those of the bundle that the model lies in. Test people are never among them.
        epochs, seed: of each step of a compression; None: as the model's bundle says.

    Raises:
        UsageError: a scheme needs calibration data, or a compression recordings, and there are
            none.
        BadInput, Unsupported: as `export_all`.
    """
    path = find_model(model)
    home = bundles.source_bundle(path)
    trained = trained_model(path, home, variants)
    names = names_of(variants)
    with bundles.staging(out, force) as folder:
        windows, variants = calibration_for(variants, calibration, home, all_or_nothing, progress)
        shutil.copyfile(path, folder / "model.keras")
        kept = replace(trained, path=folder / "model.keras")
        name = file_stem(home.recipe.model if home and home.recipe else path.stem)
        made: dict[str, Compressed] = {}
        if names:
            warn(variants, progress)
            learning = learning_for(kept, home, data, epochs, seed, progress)
            made = compress_all(names, kept, learning, folder, progress)
        artifacts = export_variants(kept, variants, folder, name, windows, progress, unsafe, made)
        _copy_from_home(home, folder)
        bundle = Bundle(
            path=folder,
            model=kept,
            artifacts=tuple(artifacts),
            evaluations=_evaluations(home),
            data=home.data if home else None,
            recipe=_recipe(home, variants),
            versions=versions(),
            machine=describe_machine(),
            compressed=made,
        )
        progress.stage("golden vectors")
        export_golden(home, bundle, windows, unsafe)
        bundles.write(bundle, folder)
    return bundles.read(out)


def export_variants(
    model: TrainedModel,
    variants: Sequence[Variant],
    folder: Path,
    name: str,
    calibration: NDArray[np.float32] | None,
    progress: Progress,
    unsafe: bool = False,
    compressed: Mapping[str, Compressed] = MappingProxyType({}),
) -> list[Artifact]:
    """Every variant into `folder`, in their order, each checked against the network that it was
    made of: the float model, or what a compression, given by its name, has made of that."""
    progress.stage(f"export: {len(variants)} files")
    probe = calibration[:PROBES] if calibration is not None else probe_windows(model.signal)
    found: dict[Variant, Artifact] = {}
    for compress in dict.fromkeys(v.compress for v in variants):
        group = [v for v in variants if v.compress == compress]
        made = compressed.get(compress)
        files = export_all(
            made.path if made else model.path,
            model.signal,
            group,
            folder,
            name,
            calibration,
            probe,
            _run_if_possible,
            unsafe,
            progress,
            ranges=made.ranges if made else None,
        )
        kept = [told(file, compress, made) for file in files] if made else files
        found |= dict(zip(group, kept, strict=True))
    return [found[v] for v in variants]


def trained_model(path: Path, home: Bundle | None, variants: Sequence[Variant]) -> TrainedModel:
    """A `.keras` file with its contract.

    Raises:
        BadInput: it carries no contract, but a variant takes a phone's raw readings.
    """
    signal = keras_file.read_contract(path)
    if signal is None:
        if any(v.sensor is not InputConvention.NORMALIZED for v in variants):
            raise BadInput(
                f"{path} carries no sensor contract, so its normalization cannot be folded in",
                "pass --sensor normalized to export it as it is, or train it with edgeconv",
            )
        signal = _foreign_contract(path)
    if home is not None:
        return home.model
    return TrainedModel(path, sha256(path), signal, parameters=keras_file.parameter_count(path))


def _foreign_contract(path: Path) -> Signal:
    flat = keras_file.input_size(path)
    return Signal(channels=("value",), window=flat, step=flat, sensor=InputConvention.NORMALIZED)


def _run_if_possible(path: Path, encoded: NDArray[np.float32]) -> NDArray[np.float32] | None:
    return None if unavailable(path) else run_file(path, encoded)


def _copy_from_home(home: Bundle | None, folder: Path) -> None:
    """The learning curve, the float outputs on test people and the look of the training people's
    readings travel with the model."""
    names = (Path("training") / "history.json", Path(bundles.REFERENCE), Path(bundles.INPUTS))
    for name in names:
        if home is not None and (home.path / name).is_file():
            (folder / name).parent.mkdir(exist_ok=True)
            shutil.copyfile(home.path / name, folder / name)


def _evaluations(home: Bundle | None) -> dict[str, EvaluationResult]:
    kept = home.evaluations.get("model.keras") if home else None
    return {"model.keras": kept} if kept else {}


def _recipe(home: Bundle | None, variants: Sequence[Variant]) -> Recipe | None:
    """The recipe of the model's own bundle, with the variants of this export."""
    recipe = home.recipe if home else None
    return replace(recipe, variants=tuple(variants)) if recipe else None
