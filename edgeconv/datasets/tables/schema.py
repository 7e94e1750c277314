"""What the columns of a table mean: the TOML beside it, or the defaults.

`FILE.toml` belongs to `FILE`; `recordings.toml` belongs to every table of its folder. All keys are
documented in docs/how-to/own-recordings.md.
"""

from __future__ import annotations

import re
import tomllib
from collections.abc import Mapping
from dataclasses import dataclass, field, replace
from pathlib import Path
from typing import Any

from edgeconv.core import STANDARD_GRAVITY
from edgeconv.errors import BadInput

ROLES = ("subject", "activity", "timestamp", "x", "y", "z")
OPTIONAL_ROLES = ("recording", "device")
UNITS = {"m/s^2": 1.0, "g": STANDARD_GRAVITY, "mg": STANDARD_GRAVITY / 1000}
SIGNS = {"android": 1.0, "ios": -1.0}
TICKS = {"s": 1.0, "ms": 1e-3, "us": 1e-6, "ns": 1e-9}  # seconds
NOT_LABELLED = ("", "null", "none", "nan", "na", "n/a", "unknown", "unlabeled", "unlabelled", "?")
FOLDER_TOML = "recordings.toml"
DOCS = "docs/how-to/own-recordings.md"
_SHARED_KEYS = ("unit", "counts_per_g", "sign")
_KEYS = (
    *("columns", "timestamp_unit", "rate_hz", "labels", "drop_labels", "rename_labels", "keep"),
    *("lost_values", "subject", "activity", "device", "file_name", "subjects", "allow"),
    *_SHARED_KEYS,
)


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
class Schema:
    """Role → column, and how to read what stands there.

    Attributes:
        columns: of the roles that have a column of their own.
        constants: of the roles subject, activity and device that have none.
        file_name: pattern with `{subject}`, `{activity}`, `{recording}`, `{device}` or `*`, by
            which the name of each file tells them; empty without one.
        rate_hz: above 0 where the table has no time stamps.
        labels: order of the classes; empty: the names in the data, numbers by value.
        drop_labels: activities whose rows are left out and counted.
        rename_labels: activity in the table → class.
        keep: column → the values whose rows are kept; other rows are left out and counted.
        lost_values: numbers that stand for a lost sample.
        scale, subject_scales: unit and sign, also of single subjects.
        allow: rules of `data check` that do not stop a command.
        source: the file that says so, for messages; None where defaults hold.
    """

    columns: Mapping[str, str] = field(default_factory=lambda: {role: role for role in ROLES})
    constants: Mapping[str, str] = field(default_factory=dict)
    file_name: str = ""
    scale: Scale = Scale()
    subject_scales: Mapping[str, Scale] = field(default_factory=dict)
    timestamp_unit: str = ""
    rate_hz: float = 0.0
    labels: tuple[str, ...] = ()
    drop_labels: tuple[str, ...] = ()
    rename_labels: Mapping[str, str] = field(default_factory=dict)
    keep: Mapping[str, tuple[str, ...]] = field(default_factory=dict)
    lost_values: tuple[float, ...] = ()
    allow: tuple[str, ...] = ()
    source: Path | None = None

    @property
    def seconds_per_tick(self) -> float:
        return TICKS[self.timestamp_unit or "s"]

    def scale_of(self, subject: str) -> Scale:
        return self.subject_scales.get(subject, self.scale)

    def from_file_name(self, path: Path) -> dict[str, str]:
        """What the name of a file says: subject, activity, recording, device.

        Raises:
            BadInput: the name does not fit the pattern.
        """
        if not self.file_name:
            return {}
        match = _file_pattern(self.file_name).fullmatch(path.name)
        if match is None:
            raise BadInput(
                f"{path}: its name does not fit file_name = '{self.file_name}'",
                f"correct the pattern in {self.source}, or leave the file out",
            )
        return match.groupdict()


def toml_of(table: Path) -> Path | None:
    """The TOML that speaks for a table, or None."""
    for candidate in (table.with_name(f"{table.name}.toml"), table.with_name(FOLDER_TOML)):
        if candidate.is_file():
            return candidate
    return None


