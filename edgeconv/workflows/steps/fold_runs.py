"""The folds of a cross-validation as tasks: here or on an executor, kept in a journal, tracked."""

from __future__ import annotations

import hashlib
import json
import tempfile
import time
from collections.abc import Mapping, Sequence
from dataclasses import dataclass, field, replace
from functools import cached_property
from pathlib import Path
from typing import TYPE_CHECKING, Any, ClassVar

from edgeconv.compression import compress
from edgeconv.core import NULL_PROGRESS, Dataset, Progress, Recipe, Splits, TrainedModel
from edgeconv.core.json_codec import damage, decode_fields, encode, encode_fields
from edgeconv.datasets.splits import split
from edgeconv.environment import versions
from edgeconv.errors import BadInput, UsageError
from edgeconv.models import build
from edgeconv.plugins import import_tensorflow
from edgeconv.runtimes.predict import predict_file
from edgeconv.search.candidates import TaskOutcome
from edgeconv.search.executors import open_executor
from edgeconv.search.tracking import FoldTracker
from edgeconv.training import train
from edgeconv.training.cross_validation import draw_subjects, evaluate_fold, uses_last_epoch
from edgeconv.training.fold_results import FoldAccuracy, FoldRun
from edgeconv.workflows.steps.compression import find_teacher, training_subset

if TYPE_CHECKING:
    import numpy as np
    from numpy.typing import NDArray

FINETUNED = "fine-tuned"  # as a compression is, but without any
_VALIDATION_SEED = 100
_PACKAGES = ("edgeconv", "tensorflow", "keras", "numpy", "scipy")
"""Whose versions a fit may differ with."""
_SETTINGS = ("model", "windowing", "training", "compression", "labels")
"""What a fold's outcome depends on of a recipe."""


@dataclass(frozen=True)
class FoldTask:
    """One fold of one seed of one of the recipes."""

    recipe: int
    fold: int
    seed: int

    @property
    def key(self) -> str:
        return f"{self.recipe}/{self.fold}/{self.seed}"


@dataclass(frozen=True)
class FoldOutcome:
    """What a fold gave.

    Attributes:
        predicted: class number of each window of the held-out subjects, in their order.
        history: of every epoch.
    """

    run: FoldRun
    predicted: tuple[int, ...] = ()
    history: tuple[dict[str, float], ...] = ()


@dataclass(frozen=True)
class Where:
    """Where folds run, and where they are kept.

    Attributes:
        executor: `local` or `ray`; empty: in this process, one after the other.
        workers: of the executor; None: one for each core.
        address: of a Ray cluster.
        journal: a file with a line for each fold that ended; they are not run again.
        tracking_uri: of MLflow; empty: nothing is tracked.
    """

    executor: str = ""
    workers: int | None = None
    address: str = ""
    journal: Path | None = None
    tracking_uri: str = ""

    def __post_init__(self) -> None:
        if not self.executor and (self.workers or self.address):
            raise UsageError("--workers and --address are for an --executor", "add one")
        if self.address and self.executor != "ray":
            raise UsageError("--address applies to --executor ray only", "leave it out")


@dataclass(frozen=True, eq=False)
class FoldTrainer:
    """Carries out the tasks of a cross-validation; travels to workers with its data.

    Attributes:
        recipes: those that tasks count.
        groups: the subjects of each fold.
        val_subjects: how many subjects validate a fit that chooses its epoch.
        compress: compressions to evaluate too.
        packages: distributions whose versions a fit may differ with.
    """

    packages: ClassVar[tuple[str, ...]] = _PACKAGES
    dataset: Dataset
    recipes: tuple[Recipe, ...]
    groups: tuple[tuple[str, ...], ...]
    val_subjects: int
    compress: tuple[str, ...] = ()

    def __call__(self, task: FoldTask) -> FoldOutcome:
        splits = self.splits(task.fold)
        return _run_fold(splits, self.recipe_of(task), task.fold, self.compress)

    def recipe_of(self, task: FoldTask) -> Recipe:
        """The recipe of a task with its seed."""
        return replace(self.recipes[task.recipe], seed=task.seed)

    def splits(self, fold: int) -> Splits:
        """The parts of a fold; `val` is for a recipe that chooses its epoch."""
        others = [s for s in self.dataset.subject_names if s not in self.groups[fold]]
        if self.val_subjects >= len(others):
            raise UsageError(
                f"--val-subjects {self.val_subjects} leaves none of {len(others)} subjects to "
                "train on",
                "use fewer of them, or more folds",
            )
        val = draw_subjects(others, self.val_subjects, _VALIDATION_SEED + fold)
        return split(self.dataset, test_subjects=self.groups[fold], val_subjects=val)

    def identity(self, task: FoldTask) -> str:
        """Digest of everything that the outcome of a task depends on."""
        recipe = encode(self.recipe_of(task))
        identity = {name: recipe[name] for name in _SETTINGS}
        identity |= {"seed": task.seed, "subjects": self._digest, "test": self.groups[task.fold]}
        identity |= {"val": self.val_subjects, "compress": self.compress, "fold": task.fold}
        return hashlib.sha256(json.dumps(identity, sort_keys=True).encode()).hexdigest()[:16]

    @cached_property
    def _digest(self) -> str:
        return self.dataset.sha256


