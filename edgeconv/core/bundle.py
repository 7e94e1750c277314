"""The directory that a mobile engineer takes away, as read into memory."""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass, field
from pathlib import Path

from edgeconv.core.artifact import Artifact, TrainedModel
from edgeconv.core.compression import Compressed
from edgeconv.core.dataset import DataInfo, Dataset, SplitInfo
from edgeconv.core.layerwise import LayersResult
from edgeconv.core.profile import ProfileResult
from edgeconv.core.provenance import MachineInfo
from edgeconv.core.recipe import Recipe
from edgeconv.core.results import EvaluationResult, ParityResult


@dataclass(frozen=True)
class Release:
    """What an app is told of a bundle that is shipped as an update.

    Attributes:
        version: of the model, from 1; a higher one is newer. 0: it was not released.
        min_app_version: the oldest app that takes it, as numbers with points; empty: every one.
    """

    version: int = 0
    min_app_version: str = ""


@dataclass(frozen=True)
class Bundle:
    """Everything that a bundle's folder holds.

    Attributes:
        model: the float reference (`model.keras`).
        artifacts: the exported files, in the order they were made.
        evaluations: accuracy on held-out subjects by file name (`model.keras` …).
        history: one dict an epoch: epoch, loss, accuracy, val_loss, val_accuracy, learning_rate.
        data: the data set of the training; None for a bare export.
        recipe: the resolved recipe; None for a bare export.
        versions: of the installed packages that can change a file or a number.
        machine: on which the bundle was written.
        calibration: the recordings that activation ranges were calibrated on, where they are not
            those of the training.
        release: version of the model for apps, if `edgeconv sign` gave it one.
        compressed: the networks that retrained artifacts were exported from, by the name of the
            compression.
    """

    path: Path
    model: TrainedModel
    artifacts: tuple[Artifact, ...]
    evaluations: dict[str, EvaluationResult] = field(default_factory=dict)
    parity: tuple[ParityResult, ...] = ()
    profile: tuple[ProfileResult, ...] = ()
    layers: tuple[LayersResult, ...] = ()
    history: tuple[dict[str, float], ...] = ()
    data: DataInfo | None = None
    recipe: Recipe | None = None
    versions: dict[str, str] = field(default_factory=dict)
    machine: MachineInfo = field(default_factory=MachineInfo)
    compressed: dict[str, Compressed] = field(default_factory=dict)
    calibration: SplitInfo | None = None
    release: Release = field(default_factory=Release)

    @property
    def data_spec(self) -> str:
        """The specification that loads the data of the training again; empty where none does."""
        return self.data.spec if self.data else ""

    @property
    def gates(self) -> dict[str, float]:
        """The limits that the recipe sets beyond those of the schemes."""
        return self.recipe.gates if self.recipe else {}

    @property
    def synthetic(self) -> bool:
        """Whether the data were computed, not recorded."""
        return self.data is not None and self.data.report.synthetic

    def training_subjects_in(self, dataset: Dataset) -> tuple[str, ...]:
        """Subjects of a data set with windows that the model was trained on, by their content.

        Of a bundle before 0.2, which has no digests of windows: those of the same name, if the
        whole part has the same digest.
        """
        if self.data is None:
            return ()
        splits, summary = self.data.splits, self.model.training
        parts = [splits.train, *([splits.val] if summary and summary.refitted else [])]
        return _subjects_of(parts, dataset)

    def held_out_subjects_in(self, dataset: Dataset) -> tuple[str, ...]:
        """Subjects of a data set with windows that the model's test has, by their content."""
        return _subjects_of([self.data.splits.test], dataset) if self.data else ()

    def calibration_subjects_in(self, dataset: Dataset) -> tuple[str, ...]:
        """Subjects of a data set with windows of the set that ranges were calibrated on."""
        return _subjects_of([self.calibration], dataset) if self.calibration else ()


def _subjects_of(parts: Sequence[SplitInfo], dataset: Dataset) -> tuple[str, ...]:
    subjects_seen: set[str] = set()
    for part in parts:
        if part.sample:
            subjects_seen |= set(dataset.subjects[part.known_in(dataset)].tolist())
        elif dataset.of_subjects(part.subjects).sha256 == part.sha256:
            subjects_seen |= set(part.subjects)
    return tuple(name for name in dataset.subject_names if name in subjects_seen)
