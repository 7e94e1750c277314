"""Commands, options and Python names that the documentation uses exist."""

from __future__ import annotations

import re
from functools import cache
from pathlib import Path
from typing import Any

import pytest

import edgeconv

ROOT = Path(__file__).resolve().parents[2]
PAGES = sorted(
    {*ROOT.glob("*.md"), *ROOT.glob("docs/**/*.md"), *ROOT.glob("samples/**/*.md")}
    - {ROOT / "CHANGELOG.md", ROOT / "docs" / "glossary.md"}  # they name what is gone, too
)
FENCE = re.compile(r"^```(\w*)\n(.*?)^```", re.MULTILINE | re.DOTALL)
INLINE = re.compile(r"`(edgeconv [^`]+)`")
OPTION = re.compile(r"(?<![\w-])--[a-z][a-z-]+")
PYTHON_NAME = re.compile(r"\b(?<!com\.)edgeconv\.([A-Za-z_]\w*)")
MODULES = {"toml"}  # not names: `edgeconv.json` in files, `import edgeconv.x`


@cache
def root() -> Any:
    from typer.main import get_command

    from edgeconv.cli.app import app

    return get_command(app)


def shown_lines(text: str) -> list[str]:
    """The command lines in the blocks of a page, without comments and continued lines joined."""
    shell = [block for language, block in FENCE.findall(text) if language in ("", "bash", "text")]
    blocks = [block.replace("\\\n", " ") for block in shell]
    lines = [line.removeprefix("$ ") for block in blocks for line in block.splitlines()]
    return [re.sub(r"\s#.*", "", line) for line in lines if line.startswith("edgeconv ")]


def command_lines(text: str) -> list[str]:
    """Every command line of a page, in blocks and in sentences."""
    inline = [" ".join(found.split()) for found in INLINE.findall(FENCE.sub("", text))]
    return [*shown_lines(text), *(re.sub(r"\s#.*", "", line) for line in inline)]


def problems(line: str) -> list[str]:
    """What a command line names and the program does not have."""
    command, words = root(), line.split()[1:]
    while words and not words[0].startswith("-") and getattr(command, "commands", None):
        if words[0] not in command.commands:
            break
        command = command.commands[words.pop(0)]
    if command is root():
        known = not words or words[0].startswith("-") or words[0] in ("COMMAND", "…")
        return [] if known else [f"no command '{words[0]}': {line}"]
    if getattr(command, "commands", None) and hasattr(command, "default"):
        command = command.commands[command.default]
    options = {"--help"}
    for each in (command, *getattr(command, "commands", {}).values()):
        options |= {name for parameter in each.params for name in parameter.opts}
    return [f"no option {name}: {line}" for name in OPTION.findall(line) if name not in options]


@pytest.mark.parametrize("page", PAGES, ids=lambda path: str(path.relative_to(ROOT)))
def test_commands_exist(page: Path) -> None:
    lines = command_lines(page.read_text("utf-8"))
    assert [problem for line in lines for problem in problems(line)] == []


def test_wrong_commands_are_found() -> None:
    assert problems("edgeconv parity B --gate a=1 --layers") == []
    assert problems("edgeconv unheard-of") == ["no command 'unheard-of': edgeconv unheard-of"]
    assert problems("edgeconv parity B --io int8") == [
        "no option --io: edgeconv parity B --io int8"
    ]


@pytest.mark.parametrize("page", PAGES, ids=lambda path: str(path.relative_to(ROOT)))
def test_python_names_exist(page: Path) -> None:
    text = page.read_text("utf-8")
    modules = {path.stem for path in (ROOT / "edgeconv").iterdir()}
    names = {name for name in PYTHON_NAME.findall(text) if name not in modules | MODULES}
    suffixes = {"json", "contract", "unit"}  # of files and of fields in Core ML's metadata
    assert sorted(names - set(edgeconv.__all__) - suffixes) == []
