"""Your own recordings: a table, several, or a folder of them, and a TOML that says what they mean.

Without a TOML the header must have `subject,activity,timestamp,x,y,z` (in any order), time stamps
in seconds, acceleration in m/s² with gravity and Android's sign; tables of known logger apps are
recognized. `docs/how-to/own-recordings.md` documents all keys.
"""

from __future__ import annotations

from collections import Counter
from collections.abc import Iterator, Sequence
from dataclasses import dataclass, replace
from functools import partial
from itertools import pairwise
from pathlib import Path
from typing import TYPE_CHECKING

from edgeconv.core import STANDARD_GRAVITY, Dataset, Progress, Signal, Windowing
from edgeconv.core.json_codec import encode
from edgeconv.datasets.rules.calibration import calibrated
from edgeconv.datasets.rules.copies import CopiedRows, Place
from edgeconv.datasets.sample_cache import Slot, kept
from edgeconv.datasets.tables.apps import recognize
from edgeconv.datasets.tables.clock import ClockNotes, recordings, refuse_interleaved
from edgeconv.datasets.tables.dialect import DAY, HALF_DAY, HOUR, StampFormat, read_dialect
from edgeconv.datasets.tables.engine import Group, Tables, open_tables
from edgeconv.datasets.tables.file_names import is_skipped
from edgeconv.datasets.tables.names import join_spellings, label_order, plain
from edgeconv.datasets.tables.schema import DOCS, Schema
from edgeconv.datasets.tables.schema_file import read_schema, stray_toml, toml_of
from edgeconv.datasets.tables.sources import TableFile, find_tables, open_table
from edgeconv.datasets.tables.stamps import check_rate, counts_rows, unwrapped
from edgeconv.datasets.windowing import Assembly, DatasetInfo, Segment
from edgeconv.errors import BadInput

if TYPE_CHECKING:
    import numpy as np
    from numpy.typing import NDArray

# Columns that tell recordings or devices apart although the TOML does not name them.
RECORDING_COLUMNS = ("recording", "trial", "session", "run", "bout", "recording_id", "session_id")
DEVICE_COLUMNS = ("device", "device_id", "sensor_location")
MANY_ROWS = 1_000_000  # from here on, cutting them takes long enough to be shown
LARGEST_G = 50.0  # a motion sensor of a phone or watch ends at 8 to 32 g
LARGEST_OTHER = 1e7  # of any other sensor, in whatever unit: larger numbers are codes


@dataclass(frozen=True)
class _Read:
    """How one file was read."""

    path: Path
    schema: Schema
    stamps: StampFormat


def load(path: Path | None, progress: Progress, windowing: Windowing) -> Dataset:
    """The recordings of one or several tables.

    Rows are grouped by subject, activity, recording and device, put in the order of time and cut
    at gaps, so that no window crosses any of them.

    Raises:
        UsageError, BadInput: a file, its TOML or one of its lines cannot be used; the message has
            the line number.
    """
    tables = find_tables(path)
    pairs = [(file, read_schema(file)) for file in tables]
    chosen = [pair for pair in pairs if len(tables) == 1 or not is_skipped(pair[0], pair[1].skip)]
    if not chosen:
        raise BadInput(f"{path}: skip leaves out every table", f"correct {pairs[0][1].source}")
    files, schemas = [file for file, _ in chosen], [schema for _, schema in chosen]
    tomls = [toml for file in files if (toml := toml_of(file))]
    strays = {file.name: str(stray_toml(file)) for file in files}
    beside = f"csv {strays} {encode(windowing)}"
    read = partial(_read_all, files, schemas, windowing, progress)
    dataset = kept([*files, *tomls], beside, progress, read)
    if len(files) < len(tables):
        names = sorted({file.name for file in tables} - {file.name for file in files})
        skipped = f"{len(tables) - len(files)} files were left out by skip: {', '.join(names[:5])}"
        report = replace(dataset.report, notes=(*dataset.report.notes, skipped))
        dataset = replace(dataset, report=report)
    if any(schema.calibrate for schema in schemas):
        dataset, done = calibrated(dataset)
        report = replace(dataset.report, notes=(*dataset.report.notes, *done))
        dataset = replace(dataset, report=report)
    return _held_out(dataset, schemas)


