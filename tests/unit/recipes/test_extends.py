"""`extends`: a recipe that names another one and says only what differs."""

from __future__ import annotations

from dataclasses import replace
from pathlib import Path

import pytest

from edgeconv.core import Augmentation, Training
from edgeconv.errors import UsageError
from edgeconv.recipes import load_recipe


def write(folder: Path, text: str, name: str = "mine.toml") -> Path:
    path = folder / name
    path.write_text(text, "utf-8")
    return path


def test_tables_are_merged_and_variants_replaced(tmp_path: Path) -> None:
    text = """
extends = "har"
[training]
epochs = 3
[training.augmentation]
mixup = 0.0
[[variants]]
target = "tflite"
scheme = "int8"
"""
    recipe, base = load_recipe(write(tmp_path, text)), load_recipe("har")
    augmentation = replace(Augmentation(), mixup=0.0)
    assert recipe.training == replace(base.training, epochs=3, augmentation=augmentation)
    assert [v.scheme for v in recipe.variants] == ["int8"]
    assert (recipe.name, recipe.model) == ("mine", "har")


def test_a_table_can_be_switched_off(tmp_path: Path) -> None:
    text = 'extends = "har"\n[training]\naugmentation = false\n'
    assert load_recipe(write(tmp_path, text)).training.augmentation is None


def test_a_file_beside_is_extended(tmp_path: Path) -> None:
    write(tmp_path, 'extends = "student"\nseed = 7\n', "base.toml")
    recipe = load_recipe(write(tmp_path, 'extends = "base.toml"\nprofile_runs = 9\n'))
    assert (recipe.seed, recipe.profile_runs, recipe.model) == (7, 9, "student")


def test_the_student_differs_from_har_in_what_it_says() -> None:
    har, student, smallest = map(load_recipe, ("har", "student", "student-coreml"))
    longer = replace(har.training, epochs=400, learning_rate=0.003)
    augmentation = replace(Augmentation(), mixup=0.0)
    assert student.training == replace(longer, augmentation=augmentation)
    assert smallest.training == student.training
    assert load_recipe("compress").training == har.training == Training()


@pytest.mark.parametrize(
    ("text", "message"),
    [
        ("extends = 3\n", "is not a string"),
        ('extends = "absent"\n', "absent"),
        ('extends = "mine.toml"\n', "is circular"),
        ('extends = "har"\n[training]\nepoch = 3\n', "unknown key 'epoch'"),
    ],
)
def test_what_cannot_be_extended(tmp_path: Path, text: str, message: str) -> None:
    with pytest.raises(UsageError, match=message):
        load_recipe(write(tmp_path, text))
