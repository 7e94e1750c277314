"""The directory that a mobile engineer takes away, as read into memory."""

from __future__ import annotations

from dataclasses import dataclass, field
from pathlib import Path
from typing import Any

from edgeconv.core.artifact import Artifact, TrainedModel
from edgeconv.core.compression import Compressed
from edgeconv.core.layerwise import LayersResult
from edgeconv.core.profile import ProfileResult
from edgeconv.core.results import EvaluationResult, ParityResult


@dataclass(frozen=True)
class Bundle:
    """All that a bundle says of itself.

    Attributes:
        model: the float reference (`model.keras`).
        artifacts: the exported files, in the order they were made.
        evaluations: accuracy on test people by file name (`model.keras`, `har_int8.tflite` …).
        history: one dict an epoch: epoch, loss, accuracy, val_loss, val_accuracy, learning_rate.
        data: name, load report and splits of the data set; empty for a bare export.
        recipe: the resolved recipe; empty for a bare export.
        compressed: the networks that retrained artifacts were made of, by the compression's name.
    """

    path: Path
    model: TrainedModel
    artifacts: tuple[Artifact, ...]
    evaluations: dict[str, EvaluationResult] = field(default_factory=dict)
    parity: tuple[ParityResult, ...] = ()
    profile: tuple[ProfileResult, ...] = ()
    layers: tuple[LayersResult, ...] = ()
    history: tuple[dict[str, float], ...] = ()
    data: dict[str, Any] = field(default_factory=dict)
    recipe: dict[str, Any] = field(default_factory=dict)
    versions: dict[str, str] = field(default_factory=dict)
    machine: dict[str, Any] = field(default_factory=dict)
    compressed: dict[str, Compressed] = field(default_factory=dict)
