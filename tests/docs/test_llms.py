"""llms.txt lists every page of the documentation, and nothing that is not there."""

from __future__ import annotations

import re
from pathlib import Path

import pytest
import write_llms

ROOT = Path(__file__).resolve().parents[2]


def links(text: str) -> set[str]:
    """The targets of a document's links."""
    return set(re.findall(r"^- \[[^\]]+\]\(([^)]+)\)", text, re.MULTILINE))


def test_every_page_is_listed_and_no_other() -> None:
    listed = links((ROOT / "llms.txt").read_text("utf-8"))
    pages = {path.relative_to(ROOT).as_posix() for path in ROOT.glob("docs/*/*.md")}
    assert pages <= listed, "run: python tools/write_reference.py"
    assert [name for name in sorted(listed) if not (ROOT / name).is_file()] == []


def test_document_has_the_form_that_readers_expect() -> None:
    first, _, third, *rest = write_llms.document().splitlines()
    assert first == "# edgeconv"
    assert third.startswith("> edgeconv takes a Keras model")
    assert [line for line in rest if line.startswith("## ")] == [
        f"## {name}" for name in write_llms.SECTIONS
    ]


@pytest.mark.parametrize(
    ("text", "sentence"),
    [
        ("# T\n\nOne sentence. Another one.\n", "One sentence."),
        ("# T\n\nA [link](x.md#y) and **more**:\n\n- a\n", "A link and more"),
        ("# T\n\n```bash\nNot prose\n```\n\nProse follows here. x\n", "Prose follows here."),
        ("# T\n\nedgeconv does it. More.\n", "edgeconv does it."),
        ("# T\n", ""),
    ],
)
def test_first_sentence(text: str, sentence: str) -> None:
    assert write_llms.first_sentence(text) == sentence
