"""Write llms.txt, the list of the documentation for language models: `python tools/write_llms.py`.

The format is that of https://llmstxt.org: a title, a summary, and lists of links with a line each.
Titles are those of the pages; the line is a page's first sentence.
"""

from __future__ import annotations

import re
import sys
from pathlib import Path

ROOT = Path(__file__).resolve().parent.parent
TARGET = ROOT / "llms.txt"
SECTIONS = {
    "Start": (
        "README.md",
        "docs/install.md",
        "docs/quickstart.md",
        "docs/glossary.md",
        "AGENTS.md",
    ),
    "How-to guides": ("docs/how-to/*.md",),
    "Reference": ("docs/reference/*.md",),
    "Explanation": ("docs/explanation/*.md",),
    "Measurements": ("docs/measurements/*.md",),
    "Optional": ("ARCHITECTURE.md", "CONTRIBUTING.md", "SECURITY.md", "CHANGELOG.md"),
}
SUMMARY = """\
# edgeconv

> edgeconv takes a Keras model to TFLite, Core ML, Core AI and ONNX files for phones, proves that
> each file behaves like the float model, measures it, and writes packages for iOS, Android, web
> and microcontrollers. Core ML files are checked on Linux; a sensor contract travels with a model.

Exit codes have a fixed meaning and every command has `--json`. A check that did not run is
`not_run`, never a pass. AGENTS.md says how to use and how to change the project.
"""


def main() -> int:
    TARGET.write_text(document(), "utf-8")
    return 0


def document() -> str:
    """The whole file."""
    return "\n".join([SUMMARY, *(section(name, SECTIONS[name]) for name in SECTIONS)])


def section(name: str, patterns: tuple[str, ...]) -> str:
    """A heading and a line for each page."""
    pages = [page for pattern in patterns for page in sorted(ROOT.glob(pattern))]
    lines = "".join(f"- {entry(page)}\n" for page in pages)
    return f"## {name}\n\n{lines}"


def entry(page: Path) -> str:
    """The link of one page, with its first sentence."""
    text = page.read_text("utf-8")
    heading = re.search(r"^# (.+)$", text, re.MULTILINE)
    title = heading[1] if heading else page.stem
    link = f"[{title}]({page.relative_to(ROOT).as_posix()})"
    sentence = first_sentence(text)
    return f"{link}: {sentence}" if sentence else link


def first_sentence(text: str) -> str:
    """The first sentence of prose below the title, without links; empty where there is none."""
    for block in re.split(r"\n\s*\n", text):
        if re.match(r"edgeconv |[A-Z*`“\"]", block.strip()) and not block.startswith("```"):
            plain = re.sub(r"!?\[([^\]]*)\]\([^)]*\)", r"\1", " ".join(block.split()))
            plain = plain.replace("**", "")
            return re.split(r"(?<=[.:?!])\s", plain, maxsplit=1)[0].rstrip(":")
    return ""


if __name__ == "__main__":
    sys.exit(main())
