"""The TOML beside a table: every key checked, every message with its file."""

from __future__ import annotations

from pathlib import Path

import pytest

from edgeconv.datasets.tables.schema import Scale
from edgeconv.datasets.tables.schema_file import read_schema, stray_toml
from edgeconv.errors import BadInput


def schema(tmp_path: Path, toml: str) -> object:
    (tmp_path / "a.csv").write_text("x\n")
    (tmp_path / "a.csv.toml").write_text(toml)
    return read_schema(tmp_path / "a.csv")


def test_read_schema_of_every_key(tmp_path: Path) -> None:
    (tmp_path / "a.csv.toml").write_text(
        "\n".join(
            [
                'subject = "p1"',
                'unit = "mg"',
                'sign = "ios"',
                'timestamp_unit = "ms"',
                'labels = ["Walking", "Sitting"]',
                'drop_labels = ["Other"]',
                "lost_values = [-999, 1e39]",
                'allow = ["D103"]',
                "[columns]",
                'activity = "label"',
                'recording = "trial"',
                "[rename_labels]",
                'walk = "Walking"',
                "[keep]",
                'device = ["phone"]',
                "side = 1",
                "[subjects.p4]",
                "counts_per_g = 128",
            ]
        )
    )
    read = read_schema(tmp_path / "a.csv")
    assert read.columns == {
        **{"activity": "label", "timestamp": "timestamp", "x": "x", "y": "y", "z": "z"},
        "recording": "trial",
    }
    assert read.constants == {"subject": "p1"}
    assert read.scale.factor == pytest.approx(-9.80665e-3)
    assert read.subject_scales["p4"].factor == pytest.approx(-9.80665 / 128)
    assert (read.lost_values, read.keep["side"], read.allow) == ((-999, 1e39), ("1",), ("D103",))


def test_a_mark_at_the_start_of_the_toml_is_accepted(tmp_path: Path) -> None:
    (tmp_path / "a.csv.toml").write_text('unit = "g"', "utf-8-sig")
    assert read_schema(tmp_path / "a.csv").scale == Scale("g")


def test_the_toml_of_a_folder_and_one_of_another_name(tmp_path: Path) -> None:
    (tmp_path / "walk.toml").write_text("")
    assert stray_toml(tmp_path / "walk.csv") == tmp_path / "walk.toml"
    (tmp_path / "recordings.toml").write_text('unit = "g"')
    assert read_schema(tmp_path / "walk.csv").scale.unit == "g"


def test_from_file_name(tmp_path: Path) -> None:
    (tmp_path / "recordings.toml").write_text('file_name = "{subject}_{activity}*.csv"')
    read = read_schema(tmp_path / "anna_Walking-2024.csv")
    assert "subject" not in read.columns
    assert read.from_file_name(Path("anna_Walking.csv")) == {
        "subject": "anna",
        "activity": "Walking",
    }
    with pytest.raises(BadInput, match="does not fit file_name"):
        read.from_file_name(Path("anna.csv"))


@pytest.mark.parametrize(
    ("toml", "word"),
    [
        ("unit = ", "not a TOML file"),
        ('unit = "feet"', "possible: m/s"),
        ('colour = "red"', "unknown keys colour"),
        ("counts_per_g = -1", "counts_per_g"),
        ('unit = "g"\ncounts_per_g = 128', "both unit and counts_per_g"),
        ("rate_hz = 3", "10 to 2000"),
        ('rate_hz = 50\ntimestamp_unit = "s"', "both rate_hz"),
        ('labels = ["A", "A"]', "twice"),
        ("lost_values = -999", "list of numbers"),
        ('columns = "x"', "must map roles"),
        ('[columns]\nx = "y"', "two roles share"),
        ('[columns]\nw = "y"', "unknown roles"),
        ('subject = "p"\n[columns]\nsubject = "who"', "another source"),
        ('file_name = "{who}.csv"', "unknown roles in file_name"),
        ('file_name = "walk.csv"', "name each role once"),
        ('[subjects.p1]\ncolour = "red"', "unknown keys in"),
        ("[keep]\ndevice = []", "give values"),
    ],
)
def test_read_schema_refuses(tmp_path: Path, toml: str, word: str) -> None:
    with pytest.raises(BadInput) as error:
        schema(tmp_path, toml)
    assert word in f"{error.value.message} {error.value.hint}"
    assert "a.csv.toml" in error.value.message
