"""`edgeconv init`: a recipe that explains itself."""

from __future__ import annotations

import re
from dataclasses import fields
from pathlib import Path

import pytest

from edgeconv.cli.app import run_app
from edgeconv.core import Augmentation, Distillation, FinetuneConfig, Recipe, Training, Variant
from edgeconv.recipes import commented_recipe, load_recipe


def test_init_writes_the_default_recipe(tmp_path: Path) -> None:
    file = tmp_path / "mine.toml"
    assert run_app(["init", str(file)]) == 0
    assert load_recipe(str(file)) == load_recipe("har")


def test_init_replaces_no_file_without_force(
    tmp_path: Path, capsys: pytest.CaptureFixture[str]
) -> None:
    file = tmp_path / "mine.toml"
    file.write_text("name = 'mine'\n")
    assert run_app(["init", str(file)]) == 2
    assert "--force" in capsys.readouterr().err
    assert file.read_text() == "name = 'mine'\n"
    assert run_app(["init", str(file), "--force"]) == 0
    assert file.read_text() == commented_recipe()


def test_init_writes_toml_only(tmp_path: Path, capsys: pytest.CaptureFixture[str]) -> None:
    assert run_app(["init", str(tmp_path / "mine.txt")]) == 2
    assert "mine.toml" in capsys.readouterr().err


@pytest.mark.parametrize(
    "kind", [Recipe, Training, Augmentation, Distillation, FinetuneConfig, Variant]
)
def test_every_key_is_there(kind: type) -> None:
    text = commented_recipe()
    missing = [
        field.name
        for field in fields(kind)
        if not re.search(rf"^(# )?(\[*\w*\.?)?{field.name}( =|\]+$)", text, re.MULTILINE)
    ]
    assert missing == []


def test_every_value_is_the_default() -> None:
    """A key that a recipe leaves out has the value that stands in this one."""
    recipe = load_recipe("har")
    assert recipe.training == Training()
    assert recipe.compression == FinetuneConfig()
    assert (recipe.data, recipe.model, recipe.seed, recipe.profile_runs) == (
        Recipe("x").data,
        Recipe("x").model,
        Recipe("x").seed,
        Recipe("x").profile_runs,
    )


def test_the_keys_that_are_off_can_be_switched_on(tmp_path: Path) -> None:
    head, _, tail = commented_recipe().partition("# One table for each file")
    on = re.sub(r"^# (?=\[training\.dist|\w+ = .*#)", "", head, flags=re.MULTILINE)
    file = tmp_path / "on.toml"
    file.write_text(on + tail[tail.index("[[variants]]") :])
    recipe = load_recipe(str(file))
    assert recipe.training.distillation == Distillation()
    assert set(recipe.gates) == {"top1_agreement", "accuracy_drop", "max_drop", "confidence"}
