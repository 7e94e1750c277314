"""What a command's words name: models with their contract, artifacts, parts of a data set."""

from __future__ import annotations

from dataclasses import replace
from pathlib import Path
from typing import TYPE_CHECKING, Any

from edgeconv.core import Bundle, Dataset, InputConvention, Progress, Signal
from edgeconv.datasets import load_dataset
from edgeconv.datasets.splits import check_disjoint, split
from edgeconv.errors import BadInput, UsageError
from edgeconv.ir import keras_file
from edgeconv.parity.drift.store import input_facts
from edgeconv.targets import files

if TYPE_CHECKING:
    import numpy as np
    from numpy.typing import NDArray

PARTS = ("train", "val", "test", "all")


def find_model(path: Path) -> Path:
    """The `.keras` file that MODEL names: itself, or the one in a folder that edgeconv wrote."""
    return path / "model.keras" if (path / "model.keras").is_file() else path


def contract_of(path: Path, sensor: InputConvention | None, dataset: Dataset) -> Signal:
    """The sensor contract of a model or artifact; `sensor` speaks for a file that carries none.

    Raises:
        BadInput: the file carries none and `sensor` is not given, or `normalized` without
            statistics.
        UsageError: `sensor` contradicts the contract in the file.
    """
    own = keras_file.read_contract(path) if _is_keras(path) else files.read_contract(path)
    if own is None:
        if sensor is None:
            raise BadInput(
                f"{path} carries no sensor contract, so nobody can know what its input means",
                "say what it takes: --sensor android (m/s²) or --sensor ios (g)",
            )
        if sensor is InputConvention.NORMALIZED:
            raise BadInput(
                f"{path} carries no sensor contract, so its normalization is unknown",
                "use a file that edgeconv wrote, or one that takes raw readings",
            )
        return replace(dataset.signal, sensor=sensor)
    if sensor is not None and sensor is not own.sensor:
        raise UsageError(
            f"--sensor {sensor} contradicts the contract in {path}, which says {own.sensor}",
            "leave --sensor out: the file speaks for itself",
        )
    return own


def load_part(
    spec: str, part: str, progress: Progress, home: Bundle | None = None
) -> tuple[Dataset, dict[str, Any]]:
    """Part `train`, `val`, `test` or `all` of a data set, and what the results say of it.

    Where `home` tells which people of this very data set its model was trained on, a test part
    that holds one of them is refused, and any other part says how many it holds.

    Raises:
        UsageError: no such part.
        BadInput, LeakError: as loaders and `split`.
    """
    if part not in PARTS:
        raise UsageError(f"unknown split '{part}'", f"choose one of: {', '.join(PARTS)}")
    whole = load_dataset(spec, progress)
    dataset = whole if part == "all" else split(whole).part(part)
    facts: dict[str, Any] = {"spec": spec, "name": dataset.name, "split": part}
    facts["sha256"] = dataset.sha256
    trained_on = training_subjects(home, dataset.name)
    if part == "test":
        check_disjoint(train=trained_on, test=dataset.subject_names)
    shared = [s for s in dataset.subject_names if s in trained_on]
    if shared:
        progress.note(
            f"{len(shared)} of {len(dataset.subject_names)} people were in training: "
            "these figures say nothing about people never seen"
        )
    facts |= {"subjects": len(dataset.subject_names), "trained_on": len(shared)}
    return dataset, facts | input_facts(home, dataset, whole, progress)


def training_subjects(home: Bundle | None, name: str) -> tuple[str, ...]:
    """People that the model of a bundle was fitted on, if they are from the data set `name`."""
    if home is None or home.data.get("name") != name:
        return ()
    return tuple(home.model.training.get("train_subjects", ()))


def labels_for(signal: Signal, dataset: Dataset) -> NDArray[np.int64]:
    """The data set's labels as the model numbers its classes, matched by name.

    Raises:
        BadInput: the data have a class that the model does not know.
    """
    import numpy as np

    names = signal.labels or dataset.signal.labels
    present = {dataset.signal.labels[i] for i in np.unique(dataset.labels)}
    unknown = sorted(present - set(names))
    if unknown:
        raise BadInput(
            f"the data have classes that the model does not know: {', '.join(unknown)}; "
            f"it knows {', '.join(names)}",
            "evaluate it on data with its own classes",
        )
    number = np.array([names.index(n) if n in names else -1 for n in dataset.signal.labels])
    mapped: NDArray[np.int64] = number[dataset.labels].astype(np.int64)
    return mapped


def _is_keras(path: Path) -> bool:
    return path.suffix == ".keras"
