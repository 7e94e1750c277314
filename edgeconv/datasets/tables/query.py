"""One table as a query of the engine: its columns by role, and what in it cannot be read."""

from __future__ import annotations

from collections.abc import Collection, Sequence
from concurrent.futures import ThreadPoolExecutor, wait
from pathlib import Path
from typing import Any

from edgeconv.core import NULL_PROGRESS, Progress
from edgeconv.datasets.tables.dialect import (
    StampFormat,
    cure_of_field,
    read_dialect,
    stamp_format,
)
from edgeconv.datasets.tables.schema import DOCS, TICKS, Schema
from edgeconv.datasets.tables.sources import TableFile
from edgeconv.datasets.tables.stamps import is_likely
from edgeconv.errors import BadInput

TEXT_ROLES = ("subject", "activity", "recording", "device")
SECONDS_BETWEEN_REPORTS = 1.0
RATES_DIFFER = 0.1  # of the declared rate


class TableQuery:
    """One table as a query of the engine."""

    def __init__(
        self, db: Any, table: TableFile, schema: Schema, progress: Progress = NULL_PROGRESS
    ) -> None:
        self.db = db
        self.progress = progress
        self.table = table
        self.schema = schema
        self.path = table.path
        self.dialect = (
            None if table.is_parquet else read_dialect(table.path, table.head, schema.header)
        )
        self._parquet = {} if self.dialect else self._parquet_columns()
        self.names = self.dialect.names if self.dialect else tuple(self._parquet)
        self._check_columns()

    @property
    def _readings(self) -> dict[str, str]:
        """Engine's name of a column by the name of the channel."""
        return {c.name: self._column(c.column) for c in self.schema.channels}

    def _parquet_columns(self) -> dict[str, str]:
        """Name → the engine's expression; the parts of nested columns are named `outer.inner`."""
        relation = self.db.sql(f"from {self._relation()} limit 0")
        found: dict[str, str] = {}

        def add(name: str, expression: str, kind: Any) -> None:
            if kind.id != "struct":
                found[name] = expression
                return
            for inner, inner_kind in kind.children:
                add(f"{name}.{inner}", f"{expression}.{_quoted(inner)}", inner_kind)

        for name, kind in zip(relation.columns, relation.types, strict=True):
            add(name, _quoted(name), kind)
        return found

    def _check_columns(self) -> None:
        channels = [channel.column for channel in self.schema.named_channels]
        wanted = [*self.schema.columns.values(), *channels, *self.schema.keep]
        missing = [name for name in wanted if name not in self.names]
        line = self.dialect.header_line if self.dialect else 1
        if missing:
            raise BadInput(
                f"{self.path}: line {line} has no column {', '.join(map(repr, missing))}; "
                f"it has {', '.join(repr(name[:40]) for name in self.names[:20])}",
                _cure(self.path, missing, self.names),
            )
        for name in wanted:
            places = [n for n, other in enumerate(self.names, 1) if other == name]
            if len(places) > 1:
                raise BadInput(
                    f"{self.path}: line {line} has the name '{name}' twice, in the columns "
                    f"{' and '.join(map(str, places))}",
                    "give the columns different names in the file's header",
                )

    def _relation(self, numbers: Collection[str] = ()) -> str:
        """The table as the engine reads it: text in every column but `numbers`."""
        file = sql_text(str(self.table.readable))
        if self.table.is_parquet:
            return f"read_parquet({file})"
        assert self.dialect is not None
        dialect = self.dialect
        width = len(dialect.names) + dialect.extra_columns
        kinds = {f"c{n}": "VARCHAR" for n in range(width)} | dict.fromkeys(numbers, "DOUBLE")
        columns = ", ".join(f"'{name}': '{kind}'" for name, kind in kinds.items())
        return (
            f"read_csv({file}, delim={sql_text(dialect.delimiter)}, quote='\"', escape='\"', "
            f"header=false, skip={dialect.header_line}, columns={{{columns}}}, auto_detect=false, "
            "store_rejects=true, rejects_limit=10, parallel=true)"
        )

    def _column(self, name: str) -> str:
        if self.table.is_parquet:
            return self._parquet[name]
        return f"c{self.names.index(name)}"

    def refuse_contradicted_rate(self) -> None:
        """Raises BadInput where rate_hz is declared and a column of time stamps says otherwise.

        Stamps that cannot tell a rate (they count rows, or fall back) are left alone, and their
        unit is not known: they contradict only if no unit makes them agree.
        """
        declared = self.schema.rate_hz
        column = next((n for n in ("timestamp", "time") if n in self.names), None)
        if not declared or column is None or column in self.schema.columns.values():
            return
        try:
            stamps = self._stamps_of(column)
        except BadInput:
            return  # their digits are lost
        text = f"trim(cast({self._column(column)} as varchar))"
        row = self.db.execute(
            "select median(rate), bool_and(step = 1) from (select (count(*) - 1) / nullif(max(t) - "
            "min(t), 0) as rate, median(t - before) as step from (select t, who, what, lag(t) over "
            f"(partition by who, what order by n) as before from (select "
            f"{stamps.expression(text, self._decimal)} as t, {self._role_text('subject')} as who, "
            f"{self._role_text('activity')} as what, row_number() over () as n "
            f"from (select * from {self._relation()} limit 20000))) group by who, what)"
        ).fetchone()
        ticks_hz, counting = row
        if ticks_hz is None or counting:
            return
        units = {"s": 1.0} if stamps.in_seconds else TICKS
        rates = [hz for seconds in units.values() if is_likely(hz := ticks_hz / seconds)]
        if not rates or any(abs(rate - declared) <= RATES_DIFFER * declared for rate in rates):
            return
        likely = min(rates, key=lambda rate: max(rate / declared, declared / rate))
        raise BadInput(
            f"{self.path}: the TOML says rate_hz = {declared:g}, but the column '{column}' means "
            f"{likely:.4g} samples a second",
            f"remove rate_hz from {self.path.name}.toml to use the time stamps, or correct it",
        )

    def refuse_joined_sensors(self) -> None:
        """Raises BadInput where rows of two devices or sensors alternate and no role says so."""
        alternating = self.alternating_column()
        if alternating is None:
            return
        name, values = alternating
        raise BadInput(
            f"{self.path}: rows of {' and '.join(values)} (column '{name}') alternate; they must "
            "not come into one window",
            f'write into {self.path.name}.toml: [columns] device = "{name}" to keep them apart, or '
            f'[keep] {name} = ["{values[0]}"] to take one of them',
        )

    def alternating_column(self) -> tuple[str, list[str]] | None:
        """A column without a role whose few values alternate within one subject and activity:
        two devices or sensors whose rows were joined. Its name and its values, or None."""
        channels = (channel.column for channel in self.schema.channels)
        used = {*self.schema.columns.values(), *channels, *self.schema.keep}
        spare = [n for n in self.names if n and n not in used and self.names.count(n) == 1]
        if not spare:
            return None
        person, doing = self._role_text("subject"), self._role_text("activity")
        for name in spare:
            text = f"trim(cast({self._column(name)} as varchar))"
            values, numbers, changes, rows = self.db.execute(
                "select count(distinct value), "
                "count(try_cast(replace(value, ',', '.') as double)), "
                "count(*) filter (where value != before), count(*) from (select value, lag(value) "
                f"over (partition by who, what order by n) as before from (select {text} as value, "
                f"{person} as who, {doing} as what, row_number() over () as n from "
                f"(select * from {self._relation()} limit 5000)))"
            ).fetchone()
            if 2 <= values <= 10 and not numbers and changes > 0.2 * rows:
                listed = self.db.execute(
                    f"select distinct {text} from {self._relation()} order by 1 limit 10"
                ).fetchall()
                return name, [str(row[0]) for row in listed]
        return None

    def stamps(self) -> StampFormat:
        """How the time stamps are written, from the first rows."""
        name = self.schema.columns.get("timestamp")
        return StampFormat() if name is None else self._stamps_of(name)

    def _stamps_of(self, name: str) -> StampFormat:
        column = self._column(name)
        rows = self.db.execute(
            f"select cast({column} as varchar) from {self._relation()} "
            f"where {column} is not null limit 200"
        ).fetchall()
        return stamp_format(self.path, [str(row[0]).strip() for row in rows])

    def insert(self, number: int, stamps: StampFormat) -> None:
        """Add every row to the engine's samples, as those of file `number`.

        The engine reads the numbers at once where nothing can be misread; if any field is not a
        number, the rows are read again as text, and that field is null.
        """
        quick = self._quick(stamps)
        if quick:
            self._insert(self._rows(number, stamps, quick))
            if not self._rejected("CAST"):
                return
            self.db.execute("delete from samples where file_number = ?", [number])
            self.db.execute("drop table reject_errors")
            self.db.execute("drop table reject_scans")
        self._insert(self._rows(number, stamps, ()))

    def _insert(self, rows: str) -> None:
        """Add rows to the samples, and report how many there are meanwhile."""
        total = self.table.estimated_rows
        with ThreadPoolExecutor(1) as pool:
            inserting = pool.submit(self.db.execute, f"insert into samples {rows}")
            try:
                while wait([inserting], SECONDS_BETWEEN_REPORTS).not_done:
                    share = max(0.0, self.db.query_progress()) / 100
                    self.progress.update(round(share * total), total, f"rows of {self.path.name}")
            except BaseException:
                self.db.interrupt()
                raise
        inserting.result()

    def _quick(self, stamps: StampFormat) -> tuple[str, ...]:
        """The engine's names of the columns that it can read as numbers by itself."""
        columns = self.schema.columns
        wanted = {channel.column for channel in self.schema.channels}
        if "timestamp" in columns and not stamps.in_seconds:
            wanted.add(columns["timestamp"])
        texts = {columns[role] for role in TEXT_ROLES if role in columns} | set(self.schema.keep)
        # the engine takes 1_000 for a number
        if self.table.is_parquet or self._decimal == "," or self.table.joined_digits:
            return ()
        return () if wanted & texts else tuple(self._column(name) for name in sorted(wanted))

    def _rows(self, number: int, stamps: StampFormat, quick: Collection[str]) -> str:
        """Every row with its line, position, texts, stamp, readings and how many are blank."""
        columns = self.schema.columns
        first = self.dialect.header_line if self.dialect else 0
        texts = [f"{self._role_text(role)} as {role}" for role in TEXT_ROLES]
        raw = list(self._readings.values())
        readings = raw if quick else [self._number(column) for column in raw]
        empty = "{0} is null" if quick else "coalesce(trim(cast({0} as varchar)), '') = ''"
        blank = " + ".join(f"({empty.format(column)})::int" for column in raw)
        stamp = "'NaN'::double"
        if "timestamp" in columns:
            column = self._column(columns["timestamp"])
            text = f"trim(cast({column} as varchar))"
            stamp = column if column in quick else stamps.expression(text, self._decimal)
        return (
            f"select {number}, line, * from (select row_number() over () + {first} as line, "
            f"{', '.join(texts)}, {stamp}, {', '.join(readings)}, {blank}, {self._kept()} "
            f"from {self._relation(quick)})"
        )

    @property
    def _decimal(self) -> str:
        return self.dialect.decimal if self.dialect else "."

    def _number(self, column: str) -> str:
        text = f"trim(cast({column} as varchar))"
        if self._decimal == ",":
            text = f"replace({text}, ',', '.')"
        # the engine would take 1_000 for a number
        return f"case when contains({text}, '_') then null else try_cast({text} as double) end"

    def _role_text(self, role: str) -> str:
        columns = self.schema.columns
        if role in columns:
            value = f"coalesce(trim(cast({self._column(columns[role])} as varchar)), '')"
        else:
            given = self.schema.from_file_name(self.path).get(role)
            value = sql_text(given or self.schema.constants.get(role, ""))
        renames = self.schema.rename_labels if role == "activity" else {}
        if not renames:
            return value
        cases = " ".join(
            f"when {sql_text(old)} then {sql_text(new)}" for old, new in renames.items()
        )
        return f"case {value} {cases} else {value} end"

    def _kept(self) -> str:
        conditions = [
            f"coalesce(trim(cast({self._column(name)} as varchar)), '') in "
            f"({', '.join(map(sql_text, values))})"
            for name, values in self.schema.keep.items()
        ]
        return " and ".join(conditions) or "true"

    def _rejected(self, kind: str = "") -> tuple[int, str] | None:
        """Number and text of the first line that the engine could not read, or None."""
        of_kind = f"where error_type = {sql_text(kind)}" if kind else ""
        row = self.db.execute(
            f"select line, csv_line from reject_errors {of_kind} order by line limit 1"
        ).fetchone()
        return None if row is None else (int(row[0]), str(row[1]))

    def refuse_rejected_lines(self) -> None:
        """Raises BadInput for the first line that has another number of fields than the header."""
        rejected = None if self.table.is_parquet else self._rejected()
        if rejected is None:
            return
        line, text = rejected
        assert self.dialect is not None
        fields = len(text.split(self.dialect.delimiter))
        few = fields < len(self.names)
        raise BadInput(
            f"{self.path}: line {line} has {fields} fields, too {'few' if few else 'many'}",
            "complete or delete the line" if few else "correct the line, or quote its text",
        )

    def refuse_bad_fields(self, rows: str) -> None:
        """Raises BadInput for the first field that is empty or not a finite number.

        Args:
            rows: the rows of this table, as the engine names them.
        """
        for role in ("subject", "activity"):
            row = self.db.execute(
                f"select line, {role} from {rows} where lower({role}) in ('', 'nan', 'none', "
                "'null', 'n/a') order by line limit 1"
            ).fetchone()
            if row:
                raise BadInput(
                    f"{self.path}: line {row[0]}: the {role} is {row[1] or 'empty'}",
                    f'fill it in, or set {role} = "…" in {self.path.name}.toml',
                )
        places = {c.name: value_column(n) for n, c in enumerate(self.schema.channels)}
        if "timestamp" in self.schema.columns:
            places["timestamp"] = "stamp"
        for role, column in places.items():
            bad = f"{column} is null or isnan({column}) or isinf({column})"
            row = self.db.execute(
                f"select line from {rows} where {bad} order by line limit 1"
            ).fetchone()
            if row:
                (count,) = self.db.execute(f"select count(*) from {rows} where {bad}").fetchone()
                others = f" ({count} rows like this)" if count > 1 else ""
                text = self._text_at(role, int(row[0]))
                raise BadInput(
                    f"{self.path}: line {row[0]}: {role} is '{text}': {_why(text)}{others}",
                    cure_of_field(text, self._column_of(role), self.names)
                    if text or count == 1
                    else f"export the sensors at one rate, or leave {role} out of [channels]",
                )

    def _column_of(self, role: str) -> str:
        """The name of the column of a channel or role."""
        channels = {channel.name: channel.column for channel in self.schema.channels}
        return channels.get(role) or self.schema.columns[role]

    def _text_at(self, role: str, line: int) -> str:
        """What stands in a line of the file, cut to 40 characters."""
        first = self.dialect.header_line if self.dialect else 0
        column = self._column(self._column_of(role))
        (text,) = self.db.execute(
            f"select cast({column} as varchar) from {self._relation()} "
            f"limit 1 offset {line - first - 1}"
        ).fetchone()
        return str(text or "")[:40]


