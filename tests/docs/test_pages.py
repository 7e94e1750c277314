"""What holds for every page: a width that a diff can show, and references that exist."""

from __future__ import annotations

import re
import subprocess
from pathlib import Path

import pytest

ROOT = Path(__file__).resolve().parents[2]
WIDTH = 110
MENTION = re.compile(r"(?<![\w/.-])(docs/[\w/-]+\.md|tests/[\w/]+\.(?:py|toml)|tools/[\w/]+\.py)")
WRITTEN_BY_A_RUN = "docs/measurements/conformance.md"  # holds the messages of other programs


def tracked(*patterns: str) -> list[Path]:
    """The text files of the repository that match."""
    command = ["git", "ls-files", "--cached", "--others", "--exclude-standard", *patterns]
    listed = subprocess.run(command, cwd=ROOT, capture_output=True, text=True, check=True)
    return [ROOT / name for name in listed.stdout.split() if (ROOT / name).is_file()]


def wide_lines(text: str) -> list[int]:
    """The numbers of prose lines that are too wide; a table's row cannot be broken."""
    lines = enumerate(text.splitlines(), start=1)
    return [number for number, line in lines if len(line) > WIDTH and "|" not in line[:4]]


def missing_files(text: str) -> list[str]:
    """Files of the repository that a text names and that are not there."""
    return [name for name in MENTION.findall(text) if not (ROOT / name).is_file()]


PAGES = [path for path in tracked("*.md") if "templates/" not in str(path)]


@pytest.mark.parametrize("page", PAGES, ids=lambda path: str(path.relative_to(ROOT)))
def test_page_width(page: Path) -> None:
    if page != ROOT / WRITTEN_BY_A_RUN and page.name != "CHANGELOG.md":
        assert wide_lines(page.read_text("utf-8")) == []


def test_wide_lines_are_found() -> None:
    assert wide_lines("short\n" + "x" * 111 + "\n| " + "x" * 200) == [2]


@pytest.mark.parametrize("folder", ["edgeconv", "docs", "samples", "benchmarks", "tools", "tests"])
def test_named_files_exist(folder: str) -> None:
    texts = tracked(f"{folder}/*.py", f"{folder}/*.md", f"{folder}/*.toml", f"{folder}/*.yml")
    assert texts
    missing = {
        str(path.relative_to(ROOT)): names
        for path in texts
        if path != Path(__file__) and (names := missing_files(path.read_text("utf-8")))
    }
    assert missing == {}


def test_missing_files_are_found() -> None:
    assert missing_files("see docs/absent.md and docs/index.md") == ["docs/absent.md"]
