"""Errors become exit codes in one place."""

from __future__ import annotations

import json
import re
import signal
import subprocess
import sys
from collections.abc import Iterator
from pathlib import Path
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
from tests.json_schemas import valid


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


@pytest.mark.parametrize("option", ["--verbose", "-v"])
def test_the_cause_of_an_error_is_shown_where_that_is_asked_for(
    option: str, tmp_path: Path, capsys: pytest.CaptureFixture[str]
) -> None:
    (tmp_path / "manifest.json").write_text('{"schema_version": 2}')
    words = ["report", str(tmp_path)]
    assert run_app(words) == BadInput.exit_code
    short = capsys.readouterr().err
    assert short.endswith("manifest.json is damaged: 'model' is missing\n  export it again\n")
    assert run_app([*words, option]) == BadInput.exit_code
    long = capsys.readouterr().err
    assert long.startswith(short)
    assert "  caused by KeyError: 'model' (" in long
    assert "manifest.py:" in long
    assert "Traceback" not in long


STRANGERS = (
    ("parity nowhere", 3, "nowhere: no such folder"),
    ("parity walk.csv", 3, "walk.csv is not a bundle: it is not a folder"),
    ("evaluate nowhere --data synthetic", 3, "nowhere: no such file"),
    ("evaluate a.tflite --data csv:nowhere.csv --runtime litter", 2, "unknown runtime 'litter'"),
    ("train --model harr --data csv:nowhere.csv --out out", 2, "unknown model 'harr'"),
    ("run --data csv:nowhere.csv --out out", 3, "nowhere.csv: no such file or folder"),
    ("run zero.toml --out out", 2, "recipe zero.toml: training: epochs must be at least 1"),
    ("hook models/nowhere.tflite", 3, "models/nowhere.tflite: no such file"),
    ("data list --json nowhere/list.json", 3, "name a place in a folder that exists"),
    ("integrate andriod out --out app", 2, "unknown platform 'andriod'"),
    ("data describe csv:", 2, "data specification 'csv:' ends in a colon"),
    ("data fetch motionsens", 2, "'motionsens' cannot be fetched"),
    ("cross-validate har --data csv:nowhere.csv --folds 1", 2, "--folds 1: each fold is evaluated"),
    ("benchmark whar --out nowhere", 2, "nowhere holds no rows yet"),
)
"""What somebody types wrongly, the exit code, and words of the answer."""


@pytest.mark.parametrize(("line", "code", "words"), STRANGERS, ids=[row[0] for row in STRANGERS])
def test_a_strangers_mistake_is_named_once_and_with_its_cure(
    line: str,
    code: int,
    words: str,
    tmp_path: Path,
    monkeypatch: pytest.MonkeyPatch,
    capsys: pytest.CaptureFixture[str],
) -> None:
    monkeypatch.chdir(tmp_path)
    Path("walk.csv").write_text("time,x,y,z\n0,0,0,9.8\n")
    Path("zero.toml").write_text("[training]\nepochs = 0\n")
    assert run_app(line.split()) == code
    said = capsys.readouterr().err
    assert words in said
    assert said.count("error: ") == 1
    message, hint = said.splitlines()[-2:]
    assert message.startswith("error: ")
    assert hint.startswith("  ")
    assert len(hint) > 10


def test_too_little_memory_is_no_bug(tmp_path: Path) -> None:
    file = tmp_path / "raw.txt"
    with file.open("wb") as sparse:
        sparse.truncate(64 << 30)
    script = 'ulimit -v 8000000; exec "$0" -m edgeconv data describe "wisdm:$1"'
    done = subprocess.run(
        ["sh", "-c", script, sys.executable, str(file)], capture_output=True, text=True
    )
    assert done.returncode == 3
    assert "error: this needs more memory than there is" in done.stderr
    assert "Traceback" not in done.stderr


def test_a_package_that_an_import_lacks_is_no_bug(
    monkeypatch: pytest.MonkeyPatch, capsys: pytest.CaptureFixture[str]
) -> None:
    monkeypatch.setattr(cli_app, "app", raising(ModuleNotFoundError("no", name="h5py")))
    assert run_app([]) == MissingDependency.exit_code
    assert capsys.readouterr().err == (
        "error: the package 'h5py' is not installed\n"
        '  install it: pip install "edgeconv[convert]"\n'
    )
    missing = ModuleNotFoundError("no", name="edgeconv.no_such_room")
    monkeypatch.setattr(cli_app, "app", raising(missing))
    assert run_app([]) == 70
    assert "this is a bug in edgeconv" in capsys.readouterr().err


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


def test_every_command_has_an_example(capsys: pytest.CaptureFixture[str]) -> None:
    for words in COMMANDS:
        run_app([*words, "--help"])
        text = capsys.readouterr().out
        shown = " ".join(word for word in words if word != "measure")
        assert f"\n    edgeconv {shown}" in text.partition("Examples:")[2], words


