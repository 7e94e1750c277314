"""What a search worker does: one fold of one candidate, from training to the file's accuracy."""

from __future__ import annotations

import tempfile
import time
from collections.abc import Mapping
from dataclasses import dataclass, replace
from pathlib import Path
from typing import TYPE_CHECKING

from edgeconv.core import (
    Artifact,
    Dataset,
    FinetuneConfig,
    InputConvention,
    NullProgress,
    Signal,
    Splits,
    TrainedModel,
    Training,
)
from edgeconv.datasets.chosen_windows import calibration_windows
from edgeconv.errors import BadInput, EdgeconvError, UsageError
from edgeconv.models import build, file_stem
from edgeconv.plugins import import_tensorflow
from edgeconv.runtimes.predict import predict_file
from edgeconv.search import SearchCandidate, SearchTask, TaskOutcome
from edgeconv.search.candidates import INT4, training_of, variant
from edgeconv.search.mixed_precision import sensitivity
from edgeconv.targets import files
from edgeconv.targets.conversion import ConversionRequest, convert_all
from edgeconv.training import train
from edgeconv.training.cross_validation import FOLD_SEED, draw_subjects
from edgeconv.workflows.steps.calibration import SEED, calibration_size
from edgeconv.workflows.steps.compression import FinetuneInputs, compress_all, find_teacher

if TYPE_CHECKING:
    import numpy as np
    from numpy.typing import NDArray

RANGES = 500  # windows that sensitivity is measured on
SIZING = 32  # windows that set the ranges of an untrained network, whose size is asked for
_RULE = "a fold of the search: held-out subjects are not trained on"