def _why(text: str) -> str:
    plain = text.strip().lower().lstrip("+-")
    if not plain:
        return "empty value"
    return "not finite" if plain in ("nan", "inf", "infinity") else "not a number"


def _cure(path: Path, missing: Sequence[str], names: Sequence[str]) -> str:
    toml = f"{path.name}.toml"
    lower = {name.lower(): name for name in names}
    close = [(name, lower[name.lower()]) for name in missing if name.lower() in lower]
    if close and len(close) == len(missing):
        lines = ", ".join(f'{role} = "{name}"' for role, name in close)
        return f"write into {toml}: [columns] {lines}"
    people = [name for name in missing if name in ("subject", "activity")]
    if people:
        lines = ", ".join(f'{name} = "…"' for name in people)
        return (
            f"name the columns in {toml}, or say what holds for the whole file: {lines} "
            f"(edgeconv data init writes it; {DOCS})"
        )
    return f"name the columns in {toml} (edgeconv data init writes it; {DOCS})"


def value_column(number: int) -> str:
    """The engine's name for the readings of a channel."""
    return f"v{number}"


def _quoted(name: str) -> str:
    return '"' + name.replace('"', '""') + '"'


def sql_text(value: str) -> str:
    """A value as a literal of the engine."""
    return "'" + value.replace("'", "''") + "'"
