"""One architecture, exported to every target by edgeconv and by the bare converters."""

from __future__ import annotations

import json
import tempfile
from collections.abc import Callable, Sequence
from dataclasses import asdict, dataclass, field, replace
from pathlib import Path

from edgeconv.core import Artifact, InputConvention, NullProgress, Variant
from edgeconv.errors import EdgeconvError
from edgeconv.ir.keras_interface import tensors_of
from edgeconv.runtimes.predict import run_samples
from edgeconv.targets.conversion import ConversionRequest, LeaveOut, convert_all, convert_each

from .architectures import Architecture
from .judgment import CELLS, Cell, Reference


@dataclass(frozen=True)
class Row:
    """All cells of one architecture, by `target scheme`: edgeconv's, and the bare converters'.

    `commit` and `versions` say what made it.
    """

    number: int
    blocks: tuple[str, ...]
    ours: dict[str, Cell]
    bare: dict[str, Cell]
    commit: str = ""
    versions: dict[str, str] = field(default_factory=dict)

    def to_json(self) -> str:
        return json.dumps(asdict(self))

    @classmethod
    def from_json(cls, text: str) -> Row:
        data = json.loads(text)
        for side in ("ours", "bare"):
            data[side] = {name: Cell(**cell) for name, cell in data[side].items()}
        return cls(**{**data, "blocks": tuple(data["blocks"])})

    @property
    def faults(self) -> list[str]:
        """Cells that are silently wrong or failed, or below the bare converter's."""
        return [
            f"{self.number} ({', '.join(self.blocks)}) {name}: {cell.result}, {cell.reason}"
            for name, cell in self.ours.items()
            if cell.result in ("wrong", "failed", "crashed")
            or (cell.result != "right" and self.bare.get(name, cell).result == "right")
        ]


def sweep(
    architecture: Architecture, isolated: bool = False, cells: Sequence[str] = CELLS
) -> dict[str, Cell]:
    """Export `architecture` to every target and scheme of `cells`, and compare each with Keras.

    Args:
        isolated: convert in processes of their own, as `edgeconv export` does: slower, and a
            converter that crashes does not take this process with it.
    """
    reference = Reference.of(architecture)
    with tempfile.TemporaryDirectory(prefix="edgeconv-sweep-") as folder:
        notes = Notes()
        made = _exported(architecture, Path(folder), cells, isolated, notes)
        return {name: reference.cell(make, name, notes.lines) for name, make in made.items()}


class Notes(NullProgress):
    """Keeps what an export says."""

    def __init__(self) -> None:
        self.lines: list[str] = []

    def note(self, text: str) -> None:
        self.lines.append(text)


def _exported(
    architecture: Architecture, place: Path, cells: Sequence[str], isolated: bool, notes: Notes
) -> dict[str, Callable[[], Path]]:
    """By cell, what gives its file or raises why there is none.

    All files are made from one reading of the model; one that is missing then is asked for alone,
    which tells the reason.
    """
    calibration = architecture.samples(0)
    architecture.model.save(place / "model.keras")
    arrays = tuple(calibration.values())
    everything = ConversionRequest(
        model=place / "model.keras",
        contract=tensors_of(architecture.model).within(calibration),
        variants=[
            Variant(target, scheme, InputConvention.NORMALIZED)
            for target, scheme in map(str.split, cells)
        ],
        out=place / "files",
        name="model",
        probe=arrays,
        calibration=arrays,
        run_file=run_samples,
        leave_out=LeaveOut.ANYTHING,
        isolated=isolated,
    )
    try:
        artifacts: list[Artifact | None] = convert_each(everything, notes)
    except EdgeconvError:
        artifacts = [None] * len(cells)

    def maker(artifact: Artifact | None, variant: Variant) -> Callable[[], Path]:
        if artifact is not None:
            return lambda: artifact.path
        alone = replace(everything, variants=[variant], leave_out=LeaveOut.NOTHING)
        return lambda: convert_all(alone, notes)[0].path

    made = map(maker, artifacts, everything.variants)
    return dict(zip(cells, made, strict=True))