def _read_all(
    files: Sequence[Path],
    schemas: Sequence[Schema],
    windowing: Windowing,
    progress: Progress,
    slot: Slot,
) -> Dataset:
    progress.stage("Reading tables")
    with open_tables(slot.building, progress) as tables:
        reads = []
        for done, (file, schema) in enumerate(zip(files, schemas, strict=True), 1):
            reads.append(_add(tables, file, schema))
            if len(files) > 1:
                progress.update(done, len(files), file.name)
        return _dataset(tables, reads, windowing, slot, progress)


def _add(tables: Tables, file: Path, schema: Schema) -> _Read:
    notes: list[str] = []
    with open_table(file, whole=not tables.knows_next()) as table:
        if table.is_parquet:
            names = tables.names(table)
        else:
            names = read_dialect(table.path, table.head, schema.header).names
        schema = _completed(table, schema, names, notes)
        if schema.source is None and (stray := stray_toml(file)):
            notes.append(f"{stray.name} is not read: the TOML of {file.name} is {file.name}.toml")
        stamps = tables.add(table, schema, notes)
    return _Read(file, schema, stamps)


def _completed(table: TableFile, schema: Schema, names: Sequence[str], notes: list[str]) -> Schema:
    """The schema with an app's layout, and with columns that tell recordings or devices apart."""
    app = recognize(names) if "timestamp" in schema.columns else None
    if app is not None:
        defaults = {role: column for role, column in schema.columns.items() if role == column}
        columns = {**schema.columns, **{r: c for r, c in app.columns.items() if r in defaults}}
        if schema.source is None:
            scale = replace(schema.scale, unit=app.unit, sign=app.sign)
            schema = replace(schema, scale=scale, timestamp_unit=app.timestamp_unit)
        schema = replace(schema, columns=columns)
        notes.append(f"{table.path.name}: the columns are those of {app.app}")
        if app.warning:
            notes.append(f"{table.path.name}: {app.warning}")
    lower = {name.lower(): name for name in names}
    for role, candidates in (("recording", RECORDING_COLUMNS), ("device", DEVICE_COLUMNS)):
        column = next((lower[c] for c in candidates if c in lower), None)
        taken = {*schema.columns.values(), *schema.keep}
        free = role not in schema.columns and role not in schema.constants
        if column and free and column not in taken and f"{{{role}}}" not in schema.file_name:
            schema = replace(schema, columns={**schema.columns, role: column})
            notes.append(
                f"{table.path.name}: column '{column}' tells {role}s apart: no window crosses it"
            )
    return schema


def _dataset(
    tables: Tables, reads: list[_Read], windowing: Windowing, slot: Slot, progress: Progress
) -> Dataset:
    tables.once("all files", lambda: _tidy(tables, reads))
    channels = reads[0].schema.channels
    gravity = {read.schema.gravity for read in reads}
    origin = DatasetInfo(
        "csv",
        reads[0].path.name if len(reads) == 1 else f"{len(reads)} tables",
        allow=tuple({rule: None for read in reads for rule in read.schema.allow}),
        channels={channel.name: channel.kind for channel in channels},
        default=Signal(channels=tuple(channel.name for channel in channels)),
        gravity=gravity.pop() if len(gravity) == 1 else None,
    )
    signal = origin.contract(windowing, tables.labels)
    assembly = Assembly(origin, signal, slot.store(len(signal.channels)))
    dropped, notes = Counter(tables.dropped), ClockNotes(rate_hz=signal.rate_hz)
    if tables.total > MANY_ROWS:
        progress.stage("Resampling")
    copies = CopiedRows(tables.total)
    assembly.add(_segments(tables, reads, notes, dropped, copies, progress))
    dataset = assembly.dataset(dropped, (*tables.notes, *notes.sentences()))
    report = replace(dataset.report, findings=tuple(copies.findings()))
    return replace(dataset, report=report)


