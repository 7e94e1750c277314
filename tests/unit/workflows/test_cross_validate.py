"""Sweeps, the journal of folds, their tracking, and windows that no fit recognizes."""

from __future__ import annotations

import csv
from dataclasses import replace
from pathlib import Path
from xml.etree import ElementTree

import numpy as np
import pytest

from edgeconv.core import NULL_PROGRESS, Dataset, NullProgress, Recipe
from edgeconv.datasets.in_memory import dataset_from_arrays
from edgeconv.environment import versions
from edgeconv.errors import BadInput, UsageError
from edgeconv.reporting.comparisons import comparison_rows, headings
from edgeconv.search.mlflow_experiment import KEY
from edgeconv.search.tracking import FoldTracker
from edgeconv.training.fold_results import CrossValidation, FoldAccuracy, FoldRun, macro_f1
from edgeconv.workflows.cross_validate import (
    Sweep,
    grid,
    unrecognized_windows,
    with_settings,
    write_sweep,
)
from edgeconv.workflows.steps.fold_runs import (
    FoldJournal,
    FoldOutcome,
    FoldTask,
    FoldTrainer,
    Where,
    run_folds,
)

RECIPE = Recipe("small", model="cnn:4")


def dataset() -> Dataset:
    """Six windows of three subjects: a, b, a, b, a, b."""
    windows = np.random.default_rng(0).normal((0.0, 9.8, 0.0), 1.0, (6, 80, 3))
    return dataset_from_arrays(windows, list("ababab"), list("112233"))


def trainer(*recipes: Recipe) -> FoldTrainer:
    return FoldTrainer(dataset(), recipes or (RECIPE,), (("1",), ("2", "3")), 1)


def outcome(fold: int, predicted: tuple[int, ...], seed: int = 0) -> FoldOutcome:
    part = dataset().of_subjects(trainer().groups[fold])
    answers = np.array(predicted)
    confusion = np.zeros((2, 2), int)
    np.add.at(confusion, (part.labels, answers), 1)
    run = FoldRun(
        fold=fold,
        seed=seed,
        test_subjects=part.subject_names,
        val_subjects=(),
        accuracy=FoldAccuracy.of(answers, part),
        confusion=tuple(map(tuple, confusion.tolist())),
        epochs=2,
        parameters=10,
        seconds=0.5,
    )
    return FoldOutcome(run, predicted, ({"loss": 2.0}, {"loss": 1.0}))


OUTCOMES = {
    FoldTask(0, 0, 0): outcome(0, (1, 1)),
    FoldTask(0, 1, 0): outcome(1, (0, 1, 1, 0)),
    FoldTask(0, 0, 1): outcome(0, (0, 0), 1),
    FoldTask(0, 1, 1): outcome(1, (0, 0, 1, 0), 1),
}


class Notes(NullProgress):
    """Keeps what is said."""

    def __init__(self) -> None:
        self.lines: list[str] = []

    def note(self, text: str) -> None:
        self.lines.append(text)


def result(outcomes: dict[FoldTask, FoldOutcome], name: str = "small") -> CrossValidation:
    runs = tuple(each.run for each in outcomes.values())
    return CrossValidation(name, "cnn:4", "arrays", 2, ("a", "b"), runs)


def test_every_combination_of_settings() -> None:
    settings = ["training.epochs=1,2", "model=har,cnn:8", "training.augmentation.mixup=0.0"]
    changes = grid(settings)
    assert len(changes) == 4
    changed = [with_settings(RECIPE, each) for each in changes]
    assert [(r.training.epochs, r.model) for r in changed] == [
        *[(1, "har"), (1, "cnn:8"), (2, "har"), (2, "cnn:8")]
    ]
    assert changed[0].training.augmentation is not None
    assert changed[0].training.augmentation.mixup == 0
    assert changed[0].name == "small training.epochs=1 model=har training.augmentation.mixup=0.0"
    assert grid([]) == ({},)


@pytest.mark.parametrize(
    ("settings", "word"),
    [
        (["training.epochs"], "not KEY=VALUE"),
        (["=3"], "not KEY=VALUE"),
        (["seed=1", "seed=2"], "given twice"),
        (["training.epoch=1"], "no key 'epoch'"),
        (["tuning.epochs=1"], "no table 'tuning'"),
        (["training.epochs=many"], "must be a whole number"),
        (["training.epochs=0"], "at least 1"),
        (["data=wisdm:other"], "cannot change data"),
        (["windowing.window=40"], "cannot change windowing"),
        (["profile_runs=3"], "cannot change profile_runs"),
    ],
)
def test_wrong_settings_are_refused(settings: list[str], word: str) -> None:
    with pytest.raises(UsageError, match=word):
        [with_settings(RECIPE, each) for each in grid(settings)]


def test_windows_that_no_fit_recognized(tmp_path: Path) -> None:
    windows = unrecognized_windows(trainer(), OUTCOMES)
    assert [(w.number, w.subject, w.label, w.answers) for w in windows] == [
        (4, "3", "a", ("b",)),
        (5, "3", "b", ("a",)),
    ]
    write_sweep(Sweep((result(OUTCOMES),), windows, 6), tmp_path)
    with (tmp_path / "unrecognized.csv").open() as file:
        rows = list(csv.DictReader(file))
    assert [row["answers"] for row in rows] == ["b", "a"]
    assert "| small | 0.438 " in (tmp_path / "results.md").read_text()
    assert ElementTree.parse(tmp_path / "results.svg").getroot().tag.endswith("svg")


