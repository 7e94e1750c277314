"""Readings that stand in a table more often than a sensor gives them: filled in, held, or a code.

A reading of a sensor hardly ever repeats exactly. One number in many rows, among others that hardly
repeat, stands for a lost sample; rows that repeat the one before come from a sensor that is slower
than the log. Nothing is changed: both may be right, so they are told.
"""

from __future__ import annotations

from collections.abc import Sequence
from typing import Any

from edgeconv.datasets.tables.query import value_column
from edgeconv.datasets.tables.schema import Channel

LOOKED_AT = 50_000  # rows of a file, from its beginning
LEAST_ROWS = 200
LEAST_CHANGES = 10  # a sensor that never moves is the business of the rule on frozen axes
FINE = 0.2  # share of different readings from which on a repetition says something
CODE = 0.03  # share of the rows that one number may have
HELD = 0.4  # share of the rows that may repeat the one before


def notes_on_repeats(db: Any, number: int, channels: Sequence[Channel], name: str) -> list[str]:
    """What to tell of one file.

    Args:
        db: the engine, whose table `samples` holds the rows.
        number: of the file.
        channels: of the rows, in the order of the engine's columns.
        name: of the file.
    """
    columns = {channel.name: value_column(n) for n, channel in enumerate(channels)}
    (first,) = db.execute(f"select min(line) from samples where file_number = {number}").fetchone()
    if first is None:
        return []
    last = first + LOOKED_AT
    rows = f"(select * from samples where file_number = {number} and line < {last})"
    codes = (_code(db, rows, channel, column) for channel, column in columns.items())
    notes = [note for note in codes if note]
    same = " and ".join(f"{c} = lag({c}) over (order by line)" for c in columns.values())
    total, held = db.execute(
        f"select count(*), count(*) filter (where held) from (select {same} as held from {rows})"
    ).fetchone()
    changes = total - held
    if total >= LEAST_ROWS and changes >= LEAST_CHANGES and held > HELD * total:
        every = total / changes
        notes.append(
            f"{held / total:.0%} of the rows repeat the readings of the row before: the sensor "
            f"gives new ones about every {every:.1f} rows only, so its rate is lower than theirs"
        )
    return [f"{name}: {note}" for note in notes]


def _code(db: Any, rows: str, channel: str, column: str) -> str:
    total, different, usual, lowest, highest = db.execute(
        f"select count(*), count(distinct {column}), mode({column}), min({column}), max({column}) "
        f"from {rows}"
    ).fetchone()
    if total < LEAST_ROWS or different < FINE * total or usual in (lowest, highest):
        return ""
    (count,) = db.execute(f"select count(*) from {rows} where {column} = ?", [usual]).fetchone()
    if count < CODE * total:
        return ""
    return (
        f"{channel} is exactly {usual:g} in {count / total:.0%} of the rows, though its other "
        f"readings hardly repeat: if that is a lost sample, write lost_values = [{usual:g}]"
    )
