"""Reads the TOML beside a table, and checks it key by key."""

from __future__ import annotations

import re
import tomllib
from collections.abc import Mapping
from pathlib import Path
from typing import Any

from edgeconv.core import CHANNEL_UNITS, GravitySource, SensorKind
from edgeconv.datasets.tables.keys import CHANNEL_KEYS, KEYS, SCALE_KEYS, SIGNS
from edgeconv.datasets.tables.schema import (
    AXES,
    DOCS,
    OPTIONAL_ROLES,
    ROLES,
    TICKS,
    UNITS,
    Channel,
    Scale,
    Schema,
)
from edgeconv.errors import BadInput

FOLDER_TOML = "recordings.toml"
FOLDERS_ABOVE = 3  # in which that file is looked for, too
OPEN = "?"
"""What a draft writes where only the owner of the recordings knows the answer."""


def toml_of(table: Path) -> Path | None:
    """The TOML that speaks for a table: its own, or that of its folder or one above; or None."""
    folders = [table.parent, *table.parent.parents[:FOLDERS_ABOVE]]
    shared = [folder / FOLDER_TOML for folder in folders]
    for candidate in (table.with_name(f"{table.name}.toml"), *shared):
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
        self._known("keys", set(self.data), set(KEYS))
        rate_hz = self._rate()
        constants = self._constants()
        file_name = self._text("file_name")
        if file_name:
            self._check_pattern(file_name)
        scale = self._scale(self.data, Scale())
        channels = self._channels()
        gravity = self._choice(self.data, "gravity", tuple(GravitySource), "")
        told = {*constants, *_file_roles(file_name), *(AXES if channels else ())}
        return Schema(
            columns=self._columns(bool(rate_hz), told),
            named_channels=channels,
            constants=constants,
            header=self._names("header"),
            file_name=file_name,
            scale=scale,
            subject_scales=self._scales("subjects", scale),
            device_scales=self._scales("devices", scale),
            timestamp_unit=self._choice(self.data, "timestamp_unit", tuple(TICKS), ""),
            rate_hz=rate_hz,
            labels=self._names("labels"),
            drop_labels=self._names("drop_labels"),
            rename_labels=self._table_of_text("rename_labels"),
            keep=self._keep(),
            lost_values=self._numbers("lost_values"),
            test_subjects=self._names("test_subjects"),
            val_subjects=self._names("val_subjects"),
            calibrate=self._flag("calibrate"),
            gravity=GravitySource(gravity) if gravity else None,
            allow=self._rules(),
            skip=self._names("skip"),
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

    def _flag(self, key: str) -> bool:
        value = self.data.get(key, False)
        if not isinstance(value, bool):
            raise self._refuse(f"{key} is {value!r}", f"write {key} = true or leave it out")
        return value

    def _rules(self) -> tuple[str, ...]:
        names = self._names("allow")
        if wrong := [name for name in names if not re.fullmatch(r"D\d{3}", name)]:
            raise self._refuse(f"allow has {wrong[0]!r}", 'name rules by number: allow = ["D101"]')
        return names

    def _channels(self) -> tuple[Channel, ...]:
        value = self.data.get("channels", {})
        example = 'gyro_x = { column = "gx", kind = "gyroscope", unit = "deg/s" }'
        if not isinstance(value, dict) or not all(isinstance(v, dict) for v in value.values()):
            raise self._refuse("[channels] must map names to tables", example)
        return tuple(self._channel(str(name), table) for name, table in value.items())

    def _channel(self, name: str, table: Mapping[str, Any]) -> Channel:
        where = f"[channels] {name}"
        self._known(f"keys in {where}:", set(table), set(CHANNEL_KEYS))
        kind = table.get("kind", "")
        if kind not in tuple(SensorKind):
            raise self._refuse(f"{where}: kind is {kind!r}", f"possible: {', '.join(SensorKind)}")
        kind = SensorKind(kind)
        column, unit, sign = (table.get(key, "") for key in ("column", "unit", "sign"))
        if not isinstance(column, str):
            raise self._refuse(f"{where}: column is {column!r}", 'give a name: column = "gx"')
        units = tuple(CHANNEL_UNITS[kind])
        if unit not in ("", *units) and units:
            raise self._refuse(f"{where}: unit is {unit!r}", f"possible: {', '.join(units)}")
        if units and not unit and not kind.is_acceleration:
            raise self._refuse(f"{where} has no unit", f"name it: unit = one of {', '.join(units)}")
        if sign not in ("", *SIGNS):
            raise self._refuse(f"{where}: sign is {sign!r}", f"possible: {', '.join(SIGNS)}")
        if sign in ("android", "ios") and not kind.is_acceleration:
            raise self._refuse(
                f"{where}: sign '{sign}' is a convention of accelerations", 'write "+" or "-"'
            )
        return Channel(name, column or name, kind, str(unit), str(sign))

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
        given = {name: text for name in names if (text := self._text(name))}
        if still := [name for name, text in given.items() if text == OPEN]:
            raise self._refuse(
                f"{' and '.join(still)} {'is' if len(still) == 1 else 'are'} still to be filled in",
                ", ".join(f'{name} = "…"' for name in still)
                + ", a column in [columns], or a pattern of the file names: file_name = "
                '"{subject}_{activity}*.csv"',
            )
        return given

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
            self._choice(table, "sign", ("android", "ios"), default.sign),
            float(counts) or ("unit" not in table and default.counts_per_g) or 0.0,
        )

    def _scales(self, key: str, scale: Scale) -> dict[str, Scale]:
        value = self.data.get(key, {})
        if not isinstance(value, dict) or not all(isinstance(v, dict) for v in value.values()):
            raise self._refuse(f"[{key}.NAME] must be tables", f'[{key}.p4]\nunit = "g"')
        for name, table in value.items():
            self._known(f"keys in [{key}.{name}]", set(table), set(SCALE_KEYS))
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
        if (twice := sorted(told_elsewhere & set(given))) and twice[0] in AXES:
            raise self._refuse("[channels] and [columns] x, y, z", "name x, y, z in [channels]")
        if twice:
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
