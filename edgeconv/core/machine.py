"""Which machine or device a number was measured on."""

from __future__ import annotations

from dataclasses import dataclass, field, fields, replace
from typing import Any

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