def test_losses_are_paired_by_subject() -> None:
    worse = {task: replace(o, run=o.run) for task, o in OUTCOMES.items() if task.seed == 0}
    better = result({t: o for t, o in OUTCOMES.items() if t.seed == 1}, "other")
    same_seed = replace(better, runs=tuple(replace(run, seed=0) for run in better.runs))
    comparison = result(worse).compared_with(same_seed).comparison
    assert comparison is not None
    assert comparison.by_subject == {"1": 0.0, "2": 0.5, "3": 0.0}
    assert comparison.worst_loss == ("3", 0.0)
    row = comparison_rows([result(worse).compared_with(same_seed)])[0]
    assert (row[3], row[4], row[6]) == ("0.000", "0.000 (3)", "+0.0 (3)")


def test_macro_f1_counts_classes_that_occur_or_were_answered() -> None:
    assert macro_f1(((2, 0, 0), (1, 1, 0), (0, 0, 0))) == pytest.approx((4 / 5 + 2 / 3) / 2)
    assert macro_f1(((1, 1), (0, 0))) == pytest.approx((2 / 3 + 0) / 2)


def test_folds_of_a_journal_are_not_run_again(tmp_path: Path) -> None:
    """With one subject to train on, whatever is not in the journal cannot be run."""
    both, path = trainer(), tmp_path / "folds.jsonl"
    tasks = [FoldTask(0, fold, 0) for fold in (0, 1)]
    journal = FoldJournal.open(path)
    for task in tasks:
        journal.add(both.identity(task), OUTCOMES[task], {"recipe": "small"})
    where = Where(journal=path)
    assert run_folds(both, tasks, where, NULL_PROGRESS) == {t: OUTCOMES[t] for t in tasks}
    lines = path.read_text().splitlines()
    path.write_text(lines[0] + "\n" + lines[1][:40])  # as after a kill
    with pytest.raises(UsageError, match="val-subjects"):
        run_folds(both, tasks, where, NULL_PROGRESS)
    assert path.read_text() == lines[0] + "\n"
    path.write_text("{}\n")
    with pytest.raises(BadInput, match="line 1 is damaged"):
        FoldJournal.open(path)


def test_folds_of_other_versions_are_refused(tmp_path: Path) -> None:
    one, task, path = trainer(), FoldTask(0, 0, 0), tmp_path / "folds.jsonl"
    where, now = Where(journal=path), versions(FoldTrainer.packages)
    assert {"edgeconv", "keras", "numpy"} <= now.keys()
    journal = FoldJournal.open(path)
    journal.add(one.identity(task), OUTCOMES[task], {"versions": now | {"keras": "2.15.0"}})
    wanted = f"keras 2.15.0, not {now['keras']}"
    with pytest.raises(BadInput, match=wanted):
        run_folds(one, [task], where, NULL_PROGRESS)
    journal.add(one.identity(task), OUTCOMES[task], {"versions": now})
    assert run_folds(one, [task], where, NULL_PROGRESS) == {task: OUTCOMES[task]}


def test_folds_without_versions_are_named(tmp_path: Path) -> None:
    one, task, path = trainer(), FoldTask(0, 0, 0), tmp_path / "folds.jsonl"
    FoldJournal.open(path).add(one.identity(task), OUTCOMES[task], {})
    notes = Notes()
    run_folds(one, [task], Where(journal=path), notes)
    assert "does not say which versions of the packages made 1 of its fits" in notes.lines[0]


def test_a_fold_is_known_by_what_it_depends_on() -> None:
    task = FoldTask(0, 0, 0)
    known = trainer().identity(task)
    assert trainer(replace(RECIPE, name="renamed", profile_runs=1)).identity(task) == known
    for other in (replace(RECIPE, model="cnn:8"), with_settings(RECIPE, {"training.epochs": 3})):
        assert trainer(other).identity(task) != known
    assert trainer().identity(replace(task, seed=1)) != known


@pytest.mark.filterwarnings("ignore::ResourceWarning")
def test_folds_are_read_back_by_mlflows_client(tmp_path: Path) -> None:
    mlflow = pytest.importorskip("mlflow")
    uri = f"sqlite:///{tmp_path / 'mlflow.db'}"
    for _ in range(2):  # the second time it is there already
        tracker = FoldTracker(uri, "arrays")
        fold = OUTCOMES[FoldTask(0, 1, 0)]
        tracker.log("abc", replace(RECIPE, seed=3), fold.run, fold.history, "f" * 64)
    client = mlflow.tracking.MlflowClient(tracking_uri=uri)
    experiment = client.get_experiment_by_name("arrays").experiment_id
    (run,) = client.search_runs([experiment])
    assert (run.data.tags[KEY], run.data.tags["data_sha256"]) == ("abc", "f" * 64)
    assert run.data.params["training.augmentation.mixup"] == "0.2"
    assert run.data.metrics["accuracy"] == 0.5
    history = client.get_metric_history(run.info.run_id, "epoch_loss")
    assert [(m.step, m.value) for m in history] == [(1, 2.0), (2, 1.0)]
    assert list((tmp_path / "mlartifacts").rglob("fold.json"))


def test_one_fold_gives_no_verdict_and_the_heading_names_the_baseline() -> None:
    one = result({FoldTask(0, 0, 0): OUTCOMES[FoldTask(0, 0, 0)]})
    other = replace(one, recipe="larger").compared_with(one)
    assert comparison_rows([other])[0][5] == "+0.00 (one fold: no interval)"
    assert headings([one, other])[5] == "against small (points)"


def test_options_of_an_executor_need_one() -> None:
    with pytest.raises(UsageError, match="for an --executor"):
        Where(workers=2)
    with pytest.raises(UsageError, match="to --executor ray only"):
        Where("local", address="ray://here")