def stray_toml(table: Path) -> Path | None:
    """A TOML beside a table that nearly has its name, and is not read for that reason."""
    plain = table.name.partition(".")[0]
    others = (p for p in sorted(table.parent.glob("*.toml")) if p.name.partition(".")[0] == plain)
    return next((p for p in others if p != toml_of(table)), None) if plain else None


def read_schema(table: Path) -> Schema:
    """The schema of a table.

    Raises:
        BadInput: not TOML, an unknown key, or a value that cannot be.
    """
    path = toml_of(table)
    if path is None:
        return Schema()
    try:
        data = tomllib.loads(path.read_text("utf-8-sig"))
    except (tomllib.TOMLDecodeError, UnicodeDecodeError, OSError) as error:
        raise BadInput(f"{path}: not a TOML file ({error})", f"see {DOCS}") from error
    return _Reader(path, data).schema()


class _Reader:
    """Checks one TOML key by key; every message names the file and the key."""

    def __init__(self, path: Path, data: dict[str, Any]) -> None:
        self.path = path
        self.data = data

    def schema(self) -> Schema:
        self._known("keys", set(self.data), set(_KEYS))
        rate_hz = self._rate()
        constants = self._constants()
        file_name = self._text("file_name")
        if file_name:
            self._check_pattern(file_name)
        scale = self._scale(self.data, Scale())
        return Schema(
            columns=self._columns(bool(rate_hz), {*constants, *_file_roles(file_name)}),
            constants=constants,
            file_name=file_name,
            scale=scale,
            subject_scales=self._subjects(scale),
            timestamp_unit=self._choice(self.data, "timestamp_unit", tuple(TICKS), ""),
            rate_hz=rate_hz,
            labels=self._names("labels"),
            drop_labels=self._names("drop_labels"),
            rename_labels=self._table_of_text("rename_labels"),
            keep=self._keep(),
            lost_values=self._numbers("lost_values"),
            allow=self._names("allow"),
            source=self.path,
        )

    def _refuse(self, what: str, hint: str) -> BadInput:
        return BadInput(f"{self.path}: {what}", hint)

    def _known(self, what: str, given: set[str], known: set[str]) -> None:
        if unknown := sorted(given - known):
            raise self._refuse(
                f"unknown {what} {', '.join(unknown)}", f"possible: {', '.join(sorted(known))}"
            )

    def _choice(
        self, table: Mapping[str, Any], key: str, choices: tuple[str, ...], default: str
    ) -> str:
        value = table.get(key, default)
        if value not in (*choices, default):
            raise self._refuse(f"{key} is {value!r}", f"possible: {', '.join(choices)}")
        return str(value)

    def _text(self, key: str) -> str:
        value = self.data.get(key, "")
        if not isinstance(value, str) or (key in self.data and not value.strip()):
            raise self._refuse(f"{key} is {value!r}", f'give a text, for example {key} = "p1"')
        return value.strip()

    def _numbers(self, key: str) -> tuple[float, ...]:
        value = self.data.get(key, [])
        numbers = isinstance(value, list) and all(
            isinstance(n, int | float) and not isinstance(n, bool) for n in value
        )
        if not numbers:
            raise self._refuse(f"{key} is {value!r}", f"give a list of numbers: {key} = [-999]")
        return tuple(map(float, value))

    def _names(self, key: str) -> tuple[str, ...]:
        value = self.data.get(key, [])
        if not isinstance(value, list) or not all(isinstance(n, str) and n for n in value):
            raise self._refuse(f"{key} must be a list of names", f'{key} = ["Walking", …]')
        if len(set(value)) < len(value):
            raise self._refuse(f"{key} has a name twice", f"now: {', '.join(value)}")
        return tuple(value)

    def _table_of_text(self, key: str) -> dict[str, str]:
        value = self.data.get(key, {})
        if not isinstance(value, dict) or not all(isinstance(v, str) and v for v in value.values()):
            raise self._refuse(f"[{key}] must map names to names", f"see {DOCS}")
        return dict(value)

    def _keep(self) -> dict[str, tuple[str, ...]]:
        value = self.data.get("keep", {})
        if not isinstance(value, dict):
            raise self._refuse("[keep] must map columns to values", 'device = ["phone"]')
        accepted = {}
        for column, values in value.items():
            listed = values if isinstance(values, list) else [values]
            if not listed or not all(isinstance(v, str | int | float) for v in listed):
                raise self._refuse(f"[keep] {column} is {values!r}", 'give values: ["phone"]')
            accepted[str(column)] = tuple(str(v) for v in listed)
        return accepted

    def _constants(self) -> dict[str, str]:
        names = ("subject", "activity", "device")
        return {name: text for name in names if (text := self._text(name))}

    def _check_pattern(self, pattern: str) -> None:
        roles = re.findall(r"\{(\w*)\}", pattern)
        known = ("subject", "activity", "recording", "device")
        self._known("roles in file_name:", set(roles), set(known))
        if len(set(roles)) < len(roles) or not roles:
            raise self._refuse(
                f"file_name is '{pattern}'", 'name each role once, as in "{subject}_{activity}.csv"'
            )

    def _scale(self, table: Mapping[str, Any], default: Scale) -> Scale:
        counts = table.get("counts_per_g", 0)
        if isinstance(counts, bool) or not isinstance(counts, int | float) or counts < 0:
            raise self._refuse(f"counts_per_g is {counts!r}", "give a number above 0")
        if counts and "unit" in table:
            raise self._refuse("both unit and counts_per_g", "keep one of them")
        return Scale(
            self._choice(table, "unit", tuple(UNITS), default.unit),
            self._choice(table, "sign", tuple(SIGNS), default.sign),
            float(counts) or ("unit" not in table and default.counts_per_g) or 0.0,
        )

    def _subjects(self, scale: Scale) -> dict[str, Scale]:
        value = self.data.get("subjects", {})
        if not isinstance(value, dict) or not all(isinstance(v, dict) for v in value.values()):
            raise self._refuse("[subjects.NAME] must be tables", '[subjects.p4]\nunit = "g"')
        for name, table in value.items():
            self._known(f"keys in [subjects.{name}]", set(table), set(_SHARED_KEYS))
        return {str(name): self._scale(table, scale) for name, table in value.items()}

    def _rate(self) -> float:
        rate = self.data.get("rate_hz", 0)
        if "rate_hz" not in self.data:
            return 0.0
        if isinstance(rate, bool) or not isinstance(rate, int | float) or not 10 <= rate <= 2000:
            raise self._refuse(f"rate_hz is {rate!r}", "give a number from 10 to 2000")
        if "timestamp" in self.data.get("columns", {}) or "timestamp_unit" in self.data:
            raise self._refuse("both rate_hz and a time stamp", "keep one of them")
        return float(rate)

    def _columns(self, without_stamps: bool, told_elsewhere: set[str]) -> dict[str, str]:
        given = self.data.get("columns", {})
        if not isinstance(given, dict) or not all(isinstance(name, str) for name in given.values()):
            raise self._refuse("[columns] must map roles to column names", f"see {DOCS}")
        self._known("roles in [columns]:", set(given), {*ROLES, *OPTIONAL_ROLES})
        if twice := sorted(told_elsewhere & set(given)):
            raise self._refuse(f"{twice[0]} has a column and another source", "keep one of them")
        roles = [
            role
            for role in ROLES
            if role not in told_elsewhere and not (without_stamps and role == "timestamp")
        ]
        columns = {role: str(given.get(role, role)) for role in roles}
        columns |= {role: str(given[role]) for role in OPTIONAL_ROLES if role in given}
        if len(set(columns.values())) < len(columns):
            raise self._refuse("two roles share one column", f"now: {columns}")
        return columns


def _file_roles(pattern: str) -> set[str]:
    return set(re.findall(r"\{(\w+)\}", pattern))


def _file_pattern(pattern: str) -> re.Pattern[str]:
    """`{role}` stands for letters, digits and hyphens, `*` for anything."""
    parts = re.split(r"(\{\w+\}|\*)", pattern)
    expression = "".join(
        f"(?P<{part[1:-1]}>[^_.]+)"
        if part.startswith("{")
        else ".*?"
        if part == "*"
        else re.escape(part)
        for part in parts
    )
    return re.compile(expression)


def with_columns(schema: Schema, **columns: str) -> Schema:
    """The schema with some roles read from other columns."""
    return replace(schema, columns={**schema.columns, **columns})
