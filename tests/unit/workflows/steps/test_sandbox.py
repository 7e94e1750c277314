"""Commands on files that no manifest vouches for survive those that kill LiteRT."""

from __future__ import annotations

from pathlib import Path

import pytest

from edgeconv.core import InputConvention
from edgeconv.errors import BadInput
from edgeconv.workflows.evaluate import evaluate
from edgeconv.workflows.profile import profile
from edgeconv.workflows.steps.sandbox import probe_untrusted
from tests.unit.runtimes.test_crash_probe import crashing


@pytest.fixture
def crash(tmp_path: Path) -> Path:
    return crashing(tmp_path / "crash.tflite")


def test_a_foreign_file_is_tried(crash: Path) -> None:
    with pytest.raises(BadInput, match="crashes"):
        probe_untrusted(crash)


def test_commands_try_it_before_they_open_it(crash: Path) -> None:
    with pytest.raises(BadInput, match="crashes"):
        evaluate(crash, "synthetic", sensor=InputConvention.ANDROID)
    with pytest.raises(BadInput, match="crashes"):
        profile([crash], runs=1)


def test_other_kinds_and_absent_files_are_left_to_others(tmp_path: Path) -> None:
    probe_untrusted(tmp_path / "absent.tflite")
    probe_untrusted(tmp_path / "model.keras")
