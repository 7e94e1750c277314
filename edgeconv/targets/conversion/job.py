"""What the parent tells its worker process, as JSON; and what the worker answers, line by line."""

from __future__ import annotations

import json
from dataclasses import asdict, dataclass
from pathlib import Path
from typing import Any

from edgeconv.core import InputConvention, Signal, Variant

REFERENCE = "reference.npy"  # (n, classes) float32: the Keras model on the probe windows


@dataclass(frozen=True)
class Task:
    """One file to make; `number` is its place in the caller's list."""

    number: int
    variant: Variant
    file: str


@dataclass(frozen=True)
class Job:
    """Several files out of one model.

    Attributes:
        folder: where the worker writes; `probe.npy` and `calibration.npy` lie there, both
            canonical windows.
        signal: the contract that the model was trained with.
        ranges: of activations by layer, as `export_all` takes them; None: measure them.
    """

    model: Path
    folder: Path
    signal: Signal
    tasks: tuple[Task, ...]
    unsafe: bool = False
    ranges: dict[str, tuple[float, float]] | None = None

    @property
    def probe(self) -> Path:
        return self.folder / "probe.npy"

    @property
    def calibration(self) -> Path:
        return self.folder / "calibration.npy"

    def write(self, path: Path) -> None:
        data = {
            "model": str(self.model),
            "folder": str(self.folder),
            "signal": self.signal.to_json(),
            "unsafe": self.unsafe,
            "ranges": self.ranges,
            "tasks": [asdict(task) for task in self.tasks],
        }
        path.write_text(json.dumps(data))

    @classmethod
    def read(cls, path: Path) -> Job:
        data = json.loads(path.read_text())
        ranges = data["ranges"]
        return cls(
            model=Path(data["model"]),
            folder=Path(data["folder"]),
            signal=Signal.from_json(data["signal"]),
            tasks=tuple(map(_task, data["tasks"])),
            unsafe=data["unsafe"],
            ranges=ranges and {name: (low, high) for name, (low, high) in ranges.items()},
        )


def _task(data: dict[str, Any]) -> Task:
    variant = data["variant"]
    typed = {
        **variant,
        "sensor": InputConvention(variant["sensor"]),
        "float_layers": tuple(variant["float_layers"]),
        "int8_layers": tuple(variant["int8_layers"]),
    }
    return Task(data["number"], Variant(**typed), data["file"])
