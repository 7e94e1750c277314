"""A teacher's file is used only where it is known which people it has learned from."""

from __future__ import annotations

from dataclasses import replace
from pathlib import Path

import pytest

from edgeconv.core import Distillation, Recipe, Training
from edgeconv.datasets import load_dataset
from edgeconv.datasets.splits import split
from edgeconv.errors import BadInput, LeakError, UsageError
from edgeconv.models import build
from edgeconv.recipes import load_recipe
from edgeconv.workflows.steps.teacher import find_teacher
from edgeconv.workflows.train import train


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
