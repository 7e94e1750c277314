"""What a manifest keeps of a training."""

from __future__ import annotations

from dataclasses import dataclass
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