def test_help_of_profile_names_no_hidden_word(capsys: pytest.CaptureFixture[str]) -> None:
    run_app(["profile", "--help"])
    text = capsys.readouterr().out
    assert text.startswith("Usage: edgeconv profile [OPTIONS]")
    assert "measure [" not in text
    assert run_app(["profile", "--fast"]) == 2
    assert "see edgeconv profile --help" in capsys.readouterr().err


def parameters(group: TyperGroup) -> Iterator[tuple[str, str]]:
    """Name and help of every argument and option."""
    for command in group.commands.values():
        if isinstance(command, TyperGroup):
            yield from parameters(command)
        else:
            for one in command.params:
                yield f"{command.name} {one.name}", str(getattr(one, "help", None) or "")


def test_help_is_a_phrase_of_its_own() -> None:
    """No fragments such as "Of --serve."."""
    options = dict(parameters(cast("TyperGroup", get_command(cli_app.app))))
    assert len(options) > 150
    fragment = re.compile(r"(Of|For|With|Without|Instead of|Beyond|Default)\b|[a-z]+[,.]?$")
    odd = {name: text for name, text in options.items() if not text or fragment.match(text)}
    assert odd == {}
    assert [
        name for name, text in options.items() if not text.endswith((".", "(repeatable)."))
    ] == []


@pytest.mark.parametrize(
    ("error", "code"),
    [(BadInput("what", "do this"), 3), (KeyboardInterrupt(), 130), (RuntimeError("x"), 70)],
    ids=lambda value: type(value).__name__,
)
@pytest.mark.parametrize("words", [["--json", "-"], ["--json=-"]], ids=" ".join)
def test_an_error_is_json_where_that_was_asked_for(
    words: list[str],
    error: BaseException,
    code: int,
    monkeypatch: pytest.MonkeyPatch,
    capsys: pytest.CaptureFixture[str],
) -> None:
    monkeypatch.setattr(cli_app, "app", raising(error))
    assert run_app(["run", *words]) == code
    document = valid(json.loads(capsys.readouterr().out))
    assert document["format"] == "edgeconv-error"
    assert document["exit_code"] == code


def test_a_misused_command_is_json_too(tmp_path: Path) -> None:
    file = tmp_path / "error.json"
    assert run_app(["run", "--speed", "--json", str(file)]) == 2
    document = valid(json.loads(file.read_text()))
    assert "--speed" in document["message"]
    assert document["hint"] == "see edgeconv run --help"


@pytest.mark.parametrize(
    "words",
    [["data", "list"], ["data", "describe", "synthetic"], ["doctor"], ["hook"]],
    ids=" ".join,
)
def test_json_of_a_command_is_what_its_schema_says(
    words: list[str], capsys: pytest.CaptureFixture[str]
) -> None:
    assert run_app([*words, "--json", "-"]) == 0
    valid(json.loads(capsys.readouterr().out))


@pytest.mark.parametrize(
    ("words", "hint"),
    [
        (["export", "m.keras", "--out", "o", "--precision", "float16"], "use --quantize;"),
        (["parity", "b", "--golden", "r.json"], "use edgeconv golden check BUNDLE RESULTS;"),
        (["profile", "b", "--quick"], "use --latency-only;"),
    ],
    ids=lambda value: value if isinstance(value, str) else value[-1],
)
def test_a_former_option_names_the_present_one(
    words: list[str], hint: str, capsys: pytest.CaptureFixture[str]
) -> None:
    assert run_app(words) == 2
    assert hint in capsys.readouterr().err


def test_a_close_option_is_suggested(capsys: pytest.CaptureFixture[str]) -> None:
    assert run_app(["export", "m.keras", "--out", "o", "--io", "int8"]) == 2
    assert "--io-type" in capsys.readouterr().err


_STUCK = """
import ctypes, threading
from edgeconv import cli
cli.PATIENCE = 0.2
cli._answer_signals()
libc, mutex = ctypes.CDLL(None), ctypes.create_string_buffer(256)
threading.Timer(0.5, print, ("begun",), {{"flush": True}}).start()  # the code has begun by then
{code}
"""
_NATIVE = "while not libc.pthread_mutex_lock(mutex): pass"
_PYTHON = "while True: pass"


@pytest.mark.parametrize("number", [signal.SIGTERM, signal.SIGHUP, signal.SIGINT])
@pytest.mark.parametrize(
    ("code", "last"), [(_NATIVE, "native code did not come back"), (_PYTHON, "KeyboardInterrupt")]
)
def test_a_signal_ends_native_code_that_never_comes_back(
    code: str, last: str, number: signal.Signals
) -> None:
    process = subprocess.Popen(
        [sys.executable, "-c", _STUCK.format(code=code)],
        stdout=subprocess.PIPE,
        stderr=subprocess.PIPE,
        text=True,
    )
    assert process.stdout is not None
    process.stdout.readline()
    process.send_signal(number)
    _, said = process.communicate(timeout=60)
    assert last in said.splitlines()[-1]
    assert process.returncode in (130, -signal.SIGINT)
