"""The TOML file beside a CSV: what its columns, units and clock mean."""

from __future__ import annotations

import tomllib
from dataclasses import dataclass, field
from pathlib import Path
from typing import Any

from edgeconv.datasets.units import SIGN_FACTORS, UNIT_FACTORS
from edgeconv.errors import BadInput

ROLES = ("subject", "activity", "timestamp", "x", "y", "z")
TICKS = {"s": 1.0, "ms": 1e-3, "us": 1e-6, "ns": 1e-9}  # seconds


@dataclass(frozen=True)
class Mapping:
    """Role → column name, and how to read the numbers. `rate_hz` is set without time stamps."""

    columns: dict[str, str] = field(default_factory=lambda: {role: role for role in ROLES})
    unit: str = "m/s^2"
    sign: str = "android"
    seconds_per_tick: float = 1.0
    rate_hz: float = 0.0
    labels: tuple[str, ...] = ()


def read_mapping(csv_file: Path) -> Mapping:
    """The mapping of `FILE` from `FILE.toml`, or the default if there is no such file.

    Raises:
        BadInput: not TOML, an unknown key, or a value that is not one of the choices.
    """
    path = csv_file.with_name(f"{csv_file.name}.toml")
    if not path.exists():
        return Mapping()
    try:
        data = tomllib.loads(path.read_text("utf-8"))
    except (tomllib.TOMLDecodeError, UnicodeDecodeError, OSError) as error:
        raise BadInput(
            f"{path}: not a TOML file ({error})", "see docs/how-to/own-recordings.md"
        ) from error
    keys = {"columns", "unit", "sign", "timestamp_unit", "rate_hz", "labels"}
    _choices(path, "keys", set(data), keys)
    rate_hz = _rate(path, data)
    return Mapping(
        columns=_columns(path, data.get("columns", {}), bool(rate_hz)),
        unit=_choice(path, data, "unit", list(UNIT_FACTORS)),
        sign=_choice(path, data, "sign", list(SIGN_FACTORS)),
        seconds_per_tick=TICKS[_choice(path, data, "timestamp_unit", list(TICKS))],
        rate_hz=rate_hz,
        labels=_labels(path, data.get("labels", [])),
    )


def _choices(path: Path, what: str, given: set[str], known: set[str]) -> None:
    unknown = sorted(given - known)
    if unknown:
        raise BadInput(
            f"{path}: unknown {what} {', '.join(unknown)}", f"possible: {', '.join(sorted(known))}"
        )


def _choice(path: Path, data: dict[str, Any], key: str, choices: list[str]) -> str:
    """The value of `key`; the first choice is the default."""
    value = data.get(key, choices[0])
    if value not in choices:
        raise BadInput(f"{path}: {key} is {value!r}", f"possible: {', '.join(choices)}")
    return str(value)


def _rate(path: Path, data: dict[str, Any]) -> float:
    rate = data.get("rate_hz", 0)
    if "rate_hz" not in data:
        return 0.0
    if isinstance(rate, bool) or not isinstance(rate, int | float) or not 10 <= rate <= 2000:
        raise BadInput(f"{path}: rate_hz is {rate!r}", "give a number from 10 to 2000")
    if "timestamp" in data.get("columns", {}) or "timestamp_unit" in data:
        raise BadInput(f"{path}: both rate_hz and a time stamp", "keep one of them")
    return float(rate)


def _columns(path: Path, given: object, without_stamps: bool) -> dict[str, str]:
    if not isinstance(given, dict) or not all(isinstance(name, str) for name in given.values()):
        raise BadInput(
            f"{path}: [columns] must map roles to column names", "see docs/how-to/own-recordings.md"
        )
    _choices(path, "roles in [columns]:", set(given), set(ROLES))
    roles = [role for role in ROLES if not (without_stamps and role == "timestamp")]
    columns = {role: given.get(role, role) for role in roles}
    if len(set(columns.values())) < len(columns):
        raise BadInput(f"{path}: two roles share one column", f"now: {columns}")
    return columns


def _labels(path: Path, given: object) -> tuple[str, ...]:
    if not isinstance(given, list) or not all(isinstance(name, str) and name for name in given):
        raise BadInput(f"{path}: labels must be a list of class names", 'labels = ["Walking", …]')
    if len(set(given)) < len(given):
        raise BadInput(f"{path}: labels has a name twice", f"now: {', '.join(given)}")
    return tuple(given)
