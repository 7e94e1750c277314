"""A first TOML for a table: what its columns seem to mean, and what to check.

Columns are told by their names, the unit by the length of gravity, the clock by its steps. What is
only likely is marked as such; what cannot be told stands there as a comment.
"""

from __future__ import annotations

import math
import re
from collections.abc import Mapping, Sequence
from dataclasses import dataclass, replace
from pathlib import Path
from typing import TYPE_CHECKING

from edgeconv.core import CHANNEL_UNITS, STANDARD_GRAVITY, SensorKind
from edgeconv.datasets.tables.apps import recognize
from edgeconv.datasets.tables.column_names import (
    SensorColumns,
    role_columns,
    sensors_in,
    unit_in,
)
from edgeconv.datasets.tables.dialect import headerless, read_dialect
from edgeconv.datasets.tables.engine import Group, open_tables
from edgeconv.datasets.tables.file_names import is_activity
from edgeconv.datasets.tables.schema import AXES, DOCS, TICKS, Schema
from edgeconv.datasets.tables.schema_file import OPEN
from edgeconv.datasets.tables.shared_draft import Draft, listed, quoted
from edgeconv.datasets.tables.sources import TableFile, open_table
from edgeconv.datasets.tables.stamps import counts_rows, likely_units
from edgeconv.errors import BadInput

if TYPE_CHECKING:
    import numpy as np
    from numpy.typing import NDArray

NEAR = 0.06  # share by which gravity in counts may differ from a power of two
_SHORT = {
    SensorKind.ACCELEROMETER: "acc",
    SensorKind.LINEAR_ACCELERATION: "linear",
    SensorKind.GRAVITY: "gravity",
    SensorKind.GYROSCOPE: "gyro",
    SensorKind.MAGNETOMETER: "mag",
    SensorKind.OTHER: "other",
}


@dataclass(frozen=True)
class _Layout:
    """What the names of the columns say.

    Attributes:
        header: names to use, where the table has none of its own.
        roles: of subject, activity, timestamp, recording and device.
        sensors: every sensor with three axes.
        chosen: the one whose readings become windows.
        app: that wrote the table; empty if it is not known.
        warning: what is known of that app's columns.
        sign: that of its only platform.
    """

    header: tuple[str, ...]
    roles: Mapping[str, str]
    sensors: Sequence[SensorColumns]
    chosen: SensorColumns
    app: str = ""
    warning: str = ""
    sign: str = ""

    @property
    def columns(self) -> dict[str, str]:
        return {**self.roles, **dict(zip(AXES, self.chosen.columns, strict=True))}


def draft_schema(file: Path) -> Draft:
    """The TOML of one table, to be completed by hand.

    Raises:
        BadInput: the file is no table, or no columns look like x, y and z.
    """
    doubts: list[str] = []
    with open_table(file) as table:
        layout = _layout(table, doubts)
        sample = _first_group(table, layout)
    if sample is not None and not sample.in_seconds and counts_rows(sample.ordered):
        doubts.append("the time stamps count rows: they were left out, fill in rate_hz")
        without = {role: name for role, name in layout.roles.items() if role != "timestamp"}
        layout = replace(layout, roles=without)
    linear = layout.chosen.kind is SensorKind.LINEAR_ACCELERATION or (
        sample is not None and _lacks_gravity(sample.group.values)
    )
    lines = [f"# What the columns of {file.name} mean. {DOCS} explains every key."]
    if layout.app:
        lines.append(f"# The columns are those of {layout.app}.")
    if layout.warning:
        doubts.append(layout.warning)
    if layout.header:
        lines.append(f"header = [{listed(layout.header)}]  # no line names the columns: a guess")
    _other_choices(layout, doubts)
    lines += _constant_lines(layout, doubts)
    lines += _unit_lines(layout, sample, linear, doubts)
    lines += _clock_lines(layout, sample, doubts)
    lines += _column_lines(layout, linear, doubts)
    path = file.with_name(f"{file.name}.toml")
    return Draft(path, "\n".join(lines) + "\n", tuple(doubts), linear)


def _layout(table: TableFile, doubts: list[str]) -> _Layout:
    header = () if table.is_parquet else _guessed_header(table.head, doubts)
    names = header or _names(table)
    sensors = sensors_in(names)
    chosen = _chosen(sensors)
    if chosen is None:
        raise BadInput(
            f"{table.path}: no column looks like x, y, z of an accelerometer; it has "
            f"{', '.join(map(repr, names[:20]))}",
            f'name them yourself in {table.path.name}.toml: [columns] x = "…" ({DOCS})',
        )
    app = recognize(names)
    taken = {column for sensor in sensors for column in sensor.columns}
    roles = {role: column for role, column in role_columns(names).items() if column not in taken}
    if app is not None:
        roles["timestamp"] = app.columns["timestamp"]
    warning = app.warning if app is not None else ""
    one_hot = [name for name in names if name not in taken and is_activity(name)]
    if "activity" not in roles and len(one_hot) > 1:
        doubts.append(
            f"activity: {', '.join(one_hot)} look like one column for each class; write one column "
            "with the name of the class"
        )
    sign = app.sign if app is not None and app.sign == "ios" else ""
    return _Layout(header, roles, sensors, chosen, app.app if app else "", warning, sign)