def _tidy(tables: Tables, reads: list[_Read]) -> None:
    """One spelling of each name, no row twice, and the classes in their order."""
    _refuse_impossible_readings(tables, reads)
    _join(tables, "subject")
    _join(tables, "activity")
    if repeated := tables.drop_repeated_rows():
        tables.dropped["repeats an earlier row"] = repeated
    tables.labels = _labels(tables, reads)


def _held_out(dataset: Dataset, schemas: Sequence[Schema]) -> Dataset:
    """The data set with the subjects that the TOML holds out, by the spelling of the tables."""
    known = {plain(name): name for name in dataset.subject_names}
    named = {}
    for key in ("test_subjects", "val_subjects"):
        wanted = {name: schema for schema in schemas for name in getattr(schema, key)}
        if missing := next((name for name in wanted if plain(name) not in known), None):
            raise BadInput(
                f"{wanted[missing].source}: {key} has '{missing}', whom no row names",
                f"there are {', '.join(dataset.subject_names)}",
            )
        named[key] = tuple(dict.fromkeys(known[plain(name)] for name in wanted))
    if not any(named.values()):
        return dataset
    return replace(
        dataset, test_subjects=named["test_subjects"], val_subjects=named["val_subjects"]
    )


def _refuse_impossible_readings(tables: Tables, reads: list[_Read]) -> None:
    """Readings of hundreds of g are codes for lost samples."""
    bad = tables.implausible(_limits(reads))
    if bad is None:
        return
    read = reads[bad.file_number]
    scale = read.schema.scale
    unit = f"counts, {scale.counts_per_g:g} per g" if scale.counts_per_g else scale.unit
    values = ", ".join(f"{value:g}" for value in bad.values)
    raise BadInput(
        f"{read.path}: line {bad.line}: {bad.reading:g} {unit} is no reading of a motion sensor; "
        f"there are {bad.count} such rows",
        f"if it stands for lost samples, write lost_values = [{values}] into "
        f"{read.path.name}.toml; else correct the unit or these lines"
        if len(bad.values) < 4
        else f"there are many such numbers, so they are no code for lost samples: correct the unit "
        f"in {read.path.name}.toml or these lines, and look for points between thousands",
    )


def _limits(reads: list[_Read]) -> list[float]:
    """The largest reading of each channel, in the unit of the table."""
    limits = []
    for n, channel in enumerate(reads[0].schema.channels):
        if channel.kind.is_acceleration:
            factors = [abs(read.schema.factors_of("", "")[n]) for read in reads]
            limits.append(LARGEST_G * STANDARD_GRAVITY / min(factors))
        else:
            limits.append(LARGEST_OTHER)
    return limits


def _join(tables: Tables, role: str) -> None:
    chosen, joined = join_spellings(tables.count(role))
    tables.rename(role, chosen)
    for spellings in joined:
        kept, *others = spellings
        tables.notes.append(
            f"{role} '{kept}' is also spelled {', '.join(map(repr, others))}: joined"
        )


def _labels(tables: Tables, reads: list[_Read]) -> tuple[str, ...]:
    given = next((read.schema.labels for read in reads if read.schema.labels), ())
    present = tables.count("activity")
    if not given:
        labels = tuple(sorted(present, key=label_order))
        if [*labels] != sorted(labels):
            tables.notes.append(f"classes in the order of their numbers: {', '.join(labels)}")
        return labels
    unknown = sorted(set(present) - set(given))
    spelled = {name: label for label in given for name in unknown if plain(name) == plain(label)}
    tables.rename("activity", spelled)
    unknown = [name for name in unknown if name not in spelled]
    if unknown:
        name, toml = unknown[0], f"{reads[0].path.name}.toml"
        raise BadInput(
            f"{reads[0].path}: activity '{name}' ({present[name]} rows) is not among the labels "
            f"{', '.join(given)}",
            f'add it to labels in {toml}, or leave its rows out: drop_labels = ["{name}"]',
        )
    return given


