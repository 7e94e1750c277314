"""Time stamps as dates, times of day and numbers."""

from __future__ import annotations

from pathlib import Path

import pytest

from edgeconv import plugins
from edgeconv.datasets.tables.stamps import stamp_format
from edgeconv.errors import BadInput

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
