"""A first TOML for a table: what its columns seem to mean, and what to check.

Columns are told by their names, the unit by the length of gravity, the clock by its steps. What is
only likely is marked as such; what cannot be told stands there as a comment.
"""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import dataclass
from pathlib import Path
from typing import TYPE_CHECKING

from edgeconv.core import STANDARD_GRAVITY
from edgeconv.datasets.tables.apps import recognize
from edgeconv.datasets.tables.clock import counts_rows
from edgeconv.datasets.tables.dialect import read_dialect
from edgeconv.datasets.tables.engine import Group, open_tables
from edgeconv.datasets.tables.schema import DOCS, ROLES, Schema
from edgeconv.datasets.tables.sources import TableFile, open_table
from edgeconv.errors import BadInput

if TYPE_CHECKING:
    import numpy as np
    from numpy.typing import NDArray

# Lower-case names of columns by role, the likeliest first.
_NAMES = {
    "subject": ("subject", "subject_id", "participant", "person", "user", "user_id", "who", "id"),
    "activity": ("activity", "label", "class", "task", "movement", "exercise", "state"),
    "timestamp": (
        *("timestamp", "time", "t", "time (s)", "seconds_elapsed", "seconds", "elapsed"),
        *("epoch_ms", "epoch", "ms", "millis", "timestamp_ms", "time_ms", "datetime", "date"),
    ),
    "recording": ("recording", "trial", "session", "run", "bout"),
    "device": ("device", "device_id", "sensor", "position", "side"),
}
_AXES = ("{}", "acc_{}", "acc{}", "a{}", "accel_{}", "accelerometer_{}", "accelerometer{}", "g{}")
_PLACEHOLDER = {"subject": "p1", "activity": "Walking"}


@dataclass(frozen=True)
class Draft:
    """Text of a TOML, and the sentences that say what to check in it."""

    path: Path
    text: str
    doubts: tuple[str, ...]


def draft_schema(file: Path) -> Draft:
    """The TOML of one table, to be completed by hand.

    Raises:
        BadInput: the file is no table, or no columns look like x, y and z.
    """
    with open_table(file) as table:
        names = _column_names(table)
        columns = _guess_columns(names)
        missing = [axis for axis in ("x", "y", "z") if axis not in columns]
        if missing:
            raise BadInput(
                f"{file}: no column looks like {', '.join(missing)} of an accelerometer; it has "
                f"{', '.join(map(repr, names[:20]))}",
                f'name them yourself in {file.name}.toml: [columns] x = "…" ({DOCS})',
            )
        app = recognize(names)
        sample = _first_group(table, columns)
    lines = [f"# What the columns of {file.name} mean. {DOCS} explains every key."]
    doubts: list[str] = []
    if app:
        lines.append(f"# The columns are those of {app.app}.")
    if app and app.warning:
        doubts.append(app.warning)
    for role in ("subject", "activity"):
        if role not in columns:
            lines.append(
                f'{role} = "{_PLACEHOLDER[role]}"  # no column tells it: who or what is it?'
            )
            doubts.append(f"{role}: no column tells it, correct the constant")
    lines += _unit_lines(sample, doubts)
    lines += _clock_lines(sample, "timestamp" in columns, doubts)
    lines += ["", "[columns]"]
    lines += [f'{role} = "{column}"' for role, column in columns.items()]
    return Draft(file.with_name(f"{file.name}.toml"), "\n".join(lines) + "\n", tuple(doubts))


def _column_names(table: TableFile) -> tuple[str, ...]:
    if table.is_parquet:
        raise BadInput(f"{table.path}: a Parquet file", f"write its TOML by hand ({DOCS})")
    return read_dialect(table.path, table.head).names


