"""Tables in other texts are read as they would be from a CSV file."""

from __future__ import annotations

import json
from collections.abc import Callable
from dataclasses import asdict
from pathlib import Path

import pytest
from hypothesis import given
from hypothesis import strategies as st

from edgeconv.datasets import load_dataset
from edgeconv.datasets.tables.rewritten import rewritten
from edgeconv.errors import BadInput
from tests.unit.datasets.tables.made import HEADER, Row, people, write

P = people()
RECORDS = [
    {k: round(v, 4) if isinstance(v, float) else v for k, v in asdict(r).items()}
    | {"timestamp": r.time}
    for r in P
]
NAMES = HEADER.split(",")


def nested(record: dict[str, object]) -> dict[str, object]:
    inner = {axis: record[axis] for axis in "xyz"}
    return {name: record[name] for name in NAMES[:3]} | {"acc": inner}


def cells(row: Row) -> list[str]:
    return row.text().split(",")


FORMS: dict[str, Callable[[], str]] = {
    "records": lambda: json.dumps(RECORDS),
    "records under a key": lambda: json.dumps({"version": 2, "data": RECORDS}),
    "a record a line": lambda: "\n".join(map(json.dumps, RECORDS)),
    "columns": lambda: json.dumps({name: [r[name] for r in RECORDS] for name in NAMES}),
    "blanks between columns": lambda: "\n".join(
        "  ".join(f"{cell:>9}" for cell in row) for row in (NAMES, *map(cells, P))
    ),
    "quoted lines": lambda: "\n".join(f'"{line}"' for line in (HEADER, *map(Row.text, P))),
    "lines that end in ;": lambda: "\n".join(f"{line};" for line in (HEADER, *map(Row.text, P))),
}


@pytest.mark.parametrize("form", FORMS)
def test_the_same_windows(tmp_path: Path, form: str) -> None:
    file = tmp_path / "other.txt"
    file.write_text(FORMS[form]())
    one = load_dataset(f"csv:{write(tmp_path / 'a.csv', P)}")
    assert load_dataset(f"csv:{file}").sha256 == one.sha256


def test_nested_readings_are_named_by_both_names(tmp_path: Path) -> None:
    file = tmp_path / "a.json"
    file.write_text(json.dumps(list(map(nested, RECORDS))))
    file.with_name("a.json.toml").write_text('[columns]\nx = "acc.x"\ny = "acc.y"\nz = "acc.z"\n')
    one = load_dataset(f"csv:{write(tmp_path / 'a.csv', P)}")
    assert load_dataset(f"csv:{file}").sha256 == one.sha256


def test_json_that_is_cut_off(tmp_path: Path) -> None:
    file = tmp_path / "a.json"
    file.write_text(json.dumps(RECORDS)[:-30])
    with pytest.raises(BadInput, match="damaged or cut off"):
        load_dataset(f"csv:{file}")


def test_empatica_tells_start_and_rate_in_two_lines(tmp_path: Path) -> None:
    copy = tmp_path / "copy.csv"
    start = ", ".join(["1544027337.000000"] * 3)
    lines = f"{start}\n32.0, 32.0, 32.0\n1,2,63\n2,1,62\n"
    assert rewritten(tmp_path / "ACC.csv", lines, iter(lines.splitlines(keepends=True)), copy)
    assert copy.read_text().splitlines() == [
        "timestamp,x,y,z",
        "1544027337.000000,1,2,63",
        "1544027337.031250,2,1,62",
    ]


def test_the_time_since_boot_of_an_esp32(tmp_path: Path) -> None:
    copy = tmp_path / "copy.csv"
    lines = "I (1000) imu: x=0.1 y=9.8 z=0.2\nI (1020) imu: x=0.2 y=9.7 z=0.3\n"
    assert rewritten(tmp_path / "a.log", lines, iter(lines.splitlines(keepends=True)), copy)
    assert copy.read_text().splitlines() == [
        "time_ms,x,y,z",
        "1000,0.1,9.8,0.2",
        "1020,0.2,9.7,0.3",
    ]


PAIRS = ["rssi: -60", "x=0.1 y=9.8 z=0.2", "x=0.2 y=9.7 z=0.3", *["x=0.3 y=9.6 z=0.1"] * 9]


def rewritten_pairs(tmp_path: Path, lines: list[str]) -> list[str]:
    text, copy = "\n".join(lines), tmp_path / "copy.csv"
    assert rewritten(tmp_path / "a.log", text, iter(text.splitlines(keepends=True)), copy)
    return copy.read_text().splitlines()


def test_a_line_that_lost_a_reading_is_a_row_with_a_blank(tmp_path: Path) -> None:
    lines = [*PAIRS[1:4], "y=9.7 z=0.3", PAIRS[0], *PAIRS[4:]]
    rows = rewritten_pairs(tmp_path, lines)
    assert rows[0] == "x,y,z"
    assert rows[4] == ",9.7,0.3"
    assert len(rows) == len(lines)  # without the message, with the names


def test_two_sensors_in_turn_are_not_one(tmp_path: Path) -> None:
    lines = [f"{sensor} {line}" for line in PAIRS[1:] for sensor in ("acc:", "gyr:")]
    with pytest.raises(BadInput, match="line 2: 'gyr' stands before the same names as 'acc'"):
        rewritten_pairs(tmp_path, lines)


@given(st.lists(st.text(st.sampled_from('ab1.:= ,;->\t"[{')), max_size=6))
def test_any_text_is_rewritten_or_left_or_refused(
    tmp_path_factory: pytest.TempPathFactory, lines: list[str]
) -> None:
    copy = tmp_path_factory.mktemp("any") / "copy.csv"
    text = "\n".join(lines)
    try:
        done = rewritten(Path("a.txt"), text, iter(text.splitlines(keepends=True)), copy)
    except BadInput:
        return
    assert done == copy.exists()
