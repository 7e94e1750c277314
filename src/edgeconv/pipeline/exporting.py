"""Float model → checked files: the second half of a run, and the whole of `edgeconv export`."""

from __future__ import annotations

import shutil
from collections.abc import Sequence
from dataclasses import asdict, replace
from pathlib import Path
from typing import TYPE_CHECKING, Any

from edgeconv import bundle as bundles
from edgeconv.data import load_dataset
from edgeconv.data.calibration import calibration_windows
from edgeconv.data.splits import check_disjoint, split
from edgeconv.errors import BadInput, EdgeconvError, MissingDependency, UsageError
from edgeconv.export import export_all
from edgeconv.formats import keras_file
from edgeconv.formats.digest import sha256
from edgeconv.machine import describe_machine, versions
from edgeconv.pipeline.golden import carry_golden
from edgeconv.pipeline.predict import run_file
from edgeconv.pipeline.sources import find_model, home_bundle
from edgeconv.runtime import unavailable
from edgeconv.types import (
    SCHEMES,
    Artifact,
    Bundle,
    Dataset,
    Progress,
    Sensor,
    Signal,
    Silent,
    TrainedModel,
    Variant,
)

if TYPE_CHECKING:
    import numpy as np
    from numpy.typing import NDArray

_NOBODY = Silent()
PROBES = 64
CALIBRATION_SEED = 0  # fixed: the same data give the same file


def export(
    model: Path,
    variants: Sequence[Variant],
    out: Path,
    calibration: str | None = None,
    force: bool = False,
    unsafe: bool = False,
    progress: Progress = _NOBODY,
) -> Bundle:
    """Export a `.keras` file (or the one in a folder that edgeconv wrote) as a new bundle.

    Args:
        calibration: data specification for schemes with integer activations; its training people
            are used. Without it, those of the bundle that the model lies in.

    Raises:
        UsageError: a scheme needs calibration data and there are none.
        BadInput, Unsupported: as `export_all`.
    """
    path = find_model(model)
    home = home_bundle(path)
    trained = trained_model(path, home, variants)
    with bundles.staging(out, force) as folder:
        windows = _calibration(variants, calibration, home, progress)
        shutil.copyfile(path, folder / "model.keras")
        kept = replace(trained, path=folder / "model.keras")
        name = str(home.recipe.get("model", path.stem)) if home else path.stem
        artifacts = export_variants(kept, variants, folder, name, windows, progress, unsafe)
        _copy_from_home(home, folder)
        bundle = Bundle(
            path=folder,
            model=kept,
            artifacts=tuple(artifacts),
            evaluations=_evaluations(home),
            data=home.data if home else {},
            recipe=_recipe(home, variants),
            versions=versions(),
            machine=describe_machine(),
        )
        carry_golden(home, bundle)
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
) -> list[Artifact]:
    """Every variant into `folder`, each checked against the float model."""
    progress.stage(f"export: {len(variants)} files")
    probe = calibration[:PROBES] if calibration is not None else probe_windows(model.signal)
    return export_all(
        model.path,
        model.signal,
        variants,
        folder,
        name,
        calibration,
        probe,
        _run_if_possible,
        unsafe,
        progress,
    )


def calibrate(train: Dataset, test_subjects: Sequence[str], n: int) -> NDArray[np.float32]:
    """Calibration windows of training people. Raises LeakError if one is a test person."""
    check_disjoint(calibration=train.subject_names, test=test_subjects)
    return calibration_windows(train, n, CALIBRATION_SEED)


def calibration_size(variants: Sequence[Variant]) -> int:
    """How many windows the schemes of these variants want; 0 where none needs any."""
    return max((SCHEMES[v.scheme].calibration for v in variants), default=0)


def probe_windows(signal: Signal) -> NDArray[np.float32]:
    """Windows to compare files on where no recording is at hand: gravity in random directions
    with noise of walking strength, the same at every call. They prove nothing about accuracy."""
    import numpy as np

    random = np.random.default_rng(0)
    channels = len(signal.channels)
    direction = random.normal(size=(PROBES, 1, channels))
    direction /= np.linalg.norm(direction, axis=2, keepdims=True)
    noise = random.normal(size=(PROBES, signal.window, channels)) * 3.0
    return (9.81 * direction + noise).astype(np.float32).reshape(PROBES, signal.flat_size)


def trained_model(path: Path, home: Bundle | None, variants: Sequence[Variant]) -> TrainedModel:
    """A `.keras` file with its contract.

    Raises:
        BadInput: it carries no contract, but a variant takes a phone's raw readings.
    """
    signal = keras_file.read_contract(path)
    if signal is None:
        if any(v.sensor is not Sensor.NORMALIZED for v in variants):
            raise BadInput(
                f"{path} carries no sensor contract, so its normalisation cannot be folded in",
                "pass --sensor normalized to export it as it is, or train it with edgeconv",
            )
        signal = _foreign_contract(path)
    if home is not None:
        return home.model
    return TrainedModel(path, sha256(path), signal, parameters=keras_file.parameter_count(path))


def _foreign_contract(path: Path) -> Signal:
    flat = keras_file.input_size(path)
    return Signal(channels=("value",), window=flat, step=flat, sensor=Sensor.NORMALIZED)


def _run_if_possible(path: Path, encoded: NDArray[np.float32]) -> NDArray[np.float32] | None:
    return None if unavailable(path) else run_file(path, encoded)


def _calibration(
    variants: Sequence[Variant], spec: str | None, home: Bundle | None, progress: Progress
) -> NDArray[np.float32] | None:
    size = calibration_size(variants)
    own = home.data.get("spec") if home else None
    if not size and spec is None:
        return None
    if spec is None and own is None:
        names = ", ".join(sorted({v.scheme for v in variants if SCHEMES[v.scheme].calibration}))
        raise UsageError(
            f"{names}: activation ranges need recordings",
            "name some: --calibration SPEC, for example --calibration motionsense:DIR",
        )
    used = spec or str(own)
    progress.stage(f"calibration: {used}")
    try:
        dataset = load_dataset(used, progress)
    except EdgeconvError as error:
        if spec is not None or isinstance(error, MissingDependency):
            raise
        raise BadInput(
            f"the model's own data cannot be loaded for calibration: {error.message}",
            "name recordings: --calibration SPEC",
        ) from error
    train = split(dataset).train
    same = home is not None and home.data.get("name") == dataset.name
    test = home.data.get("splits", {}).get("test", {}).get("subjects", ()) if home and same else ()
    return calibrate(train, test, size or PROBES)


def _copy_from_home(home: Bundle | None, folder: Path) -> None:
    """The learning curve and the float outputs on test people travel with the model."""
    for name in (Path("training") / "history.json", Path(bundles.REFERENCE)):
        if home is not None and (home.path / name).is_file():
            (folder / name).parent.mkdir(exist_ok=True)
            shutil.copyfile(home.path / name, folder / name)


def _evaluations(home: Bundle | None) -> dict[str, Any]:
    kept = home.evaluations.get("model.keras") if home else None
    return {"model.keras": kept} if kept else {}


def _recipe(home: Bundle | None, variants: Sequence[Variant]) -> dict[str, Any]:
    return {**(home.recipe if home else {}), "variants": [asdict(v) for v in variants]}