def _guess_columns(names: tuple[str, ...]) -> dict[str, str]:
    """Role → column of the names that fit one."""
    lower: dict[str, str] = {}
    for name in names:
        lower.setdefault(name.lower(), name)
    columns: dict[str, str] = {}
    app = recognize(names)
    if app:
        columns |= app.columns
    for role, candidates in _NAMES.items():
        column = next((lower[c] for c in candidates if c in lower), None)
        if column and role not in columns and column not in columns.values():
            columns[role] = column
    for pattern in _AXES:
        axes = {axis: lower.get(pattern.format(axis)) for axis in ("x", "y", "z")}
        if all(axes.values()) and "x" not in columns:
            columns |= {axis: str(column) for axis, column in axes.items()}
    order = [*ROLES, "recording", "device"]
    return {role: columns[role] for role in order if role in columns}


@dataclass(frozen=True)
class _Sample:
    """The largest group of rows; `in_seconds`: its stamps are dates, which need no unit."""

    group: Group
    in_seconds: bool


def _first_group(table: TableFile, columns: Mapping[str, str]) -> _Sample | None:
    """The largest group of rows, or None where the table cannot be read like this."""
    constants = {role: "all" for role in ("subject", "activity") if role not in columns}
    with open_tables() as tables:
        schema = Schema(columns=dict(columns), constants=constants)
        try:
            stamps = tables.add(table, schema)
        except BadInput:
            return None
        groups = sorted(tables.groups(), key=lambda group: -len(group.values))
        if not groups:
            return None
        return _Sample(groups[0], stamps.in_seconds)


def _unit_lines(sample: _Sample | None, doubts: list[str]) -> list[str]:
    choices = '# unit = "g"  # m/s^2, g or mg; or counts_per_g = 128'
    if sample is None:
        doubts.append("unit: could not be told, the rows do not read yet")
        return [choices]
    length = _gravity(sample.group.values)
    for unit, one in (("m/s^2", STANDARD_GRAVITY), ("g", 1.0), ("mg", 1000.0)):
        if one / 1.35 <= length <= one * 1.35:
            sign = '# sign = "ios"  # if an iPhone recorded it; Android\'s sign is the default'
            return [f'unit = "{unit}"  # gravity has a length of {length:.4g}', sign]
    doubts.append(f"unit: gravity has a length of {length:.4g}, which fits no unit")
    return [choices]


def _gravity(values: NDArray[np.float64]) -> float:
    """Median length of the mean vector of blocks of 40 rows."""
    import numpy as np

    count = max(1, len(values) // 40)
    blocks = [part.mean(axis=0) for part in np.array_split(values, count)]
    return float(np.median(np.linalg.norm(blocks, axis=1)))


def _clock_lines(sample: _Sample | None, has_stamps: bool, doubts: list[str]) -> list[str]:
    import numpy as np

    without = "rate_hz = 50  # the sampling rate: no time stamps tell it"
    if not has_stamps:
        doubts.append("rate_hz: no column of time stamps, correct the sampling rate")
        return [without]
    if sample is None:
        return ['# timestamp_unit = "ms"  # s, ms, us or ns']
    if sample.in_seconds:
        return ["# the time stamps are dates or times of day"]
    stamps = np.sort(sample.group.stamps - sample.group.stamps.min())
    if counts_rows(stamps):
        doubts.append("the time stamps count rows; give rate_hz and leave their column out")
        return [f"# {without}, they count rows"]
    steps = np.diff(stamps)
    steps = steps[steps > 0]
    step = float((stamps[-1] - stamps[0]) / max(1, len(stamps) - 1)) if len(steps) else 0.0
    for unit, ticks in (("s", 1.0), ("ms", 1e3), ("us", 1e6), ("ns", 1e9)):
        if step and 5 <= ticks / step <= 1000:
            rate = f"{ticks / step:.4g} rows a second"
            return [f'timestamp_unit = "{unit}"  # {rate}']
    doubts.append("timestamp_unit: the steps of the time stamps fit no unit")
    return ['# timestamp_unit = "ms"  # s, ms, us or ns']
