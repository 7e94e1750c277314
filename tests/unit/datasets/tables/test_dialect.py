"""Separators, decimal signs and header lines as spreadsheets and devices write them."""

from __future__ import annotations

from pathlib import Path

import pytest
from hypothesis import given
from hypothesis import strategies as st

from edgeconv import plugins
from edgeconv.datasets.tables.dialect import DELIMITERS, read_dialect, stamp_format
from edgeconv.errors import BadInput

FILE = Path("walk.csv")
NAMES = ("subject", "activity", "timestamp", "x", "y", "z")


def table(delimiter: str, decimal: str, before: str = "", header: bool = True) -> str:
    rows = [
        delimiter.join(["p1", "Walking", *(v.replace(".", decimal) for v in row)])
        for row in (("0.000", "0.621", "9.511", "2.636"), ("0.050", "-0.915", "11.381", "2.825"))
    ] * 5
    return before + "\n".join([*([delimiter.join(NAMES)] if header else []), *rows]) + "\n"


@pytest.mark.parametrize(
    ("delimiter", "decimal"),
    [(",", "."), (";", ","), (";", "."), ("\t", ","), ("\t", "."), ("|", ".")],
)
def test_separator_and_decimal_sign(delimiter: str, decimal: str) -> None:
    dialect = read_dialect(FILE, table(delimiter, decimal))
    assert (dialect.delimiter, dialect.decimal) == (delimiter, decimal)
    assert (dialect.names, dialect.header_line) == (NAMES, 1)


def test_lines_above_the_header_are_left_out() -> None:
    before = "---- Data file of a device ----\nSerial Number: 1\n# rate, 20, Hz\n\n"
    assert read_dialect(FILE, table(",", ".", before)).header_line == 5


def test_a_missing_header_is_named_with_the_line_to_put_there() -> None:
    with pytest.raises(BadInput, match="line 1 holds values") as error:
        read_dialect(FILE, table(",", ".", header=False))
    assert "subject,activity,timestamp,x,y,z" in error.value.hint


def test_unquoted_decimal_commas_in_a_comma_file_are_named() -> None:
    text = "subject,activity,x,y,z\n" + "p1,Walking,0,62,9,51,2,64\n" * 5
    with pytest.raises(BadInput, match=r"line 2 has 8 fields, but the header has 5 names; decimal"):
        read_dialect(FILE, text)


def test_empty_fields_at_the_end_of_rows_may_stay() -> None:
    text = "subject,x,y,z\n" + "p1,1,2,3,\n" * 5
    assert read_dialect(FILE, text).extra_columns == 1
    with pytest.raises(BadInput, match="line 3 has 5 fields"):
        read_dialect(FILE, "subject,x,y,z\np1,1,2,3\np1,1,2,3,4\np1,1,2,3\np1,1,2,3\n")


@given(
    st.sampled_from(DELIMITERS),
    st.lists(st.text("abcdefgh_", min_size=1, max_size=8), min_size=3, max_size=7, unique=True),
    st.integers(1, 20),
)
def test_any_header_is_found_with_its_separator(
    delimiter: str, names: list[str], rows: int
) -> None:
    text = "\n".join([delimiter.join(names), *[delimiter.join(["1.5"] * len(names))] * rows])
    dialect = read_dialect(FILE, text)
    assert (dialect.delimiter, dialect.names) == (delimiter, tuple(names))


FILE = Path("walk.csv")


@pytest.mark.parametrize(
    ("first", "second", "kind"),
    [
        ("0.05", "0.10", "number"),
        ("1709633700000", "1709633700050", "number"),
        ("2024-03-05T11:15:00.000+01:00", "2024-03-05T11:15:00.050+01:00", "date"),
        ("2024-03-05 11:15:00.000", "2024-03-05 11:15:00.050", "date"),
        ("2024-03-05T11:15:00,000Z", "2024-03-05T11:15:00,050Z", "date"),
        ("31/03/2024 11:15:00.000", "31/03/2024 11:15:00.050", "day-first"),
        ("31.03.2024 11:15:00.000", "31.03.2024 11:15:00.050", "day-first"),
        ("03/31/2024, 11:15:00.000", "03/31/2024, 11:15:00.050", "month-first"),
        ("11:15:00.000", "11:15:00.050", "time"),
    ],
)
def test_a_step_of_50_ms_in_every_format(first: str, second: str, kind: str) -> None:
    stamps = stamp_format(FILE, [first, second])
    assert stamps.kind == kind
    engine = plugins.import_package("duckdb").connect()
    engine.execute("set TimeZone = 'UTC'")
    seconds = [
        engine.execute(
            f"select {stamps.expression('text', '.')} from (select ? as text)", [t]
        ).fetchone()[0]
        for t in (first, second)
    ]
    expected = {"0.05": 0.05, "1709633700000": 50.0}.get(first, 0.05)
    assert seconds[1] - seconds[0] == pytest.approx(expected, abs=2e-6)


def test_a_date_that_can_be_read_both_ways_is_noted() -> None:
    stamps = stamp_format(FILE, ["05/03/2024 11:15:00.000", "06/03/2024 11:15:00.050"])
    assert stamps.kind == "day-first"
    assert "day/month/year" in stamps.note


def test_digits_that_a_spreadsheet_took_are_named() -> None:
    with pytest.raises(BadInput, match="last digits are lost") as error:
        stamp_format(FILE, ["1.70963E+12"] * 20)
    assert "rate_hz" in error.value.hint


@pytest.mark.parametrize(
    ("texts", "seconds"),
    [
        (("05.03.2024 11:15:00,000", "05.03.2024 11:15:00,050"), 0.05),
        (("05.03.24 11:15:00.000", "05.03.24 11:15:01.500"), 1.5),
        (("05-Mar-2024 11:15:00.000", "05-Mar-2024 11:15:00.250"), 0.25),
        (("11:59:59.5 AM", "12:00:01 PM"), 1.5),
        (("03/05/2024 12:59:59 PM", "03/05/2024 01:00:02 PM"), 3.0),
    ],
)
def test_dates_and_times_of_several_countries(texts: tuple[str, str], seconds: float) -> None:
    form = stamp_format(FILE, list(texts))
    assert form.in_seconds
    database = plugins.import_package("duckdb").connect()
    one, other = (
        database.execute(f"select {form.expression(repr(text), '.')}").fetchone()[0]
        for text in texts
    )
    assert other - one == pytest.approx(seconds)
