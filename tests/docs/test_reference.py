"""The generated parts of docs/reference are those that the code gives today."""

from __future__ import annotations

from pathlib import Path

import pytest
from write_reference import BLOCKS, REFERENCE, generated, names_in, with_blocks

PAGES = sorted(REFERENCE.glob("*.md"))


@pytest.fixture(scope="module")
def blocks() -> dict[str, str]:
    return generated()


@pytest.mark.parametrize("path", PAGES, ids=lambda path: path.name)
def test_reference_is_current(path: Path, blocks: dict[str, str]) -> None:
    page = path.read_text("utf-8")
    assert page == with_blocks(page, blocks), "run: python tools/write_reference.py"


def test_every_block_is_on_a_page() -> None:
    assert sorted(name for path in PAGES for name in names_in(path.read_text())) == sorted(BLOCKS)