def _segments(
    tables: Tables,
    reads: list[_Read],
    notes: ClockNotes,
    dropped: Counter[str],
    copies: CopiedRows,
    progress: Progress,
) -> Iterator[Segment]:
    numbers = {label: n for n, label in enumerate(tables.labels)}
    done, total = 0, tables.total
    shortest = _Runs()
    for group in tables.groups():
        read = reads[group.key.file_number]
        schema, key = read.schema, group.key
        values = group.values
        values *= schema.factors_of(key.subject, key.device)
        label, source, rate_hz = numbers[key.activity], read.path.name, schema.rate_hz
        copies.add(Place(key.subject, key.activity, source, key), values)
        if rate_hz or "timestamp" not in schema.columns:
            for rows in shortest.runs(group):
                yield Segment(key.subject, label, values[rows], None, rate_hz, source, key.device)
        else:
            yield from _stamped(group, read, label, notes, dropped)
        done += len(values)
        del group, values  # they are not held while the next ones are read
        if total > MANY_ROWS:
            progress.update(done, total, "rows")
    shortest.refuse_alternating(reads)


def _stamped(
    group: Group, read: _Read, label: int, notes: ClockNotes, dropped: Counter[str]
) -> Iterator[Segment]:
    """The recordings of a group whose rows have time stamps."""
    source, key = read.path.name, group.key
    for times, readings in recordings(_seconds(group, read, notes), group.values, notes, dropped):
        if "D204" not in read.schema.allow:
            refuse_interleaved(readings, f"{read.path}: {key.subject}", f"{source}.toml")
        yield Segment(key.subject, label, readings, times, 0.0, source, key.device)


def _seconds(group: Group, read: _Read, notes: ClockNotes) -> NDArray[np.float64]:
    """Time stamps in seconds from the first one, so that no digits are lost.

    Raises:
        BadInput: they count rows, or their unit cannot be.
    """
    ticks = unwrapped(group.stamps, _periods(read), notes)
    stamps: NDArray[np.float64] = ticks - ticks.min()
    who = f"{read.path}: {group.key.activity} of {group.key.subject}"
    toml = f"{read.path.name}.toml"
    if not read.stamps.in_seconds and not read.schema.timestamp_unit and counts_rows(stamps):
        raise BadInput(
            f"{who}: the time stamps count rows (every step is 1), or seconds of a sensor that is "
            "too slow; they are no times",
            f"set rate_hz = … in {toml}, the sampling rate of the recording",
        )
    seconds = stamps if read.stamps.in_seconds else stamps * read.schema.seconds_per_tick
    check_rate(seconds, who, toml, read.schema.timestamp_unit, ticks)
    return seconds


def _periods(read: _Read) -> dict[str, float]:
    """After how much the clock of a file may start again, in the unit of its stamps."""
    if read.stamps.in_seconds:
        periods = read.stamps.starts_again
    else:
        periods = (DAY / read.schema.seconds_per_tick,)
    words = {DAY: "at midnight", HALF_DAY: "as a 12-hour clock", HOUR: "after an hour"}
    named = {words.get(period, "at midnight"): period for period in periods}
    full = {f"after {bits} bits": 2.0**bits for bits in (16, 32)}
    return named if read.stamps.in_seconds else named | full


class _Runs:
    """Runs of neighbouring rows, where no time stamps tell what belongs together."""

    def __init__(self) -> None:
        self.rows = 0
        self.count = 0
        self.keys: list[tuple[str, str]] = []

    def runs(self, group: Group) -> Iterator[slice]:
        import numpy as np

        ends = np.flatnonzero(np.diff(group.positions) != 1) + 1
        edges = [0, *ends.tolist(), len(group.positions)]
        self.rows += len(group.positions)
        self.count += len(edges) - 1
        self.keys.append((group.key.subject, group.key.activity))
        yield from (slice(a, b) for a, b in pairwise(edges))

    def refuse_alternating(self, reads: list[_Read]) -> None:
        """Raises BadInput where most runs are single rows: the file mixes recordings row by row."""
        if self.count > 1 and self.rows < 3 * self.count:
            names = " and ".join(f"{s} ({a})" for s, a in self.keys[:2])
            raise BadInput(
                f"{reads[0].path}: rows of {names} alternate, and there are no time stamps to put "
                "them in order",
                f"sort the file by subject and activity, or give time stamps ({DOCS})",
            )
