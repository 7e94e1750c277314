"""Your own recordings: one CSV file, and a TOML file beside it that says what its columns mean.

Without `<FILE>.toml` the header must be `subject,activity,timestamp,x,y,z` (any order, more columns
are ignored), the time stamp in seconds, the acceleration in m/s² with gravity, Android's sign.
`docs/how-to/own-recordings.md` documents the mapping.
"""

from __future__ import annotations

import csv
import io
from collections.abc import Iterator
from itertools import groupby
from operator import attrgetter
from pathlib import Path
from typing import TYPE_CHECKING, NamedTuple

from edgeconv.core import Dataset, Progress
from edgeconv.datasets.csv_schema import Mapping, read_mapping
from edgeconv.datasets.files import read_bytes, require_path
from edgeconv.datasets.number_parsing import parse_number
from edgeconv.datasets.units import to_canonical
from edgeconv.datasets.windowing import DatasetInfo, Segment, assemble
from edgeconv.errors import BadInput

if TYPE_CHECKING:
    import numpy as np
    from numpy.typing import NDArray

WHAT = "a CSV file with the columns subject, activity, timestamp, x, y, z"
FASTEST_HZ, SLOWEST_HZ = 2000.0, 1.0  # no phone samples outside; a wrong unit is off by 1000


class Row(NamedTuple):
    """One line. `stamp` is 0 where the file has no time stamps."""

    subject: str
    activity: str
    stamp: float
    x: float
    y: float
    z: float


def load(path: Path | None, progress: Progress) -> Dataset:
    """The file's recordings: a change of subject or activity, or a gap in time, ends one.

    Raises:
        UsageError, BadInput: the file, its mapping or one of its lines cannot be used; the message
            has the line number.
    """
    file = require_path(path, "csv", WHAT)
    progress.stage("Reading CSV")
    text = _decode(read_bytes(file, WHAT), file)
    mapping = read_mapping(file)
    rows = list(_rows(text, mapping, file))
    if not rows:
        raise BadInput(f"{file}: a header, but no data", f"give {WHAT}")
    labels = mapping.labels or tuple(sorted({row.activity for row in rows}))
    segments = list(_segments(rows, labels, mapping, file))
    return assemble(DatasetInfo("csv", file.name), labels, segments)


def _decode(content: bytes, file: Path) -> str:
    try:
        return content.decode("utf-8-sig")
    except UnicodeDecodeError as error:
        line = content.count(b"\n", 0, error.start) + 1
        raise BadInput(f"{file}: line {line} is not UTF-8 text", "save it as UTF-8") from error


def _rows(text: str, mapping: Mapping, file: Path) -> Iterator[Row]:
    lines = csv.reader(io.StringIO(text, newline=""), strict=True)
    try:
        places = _places([name.strip() for name in next(lines)], mapping, file)
        for fields in lines:
            if fields:
                yield _row(fields, places, f"{file}: line {lines.line_num}")
    except csv.Error as error:
        raise BadInput(f"{file}: line {lines.line_num}: {error}") from error


def _places(header: list[str], mapping: Mapping, file: Path) -> dict[str, int]:
    """Column number of each role."""
    missing = [name for name in mapping.columns.values() if name not in header]
    if missing:
        raise BadInput(
            f"{file}: line 1 has no column {', '.join(map(repr, missing))}; "
            f"it has {', '.join(map(repr, header[:20]))}",
            _column_hint(header, missing, file),
        )
    return {role: header.index(name) for role, name in mapping.columns.items()}


def _column_hint(header: list[str], missing: list[str], file: Path) -> str:
    """What to do about columns that are not there."""
    separator = next((s for s in ";\t|" if len(header) == 1 and s in header[0]), "")
    if separator:
        return f"the columns are separated by {separator!r}: save the file with commas"
    beside = f"{file.name}.toml"
    if file.with_name(beside).is_file():
        return f"correct the names of [columns] in {beside} (docs/how-to/own-recordings.md)"
    lines = ", ".join(f'{role} = "COLUMN"' for role in missing)
    return f"write {beside} with [columns] and {lines} (docs/how-to/own-recordings.md)"


def _row(fields: list[str], places: dict[str, int], where: str) -> Row:
    if len(fields) <= max(places.values()):
        raise BadInput(f"{where} has {len(fields)} fields, too few", "complete or delete the line")
    subject, activity = (fields[places[role]].strip() for role in ("subject", "activity"))
    if not subject or not activity:
        raise BadInput(f"{where}: subject or activity is empty", "fill it in or delete the line")
    stamp, x, y, z = (
        _number(fields[places[role]], f"{where}: {role}") if role in places else 0.0
        for role in ("timestamp", "x", "y", "z")
    )
    return Row(subject, activity, stamp, x, y, z)


def _number(field: str, where: str) -> float:
    number = parse_number(field.encode())
    if isinstance(number, str):
        raise BadInput(f"{where} is '{field[:40]}': {number}", "correct or delete the line")
    return number


def _segments(
    rows: list[Row], labels: tuple[str, ...], mapping: Mapping, file: Path
) -> Iterator[Segment]:
    import numpy as np

    numbers = {label: n for n, label in enumerate(labels)}
    for (subject, activity), group in groupby(rows, key=attrgetter("subject", "activity")):
        if activity not in numbers:
            raise BadInput(
                f"{file}: activity '{activity}' is not among the labels {', '.join(labels)}",
                f"add it to 'labels' in {file.name}.toml",
            )
        table = np.array([row[2:] for row in group], np.float64)
        values = to_canonical(table[:, 1:], mapping.unit, mapping.sign)
        seconds = None
        if not mapping.rate_hz:
            seconds = table[:, 0] * mapping.seconds_per_tick
            _check_rate(seconds, f"{file}: {activity} of {subject}", file)
        yield Segment(subject, numbers[activity], values, seconds, mapping.rate_hz, file.name)


def _check_rate(seconds: NDArray[np.float64], where: str, file: Path) -> None:
    import numpy as np

    steps = np.diff(seconds)
    steps = steps[steps > 0]
    if not len(steps):
        return  # counted as dropped when the segment is cut
    rate = 1.0 / float(np.median(steps))
    if not SLOWEST_HZ <= rate <= FASTEST_HZ:
        raise BadInput(
            f"{where}: the time stamps mean {rate:.3g} samples a second",
            f"set timestamp_unit (s, ms, us or ns) in {file.name}.toml",
        )
