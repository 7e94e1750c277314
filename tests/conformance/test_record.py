"""What a conformance run writes: no folder of its machine, and which runtime it judged."""

from __future__ import annotations

from pathlib import Path

import pytest

from .record import without_places
from .suites import header, sources_digest


@pytest.mark.parametrize(
    ("text", "written"),
    [
        ("<module 'a' from '/home/x/lib/site-packages/a/b.py'>", "<module 'a' from 'a/b.py'>"),
        ("no file /home/x/model.mlpackage", "no file …/model.mlpackage"),
        ("shapes (2, 3) and/or 4/5, iOS16/macOS13", "shapes (2, 3) and/or 4/5, iOS16/macOS13"),
    ],
)
def test_folders_are_left_out(text: str, written: str) -> None:
    assert without_places(text) == written


def test_a_changed_runtime_begins_a_run_anew(tmp_path: Path) -> None:
    (tmp_path / "ops").mkdir()
    source = tmp_path / "ops" / "conv.py"
    source.write_text("stride = 1\n")
    before = sources_digest(tmp_path)
    assert before == sources_digest(tmp_path)
    source.write_text("stride = 2\n")
    assert sources_digest(tmp_path) != before
    with pytest.raises(AssertionError, match="has no Python files"):
        sources_digest(tmp_path / "absent")
    assert len(header()["runtime"]) == 12
