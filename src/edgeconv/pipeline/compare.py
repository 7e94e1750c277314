"""Any two model files on the same recordings, also files that edgeconv did not make."""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from dataclasses import dataclass, replace
from pathlib import Path
from typing import TYPE_CHECKING, Any

from edgeconv.errors import BadInput, UsageError
from edgeconv.formats import artifact as files
from edgeconv.formats import keras_file
from edgeconv.formats.digest import sha256, size
from edgeconv.machine import describe_machine
from edgeconv.parity import check, gates, noninferiority
from edgeconv.parity.task import with_readings
from edgeconv.pipeline.foreign import try_foreign
from edgeconv.pipeline.predict import predict_file
from edgeconv.pipeline.sources import find_model, home_bundle, labels_for, load_part
from edgeconv.runtime import ENDINGS, runtime_for, unavailable
from edgeconv.types import (
    Artifact,
    Dataset,
    ParityResult,
    Progress,
    Sensor,
    Signal,
    Silent,
    Target,
)

if TYPE_CHECKING:
    import numpy as np
    from numpy.typing import NDArray

_NOBODY = Silent()


@dataclass(frozen=True)
class Side:
    """One of the two files: what its input means, and its class names if it carries any."""

    path: Path
    artifact: Artifact
    signal: Signal
    labels: tuple[str, ...]
    options: dict[str, Any]


def compare_files(
    reference: Path,
    candidate: Path,
    data: str,
    part: str = "test",
    runtimes: Sequence[str] = ("auto",),
    overrides: Mapping[str, float] | None = None,
    sensors: Sequence[Sensor] = (),
    unsafe: bool = False,
    progress: Progress = _NOBODY,
) -> tuple[ParityResult, ...]:
    """The second file judged against the first, by the gates of its own scheme.

    Both get the same windows, each as its own sensor contract says. A file without a contract gets
    what `sensors` names (one for all such files, or one a file in their order); where neither file
    has one, both get the canonical signal, m/s² with Android's sign.

    Args:
        runtimes: each file takes those that open it; the reference runs in the first of its own.

    Raises:
        BadInput: no such file, unlike classes, an input that holds no such window, or a contract
            that nobody knows.
        UsageError: an unknown runtime, gate or part, or `sensors` that contradict a contract.
    """
    reference, candidate = find_model(reference), find_model(candidate)
    limits = dict(overrides or {})
    progress.stage(f"parity: {candidate.name} against {reference.name} on {data}")
    for path in (reference, candidate):
        try_foreign(path)
    home = home_bundle(reference) or home_bundle(candidate)
    dataset, _ = load_part(data, part, progress, home)
    first, second = _sides((reference, candidate), sensors, dataset, unsafe, progress)
    scheme = gates.resolve_gates(second.artifact.target, second.artifact.scheme, limits)
    base = _run(first, dataset, _runtimes(first, runtimes)[0])
    if isinstance(base, str):
        return (_not_run(first, second, f"the reference {reference.name} cannot run: {base}"),)
    outputs, ran = base
    return tuple(
        _judge(first, second, dataset, outputs, ran, runtime, scheme, limits)
        for runtime in _runtimes(second, runtimes)
    )


def _judge(
    first: Side,
    second: Side,
    dataset: Dataset,
    reference: NDArray[np.float32],
    ran: str,
    runtime: str,
    limits: Mapping[str, float],
    overrides: Mapping[str, float],
) -> ParityResult:
    found = _run(second, dataset, runtime)
    if isinstance(found, str):
        return _not_run(first, second, found, runtime)
    outputs, own = found
    names = first.labels or second.labels or dataset.signal.labels
    _check_classes(first, second, reference, names)
    if first.labels and second.labels and outputs.shape[1] == len(names):
        outputs = outputs[:, [second.labels.index(name) for name in names]]
    known = replace(dataset.signal, labels=names)
    labelled = replace(second.artifact, signal=replace(second.artifact.signal, labels=names))
    result = check.check_parity(
        labelled,
        own,
        reference,
        outputs,
        labels_for(known, dataset),
        limits,
        describe_machine(),
        dataset.subjects,
        noninferiority.level_of(overrides),
    )
    return _named(with_readings(result, dataset.windows), first, second, ran)


