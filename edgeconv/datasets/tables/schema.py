"""What the columns of a table mean: the TOML beside it, or the defaults.

`FILE.toml` belongs to `FILE`; `recordings.toml` to every table of its folder and those below. All
keys are documented in docs/how-to/own-recordings.md.
"""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import dataclass, field, replace
from pathlib import Path

from edgeconv.core import CHANNEL_UNITS, STANDARD_GRAVITY, GravitySource, SensorKind
from edgeconv.datasets.tables.file_names import roles_in
from edgeconv.datasets.tables.keys import SIGNS
from edgeconv.errors import BadInput

AXES = ("x", "y", "z")
ROLES = ("subject", "activity", "timestamp", *AXES)
OPTIONAL_ROLES = ("recording", "device")
UNITS = CHANNEL_UNITS[SensorKind.ACCELEROMETER]
TICKS = {
    **{"s": 1.0, "ms": 1e-3, "us": 1e-6, "ns": 1e-9, "100ns": 1e-7},
    **{"min": 60.0, "h": 3600.0, "d": 86400.0},
}
"""Seconds of one tick; 100 ns are those of Windows and .NET, days those of a spreadsheet."""
NOT_LABELLED = ("", "null", "none", "nan", "na", "n/a", "unknown", "unlabeled", "unlabelled", "?")
DOCS = "docs/how-to/own-recordings.md"


@dataclass(frozen=True)
class Scale:
    """Unit and sign of readings: `factor` makes m/s² with Android's sign of them."""

    unit: str = "m/s^2"
    sign: str = "android"
    counts_per_g: float = 0.0

    @property
    def factor(self) -> float:
        per_unit = STANDARD_GRAVITY / self.counts_per_g if self.counts_per_g else UNITS[self.unit]
        return per_unit * SIGNS[self.sign]


@dataclass(frozen=True)
class Channel:
    """One channel of the windows: its name, its column, and what is measured there.

    `unit` is empty where the unit of the accelerations of the table holds; `sign` is `+` or `-`,
    or that of a platform.
    """

    name: str
    column: str
    kind: SensorKind = SensorKind.ACCELEROMETER
    unit: str = ""
    sign: str = ""

    def factor(self, scale: Scale) -> float:
        """What makes the program's unit and sign of a reading.

        Args:
            scale: of the accelerations of the table, or of the subject or device.
        """
        if self.kind.is_acceleration and not self.unit:
            return replace(scale, sign=self.sign or scale.sign).factor
        units = CHANNEL_UNITS[self.kind]
        return units.get(self.unit, 1.0) * SIGNS[self.sign or "+"]


@dataclass(frozen=True)
class Schema:
    """Role → column, and how to read what stands there.

    Attributes:
        columns: of the roles that have a column of their own, x, y and z among them unless
            `named_channels` are given.
        named_channels: the channels of the windows in their order; empty: x, y and z of an
            accelerometer.
        constants: of the roles subject, activity and device that have none.
        header: names of the columns of a table that has no header line.
        file_name: pattern with `{subject}`, `{activity}`, `{recording}`, `{device}` or `*`, by
            which the path of each file tells them; empty without one.
        rate_hz: above 0 where the table has no time stamps.
        labels: order of the classes; empty: the names in the data, numbers by value.
        drop_labels: activities whose rows are left out and counted.
        rename_labels: activity in the table → class.
        keep: column → the values whose rows are kept; other rows are left out and counted.
        lost_values: numbers that stand for a lost sample.
        scale, subject_scales, device_scales: unit and sign, also of single subjects and devices.
        test_subjects, val_subjects: who is held out; empty: the usual split.
        calibrate: take the offset and scale of each device out of its readings.
        gravity: what told gravity and linear acceleration apart; None: nobody says.
        allow: rules of `data check` that do not stop a command.
        skip: names, or ends of paths, of files that are no recordings.
        source: the file that says so, for messages; None where defaults hold.
    """

    columns: Mapping[str, str] = field(default_factory=lambda: {role: role for role in ROLES})
    named_channels: tuple[Channel, ...] = ()
    constants: Mapping[str, str] = field(default_factory=dict)
    header: tuple[str, ...] = ()
    file_name: str = ""
    scale: Scale = Scale()
    subject_scales: Mapping[str, Scale] = field(default_factory=dict)
    device_scales: Mapping[str, Scale] = field(default_factory=dict)
    timestamp_unit: str = ""
    rate_hz: float = 0.0
    labels: tuple[str, ...] = ()
    drop_labels: tuple[str, ...] = ()
    rename_labels: Mapping[str, str] = field(default_factory=dict)
    keep: Mapping[str, tuple[str, ...]] = field(default_factory=dict)
    lost_values: tuple[float, ...] = ()
    test_subjects: tuple[str, ...] = ()
    val_subjects: tuple[str, ...] = ()
    calibrate: bool = False
    gravity: GravitySource | None = None
    allow: tuple[str, ...] = ()
    skip: tuple[str, ...] = ()
    source: Path | None = None

    @property
    def seconds_per_tick(self) -> float:
        return TICKS[self.timestamp_unit or "s"]

    @property
    def channels(self) -> tuple[Channel, ...]:
        """The channels of the windows, in their order."""
        return self.named_channels or tuple(Channel(axis, self.columns[axis]) for axis in AXES)

    def factors_of(self, subject: str, device: str) -> tuple[float, ...]:
        """What makes the program's unit and sign of each channel, for one subject and device."""
        own = self.subject_scales.get(subject) or self.device_scales.get(device)
        if own is None:
            return tuple(channel.factor(self.scale) for channel in self.channels)
        plain = (
            replace(channel, unit="", sign="") if channel.kind.is_acceleration else channel
            for channel in self.channels
        )
        return tuple(channel.factor(own) for channel in plain)

    def from_file_name(self, path: Path) -> dict[str, str]:
        """What the name of a file says: subject, activity, recording, device.

        Raises:
            BadInput: the name does not fit the pattern.
        """
        if not self.file_name:
            return {}
        told = roles_in(path, self.file_name)
        if told is None:
            raise BadInput(
                f"{path}: its name does not fit file_name = '{self.file_name}'",
                f"correct the pattern in {self.source}, or leave the file out",
            )
        return told


def with_columns(schema: Schema, **columns: str) -> Schema:
    """The schema with some roles read from other columns."""
    return replace(schema, columns={**schema.columns, **columns})
