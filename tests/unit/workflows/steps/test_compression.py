"""Whose recordings a compression learns from, and what is said of what it does not buy.

A teacher's file is used only where it is known which people it has learned from.
"""

from __future__ import annotations

from dataclasses import replace
from pathlib import Path

import pytest

from edgeconv.core import (
    Distillation,
    InputConvention,
    Normalization,
    NullProgress,
    Recipe,
    TrainedModel,
    Training,
)
from edgeconv.datasets import load_dataset
from edgeconv.datasets.splits import split
from edgeconv.errors import BadInput, LeakError, UsageError
from edgeconv.models import build
from edgeconv.recipes import load_recipe, make_variants
from edgeconv.workflows.steps.compression import (
    compression_names,
    find_teacher,
    finetune_inputs_for,
    training_subset,
    warn_of_cost,
)
from edgeconv.workflows.steps.export_options import ExportOptions
from edgeconv.workflows.train import train
from tests.unit.training.small import SIGNAL, dataset, splits, summary

NORMALIZED = replace(
    SIGNAL, sensor=InputConvention.NORMALIZED, normalization=Normalization((0.0,) * 3, (1.0,) * 3)
)
MODEL = TrainedModel(Path("model.keras"), "", NORMALIZED, 1, summary(refitted=True))


class Listener(NullProgress):
    def __init__(self) -> None:
        self.notes: list[str] = []

    def note(self, text: str) -> None:
        self.notes.append(text)


def test_it_learns_from_whom_the_network_was_fitted_on() -> None:
    first = replace(MODEL, training=summary())
    assert training_subset(first, splits()).subject_names == ("1", "2", "3")
    assert training_subset(MODEL, splits()).subject_names == ("1", "2", "3", "4")


def test_a_test_person_among_them_is_a_leak() -> None:
    with pytest.raises(LeakError, match="5"):
        training_subset(MODEL, splits(val=dataset("4", "5")))


def test_a_lone_model_learns_from_the_training_people_of_the_data() -> None:
    """Synthetic recordings have other windows and classes than this model's contract."""
    with pytest.raises(BadInput, match="the model's contract says"):
        finetune_inputs_for(MODEL, None, ExportOptions(data="synthetic"), NullProgress())
    with pytest.raises(UsageError, match="needs recordings"):
        finetune_inputs_for(MODEL, None, ExportOptions(), NullProgress())


def test_what_it_does_not_buy_is_said_with_figures() -> None:
    listener = Listener()
    names = ["prune80", "cluster16", "qat8"]
    variants = make_variants(["tflite"], ["int8"], compressions=names)
    assert compression_names(variants) == names
    warn_of_cost(variants, listener)
    assert [note.partition(":")[0] for note in listener.notes] == [
        *("prune80, cluster16", "cluster16 as int8"),
    ]
    assert "533 kB and 27 µs" in listener.notes[0]
    quiet = Listener()
    warn_of_cost(make_variants(["coreml"], ["float16"], compressions=["prune75"]), quiet)
    warn_of_cost(make_variants(["tflite"], ["int8"]), quiet)
    assert quiet.notes == []


def recipe(refit: bool = False) -> Recipe:
    training = Training(epochs=1, refit=refit)
    return replace(load_recipe("har"), model="cnn:4s4", training=training, variants=())


def test_no_distillation_no_teacher() -> None:
    assert find_teacher(None, split(load_dataset("synthetic"))) is None


def test_a_network_is_named() -> None:
    splits = split(load_dataset("synthetic"))
    assert find_teacher(Distillation("har"), splits) is build("har")
    with pytest.raises(UsageError, match="unknown model"):
        find_teacher(Distillation("nobody"), splits)


def test_a_file_outside_of_a_bundle_is_refused(tmp_path: Path) -> None:
    (tmp_path / "model.keras").write_bytes(b"")
    with pytest.raises(BadInput):
        find_teacher(Distillation(str(tmp_path / "model.keras")), split(load_dataset("synthetic")))


@pytest.mark.heavy
def test_a_student_of_a_file_that_knows_its_judges_is_a_leak(tmp_path: Path) -> None:
    honest = train(recipe(), tmp_path / "honest")
    how = Distillation(str(honest.model.path))
    splits = split(load_dataset("synthetic"))
    assert find_teacher(how, splits) == honest.model.path
    taught = replace(recipe(), training=replace(recipe().training, distillation=how))
    bundle = train(taught, tmp_path / "taught")
    assert bundle.model.training is not None
    assert bundle.model.training.teacher is not None
    assert bundle.model.training.teacher.parameters == honest.model.parameters
    assert load_recipe(str(bundle.path / "manifest.json")).training == taught.training
    knowing = train(recipe(refit=True), tmp_path / "knowing")
    with pytest.raises(LeakError, match="validate or test the student"):
        find_teacher(Distillation(str(knowing.model.path)), splits)
