"""How a network learns from another one's soft labels."""

from __future__ import annotations

import math
from dataclasses import dataclass

from edgeconv.errors import UsageError


@dataclass(frozen=True)
class Distillation:
    """Soft labels of a teacher, for the same augmented windows (Hinton, Vinyals & Dean, 2015).

    Attributes:
        teacher: a network's name, which is fitted to the training subjects first, or the `.keras`
            file of a bundle, which is used as it is.
        epochs, learning_rate: of the teacher's own fit; its other settings are the student's.
        temperature: divides both networks' logits before they are compared.
        weight: share of the comparison with the teacher in the loss; the rest is of the labels.
    """

    teacher: str = "har"
    epochs: int = 30
    learning_rate: float = 1e-3
    temperature: float = 2.0
    weight: float = 0.5

    def __post_init__(self) -> None:
        if not self.teacher:
            raise UsageError("distillation: name a teacher", "a network's name or a .keras file")
        if self.epochs < 1:
            raise UsageError("distillation: epochs must be at least 1")
        if not 0 < self.weight <= 1:
            raise UsageError("distillation: weight must be above 0 and at most 1")
        for name in ("learning_rate", "temperature"):
            if not 0 < getattr(self, name) < math.inf:
                raise UsageError(f"distillation: {name} must be above 0")

    @property
    def is_file(self) -> bool:
        """Whether the teacher is a file that exists before the training."""
        return self.teacher.endswith(".keras")