def _run(side: Side, dataset: Dataset, runtime: str) -> tuple[NDArray[np.float32], str] | str:
    """Outputs and the runtime that gave them, or why there are none."""
    reason = unavailable(side.path, runtime)
    if reason:
        return reason
    return predict_file(side.path, side.signal, dataset.windows, runtime, **side.options)


def _sides(
    paths: tuple[Path, Path],
    sensors: Sequence[Sensor],
    dataset: Dataset,
    unsafe: bool,
    progress: Progress,
) -> tuple[Side, Side]:
    if len(sensors) > len(paths):
        raise UsageError("--sensor is given more than twice", "once, or once for each file")
    found = [_describe(path, unsafe) for path in paths]
    own = [_contract(path) for path in paths]
    asked = _asked(sensors, own)
    for i, (side, contract, sensor) in enumerate(zip(found, own, asked, strict=True)):
        signal = _signal(side.path, contract, sensor, own[1 - i], dataset, progress)
        found[i] = replace(side, signal=signal, labels=signal.labels if contract else side.labels)
    return found[0], found[1]


def _asked(sensors: Sequence[Sensor], own: Sequence[Signal | None]) -> list[Sensor | None]:
    """What the caller says of each file; a lone word speaks for those without a contract."""
    if len(sensors) == len(own):
        return [*sensors]
    lone = next(iter(sensors), None)
    silent = any(contract is None for contract in own)
    return [None if contract and silent else lone for contract in own]


def _signal(
    path: Path,
    own: Signal | None,
    sensor: Sensor | None,
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
    if sensor is Sensor.NORMALIZED and (other is None or other.normalisation is None):
        raise BadInput(
            f"{path} takes normalised input, but neither file says by which mean and deviation",
            "compare with a file that carries a contract, or with one that takes raw readings",
        )
    if sensor is None:
        progress.note(f"{path.name} carries no sensor contract: it gets m/s² with Android's sign")
    given = other.normalisation if other is not None else None
    return replace(dataset.signal, sensor=sensor or Sensor.ANDROID, normalisation=given)


def _describe(path: Path, unsafe: bool) -> Side:
    if path.suffix != ".keras":
        made = files.describe(path)
        return Side(path, made, made.signal, files.read_labels(path), {})
    keras_file.check(path)
    flat = Signal(channels=("value",), sensor=Sensor.NORMALIZED)
    # Keras is no target; the limits of float32 are the same for each of them.
    made = Artifact(path, sha256(path), size(path), Target.TFLITE, "float32", flat, (), ())
    return Side(path, made, flat, (), {"unsafe": unsafe})


def _contract(path: Path) -> Signal | None:
    return keras_file.read_contract(path) if path.suffix == ".keras" else files.read_contract(path)


def _runtimes(side: Side, asked: Sequence[str]) -> list[str]:
    """Those of the asked that open the file; its default where none does."""
    for name in asked:
        if name != "auto" and not any(name in able for able in ENDINGS.values()):
            runtime_for(side.path, name)  # an unknown name: raises
    able = [name for name in asked if name in ENDINGS.get(side.path.suffix, ())]
    return able or [runtime_for(side.path)]


def _check_classes(
    first: Side, second: Side, reference: NDArray[np.float32], names: tuple[str, ...]
) -> None:
    if first.labels and second.labels and set(first.labels) != set(second.labels):
        raise BadInput(
            f"{first.path.name} knows {', '.join(first.labels)}; "
            f"{second.path.name} knows {', '.join(second.labels)}",
            "compare files of the same classes",
        )
    if reference.shape[1] != len(names):
        raise BadInput(
            f"{first.path.name} gives {reference.shape[1]} values a window, but there are "
            f"{len(names)} classes: {', '.join(names)}",
            "compare on data with the model's own classes",
        )


def _not_run(first: Side, second: Side, reason: str, runtime: str = "") -> ParityResult:
    result = check.not_run(second.artifact, runtime, reason, describe_machine())
    return _named(result, first, second, "")


def _named(result: ParityResult, first: Side, second: Side, ran: str) -> ParityResult:
    target = "keras" if second.path.suffix == ".keras" else result.target
    of = {"name": first.path.name, "sha256": first.artifact.sha256, "runtime": ran}
    return replace(result, target=target, reference=of)
