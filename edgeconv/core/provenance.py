"""Where a figure and a model come from: the machine, and what a manifest keeps of a training."""

from __future__ import annotations

from dataclasses import dataclass, field, fields, replace
from typing import Any

from edgeconv.core.json_codec import decode_fields, encode_fields
from edgeconv.core.recipe import Training


@dataclass(frozen=True)
class TeacherInfo:
    """The network that a student learned from."""

    name: str
    parameters: int


@dataclass(frozen=True)
class TrainingSummary:
    """How a model was fitted; the validation figures are those of the first fit.

    Attributes:
        seed: of weights, order and augmentation.
        stopped: why the fit ended: `finished`, `early` (patience) or `interrupted`.
        epochs: how many the first fit took.
        selected_epoch: the epoch of the first fit whose weights were chosen, from 1.
        val_loss, val_accuracy: of that epoch.
        refitted: whether the model was fitted again on training and validation subjects.
        train_subjects: the subjects whose recordings the final weights were fitted on.
        val_subjects: the subjects that validated the first fit.
        windows: how many windows the final weights were fitted on.
        settings: of the training itself.
        teacher: the network whose outputs were learned from; None without distillation.
    """

    seed: int
    stopped: str
    epochs: int
    selected_epoch: int
    val_loss: float
    val_accuracy: float
    refitted: bool
    train_subjects: tuple[str, ...]
    val_subjects: tuple[str, ...]
    windows: int
    settings: Training
    teacher: TeacherInfo | None = None

    @property
    def interrupted(self) -> bool:
        """Whether Ctrl-C ended the training before it was done."""
        return self.stopped == "interrupted"

    def to_json(self) -> dict[str, Any]:
        return encode_fields(self)

    @classmethod
    def from_json(cls, data: dict[str, Any]) -> TrainingSummary:
        return decode_fields(cls, data)


Fact = str | int | float | bool | None


@dataclass(frozen=True)
class MachineInfo:
    """A computer or a device, as far as it is known; what is unknown is empty or 0.

    Attributes:
        processor: the processor's own name.
        architecture: of its instructions: `x86_64`, `arm64` …
        cores: how many the process could use.
        system: name and release of the operating system.
        python: version of the interpreter.
        other: what else a device says of itself, such as manufacturer and model.
    """

    processor: str = ""
    architecture: str = ""
    cores: int = 0
    system: str = ""
    python: str = ""
    other: dict[str, Fact] = field(default_factory=dict)

    def facts(self) -> dict[str, Fact]:
        """Everything that is known, by name."""
        named = {f.name: getattr(self, f.name) for f in fields(self) if f.name != "other"}
        return {name: value for name, value in named.items() if value} | self.other

    def to_json(self) -> dict[str, Any]:
        return self.facts()

    @classmethod
    def from_json(cls, data: dict[str, Any]) -> MachineInfo:
        """Read what `to_json` wrote, or what a device's own app says of itself."""
        machine = cls()
        known = {name for name, value in data.items() if _same_kind(value, machine, name)}
        other = {name: value for name, value in data.items() if name not in known}
        return replace(machine, **{name: data[name] for name in known}, other=other)


def _same_kind(value: object, machine: MachineInfo, name: str) -> bool:
    """Whether a named field can hold the value; a device may use a name for something else."""
    return name != "other" and type(value) is type(getattr(machine, name, None))