@dataclass
class FoldJournal:
    """Outcomes in a file of lines, so that a run that was stopped goes on where it was.

    Attributes:
        versions: of the packages that made each outcome; a line of an older edgeconv says none.
    """

    path: Path | None
    outcomes: dict[str, FoldOutcome] = field(default_factory=dict)
    versions: dict[str, dict[str, str]] = field(default_factory=dict)

    @classmethod
    def open(cls, path: Path | None) -> FoldJournal:
        """Read what is there; a last line that was cut off is dropped.

        Raises:
            BadInput: a line is damaged.
        """
        outcomes: dict[str, FoldOutcome] = {}
        made_with: dict[str, dict[str, str]] = {}
        text = path.read_text("utf-8") if path is not None and path.is_file() else ""
        for number, line in enumerate(text.splitlines(keepends=True), 1):
            if not line.endswith("\n"):
                break
            try:
                entry = json.loads(line)
                outcomes[entry["key"]] = decode_fields(FoldOutcome, entry["outcome"])
                made_with[entry["key"]] = dict(entry.get("versions", {}))
            except (OverflowError, ValueError, KeyError, TypeError) as error:
                raise BadInput(
                    f"{path}, line {number} is damaged: {damage(error)}", "remove that line"
                ) from error
        if path is not None and text and not text.endswith("\n"):
            path.write_text(text[: text.rfind("\n") + 1], "utf-8")
        return cls(path, outcomes, made_with)

    def check(self, keys: Sequence[str], now: Mapping[str, str], progress: Progress) -> None:
        """Refuse fits that other versions of the packages made than those of this run.

        Raises:
            BadInput: a fit would be compared with fits of other versions.
        """
        silent = 0
        for key in keys:
            then = self.versions.get(key, {})
            silent += not then
            changed = [name for name in then if then[name] != now.get(name)]
            if changed:
                words = (f"{name} {then[name]}, not {now.get(name, 'none')}" for name in changed)
                raise BadInput(
                    f"{self.path} holds fits that other versions made: {'; '.join(words)}",
                    "install those versions again, or give another --out: no table mixes them",
                )
        if silent:
            progress.note(
                f"{self.path} does not say which versions of the packages made {silent} of its "
                "fits: an older edgeconv wrote them"
            )

    def add(self, key: str, outcome: FoldOutcome, more: Mapping[str, Any]) -> None:
        """Keep an outcome for good."""
        self.outcomes[key] = outcome
        if self.path is None:
            return
        line = json.dumps({"key": key, **more, "outcome": encode_fields(outcome)})
        self.path.parent.mkdir(parents=True, exist_ok=True)
        with self.path.open("a", encoding="utf-8") as file:
            file.write(line + "\n")


def run_folds(
    trainer: FoldTrainer, tasks: Sequence[FoldTask], where: Where, progress: Progress
) -> dict[FoldTask, FoldOutcome]:
    """Carry out tasks that the journal does not hold yet; the outcome of every task.

    Raises:
        EdgeconvError: as training raises them, or an executor that cannot be used.
        BadInput: other versions of the packages made fits of the journal.
    """
    journal = FoldJournal.open(where.journal)
    names = [recipe.name for recipe in trainer.recipes]
    tracker = FoldTracker(where.tracking_uri, trainer.dataset.name) if where.tracking_uri else None
    outcomes: dict[FoldTask, FoldOutcome] = {}

    def ended(task: FoldTask, outcome: FoldOutcome) -> None:
        outcomes[task] = outcome
        run, recipe = outcome.run, trainer.recipe_of(task)
        note = f"{names[task.recipe]}, fold {task.fold}, seed {task.seed}: accuracy "
        progress.update(len(outcomes), len(tasks), f"{note}{run.accuracy.overall:.4f}")
        if tracker is not None:
            tracker.log(
                trainer.identity(task), recipe, run, outcome.history, trainer.dataset.sha256
            )

    now = versions(trainer.packages)
    keys = [key for task in tasks if (key := trainer.identity(task)) in journal.outcomes]
    journal.check(keys, now, progress)
    waiting = []
    for task in tasks:
        known = journal.outcomes.get(trainer.identity(task))
        if known is None:
            waiting.append(task)
        else:
            ended(task, known)
    if ready := len(tasks) - len(waiting):
        progress.note(f"{ready} of {len(tasks)} fits stand in {where.journal}")
    for task, outcome in _carried_out(trainer, waiting, where):
        more = {"recipe": names[task.recipe], "versions": now}
        journal.add(trainer.identity(task), outcome, more)
        ended(task, outcome)
    return {task: outcomes[task] for task in tasks}


