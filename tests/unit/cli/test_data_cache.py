"""`edgeconv data cache`: what is kept is shown, and removed if asked."""

from __future__ import annotations

import json
from pathlib import Path

import pytest

from edgeconv.cli.app import run_app
from edgeconv.datasets import sample_cache
from edgeconv.errors import UsageError
from tests.unit.datasets.tables.made import people, write


def test_what_is_kept_is_shown_and_removed(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch, capsys: pytest.CaptureFixture[str]
) -> None:
    monkeypatch.setenv(sample_cache.FOLDER, str(tmp_path / "cache"))
    monkeypatch.setattr(sample_cache, "SMALLEST", 0)
    table = write(tmp_path / "walk.csv", people(2, seconds=10))
    assert run_app(["data", "describe", f"csv:{table}"]) == 0
    capsys.readouterr()
    assert run_app(["data", "cache"]) == 0
    assert "walk.csv" in capsys.readouterr().out
    assert run_app(["data", "cache", "--clear", "--json", "-"]) == 0
    answer = json.loads(capsys.readouterr().out)
    assert answer["freed"] > 0
    assert answer["kept"] == []
    monkeypatch.setenv(sample_cache.FOLDER, "off")
    assert run_app(["data", "cache"]) == 0
    assert "switched off" in capsys.readouterr().out
    assert run_app(["data", "cache", "--clear"]) == UsageError.exit_code