def _names(table: TableFile) -> tuple[str, ...]:
    if not table.is_parquet:
        return read_dialect(table.path, table.head).names
    with open_tables() as tables:
        return tables.names(table)


def _chosen(sensors: Sequence[SensorColumns]) -> SensorColumns | None:
    """The accelerometer with gravity, else three axes without another name, else one without."""
    for kinds in ((SensorKind.ACCELEROMETER,), (None,), (SensorKind.LINEAR_ACCELERATION,)):
        for sensor in sensors:
            if sensor.kind in kinds:
                return sensor
    return None


def _guessed_header(head: str, doubts: list[str]) -> tuple[str, ...]:
    """Names for the columns of a table that has no header; empty where it has one."""
    found = headerless(head)
    if found is None:
        return ()
    width, first = found
    numeric = [
        n for n, field in enumerate(first) if re.fullmatch(r"[+-]?[\d.,]+(e.*)?", field, re.I)
    ]
    texts = [n for n in range(width) if n not in numeric]
    names = {n: f"column{n + 1}" for n in range(width)}
    clock = next((n for n in texts if re.match(r"\d{1,4}[:/-]", first[n])), None)
    if clock is None and len(numeric) % 3 == 1:
        clock = numeric.pop(0)
    if clock is not None:
        names[clock] = "timestamp"
    for role, n in zip(("subject", "activity"), (n for n in texts if n != clock), strict=False):
        names[n] = role
    for n, name in zip(numeric, (*AXES, "gyro_x", "gyro_y", "gyro_z"), strict=False):
        names[n] = name
    doubts.append(f"header: no line names the columns; guessed: {', '.join(names.values())}")
    return tuple(names.values())


@dataclass(frozen=True)
class _Sample:
    """The largest group of rows; `in_seconds`: its stamps are dates, which need no unit."""

    group: Group
    in_seconds: bool

    @property
    def ordered(self) -> NDArray[np.float64]:
        """The time stamps from the first one, by value."""
        import numpy as np

        return np.sort(self.group.stamps - self.group.stamps.min())


def _first_group(table: TableFile, layout: _Layout) -> _Sample | None:
    """The largest group of rows, or None where the table cannot be read like this."""
    constants = {role: "all" for role in ("subject", "activity") if role not in layout.roles}
    with open_tables() as tables:
        schema = Schema(columns=layout.columns, constants=constants, header=layout.header)
        try:
            stamps = tables.add(table, schema)
        except BadInput:
            return None
        groups = sorted(tables.groups(), key=lambda group: -len(group.values))
        return _Sample(groups[0], stamps.in_seconds) if groups else None


def _other_choices(layout: _Layout, doubts: list[str]) -> None:
    """Sensors that could as well be the one whose readings become windows."""
    same = [s for s in layout.sensors if s.kind is layout.chosen.kind and s is not layout.chosen]
    if same:
        doubts.append(
            f"x, y, z: {', '.join(layout.chosen.columns)} were taken, "
            + "; ".join(", ".join(sensor.columns) for sensor in same)
            + " look the same"
        )


def _constant_lines(layout: _Layout, doubts: list[str]) -> list[str]:
    lines = []
    for role in ("subject", "activity"):
        if role not in layout.roles:
            lines.append(f'{role} = "{OPEN}"  # to be filled in: no column tells it')
            doubts.append(f"{role}: no column tells it, fill it in")
    return lines


def _unit_lines(
    layout: _Layout, sample: _Sample | None, linear: bool, doubts: list[str]
) -> list[str]:
    chosen = layout.chosen
    sign = '# sign = "ios"  # if an iPhone recorded it; Android\'s sign is the default'
    if layout.sign:
        sign = f'sign = "{layout.sign}"  # {layout.app} is an app of iPhones'
    named = chosen.unit if chosen.unit in CHANNEL_UNITS[SensorKind.ACCELEROMETER] else ""
    if sample is None:
        doubts.append("unit: could not be told, the rows do not read yet")
        return [f'unit = "{named or "m/s^2"}"  # as the columns are named' if named else _CHOICES]
    if linear:
        if not named:
            doubts.append("unit: without gravity it cannot be told; m/s^2 is assumed")
        return [f'unit = "{named or "m/s^2"}"', sign]
    length = _gravity(sample.group.values)
    for unit, one in (("m/s^2", STANDARD_GRAVITY), ("g", 1.0), ("mg", 1000.0)):
        if one / 1.35 <= length <= one * 1.35:
            if named and named != unit:
                doubts.append(f"unit: the columns say {named}, but gravity measures {length:.4g}")
            return [f'unit = "{unit}"  # gravity has a length of {length:.4g}', sign]
    doubts.append(f"unit: gravity has a length of {length:.4g}, which fits no unit")
    return [
        f"counts_per_g = {_counts(length):.0f}  # if these are raw counts: gravity's length"
        if length > 30
        else _CHOICES,
        sign,
    ]


