"""One call of `train` or `evaluate_fold`: the settings and steps that its fits share."""

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
from edgeconv.core.paths import sha256
from edgeconv.training.batches import normalization
from edgeconv.training.callbacks import save_model
from edgeconv.training.distillation import Teacher
from edgeconv.training.fit import Fit, FitOptions, check_model, fit

CHECKPOINT = "best.keras"  # only while a training runs; removed when it ends


@dataclass(frozen=True)
class TrainingSession:
    """The network, settings, seed and teacher that all fits of one call share."""

    build: Callable[[Signal], Any]
    training: Training
    out: Path
    seed: int
    progress: Progress
    teacher: Teacher | None = None

    def prepare_teacher(self, source: Callable[[Signal], Any] | Path, splits: Splits) -> Teacher:
        """Read the teacher from a file, or fit a new one to the training subjects.

        A new teacher is fitted with the student's settings, except for the number of epochs and
        the learning rate, which the distillation sets.

        Raises:
            BadInput: the file holds no Keras model with a contract, or one for other windows.
            KeyboardInterrupt: interrupted while the teacher was fitted.
        """
        distillation = self.training.distillation
        signal = self.contract(splits.train)
        if isinstance(source, Path) or distillation is None:
            return Teacher.read(Path(str(source)), signal)
        self.progress.stage(
            f"train the teacher: {distillation.teacher}, {distillation.epochs} epochs"
        )
        training = replace(
            self.training,
            epochs=distillation.epochs,
            learning_rate=distillation.learning_rate,
            keep="last",
            patience=0,
            distillation=None,
        )
        model = source(signal)
        teacher_fit = replace(self, build=source).run(signal, splits.train, splits.val, training)
        if teacher_fit.stopped == "interrupted":
            raise KeyboardInterrupt
        model.set_weights(teacher_fit.weights)
        self.progress.stage(f"train the student, {self.training.epochs} epochs")
        return Teacher.of(model, signal)

    def fit(self, train: Dataset, val: Dataset) -> tuple[Fit, Signal]:
        """Fit with validation, TensorBoard logs and a checkpoint on disk."""
        signal = self.contract(train)
        checkpoint = self.out / "training" / CHECKPOINT

        def save_checkpoint(weights: list[Any]) -> None:
            save_model(self.build, weights, signal, checkpoint, self.seed)

        return self.run(
            signal, train, val, self.training, self._tensorboard(), save_checkpoint
        ), signal

    def refit(self, train: Dataset, first: Fit) -> tuple[Fit, Signal]:
        """Fit a new network for as many epochs as the first fit chose.

        Raises:
            KeyboardInterrupt: interrupted.
        """
        signal = self.contract(train)
        training = replace(self.training, epochs=first.epoch)
        second = self.run(signal, train, None, training)
        if second.stopped == "interrupted":
            raise KeyboardInterrupt
        return second, signal

    def save(self, chosen: Fit, signal: Signal, summary: TrainingSummary) -> TrainedModel:
        """Write out/model.keras and remove the checkpoint, which is no longer needed."""
        path = self.out / "model.keras"
        parameters = save_model(self.build, chosen.weights, signal, path, self.seed)
        (self.out / "training" / CHECKPOINT).unlink(missing_ok=True)
        return TrainedModel(path, sha256(path), signal, parameters, summary)

    def contract(self, train: Dataset) -> Signal:
        """The contract of the network's input, normalized by the recordings of `train`."""
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
        """Build a new network from the session's seed, and fit it."""
        keras.utils.set_random_seed(self.seed)
        model = self.build(signal)
        check_model(model, signal)
        return fit(
            model,
            signal,
            train,
            val,
            training,
            FitOptions(
                seed=self.seed,
                progress=self.progress,
                tensorboard=tensorboard,
                checkpoint=checkpoint,
                teacher=self.teacher,
            ),
        )

    def _tensorboard(self) -> Path | None:
        if find_spec("tensorboard") is None:
            self.progress.note(
                "TensorBoard is not installed, so no logs are written: pip install tensorboard"
            )
            return None
        return self.out / "training" / "tensorboard"
