"""Every command that is given recordings checks them first: exit 3, unless the rule is accepted."""

from __future__ import annotations

from pathlib import Path

import pytest

from edgeconv.cli.app import run_app
from tests.unit.datasets.tables.made import people, write

COMMANDS = {
    "train": ["train", "--data", "SPEC", "--out", "OUT"],
    "run": ["run", "--data", "SPEC", "--out", "OUT"],
    "search": ["search", "--data", "SPEC", "--out", "OUT", "--trials", "1"],
    "cross-validate": ["cross-validate", "har", "--data", "SPEC", "--folds", "2"],
}


@pytest.fixture(name="spec")
def spec_(tmp_path: Path) -> str:
    rows = people(2, seconds=5)  # two subjects: too few for every command, found after the rules
    return f"csv:{write(tmp_path / 'g.csv', rows, text=lambda row: row.text(factor=1 / 9.80665))}"


@pytest.mark.parametrize("name", COMMANDS)
@pytest.mark.parametrize(
    ("more", "message"),
    [
        ([], "D101: every subject: gravity has a length of"),
        (["--allow", "D101"], " subject"),
        (["--assume-units"], " subject"),
        (["--allow", "D9"], "no rule D9"),
    ],
)
def test_recordings_are_checked_first(
    name: str,
    more: list[str],
    message: str,
    spec: str,
    tmp_path: Path,
    capsys: pytest.CaptureFixture[str],
) -> None:
    words = [{"SPEC": spec, "OUT": str(tmp_path / "out")}.get(w, w) for w in COMMANDS[name]]
    code = run_app([*words, *more])
    error = next(line for line in capsys.readouterr().err.splitlines() if "error: " in line)
    assert message in error
    assert code in ((2,) if "D9" in more else (3, 2) if more else (3,))
