"""One call of `train` or `judge`: what its fits share."""

from __future__ import annotations

from collections.abc import Callable
from dataclasses import dataclass, replace
from importlib.util import find_spec
from pathlib import Path
from typing import Any

import keras

from edgeconv.core import (
    Dataset,
    InputConvention,
    Progress,
    Signal,
    Splits,
    TrainedModel,
    Training,
    TrainingSummary,
)
from edgeconv.core.digest import sha256
from edgeconv.training.batches import normalization
from edgeconv.training.checkpoints import save_model
from edgeconv.training.distillation import Teacher
from edgeconv.training.fit import Fit, check_model, fit

CHECKPOINT = "best.keras"  # of a training under way; gone when it ends


@dataclass(frozen=True)
class Job:
    """One call of `train`: what both of its fits share."""

    build: Callable[[Signal], Any]
    training: Training
    out: Path
    seed: int
    progress: Progress
    teacher: Teacher | None = None

    def find_teacher(self, source: Callable[[Signal], Any] | Path, splits: Splits) -> Teacher:
        """The teacher in a file, or a new one that learns from the training people as the student
        will, for its own number of epochs. Raises KeyboardInterrupt where it is interrupted."""
        how = self.training.distillation
        signal = self.contract(splits.train)
        if isinstance(source, Path) or how is None:
            return Teacher.read(Path(str(source)), signal)
        self.progress.stage(f"train the teacher: {how.teacher}, {how.epochs} epochs")
        training = replace(
            self.training,
            epochs=how.epochs,
            learning_rate=how.learning_rate,
            keep="last",
            patience=0,
            distillation=None,
        )
        model = source(signal)
        chosen = replace(self, build=source).run(signal, splits.train, splits.val, training)
        if chosen.stopped == "interrupted":
            raise KeyboardInterrupt
        model.set_weights(chosen.weights)
        self.progress.stage(f"train the student, {self.training.epochs} epochs")
        return Teacher.of(model, signal)

    def fit(self, train: Dataset, val: Dataset) -> tuple[Fit, Signal]:
        """Fit with validation, logs and a checkpoint on disk."""
        signal = self.contract(train)
        checkpoint = self.out / "training" / CHECKPOINT

        def keep(weights: list[Any]) -> None:
            save_model(self.build, weights, signal, checkpoint, self.seed)

        return self.run(signal, train, val, self.training, self._tensorboard(), keep), signal

    def refit(self, train: Dataset, first: Fit) -> tuple[Fit, Signal]:
        """Fit anew, for as many epochs as the first fit chose. Raises KeyboardInterrupt."""
        signal = self.contract(train)
        training = replace(self.training, epochs=first.epoch)
        second = self.run(signal, train, None, training)
        if second.stopped == "interrupted":
            raise KeyboardInterrupt
        return second, signal

    def save(self, chosen: Fit, signal: Signal, summary: TrainingSummary) -> TrainedModel:
        """Write out/model.keras; the checkpoint has then done its duty."""
        path = self.out / "model.keras"
        parameters = save_model(self.build, chosen.weights, signal, path, self.seed)
        (self.out / "training" / CHECKPOINT).unlink(missing_ok=True)
        return TrainedModel(path, sha256(path), signal, parameters, summary)

    def contract(self, train: Dataset) -> Signal:
        """The contract of the network's input, normalized by these people's recordings."""
        statistics = normalization(train, self.training.normalization)
        return replace(train.signal, sensor=InputConvention.NORMALIZED, normalization=statistics)

    def run(
        self,
        signal: Signal,
        train: Dataset,
        val: Dataset | None,
        training: Training,
        tensorboard: Path | None = None,
        checkpoint: Callable[[list[Any]], None] | None = None,
    ) -> Fit:
        """One fit of a new network, after the job's seed."""
        keras.utils.set_random_seed(self.seed)
        model = self.build(signal)
        check_model(model, signal)
        return fit(
            model,
            signal,
            train,
            val,
            training,
            self.seed,
            self.progress,
            tensorboard,
            checkpoint,
            self.teacher,
        )

    def _tensorboard(self) -> Path | None:
        if find_spec("tensorboard") is None:
            self.progress.note("no TensorBoard logs: pip install tensorboard to have them")
            return None
        return self.out / "training" / "tensorboard"
