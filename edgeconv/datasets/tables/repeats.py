"""Readings that stand in a table more often than a sensor gives them: filled in, held, or a code.

A reading of a sensor hardly ever repeats exactly. One number in many rows, among others that hardly
repeat, stands for a lost sample; rows that repeat the one before come from a sensor that is slower
than the log. Nothing is changed: both may be right, so they are told. What no sensor gives at all
is found here too.
"""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass
from typing import Any

from edgeconv.datasets.tables.query import value_column
from edgeconv.datasets.tables.schema import Channel

LOOKED_AT = 50_000  # rows of a file, from its beginning
LEAST_ROWS = 200
LEAST_CHANGES = 10  # a sensor that never moves is the business of the rule on frozen axes
FINE = 0.2  # share of different readings from which on a repetition says something
CODE = 0.03  # share of the rows that one number may have
SPIKE, LEAST_SPIKES = 3.0, 3  # times the span of nearly all readings; so many are told
HELD = 0.4  # share of the rows that may repeat the one before
MEDIAN_OF = 200_000  # rows


@dataclass(frozen=True)
class Implausible:
    """Rows with readings that no sensor gives: how many, the first of them, and some values."""

    count: int
    file_number: int
    line: int
    reading: float
    values: tuple[float, ...]


def implausible(
    db: Any, limits: Sequence[tuple[str, float]], axes: Sequence[str], total: int
) -> Implausible | None:
    """Rows that no sensor gives: a reading beyond the limit of its channel, or one and the same
    large number in all three axes again and again.

    Where most readings are beyond, the unit is another one, and only the number that repeats is
    looked for.

    Args:
        db: the engine, whose table `samples` holds the rows.
        limits: the engine's column of each channel, and its largest reading.
        axes: the columns of an accelerometer, or none.
        total: how many rows there are.
    """
    codes = _repeated_number(db, axes, total)
    beyond = " or ".join(f"abs({column}) > {limit!r}" for column, limit in limits)
    (count,) = db.execute(f"select count(*) from samples where {beyond}").fetchone()
    if count > 0.5 * total:
        limits, beyond = [], "false"
    first_column = axes[0] if axes else "null"
    reading = " ".join(f"when abs({c}) > {limit!r} then {c}" for c, limit in limits)
    value = f"case {reading} else {first_column} end" if reading else first_column
    where = f"from samples where {beyond} or ({codes})"
    (count,) = db.execute(f"select count(*) {where}").fetchone()
    if not count:
        return None
    file_number, line, first = db.execute(
        f"select file_number, line, {value} {where} order by file_number, line limit 1"
    ).fetchone()
    some = db.execute(f"select distinct {value} as value {where} order by 1 limit 4").fetchall()
    values = tuple(float(row[0]) for row in some)
    return Implausible(int(count), int(file_number), int(line), float(first), values)


def _repeated_number(db: Any, axes: Sequence[str], total: int) -> str:
    """A condition: the row has one large number in all three axes, as several others have."""
    if not axes:
        return "false"
    x, y, z = axes
    every = max(1, total // MEDIAN_OF)  # a median of all would hold all in memory
    rows = db.execute(
        f"select {x} from samples where {x} = {y} and {y} = {z} and abs({x}) * sqrt(3) > 2.5 * "
        f"(select median(sqrt({x} * {x} + {y} * {y} + {z} * {z})) from samples where line % "
        f"{every} = 0) group by {x} having count(*) >= 3"
    ).fetchall()
    if not rows:
        return "false"
    numbers = ", ".join(repr(float(row[0])) for row in rows)
    return f"{x} in ({numbers}) and {x} = {y} and {y} = {z}"


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
    found = ((_code(db, rows, *pair), _spikes(db, rows, *pair)) for pair in columns.items())
    notes = [note for pair in found for note in pair if note]
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


def _spikes(db: Any, rows: str, channel: str, column: str) -> str:
    """Single readings that leap away from both neighbors, far beyond what the others span."""
    count, first = db.execute(
        f"select count(*), min(line) from (select line, {column} - lag({column}) over rows as up, "
        f"{column} - lead({column}) over rows as down, count(*) over () as total from {rows} "
        f"window rows as (order by line)), (select {SPIKE} * (quantile_cont({column}, 0.98) - "
        f"quantile_cont({column}, 0.02)) as far from {rows}) "
        "where total >= ? and up * down > 0 and least(abs(up), abs(down)) > far and far > 0",
        [LEAST_ROWS],
    ).fetchone()
    if count < LEAST_SPIKES:
        return ""
    return (
        f"{count} single readings of {channel} leap far beyond all others and come back in the "
        f"next row, the first in line {first}: spikes of a bad contact or radio, if nothing knocked"
    )


def _code(db: Any, rows: str, channel: str, column: str) -> str:
    total, different, usual, lowest, highest = db.execute(
        f"select count(*), count(distinct {column}), mode({column}), min({column}), max({column}) "
        f"from {rows}"
    ).fetchone()
    if total < LEAST_ROWS or different < FINE * total:
        return ""
    (count,) = db.execute(f"select count(*) from {rows} where {column} = ?", [usual]).fetchone()
    if count < CODE * total:
        return ""
    if usual in (lowest, highest) and usual != 0:
        return (
            f"{channel} is exactly {usual:g}, the end of its readings, in {count / total:.0%} of "
            "the rows: the range of the sensor ends there, and harder movements look alike"
        )
    return (
        f"{channel} is exactly {usual:g} in {count / total:.0%} of the rows, though its other "
        f"readings hardly repeat: if that is a lost sample, write lost_values = [{usual:g}]"
    )
