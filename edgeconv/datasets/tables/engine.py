"""Tables read by DuckDB: rows become numbers in bulk, sorted and grouped outside of Python.

Every row keeps the number of its line, so that a message can name it. Text that should be a number
is found by the engine and named with its line; nothing becomes a number by accident.
"""

from __future__ import annotations

import json
from collections.abc import Callable, Iterator, Mapping, Sequence
from contextlib import contextmanager, nullcontext
from dataclasses import dataclass
from pathlib import Path
from tempfile import TemporaryDirectory
from typing import TYPE_CHECKING, Any

from edgeconv import plugins
from edgeconv.core import NULL_PROGRESS, Progress, SensorKind
from edgeconv.datasets.tables.dialect import StampFormat
from edgeconv.datasets.tables.query import TEXT_ROLES, TableQuery, sql_text, value_column
from edgeconv.datasets.tables.repeats import Implausible, implausible, notes_on_repeats
from edgeconv.datasets.tables.schema import NOT_LABELLED, Channel, Schema
from edgeconv.datasets.tables.sources import TableFile
from edgeconv.errors import BadInput

if TYPE_CHECKING:
    import numpy as np
    from numpy.typing import NDArray

MEMORY = "160MB"  # what does not fit is kept on disk
FETCHED = 200_000  # rows that come from the engine at once
PORTION = 2_000_000  # rows that are compared with each other at once
CUT_OFF = "the file ends without a line end, in a short number: it may be cut off"
BLANK = "x, y and z are all blank (rows of another sensor)"


@dataclass(frozen=True)
class GroupKey:
    """Rows that belong together: one subject doing one thing, in one recording of one device."""

    subject: str
    activity: str
    recording: str
    device: str
    file_number: int


@dataclass(frozen=True, eq=False)
class Group:
    """The rows of one key in the order of the file.

    `positions` (n,) count the file's samples, whatever their key, `stamps` (n,) are time stamps in
    ticks or seconds, NaN without any, and `values` (n, channels) readings as they stand in the
    table.
    """

    key: GroupKey
    positions: NDArray[np.int64]
    stamps: NDArray[np.float64]
    values: NDArray[np.float64]