@dataclass(frozen=True, eq=False)
class FoldEvaluator:
    """Carries out the tasks of a search; travels to the workers with its data.

    Attributes:
        dataset: of all subjects but those of the test.
        folds: the subjects that are held out in each.
        training: the recipe's; a candidate says what differs.
        fine_tuning: how a compressed candidate is fine-tuned.
    """

    dataset: Dataset
    folds: tuple[tuple[str, ...], ...]
    training: Training
    fine_tuning: FinetuneConfig

    def __call__(self, task: SearchTask) -> TaskOutcome:
        """Train, compress, export and evaluate; or only measure the untrained network's files."""
        began = time.perf_counter()
        use_one_thread()
        with tempfile.TemporaryDirectory(prefix="edgeconv-search-") as folder:
            if task.fold is None:
                outcome = self._size(task, Path(folder))
            else:
                outcome = self._evaluate(task, task.fold, Path(folder))
        return replace(outcome, seconds=round(time.perf_counter() - began, 2))

    def _size(self, task: SearchTask, folder: Path) -> TaskOutcome:
        """Bytes and MACs do not depend on the weights, as long as no two of them are alike: a
        converter stores equal tensors, such as the zeros of new biases, once."""
        import keras
        import numpy as np

        from edgeconv.training.batches import normalization
        from edgeconv.training.callbacks import save_model

        statistics = normalization(self.dataset, self.training.normalization)
        signal = replace(
            self.dataset.signal, sensor=InputConvention.NORMALIZED, normalization=statistics
        )
        keras.utils.set_random_seed(task.seed)
        make, path = build(task.candidate.model), folder / "model.keras"
        try:
            random = np.random.default_rng(task.seed)
            weights = [random.normal(0, 0.1, w.shape) for w in make(signal).get_weights()]
        except BadInput as error:  # a window too short for its kernels and strides
            return TaskOutcome(failed=error.message)
        save_model(make, weights, signal, path, task.seed)
        artifacts = self._export(task.candidate, path, signal, self.dataset, folder, windows=SIZING)
        return _measured_sizes(artifacts)

    def _evaluate(self, task: SearchTask, fold: int, folder: Path) -> TaskOutcome:
        held = self.folds[fold]
        settings = training_of(self.training, task.candidate)
        others = [s for s in self.dataset.subject_names if s not in held]
        splits, settings = self._splits(others, held, settings, fold)
        try:
            teacher = find_teacher(settings.distillation, splits)
            network = build(task.candidate.model)
            model = train(network, splits, settings, folder, task.seed, teacher=teacher)
        except UsageError as error:
            if "diverged" not in error.message:
                raise
            return TaskOutcome(failed=error.message)
        held_out = self.dataset.of_subjects(held)
        float_accuracy = _correct(model.path, model.signal, held_out, "keras").mean()
        learners = self.dataset.of_subjects(others)
        inputs = FinetuneInputs(learners, settings, self.fine_tuning, task.seed)
        artifacts = self._export_trained(task.candidate, model, inputs, folder)
        ratios = self._sensitivity(task.candidate, model, inputs.train)
        correct = {a.scheme: _correct(a.path, a.signal, held_out, "litert") for a in artifacts}
        return replace(
            _measured_sizes(artifacts),
            float_accuracy=float(float_accuracy),
            leave_one_out_db=ratios,
            accuracy={scheme: float(each.mean()) for scheme, each in correct.items()},
            by_subject={
                scheme: {s: float(each[held_out.subjects == s].mean()) for s in held}
                for scheme, each in correct.items()
            },
        )

    def _sensitivity(
        self, candidate: SearchCandidate, model: TrainedModel, subset: Dataset
    ) -> dict[str, float]:
        """Sensitivity of each layer in the trained network, before compression, in dB."""
        if INT4 not in candidate.schemes or candidate.int8_layers:
            return {}
        windows = calibration_windows(subset, RANGES, SEED)
        effects = sensitivity(model.path, model.signal, windows, INT4)
        return {effect.layer: round(effect.leave_one_out_snr_db, 3) for effect in effects}

    def _splits(
        self, others: list[str], held: tuple[str, ...], training: Training, fold: int
    ) -> tuple[Splits, Training]:
        """Where the last epoch is kept, the held-out subjects may validate the one fit. Where
        validation chooses the epoch, it is of others, or they would choose their own figure."""
        empty = self.dataset.of_subjects(())
        if training.keep == "last" and not training.patience:
            validating = self.dataset.of_subjects(held)
            splits = Splits(self.dataset.of_subjects(others), validating, empty, _RULE)
            return splits, replace(training, refit=False)
        count = max(1, len(others) // 8)
        choosing = draw_subjects(others, count, FOLD_SEED + fold)
        rest = self.dataset.of_subjects(s for s in others if s not in choosing)
        return Splits(rest, self.dataset.of_subjects(choosing), empty, _RULE), training

    def _export_trained(
        self, candidate: SearchCandidate, model: TrainedModel, inputs: FinetuneInputs, folder: Path
    ) -> list[Artifact]:
        if not candidate.compress:
            return self._export(candidate, model.path, model.signal, inputs.train, folder)
        name = candidate.compress
        compressed = compress_all([name], model, inputs, folder, NullProgress())[name]
        subset, signal = inputs.train, model.signal
        return self._export(
            candidate, compressed.path, signal, subset, folder, ranges=compressed.ranges
        )

    def _export(
        self,
        candidate: SearchCandidate,
        path: Path,
        signal: Signal,
        subset: Dataset,
        folder: Path,
        windows: int | None = None,
        ranges: Mapping[str, tuple[float, float]] | None = None,
    ) -> list[Artifact]:
        variants = [variant(candidate, scheme) for scheme in candidate.schemes]
        needed = windows or calibration_size(variants) or SIZING
        calibration = calibration_windows(subset, needed, SEED)
        request = ConversionRequest(
            model=path,
            contract=signal,
            variants=variants,
            out=folder / "files",
            name=file_stem(candidate.model),  # the name is in the file, so it counts
            probe=(calibration[:SIZING],),
            calibration=(calibration,),
            ranges=ranges,
            isolated=False,
        )
        return convert_all(request)


def use_one_thread() -> None:
    """Sums of several threads depend on which comes first; TensorFlow takes this once."""
    tf = import_tensorflow()
    if tf.config.threading.get_intra_op_parallelism_threads() != 1:
        try:
            tf.config.threading.set_intra_op_parallelism_threads(1)
            tf.config.threading.set_inter_op_parallelism_threads(1)
        except RuntimeError as error:
            raise EdgeconvError(
                f"TensorFlow runs with several threads already: {error}",
                "set TF_NUM_INTRAOP_THREADS=1",
            ) from error


def _correct(path: Path, signal: Signal, held_out: Dataset, runtime: str) -> NDArray[np.bool_]:
    """Which of the held-out windows a file classifies correctly."""
    probabilities, _ = predict_file(path, signal, held_out.windows, runtime)
    correct: NDArray[np.bool_] = probabilities.argmax(axis=1) == held_out.labels
    return correct


def _measured_sizes(artifacts: list[Artifact]) -> TaskOutcome:
    """Size of each file. MACs are the network's: its schemes share them."""
    macs = max((files.read_graph(a.path).macs or 0 for a in artifacts), default=0)
    return TaskOutcome(bytes={a.scheme: a.bytes for a in artifacts}, macs=macs)
