"""Errors become exit codes in one place."""

from __future__ import annotations

import json
import subprocess
import sys
from collections.abc import Iterator
from typing import cast

import pytest
from typer.core import TyperGroup
from typer.main import get_command

from edgeconv.cli import app as cli_app
from edgeconv.cli.app import run_app
from edgeconv.errors import (
    BadInput,
    EdgeconvError,
    GateFailed,
    MissingDependency,
    Unsupported,
    UsageError,
)


def raising(error: BaseException) -> object:
    def command(*_: object, **__: object) -> int:
        raise error

    return command


@pytest.mark.parametrize(
    ("error", "code"),
    [
        (GateFailed("x"), 1),
        (UsageError("x"), 2),
        (BadInput("x"), 3),
        (Unsupported("x"), 4),
        (MissingDependency("x"), 5),
        (KeyboardInterrupt(), 130),
        (RuntimeError("x"), 70),
    ],
    ids=lambda value: type(value).__name__,
)
def test_each_error_has_its_exit_code(
    error: BaseException,
    code: int,
    monkeypatch: pytest.MonkeyPatch,
    capsys: pytest.CaptureFixture[str],
) -> None:
    monkeypatch.setattr(cli_app, "app", raising(error))
    assert run_app(["run"]) == code
    said = capsys.readouterr().err
    assert ("Traceback" in said) is (code == 70)


def test_a_users_error_is_two_lines(
    monkeypatch: pytest.MonkeyPatch, capsys: pytest.CaptureFixture[str]
) -> None:
    monkeypatch.setattr(cli_app, "app", raising(EdgeconvError("what [x] is wrong", "do this")))
    run_app(["run"])
    assert capsys.readouterr().err == "error: what [x] is wrong\n  do this\n"


@pytest.mark.parametrize(
    "words", [["--help"], ["run", "--help"], ["data", "--help"], ["--version"]]
)
def test_help(words: list[str], capsys: pytest.CaptureFixture[str]) -> None:
    assert run_app(words) == 0
    assert capsys.readouterr().out


def commands(group: TyperGroup, *words: str) -> Iterator[tuple[str, ...]]:
    for name, command in group.commands.items():
        if isinstance(command, TyperGroup):
            yield from commands(command, *words, name)
        else:
            yield (*words, name)


COMMANDS = tuple(commands(cast("TyperGroup", get_command(cli_app.app))))


def test_the_commands_are_found() -> None:
    assert {("run",), ("data", "list"), ("profile", "import"), ("hook",)} <= set(COMMANDS)


@pytest.mark.parametrize("words", COMMANDS, ids=" ".join)
def test_every_command_has_its_output_options(
    words: tuple[str, ...], capsys: pytest.CaptureFixture[str]
) -> None:
    assert run_app([*words, "--help"]) == 0
    said = capsys.readouterr().out
    assert [o for o in ("--json", "--quiet", "--verbose") if o not in said] == []


def test_no_words_show_the_help(capsys: pytest.CaptureFixture[str]) -> None:
    assert run_app([]) == 2
    assert "Usage:" in capsys.readouterr().err


def test_json_on_standard_output_stands_alone() -> None:
    done = subprocess.run(
        [sys.executable, "-m", "edgeconv", "data", "list", "--json", "-"],
        capture_output=True,
        text=True,
        check=True,
    )
    assert done.stdout.startswith("{")
    assert json.loads(done.stdout)["format"] == "edgeconv-datasets"


def test_a_closed_pipe_is_no_error() -> None:
    """`edgeconv data list | head -0`"""
    code = (
        f"{sys.executable} -m edgeconv data list | head -c 1 > /dev/null; exit ${{PIPESTATUS[0]}}"
    )
    done = subprocess.run(["bash", "-c", code], capture_output=True, text=True, check=False)
    assert done.returncode == 0, done.stderr
    assert "Traceback" not in done.stderr