class Tables:
    """Rows of one or several tables, held by an engine of their own.

    What changes them is a step that is done once, so that a run that was killed can be continued.

    Attributes:
        files: in the order they were added; a row's `file_number` counts them from 0.
        dropped: reason → rows that were left out.
        notes: what a user should know of how the files were read.
        labels: the classes in their order, once they are known.
    """

    def __init__(self, connection: Any, progress: Progress = NULL_PROGRESS) -> None:
        self._db = connection
        self._progress = progress
        self.files: list[Path] = []
        self.dropped: dict[str, int] = {}
        self.notes: list[str] = []
        self.channels: tuple[Channel, ...] = ()
        self.labels: tuple[str, ...] = ()
        self._db.execute("create table if not exists steps (name varchar, said varchar)")

    def once(self, step: str, action: Callable[[], None]) -> None:
        """Change the rows, unless an earlier run that was killed did so and came further.

        Args:
            step: a name of its own.
            action: adds or changes rows, and may add to `dropped` and `notes`.
        """
        done = self._db.execute("select said from steps where name = ?", [step]).fetchone()
        if done is not None:
            said = json.loads(done[0])
            self.dropped, self.notes = said["dropped"], said["notes"]
            self.labels = tuple(said["labels"])
            return
        self._db.execute("begin")
        action()
        said = json.dumps({"dropped": self.dropped, "notes": self.notes, "labels": self.labels})
        self._db.execute("insert into steps values (?, ?)", [step, said])
        self._db.execute("commit")

    def names(self, table: TableFile) -> tuple[str, ...]:
        """The columns of a Parquet file; the parts of nested ones are named `outer.inner`."""
        return TableQuery(self._db, table, Schema(columns={})).names

    def knows_next(self) -> bool:
        """Whether the file that is added next was read by an earlier run."""
        step = f"file {len(self.files)}"
        return bool(self._db.execute("select 1 from steps where name = ?", [step]).fetchone())

    def add(self, table: TableFile, schema: Schema, notes: Sequence[str] = ()) -> StampFormat:
        """Read one table into the rows.

        Args:
            table: a file that was checked.
            schema: what its columns mean.
            notes: what a user should know of how it is read.

        Returns:
            How its time stamps are written.

        Raises:
            BadInput: a column is missing, a line has too few fields, or a field is not a number;
                the message has the line number.
        """
        number = len(self.files)
        self._make_room(table.path, schema.channels)
        self.files.append(table.path)
        source = TableQuery(self._db, table, schema, self._progress)
        stamps = source.stamps()

        def read() -> None:
            self.notes += [*notes, *([stamps.note] if stamps.note else [])]
            source.refuse_joined_sensors()
            source.refuse_contradicted_rate()
            source.insert(number, stamps)
            source.refuse_rejected_lines()
            blank = self._leave_out(schema, table, number)
            if blank and "timestamp" not in schema.columns:
                self._close_gaps(number)
            source.refuse_bad_fields(f"(select * from samples where file_number = {number})")
            if table.blank_lines and "timestamp" not in schema.columns:
                self.notes.append(
                    f"{table.path.name}: if its blank lines stand between recordings, windows "
                    "cross them: write a column that tells the recordings apart"
                )
            self.notes += notes_on_repeats(self._db, number, self.channels, table.path.name)

        self.once(f"file {number}", read)
        return stamps

    def _make_room(self, path: Path, channels: tuple[Channel, ...]) -> None:
        """The engine's own table, whose columns are those of the first file's channels.

        Raises:
            BadInput: a later file has other channels.
        """
        if self.channels:
            known, own = ([(c.name, c.kind) for c in each] for each in (self.channels, channels))
            if known != own:
                raise BadInput(
                    f"{path}: its channels are {', '.join(name for name, _ in own)}, those of "
                    f"{self.files[0]} are {', '.join(name for name, _ in known)}",
                    "name the same [channels] in the TOML of every table",
                )
            return
        self.channels = channels
        readings = ", ".join(f"{name} double" for name in self._values())
        self._db.execute(
            "create table if not exists samples (file_number integer, line bigint, "
            "position bigint, subject varchar, activity varchar, recording varchar, "
            f"device varchar, stamp double, {readings}, blank usmallint, kept boolean)"
        )

    def _values(self, accelerometer: bool = False) -> list[str]:
        """The engine's columns of readings: all, or those of the first accelerometer."""
        kinds = [channel.kind for channel in self.channels]
        of_one = [n for n, kind in enumerate(kinds) if kind is SensorKind.ACCELEROMETER][:3]
        numbers = (of_one if len(of_one) == 3 else []) if accelerometer else range(len(kinds))
        return [value_column(n) for n in numbers]

    def _leave_out(self, schema: Schema, table: TableFile, number: int) -> int:
        """Leave out rows that are no samples, each reason counted; returns how many were blank."""
        words = ", ".join(map(sql_text, NOT_LABELLED))
        dropped = ", ".join(map(sql_text, schema.drop_labels)) or "null"
        lost = ", ".join(f"{value!r}::double" for value in schema.lost_values) or "null"
        values = self._values()
        zero = " and ".join(f"{name} = 0" for name in self._values(accelerometer=True)) or "false"
        reasons = {
            BLANK: f"blank = {len(values)}",
            CUT_OFF: self._last_line(number) if table.cut_off else "false",
            "not labelled": f"lower(activity) in ({words})",
            "activity left out by drop_labels": f"activity in ({dropped})",
            "x, y and z are all exactly 0 (no measurement)": zero,
            "left out by keep": "not kept",
            "lost samples (lost_values)": " or ".join(f"{v} in ({lost})" for v in values),
        }
        cases = " ".join(f"when {where} then {sql_text(why)}" for why, where in reasons.items())
        reason = f"case {cases} end"
        rows = self._db.execute(
            f"select {reason} as reason, count(*) from samples where file_number = {number} "
            "group by 1"
        ).fetchall()
        counts = {str(why): int(count) for why, count in rows if why is not None}
        for why, count in counts.items():
            self.dropped[why] = self.dropped.get(why, 0) + count
        if counts:
            self._db.execute(
                f"delete from samples where file_number = {number} and {reason} is not null"
            )
        if sum(int(count) for _, count in rows) == sum(counts.values()):
            counted = "; ".join(f"{n} × {why}" for why, n in counts.items())
            raise BadInput(
                f"{table.path}: no row is left"
                + (f" ({counted})" if counted else ", only a header"),
                "give a table with subject, activity, time stamp and x, y, z",
            )
        return counts.get(BLANK, 0)

    def _last_line(self, number: int) -> str:
        return f"line = (select max(line) from samples where file_number = {number})"

    def _close_gaps(self, number: int) -> None:
        """Number the samples of a file without the blank rows, which interrupt no recording."""
        self._db.execute(
            "update samples set position = numbered.place from (select rowid as row, row_number() "
            f"over (order by line) as place from samples where file_number = {number}) as numbered "
            "where samples.rowid = numbered.row"
        )

    def count(self, role: str) -> dict[str, int]:
        """Rows of each subject, activity, recording or device."""
        rows = self._db.execute(f"select {role}, count(*) from samples group by 1 order by 1")
        return {str(name): int(count) for name, count in rows.fetchall()}

    def rename(self, role: str, names: Mapping[str, str]) -> None:
        """Give every subject or activity the name that `names` has for it."""
        changed = {old: new for old, new in names.items() if old != new}
        for old, new in changed.items():
            self._db.execute(f"update samples set {role} = ? where {role} = ?", [new, old])

    def drop_repeated_rows(self) -> int:
        """Leave out rows that repeat an earlier one (same subject, activity, stamp and readings)
        without standing right behind it; returns how many."""
        if not self._db.execute("select 1 from samples where not isnan(stamp) limit 1").fetchone():
            return 0
        same = ", ".join(("subject, activity, device, stamp", *self._values()))
        return sum(self._drop_repeated(same, rows) for rows in self._portions(same))

    def _portions(self, same: str) -> Iterator[str]:
        """Conditions that split all rows into portions which fit into memory, equal rows together.

        Args:
            same: what equal rows have in common, their subject among it.
        """
        names: list[str] = []
        together = 0
        for subject, rows in self.count("subject").items():
            parts = -(-rows // PORTION)
            if parts > 1:
                alone = f"subject = {sql_text(subject)} and hash({same}) % {parts}"
                yield from (f"{alone} = {part}" for part in range(parts))
                continue
            if names and together + rows > PORTION:
                yield f"subject in ({', '.join(names)})"
                names, together = [], 0
            names.append(sql_text(subject))
            together += rows
        if names:
            yield f"subject in ({', '.join(names)})"

    def _drop_repeated(self, same: str, portion: str) -> int:
        rows, different = self._db.execute(
            f"select count(*), count(distinct hash({same})) from samples where {portion}"
        ).fetchone()
        if rows == different:
            return 0
        where = (
            "select rowid from (select rowid, line, file_number, row_number() over same as place, "
            "lag(line) over same as before, lag(file_number) over same as file_before from samples "
            f"where {portion} window same as (partition by {same} order by file_number, line)) "
            "where place > 1 and (line > before + 1 or file_number != file_before)"
        )
        (count,) = self._db.execute(f"select count(*) from ({where})").fetchone()
        if count:
            self._db.execute(f"delete from samples where rowid in ({where})")
        return int(count)

    def implausible(self, limits: Sequence[float]) -> Implausible | None:
        """Rows that no sensor gives; None without any.

        Args:
            limits: the largest reading of each channel, in the unit of the table.
        """
        pairs = list(zip(self._values(), limits, strict=True))
        return implausible(self._db, pairs, self._values(accelerometer=True), self.total)

    def groups(self) -> Iterator[Group]:
        """The rows of each subject, activity, recording and device, file by file."""
        keys = self._db.execute(
            f"select file_number, {', '.join(TEXT_ROLES)}, min(line) as first, max(line) as last, "
            "count(*) from samples group by all order by file_number, first"
        ).fetchall()
        for number, subject, activity, recording, device, first, last, rows in keys:
            key = GroupKey(subject, activity, recording, device, int(number))
            yield self._group(key, range(first, last + 1), rows)

    def _group(self, key: GroupKey, lines: range, rows: int) -> Group:
        """The rows of one key, which stand in these lines; few at a time come from the engine."""
        import numpy as np

        columns = self._values()
        positions, stamps = np.empty(rows, np.int64), np.empty(rows)
        values = np.empty((rows, len(columns)))
        filled = 0
        step = -(-len(lines) // -(-rows // FETCHED))
        for first in lines[::step]:
            part = self._db.execute(
                f"select position, stamp, {', '.join(columns)} from samples where "
                "file_number = ? and line >= ? and line < ? and "
                f"{' and '.join(f'{role} = ?' for role in TEXT_ROLES)} order by line",
                [
                    key.file_number,
                    first,
                    min(first + step, lines.stop),
                    *(getattr(key, role) for role in TEXT_ROLES),
                ],
            ).fetchnumpy()
            rows_of = slice(filled, filled := filled + len(part["stamp"]))
            positions[rows_of], stamps[rows_of] = part["position"], part["stamp"]
            for n, name in enumerate(columns):
                values[rows_of, n] = part[name]
        return Group(key, positions, stamps, values)

    @property
    def total(self) -> int:
        """Rows that are held."""
        return int(self._db.execute("select count(*) from samples").fetchone()[0])


@contextmanager
def open_tables(kept: Path | None = None, progress: Progress = NULL_PROGRESS) -> Iterator[Tables]:
    """Rows, none at first, which lie compressed in a folder meanwhile.

    Args:
        kept: a folder that keeps them for another run; None for a temporary one.
        progress: listens to how many rows of a large file were read.

    Raises:
        MissingDependency: the engine is not installed.
    """
    duckdb = plugins.import_package("duckdb")
    with nullcontext(kept) if kept else TemporaryDirectory(prefix="edgeconv-rows-") as folder:
        settings = {"memory_limit": MEMORY, "temp_directory": folder}
        connection = duckdb.connect(f"{folder}/rows.duckdb", config=settings)
        try:
            connection.execute("set TimeZone = 'UTC'")
            connection.execute("set enable_progress_bar = true")  # counts; it is not printed
            connection.execute("set enable_progress_bar_print = false")
            connection.execute("pragma disable_checkpoint_on_shutdown")  # nobody opens it again
            yield Tables(connection, progress)
        except duckdb.Error as error:
            what = str(error).strip().partition("\n")[0]
            raise BadInput(
                f"a table cannot be read: {what}",
                "get the file again; if the disk is full, free it",
            ) from error
        finally:
            connection.close()