_CHOICES = '# unit = "g"  # m/s^2, g or mg; or counts_per_g = 128'


def _counts(length: float) -> float:
    """Counts of one g: a power of two where gravity measures nearly that."""
    power = 2.0 ** round(math.log2(length))
    return power if abs(length - power) < NEAR * power else length


def _usual(values: NDArray[np.float64]) -> NDArray[np.float64]:
    """The rows without those far beyond the others: codes for lost samples are no readings."""
    import numpy as np

    lengths = np.linalg.norm(values, axis=1)
    usual: NDArray[np.float64] = values[lengths <= 8 * np.median(lengths)]
    return usual


def _blocks(values: NDArray[np.float64]) -> NDArray[np.float64]:
    """Mean vectors of blocks of 40 rows."""
    import numpy as np

    values = _usual(values)
    count = max(1, len(values) // 40)
    return np.array([part.mean(axis=0) for part in np.array_split(values, count)])


def _gravity(values: NDArray[np.float64]) -> float:
    """Median length of the mean vectors."""
    import numpy as np

    return float(np.median(np.linalg.norm(_blocks(values), axis=1)))


def _lacks_gravity(values: NDArray[np.float64]) -> bool:
    """Whether the mean vectors are far shorter than what moves around them."""
    import numpy as np

    values = _usual(values)
    around = values - values.mean(axis=0)
    return _gravity(values) < 0.6 * float(np.sqrt((around**2).sum(axis=1).mean()))


def _clock_lines(layout: _Layout, sample: _Sample | None, doubts: list[str]) -> list[str]:
    without = "rate_hz = 0  # to be filled in, the sampling rate: no time stamps tell it"
    column = layout.roles.get("timestamp")
    if column is None:
        doubts.append("rate_hz: no column of time stamps, fill in the sampling rate")
        return [without]
    if sample is None:
        return ['# timestamp_unit = "ms"  # s, ms, us or ns']
    if sample.in_seconds:
        return ["# the time stamps are dates or times of day"]
    named = unit_in(column)
    units = likely_units(sample.group.stamps)
    if not units:
        doubts.append("timestamp_unit: the steps of the time stamps fit no unit")
        return ['# timestamp_unit = "ms"  # s, ms, us, ns, 100ns, min, h or d']
    unit, hertz = next((pair for pair in units if pair[0] == named), units[0])
    if named in TICKS and named != unit:
        doubts.append(f"timestamp_unit: the column says {named}, its steps say {unit}")
    if len(units) > 1:
        others = ", ".join(f"{name} ({rate:.4g} rows a second)" for name, rate in units[1:])
        doubts.append(f"timestamp_unit: {unit} was taken ({hertz:.4g} rows a second), or {others}")
    return [f'timestamp_unit = "{unit}"  # {hertz:.4g} rows a second']


def _column_lines(layout: _Layout, linear: bool, doubts: list[str]) -> list[str]:
    """`[columns]`; further sensors, or readings without gravity, as `[channels]`."""
    roles = [f"{role} = {quoted(column)}" for role, column in layout.roles.items()]
    if linear:
        doubts.append(
            "these readings hold no gravity: they are declared as linear acceleration; a model "
            "for a phone's accelerometer needs recordings with gravity"
        )
        lines = _channel_lines(layout.chosen, SensorKind.LINEAR_ACCELERATION, doubts)
        return ["", "[columns]", *roles, "", "[channels]", *lines]
    axes = [
        f"{axis} = {quoted(column)}"
        for axis, column in zip(AXES, layout.chosen.columns, strict=True)
    ]
    others = [s for s in layout.sensors if s is not layout.chosen and s.kind is not None]
    lines = ["", "[columns]", *roles, *axes]
    if others:
        quiet: list[str] = []
        lines += [
            "",
            "# The table has more sensors. To use them, take the # away here and delete x, y and z",
            "# of [columns]. The order of the lines is the order of the channels in a window.",
            "# [channels]",
        ]
        for sensor in (layout.chosen, *others):
            kind = sensor.kind or SensorKind.ACCELEROMETER
            lines += [f"# {line}" for line in _channel_lines(sensor, kind, quiet)]
    return lines


def _channel_lines(sensor: SensorColumns, kind: SensorKind, doubts: list[str]) -> list[str]:
    units = CHANNEL_UNITS[kind]
    unit = sensor.unit if sensor.unit in units else ""
    told = f', unit = "{unit}"' if unit and not kind.is_acceleration else ""
    guess = ""
    if units and not told and not kind.is_acceleration:
        told, guess = f', unit = "{kind.unit}"', "  # the unit is a guess"
        doubts.append(f"unit of {', '.join(sensor.columns)}: {kind.unit} is a guess")
    return [
        f'{_SHORT[kind]}_{axis} = {{ column = {quoted(column)}, kind = "{kind}"{told} }}{guess}'
        for axis, column in zip(AXES, sensor.columns, strict=True)
    ]
