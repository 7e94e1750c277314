"""A sample of the written run (`python -m tests.same_bytes.run`): two settings, a tiny network."""

from __future__ import annotations

from pathlib import Path

import pytest

from tests.faults.scenarios import RECIPE

from .run import SETTINGS, Setting, commands, differences, digests

VARIANTS = (
    *("--target", "tflite", "--quantize", "int8"),
    *("--target", "coreml", "--quantize", "float16"),
)


@pytest.mark.heavy
def test_everything_that_is_written_is_the_same_in_another_setting(tmp_path: Path) -> None:
    recipe = tmp_path / "recipe.toml"
    recipe.write_text(RECIPE)
    lines = commands(str(recipe), VARIANTS, ["web", "mcu"])
    one, other = (digests(setting, tmp_path, lines) for setting in SETTINGS[:2])
    assert len(one) > 40
    assert differences(one, other) == []


def test_settings_differ_in_everything() -> None:
    one, other, *_ = SETTINGS
    for name in Setting.__dataclass_fields__:
        assert getattr(one, name) != getattr(other, name)


def test_differences_are_seen() -> None:
    one = {"same": "1", "changed": "1", "gone": "1"}
    assert differences(one, {"same": "1", "changed": "2", "new": "1"}) == ["changed", "gone", "new"]
