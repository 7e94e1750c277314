"""Files that are no tables are named for what they are; text in other encodings is read."""

from __future__ import annotations

import gzip
import tarfile
import zipfile
from pathlib import Path

import pytest

from edgeconv.datasets import load_dataset
from edgeconv.datasets.tables.sources import find_tables, open_table
from edgeconv.errors import BadInput, UsageError
from tests.unit.datasets.tables.made import HEADER, Row, people, walk, write

TEXT = "subject,activity,timestamp,x,y,z\np1,Walking,0.0,0.1,9.8,0.2\n"


def refused(path: Path) -> str:
    with pytest.raises(BadInput) as error, open_table(path):
        pass
    return f"{error.value.message} | {error.value.hint}"


def test_find_tables_of_a_file_a_folder_and_a_pattern(tmp_path: Path) -> None:
    for name in ("b.csv", "a.csv.gz", ".hidden.csv", "notes.md", "a.csv.gz.toml"):
        (tmp_path / name).write_text(TEXT)
    (tmp_path / "deeper").mkdir()
    (tmp_path / "deeper" / "c.txt").write_text(TEXT)
    assert find_tables(tmp_path / "notes.md") == (tmp_path / "notes.md",)
    assert [p.name for p in find_tables(tmp_path)] == ["a.csv.gz", "b.csv", "c.txt"]
    assert [p.name for p in find_tables(tmp_path / "*.csv*")] == [
        ".hidden.csv",
        "a.csv.gz",
        "b.csv",
    ]


def test_find_tables_says_what_is_missing(tmp_path: Path) -> None:
    with pytest.raises(UsageError, match="needs a path"):
        find_tables(None)
    with pytest.raises(BadInput, match="no such file"):
        find_tables(tmp_path / "nowhere.csv")
    with pytest.raises(BadInput, match="holds no table"):
        find_tables(tmp_path)
    with pytest.raises(BadInput, match="no file matches"):
        find_tables(tmp_path / "*.csv")


def test_archives_and_workbooks_are_named_with_their_content(tmp_path: Path) -> None:
    with zipfile.ZipFile(tmp_path / "a.csv", "w") as archive:
        archive.writestr("walk.csv", TEXT)
    assert "a zip archive; it holds walk.csv" in refused(tmp_path / "a.csv")
    with zipfile.ZipFile(tmp_path / "b.csv", "w") as archive:
        archive.writestr("xl/workbook.xml", "<x/>")
    assert "an Excel workbook" in refused(tmp_path / "b.csv")
    (tmp_path / "walk.csv").write_text(TEXT)
    with tarfile.open(tmp_path / "c.tar", "w") as tar:
        tar.add(tmp_path / "walk.csv", "walk.csv")
    assert "a tar archive; it holds walk.csv" in refused(tmp_path / "c.tar")
    (tmp_path / "d.csv").write_bytes(b"SQLite format 3\0" + bytes(100))
    assert "a SQLite database" in refused(tmp_path / "d.csv")


@pytest.mark.parametrize("encoding", ["utf-8", "utf-8-sig", "utf-16", "utf-16-le", "utf-16-be"])
def test_encodings_are_read(tmp_path: Path, encoding: str) -> None:
    file = tmp_path / "a.csv"
    file.write_bytes(TEXT.encode(encoding))
    with open_table(file) as table:
        assert table.head == TEXT
        assert table.readable.read_text("utf-8-sig") == TEXT


def test_gzip_is_read_and_its_damage_named(tmp_path: Path) -> None:
    packed = gzip.compress(TEXT.encode() * 50)
    (tmp_path / "a.csv").write_bytes(packed)
    with open_table(tmp_path / "a.csv") as table:
        assert table.head.startswith(TEXT)
    (tmp_path / "b.csv.gz").write_bytes(packed[:-20])
    assert "damaged gzip" in refused(tmp_path / "b.csv.gz")


def test_bytes_that_are_no_text_are_named_by_their_line(tmp_path: Path) -> None:
    file = tmp_path / "a.csv"
    file.write_bytes(TEXT.encode() + "p1,Gehen über,0.1,1,2,3\n".encode("latin-1"))
    assert "line 3 is not UTF-8 text; it may be Latin-1" in refused(file)
    file.write_bytes(TEXT.encode() + bytes(512))
    assert "NUL bytes from line 3 on" in refused(file)
    file.write_text(" \n")
    assert "is empty" in refused(file)


@pytest.mark.parametrize(
    ("end", "cut"),
    [("9.7134\n", 0), ("9.7134", 0), ("9.71", 1), ("9", 1), ("-9.", 1), ("10.1234", 0)],
)
def test_a_file_that_ends_inside_a_number(tmp_path: Path, end: str, cut: int) -> None:
    rows = walk()
    text = "\n".join([HEADER, *map(Row.text, rows)])
    file = tmp_path / "a.csv"
    file.write_text(text[: text.rindex(",") + 1] + end)
    report = load_dataset(f"csv:{file}").report
    assert sum(count for why, count in report.dropped.items() if "cut off" in why) == cut
    assert report.kept == len(rows) - cut


def test_a_file_that_ends_inside_a_word_or_a_whole_number(tmp_path: Path) -> None:
    lines = [f"{r.text()},{'left' if n % 2 else 'right'}" for n, r in enumerate(walk())]
    file = tmp_path / "a.csv"
    file.write_text("\n".join([f"{HEADER},device", *lines])[:-2])
    assert any("cut off" in why for why in load_dataset(f"csv:{file}", refuse=False).report.dropped)
    whole = [
        ",".join(r.text().split(",")[:3]) + f",{r.x:.2f},{r.y:.2f},98{n % 7:02}"
        for n, r in enumerate(walk())
    ]
    file.write_text("\n".join([HEADER, *whole])[:-2])
    assert any("cut off" in why for why in load_dataset(f"csv:{file}", refuse=False).report.dropped)


@pytest.mark.parametrize("end", ["\r\r\n", "\n\r"])
def test_mixed_line_ends(tmp_path: Path, end: str) -> None:
    plain = write(tmp_path / "a.csv", people())
    mixed = tmp_path / "b.csv"
    mixed.write_bytes(plain.read_bytes().replace(b"\n", end.encode()))
    one, other = (load_dataset(f"csv:{file}") for file in (plain, mixed))
    assert one.sha256 == other.sha256


def test_a_gzip_file_by_another_name(tmp_path: Path) -> None:
    plain = write(tmp_path / "a.csv", people())
    packed = tmp_path / "b.csv"
    packed.write_bytes(gzip.compress(plain.read_bytes()))
    one, other = (load_dataset(f"csv:{file}") for file in (plain, packed))
    assert one.sha256 == other.sha256
