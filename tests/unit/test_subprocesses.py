"""Work in a Python process of its own."""

from __future__ import annotations

import subprocess
from pathlib import Path

import pytest

from edgeconv.subprocesses import run_module


def test_words_in_output_and_exit_code_out() -> None:
    done = run_module("json.tool", "--no-such-option", seconds=60)
    assert done.returncode == 2
    assert "--no-such-option" in done.stderr
    assert run_module("platform", "terse", seconds=60).stdout.strip()


def test_the_working_folder_is_no_place_to_import_from(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    (tmp_path / "platform.py").write_text("raise SystemExit('taken from the working folder')")
    monkeypatch.chdir(tmp_path)
    assert run_module("platform", seconds=60).returncode == 0


def test_what_takes_too_long_is_killed() -> None:
    with pytest.raises(subprocess.TimeoutExpired):
        run_module("http.server", "0", seconds=0.01)
