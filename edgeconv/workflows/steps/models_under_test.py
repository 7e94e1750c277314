"""The two files of a comparison: what each takes, says of itself, and can be run by."""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass, replace
from pathlib import Path
from typing import Any

from edgeconv.core import Artifact, Dataset, InputConvention, Progress, Signal, Target
from edgeconv.core.digest import sha256, size
from edgeconv.errors import BadInput, UsageError
from edgeconv.ir import keras_file
from edgeconv.runtimes import ENDINGS, runtime_for
from edgeconv.targets import files


@dataclass(frozen=True)
class Side:
    """One of the two files: what its input means, and its class names if it carries any."""

    path: Path
    artifact: Artifact
    signal: Signal
    labels: tuple[str, ...]
    options: dict[str, Any]


def sides_of(
    paths: tuple[Path, Path],
    sensors: Sequence[InputConvention],
    dataset: Dataset,
    unsafe: bool,
    progress: Progress,
) -> tuple[Side, Side]:
    """Both files with what each one's input means: by its contract, or by `sensors`.

    Raises:
        BadInput: a damaged file, or a contract that nobody knows.
        UsageError: `sensors` that contradict a contract, or too many of them.
    """
    if len(sensors) > len(paths):
        raise UsageError("--sensor is given more than twice", "once, or once for each file")
    found = [_describe(path, unsafe) for path in paths]
    own = [_contract(path) for path in paths]
    asked = _asked(sensors, own)
    for i, (side, contract, sensor) in enumerate(zip(found, own, asked, strict=True)):
        signal = _signal(side.path, contract, sensor, own[1 - i], dataset, progress)
        found[i] = replace(side, signal=signal, labels=signal.labels if contract else side.labels)
    return found[0], found[1]


def _asked(
    sensors: Sequence[InputConvention], own: Sequence[Signal | None]
) -> list[InputConvention | None]:
    """What the caller says of each file; a lone word speaks for those without a contract."""
    if len(sensors) == len(own):
        return [*sensors]
    lone = next(iter(sensors), None)
    silent = any(contract is None for contract in own)
    return [None if contract and silent else lone for contract in own]


def _signal(
    path: Path,
    own: Signal | None,
    sensor: InputConvention | None,
    other: Signal | None,
    dataset: Dataset,
    progress: Progress,
) -> Signal:
    """What a file's input means: its contract's word, else the caller's."""
    if own is not None:
        if sensor is not None and sensor is not own.sensor:
            raise UsageError(
                f"--sensor {sensor} contradicts the contract in {path}, which says {own.sensor}",
                "leave --sensor out: the file speaks for itself",
            )
        return own
    if sensor is None and other is not None:
        raise BadInput(
            f"{path} carries no sensor contract, so nobody can know what its input means",
            "say what it takes: --sensor android (m/s²), ios (g) or normalized",
        )
    if sensor is InputConvention.NORMALIZED and (other is None or other.normalization is None):
        raise BadInput(
            f"{path} takes normalized input, but neither file says by which mean and deviation",
            "compare with a file that carries a contract, or with one that takes raw readings",
        )
    if sensor is None:
        progress.note(f"{path.name} carries no sensor contract: it gets m/s² with Android's sign")
    given = other.normalization if other is not None else None
    return replace(dataset.signal, sensor=sensor or InputConvention.ANDROID, normalization=given)


def _describe(path: Path, unsafe: bool) -> Side:
    if path.suffix != ".keras":
        made = files.describe(path)
        return Side(path, made, made.signal, files.read_labels(path), {})
    keras_file.check(path)
    flat = Signal(channels=("value",), sensor=InputConvention.NORMALIZED)
    # Keras is no target; the limits of float32 are the same for each of them.
    made = Artifact(path, sha256(path), size(path), Target.TFLITE, "float32", flat, (), ())
    return Side(path, made, flat, (), {"unsafe": unsafe})


def _contract(path: Path) -> Signal | None:
    return keras_file.read_contract(path) if path.suffix == ".keras" else files.read_contract(path)


def runtimes_of(side: Side, asked: Sequence[str]) -> list[str]:
    """Those of the asked that open the file; its default where none does."""
    for name in asked:
        if name != "auto" and not any(name in able for able in ENDINGS.values()):
            runtime_for(side.path, name)  # an unknown name: raises
    able = [name for name in asked if name in ENDINGS.get(side.path.suffix, ())]
    return able or [runtime_for(side.path)]
