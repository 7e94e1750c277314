"""Tables as queries: Parquet with any types, nested columns, and rows that come twice."""

from __future__ import annotations

from pathlib import Path

import pytest

from edgeconv import plugins
from edgeconv.core import NULL_PROGRESS, Dataset, Windowing
from edgeconv.datasets import csv_file
from edgeconv.datasets.tables import engine
from edgeconv.errors import BadInput

START = "timestamp '2024-03-05 10:00:00'"
STAMPS = {
    "double": "n % 500 / 50.0",
    "decimal": "(n % 500 / 50.0)::decimal(12, 3)",
    "timestamp": f"{START} + to_milliseconds((n % 500) * 20)",
    "timestamp_ns": f"({START} + to_milliseconds((n % 500) * 20))::timestamp_ns",
    "timestamptz": f"({START} + to_milliseconds((n % 500) * 20))::timestamptz",
    "time": "time '10:00:00' + to_milliseconds((n % 500) * 20)",
}


def parquet(file: Path, columns: str = "*", stamp: str = "double", options: str = "") -> Path:
    """Two subjects, 10 s each at 50 Hz."""
    made = (
        f"select 'p' || n // 500 as subject, 'Walking' as activity, {STAMPS[stamp]} as timestamp, "
        "(sin(n * 0.2) * 2)::decimal(9, 6) as x, (9.5 + cos(n * 0.2))::decimal(9, 6) as y, "
        "1.5::float as z from range(1000) as rows(n)"
    )
    plugins.import_package("duckdb").execute(
        f"copy (select {columns} from ({made})) to '{file}' (format parquet{options})"
    )
    return file


def load(file: Path) -> Dataset:
    return csv_file.load(file, NULL_PROGRESS, Windowing())


@pytest.fixture(scope="module")
def expected(tmp_path_factory: pytest.TempPathFactory) -> str:
    return load(parquet(tmp_path_factory.mktemp("parquet") / "plain.parquet")).sha256


@pytest.mark.parametrize("stamp", STAMPS)
def test_parquet_with_stamps_of_any_type(tmp_path: Path, stamp: str, expected: str) -> None:
    data = load(parquet(tmp_path / "walk.parquet", stamp=stamp))
    assert len(data) == 8
    if stamp in ("double", "decimal"):
        assert data.sha256 == expected


@pytest.mark.parametrize("options", [", compression zstd", ", row_group_size 100"])
def test_parquet_of_any_layout(tmp_path: Path, options: str, expected: str) -> None:
    assert load(parquet(tmp_path / "walk.parquet", options=options)).sha256 == expected


def test_nested_columns_are_named_by_their_parts(tmp_path: Path, expected: str) -> None:
    nested = "subject, activity, timestamp, {'acc': {'x': x, 'y': y}, 'last z': z} as sensor"
    file = parquet(tmp_path / "walk.parquet", nested)
    with pytest.raises(BadInput, match=r"sensor\.acc\.x"):
        load(file)
    file.with_name("walk.parquet.toml").write_text(
        '[columns]\nx = "sensor.acc.x"\ny = "sensor.acc.y"\nz = "sensor.last z"\n'
    )
    assert load(file).sha256 == expected


@pytest.mark.parametrize(
    ("columns", "word"),
    [
        ("* replace (case when y > 10.4 then null else y end as y)", "empty value"),
        ("* replace ([x] as x)", "not a number"),
        ("* replace (case when timestamp = 3 then 'nan'::double else z end as z)", "not finite"),
    ],
)
def test_parquet_fields_that_are_no_numbers(tmp_path: Path, columns: str, word: str) -> None:
    with pytest.raises(BadInput, match=word):
        load(parquet(tmp_path / "walk.parquet", columns))


def test_devices_in_parquet_are_told_apart(tmp_path: Path) -> None:
    two = "*, case when (timestamp * 50)::int % 2 = 0 then 'phone' else 'watch' end as {0}"
    data = load(parquet(tmp_path / "walk.parquet", two.format("device")))
    assert {recording.device for recording in data.recordings} == {"phone", "watch"}
    with pytest.raises(BadInput, match="column 'place'"):
        load(parquet(tmp_path / "walk.parquet", two.format("place")))


def test_a_damaged_parquet_file_is_named(tmp_path: Path) -> None:
    file = parquet(tmp_path / "walk.parquet")
    file.write_bytes(file.read_bytes()[:2000])
    with pytest.raises(BadInput, match=r"walk\.parquet"):
        load(file)


@pytest.mark.parametrize("portion", [100, 700, 10_000])
def test_rows_that_come_twice_are_found_in_portions(
    tmp_path: Path, portion: int, monkeypatch: pytest.MonkeyPatch
) -> None:
    file = tmp_path / "walk.csv"
    rows = [f"p{p},Walk,{n / 50},{n % 7},9.{p},{n % 3}" for p in range(2) for n in range(500)]
    file.write_text("\n".join(["subject,activity,timestamp,x,y,z", *rows, *rows[300:]]) + "\n")
    monkeypatch.setattr(engine, "PORTION", portion)
    data = load(file)
    assert data.report.dropped["repeats an earlier row"] == 700
    assert data.report.kept == 1000
