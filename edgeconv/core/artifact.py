"""What stages hand each other instead of live models: paths with digests and tensor specs."""

from __future__ import annotations

from dataclasses import asdict, dataclass, field
from pathlib import Path
from typing import Any, Protocol

from edgeconv.core.export_report import ExportReport
from edgeconv.core.json_codec import decode
from edgeconv.core.paths import member
from edgeconv.core.provenance import TrainingSummary
from edgeconv.core.signal import Signal
from edgeconv.core.tensors import Contract, contract_entry, contract_of_entry
from edgeconv.errors import Unsupported


@dataclass(frozen=True)
class TensorSpec:
    """One input or output.

    `scale` and `zero_point` are set for quantized tensors only: real = (stored − zero_point) ·
    scale. An unknown dimension is −1.
    """

    name: str
    shape: tuple[int, ...]
    dtype: str
    scale: float | None = None
    zero_point: int | None = None

    @property
    def quantized(self) -> bool:
        return self.scale is not None

    @classmethod
    def from_json(cls, data: dict[str, Any]) -> TensorSpec:
        return cls(**{**data, "shape": tuple(data["shape"])})


def sensor_contract(contract: Contract, name: str) -> Signal:
    """The contract as one of a sensor.

    Raises:
        Unsupported: it is one of named tensors, for which what was asked for does not apply.
    """
    if isinstance(contract, Signal):
        return contract
    raise Unsupported(
        f"{name} has no sensor contract, so this does not apply to it",
        "it is for models that take windows of a sensor: give the model a contract with "
        "`edgeconv export --signal FILE`",
    )


@dataclass(frozen=True)
class TrainedModel:
    """A saved Keras model whose input is the normalized signal of its contract, or any tensors."""

    path: Path
    sha256: str
    contract: Contract
    parameters: int
    training: TrainingSummary | None = None  # None for a model of another tool

    @property
    def signal(self) -> Signal:
        """The sensor contract. Raises Unsupported where the model has none."""
        return sensor_contract(self.contract, self.path.name)

    @property
    def labels(self) -> tuple[str, ...]:
        """Class names; empty where there are none."""
        return self.contract.labels

    @property
    def train_subjects(self) -> tuple[str, ...]:
        """The subjects that the weights were fitted on; empty where they are not known."""
        return self.training.train_subjects if self.training else ()

    @property
    def interrupted(self) -> bool:
        """Whether Ctrl-C ended the training before it was done."""
        return self.training is not None and self.training.interrupted


class ModelFile(Protocol):
    """What results say of a model file of any kind: an `Artifact`, a `KerasModel`."""

    @property
    def name(self) -> str: ...
    @property
    def sha256(self) -> str: ...
    @property
    def target(self) -> str: ...
    @property
    def scheme(self) -> str: ...


@dataclass(frozen=True)
class KerasModel:
    """A `.keras` file beside exported files: float32, and for no target."""

    path: Path
    sha256: str

    @property
    def name(self) -> str:
        return self.path.name

    @property
    def target(self) -> str:
        return "keras"

    @property
    def scheme(self) -> str:
        return "float32"


@dataclass(frozen=True)
class Artifact:
    """One exported file (or package folder) and what it takes."""

    path: Path
    sha256: str
    bytes: int
    target: str
    scheme: str
    contract: Contract
    inputs: tuple[TensorSpec, ...]
    outputs: tuple[TensorSpec, ...]
    export: ExportReport = field(default_factory=ExportReport)
    versions: dict[str, str] = field(default_factory=dict)

    @property
    def name(self) -> str:
        return self.path.name

    @property
    def signal(self) -> Signal:
        """The sensor contract. Raises Unsupported where the file has none."""
        return sensor_contract(self.contract, self.name)

    @property
    def embedding(self) -> int:
        """The size of its output `embedding`; 0 where it has none."""
        return self.contract.embedding if isinstance(self.contract, Signal) else 0

    def to_json(self) -> dict[str, Any]:
        """For the manifest; the path is relative to the bundle."""
        own = {k: v for k, v in asdict(self).items() if k != "contract"}
        return {
            **own,
            "path": self.path.name,
            **contract_entry(self.contract),
            "export": self.export.to_json(),
        }

    @classmethod
    def from_json(cls, data: dict[str, Any], folder: Path) -> Artifact:
        return cls(
            path=member(folder, decode(str, data["path"], "artifact: path")),
            sha256=decode(str, data["sha256"], "artifact: sha256"),
            bytes=decode(int, data["bytes"], "artifact: bytes"),
            target=decode(str, data["target"], "artifact: target"),
            scheme=decode(str, data["scheme"], "artifact: scheme"),
            contract=contract_of_entry(data),
            inputs=tuple(map(TensorSpec.from_json, data["inputs"])),
            outputs=tuple(map(TensorSpec.from_json, data["outputs"])),
            export=ExportReport.from_json(data["export"]),
            versions=decode(dict[str, str], data["versions"], "artifact: versions"),
        )
