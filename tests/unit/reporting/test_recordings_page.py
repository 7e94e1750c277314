"""The page of a data set: one small file that holds what it is for, whatever the names are."""

from __future__ import annotations

from dataclasses import replace
from pathlib import Path

from edgeconv.core import Dataset
from edgeconv.datasets import load_dataset
from edgeconv.reporting.recordings_page import render_recordings
from tests.unit.datasets.tables.made import Row, people, write
from tests.unit.datasets.tables.six_channels import write_six


def page(dataset: Dataset) -> str:
    return render_recordings(dataset, dataset.report.findings)


def test_everything_is_on_the_page(tmp_path: Path) -> None:
    rows = [Row(r.subject, r.activity, r.time, *(v / 9.80665 for v in (r.x, r.y, r.z)))
            if r.subject == "p4" else r for r in people(4)]  # fmt: skip
    text = page(load_dataset(f"csv:{write(tmp_path / 'a.csv', rows)}", refuse=False))
    for words in ("D101", "subject p4", "unit = &#34;g&#34;", "Gravity of p4", "16 s in"):
        assert words in text
    assert text.count('class="trace"') == 8
    assert "http" not in text.replace("http-equiv", "")


def test_six_channels_are_drawn_by_sensor(tmp_path: Path) -> None:
    text = page(load_dataset(f"csv:{write_six(tmp_path / 'a.csv')}"))
    assert text.count('class="trace"') == 3 * 2 * 2
    assert "gx, gy, gz" in text


def test_names_are_text_and_never_markup(tmp_path: Path) -> None:
    evil = '<script>alert("x")</script>'
    data = load_dataset(f"csv:{write(tmp_path / 'a.csv', people(3))}")
    recordings = tuple(replace(r, subject=f"{evil}{r.subject}") for r in data.recordings)
    signal = replace(data.signal, labels=(evil, "Walking"))
    text = page(replace(data, recordings=recordings, signal=signal))
    assert "<script" not in text
    assert "&lt;script&gt;" in text


def test_a_large_data_set_stays_small() -> None:
    data = load_dataset("synthetic")
    many = tuple(replace(r, subject=f"{r.subject}-{n}") for n in range(12) for r in data.recordings)
    large = replace(data, recordings=many, index=data.index)
    assert len(page(large).encode()) < 1_000_000
