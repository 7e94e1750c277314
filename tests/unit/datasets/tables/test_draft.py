"""The TOML that `data init` writes makes the table load as it was recorded."""

from __future__ import annotations

from pathlib import Path

import pytest

from edgeconv.datasets import load_dataset
from edgeconv.datasets.tables.draft import draft_schema
from edgeconv.errors import BadInput
from tests.unit.datasets.tables.made import Row, people, write


@pytest.mark.parametrize(
    ("unit", "factor"), [("m/s^2", 1.0), ("g", 1 / 9.80665), ("mg", 1000 / 9.80665)]
)
@pytest.mark.parametrize(("ticks", "stamp_unit"), [(1.0, "s"), (1e3, "ms"), (1e9, "ns")])
def test_draft_schema_tells_unit_and_clock(
    tmp_path: Path, unit: str, factor: float, ticks: float, stamp_unit: str
) -> None:
    def text(row: Row) -> str:
        return row.text(f"{row.time * ticks:.3f}", factor)

    header = "participant,label,epoch,acc_x,acc_y,acc_z"
    file = write(tmp_path / "rec.csv", people(), text=text, header=header)
    draft = draft_schema(file)
    assert draft.doubts == ()
    draft.path.write_text(draft.text)
    data = load_dataset(f"csv:{file}")
    plain = load_dataset(f"csv:{write(tmp_path / 'plain.csv', people())}")
    assert data.windows == pytest.approx(plain.windows, abs=0.02)
    assert (data.subject_names, data.signal.labels) == (plain.subject_names, plain.signal.labels)


def test_draft_schema_marks_what_it_cannot_tell(tmp_path: Path) -> None:
    rows = [row.text(f"{n}") for n, row in enumerate(people(1))]
    file = tmp_path / "rec.csv"
    file.write_text("\n".join(["a,b,t,x,y,z", *rows]) + "\n")
    draft = draft_schema(file)
    assert any("count rows" in doubt for doubt in draft.doubts)
    assert any("subject" in doubt for doubt in draft.doubts)


def test_draft_schema_refuses_a_table_without_axes(tmp_path: Path) -> None:
    file = tmp_path / "rec.csv"
    file.write_text("when,heart_rate,steps\n1,70,3\n2,71,4\n")
    with pytest.raises(BadInput, match="no column looks like x, y, z"):
        draft_schema(file)