def _carried_out(trainer: FoldTrainer, tasks: Sequence[FoldTask], where: Where) -> Any:
    if not where.executor:
        for task in tasks:
            yield task, trainer(task)
        return
    executor = open_executor(where.executor, trainer, where.workers, where.address)
    try:
        for task in tasks:
            executor.submit(task)
        for _ in tasks:
            task, outcome = executor.collect()
            if isinstance(outcome, TaskOutcome):
                raise BadInput(
                    f"fold {task.fold} with seed {task.seed}: {outcome.failed}",
                    "use fewer --workers; folds that ended stand in the journal",
                )
            yield task, outcome
    finally:
        executor.close()


def _run_fold(splits: Splits, recipe: Recipe, fold: int, compress_: tuple[str, ...]) -> FoldOutcome:
    """Train on the other folds and evaluate on the held-out subjects."""
    import numpy as np

    began = time.perf_counter()
    training, network, test = recipe.training, build(recipe.model), splits.test
    teacher = find_teacher(training.distillation, splits)
    compressed: dict[str, FoldAccuracy] = {}
    if uses_last_epoch(training) and not compress_:
        import_tensorflow()
        from edgeconv.training.subjects import concat_datasets

        others = concat_datasets(splits.train, splits.val)
        result = evaluate_fold(network, others, test, training, recipe.seed, teacher=teacher)
        predicted, epochs, parameters = result.predicted, len(result.history), result.parameters
        history = result.history
    else:
        with tempfile.TemporaryDirectory(prefix="edgeconv-fold-") as folder:
            model = train(network, splits, training, Path(folder), recipe.seed, teacher=teacher)
            predicted = _predict(model.path, model, test)
            compressed = _compress(model, splits, recipe, compress_, Path(folder))
            history = _history(Path(folder))
        assert model.training is not None
        epochs, parameters = model.training.epochs, model.parameters
    confusion = np.zeros((len(test.signal.labels),) * 2, int)
    np.add.at(confusion, (test.labels, predicted), 1)
    run = FoldRun(
        fold=fold,
        seed=recipe.seed,
        test_subjects=test.subject_names,
        val_subjects=splits.val.subject_names,
        accuracy=FoldAccuracy.of(predicted, test),
        confusion=tuple(map(tuple, confusion.tolist())),
        epochs=epochs,
        parameters=parameters,
        seconds=round(time.perf_counter() - began, 1),
        compressed=compressed,
    )
    return FoldOutcome(run, tuple(predicted.tolist()), history)


def _history(folder: Path) -> tuple[dict[str, float], ...]:
    """What `train` wrote of each epoch, figures only."""
    path = folder / "training" / "history.json"
    epochs = json.loads(path.read_text("utf-8")) if path.is_file() else []
    return tuple(
        {k: float(v) for k, v in epoch.items() if isinstance(v, int | float)} for epoch in epochs
    )


def _compress(
    model: TrainedModel, splits: Splits, recipe: Recipe, names: tuple[str, ...], folder: Path
) -> dict[str, FoldAccuracy]:
    """Accuracy after fine-tuning without compression, and after each compression."""
    if not names:
        return {}
    from edgeconv.compression.model_file import open_network, save
    from edgeconv.training.fit import make_finetune

    subset, seed = training_subset(model, splits), recipe.seed
    finetune = make_finetune(
        subset, model.signal, recipe.training, recipe.compression, seed, NULL_PROGRESS
    )
    network = open_network(model.path, seed)
    finetune(network)
    path = folder / "fine-tuned.keras"
    save(network, model.path, path)
    accuracies = {FINETUNED: FoldAccuracy.of(_predict(path, model, splits.test), splits.test)}
    for name in names:
        path = folder / f"{name}.keras"
        compress(name, model, subset, finetune, path, seed, NULL_PROGRESS)
        predicted = _predict(path, model, splits.test)
        accuracies[name] = FoldAccuracy.of(predicted, splits.test)
    return accuracies


def _predict(path: Path, model: TrainedModel, test: Dataset) -> NDArray[np.int64]:
    """The class number that a saved file gives each window."""
    probabilities, _ = predict_file(path, model.signal, test.windows, "keras")
    predicted: NDArray[np.int64] = probabilities.argmax(axis=1)
    return predicted
