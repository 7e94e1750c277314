"""A sample of the written run (`python -m tests.same_bytes.run`): two settings, a tiny network."""

from __future__ import annotations

import re
from pathlib import Path

import pytest

from tests.architecture.rules import package_sources
from tests.faults.scenarios import RECIPE

from .run import SETTINGS, Setting, Work, begin, compare, differences, digests

VARIANTS = ("--target", "tflite", "--target", "coreml", "--quantize", "int8")


@pytest.mark.heavy
def test_everything_that_is_written_is_the_same_in_another_setting(tmp_path: Path) -> None:
    recipe = tmp_path / "recipe.toml"
    recipe.write_text(RECIPE)
    work = Work(str(recipe), VARIANTS, ("web", "ios"))
    reference = begin(work, SETTINGS[0], tmp_path)
    assert len(digests(reference)) > 100
    assert compare(work, SETTINGS[1], tmp_path, reference) == []


def test_settings_differ_in_everything() -> None:
    one, other, *_ = SETTINGS
    for name in Setting.__dataclass_fields__:
        assert getattr(one, name) != getattr(other, name)


CLOCK = re.compile(
    r"\btime\.(time|time_ns|localtime|gmtime|ctime|strftime)\(|\b(datetime|date)\.(now|utcnow|today)\("
)


def test_no_module_asks_what_time_it_is() -> None:
    """So a clock that jumps changes nothing: durations are measured with a monotonic one."""
    assert CLOCK.search("until = time.time() + 5")
    assert [name for name, source in package_sources().items() if CLOCK.search(source)] == []


def test_differences_are_seen() -> None:
    one = {"same": "1", "changed": "1", "gone": "1"}
    assert differences(one, {"same": "1", "changed": "2", "new": "1"}) == ["changed", "gone", "new"]
