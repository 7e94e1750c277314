"""Every known app's table loads without renaming a column."""

from __future__ import annotations

from pathlib import Path

import pytest

from edgeconv.datasets import load_dataset
from edgeconv.datasets.tables.apps import LAYOUTS, AppLayout, recognize
from edgeconv.datasets.tables.schema import Scale
from tests.unit.datasets.tables.made import walk

WITH_GRAVITY = [layout for layout in LAYOUTS if not layout.warning]


def test_recognize_takes_no_table_with_the_documented_columns() -> None:
    assert recognize(["subject", "activity", "timestamp", "x", "y", "z"]) is None
    assert recognize(["a", "b"]) is None


@pytest.mark.parametrize("layout", LAYOUTS, ids=lambda layout: layout.app)
def test_recognize_every_layout_by_its_columns(layout: AppLayout) -> None:
    found = recognize([*layout.columns.values(), "something else"])
    assert found is not None
    assert found.app == layout.app


@pytest.mark.parametrize("layout", WITH_GRAVITY, ids=lambda layout: layout.app)
def test_a_folder_of_an_apps_files_loads(layout: AppLayout, tmp_path: Path) -> None:
    ticks = {"s": 1.0, "ms": 1e3}[layout.timestamp_unit]
    factor = 1 / Scale(layout.unit, layout.sign).factor
    header = ",".join(layout.columns.values())
    for subject in ("anna", "ben"):
        for activity in ("Walking", "Sitting"):
            rows = [
                ",".join(str(v) for v in (r.time * ticks, *(a * factor for a in (r.x, r.y, r.z))))
                for r in walk(subject, activity)
            ]
            file = tmp_path / f"{subject}_{activity}.csv"
            file.write_text("\n".join([header, *rows]) + "\n")
    toml = [
        'file_name = "{subject}_{activity}.csv"',
        f'unit = "{layout.unit}"',
        f'sign = "{layout.sign}"',
        f'timestamp_unit = "{layout.timestamp_unit}"',
    ]
    (tmp_path / "recordings.toml").write_text("\n".join(toml))
    data = load_dataset(f"csv:{tmp_path}")
    assert (data.subject_names, data.signal.labels) == (("anna", "ben"), ("Sitting", "Walking"))
    assert len(data) == 4 * 3
    assert layout.app in data.report.notes[0]
