"""What a conformance run writes: no folder of its machine, and which runtime it judged."""

from __future__ import annotations

from pathlib import Path

import pytest

from .record import Results, Row, Writer, without_places
from .suites import Module, header, sources_digest
from .summarise import Summary


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


def test_a_case_that_could_not_predict_counts_as_it_went_again(tmp_path: Path) -> None:
    module = Module("torch", "converters/mil/frontend/torch/test/test_torch_ops.py")
    first = [
        Row("passed", "passed", 1),
        Row("broken", "failed", 0, reason="TypeError: only 0-dimensional arrays"),
        Row("wrong", "failed", 1, reason="AssertionError"),
        Row("hopeless", "failed", 0, reason="NameError"),
    ]
    again = [
        Row("broken", "passed", 1),
        Row("wrong", "passed", 1),  # it predicted the first time, so that time counts
        Row("hopeless", "failed", 0, reason="NameError"),
    ]
    for name, numpy, rows in (
        (module.file, "2.4", first),
        (module.file_again("numpy-2.3"), "2.3", again),
    ):
        Writer(tmp_path / name).begin({"collected": 4, "numpy": numpy}, rows)
    summary = Summary.read(module, tmp_path)
    assert [row.outcome for row in summary.rows] == ["passed", "passed", "failed", "failed"]
    assert summary.counts() == {
        "collected": 4,
        "predicted": 3,
        "passed": 2,
        "excluded": 0,
        "failed": 1,
        "no prediction": 1,
        "not run": 0,
    }
    assert Results.read(tmp_path / module.file) is not None
