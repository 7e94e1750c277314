"""A sensor contract as a TOML file beside a model: `edgeconv export --signal FILE`.

rate_hz = 50.0
window = 128
step = 64                        # optional: half a window
labels = ["walk", "run"]         # optional
readings = "android"             # or "ios": whose sign and unit the network was trained with
gravity = "low-pass"             # optional: or "system"; what made gravity or linear acceleration

[[channels]]
name = "acc_x"
kind = "accelerometer"           # optional: by the name
unit = "m/s^2"                   # optional: the program's own

[normalization]                  # optional: left out where the network takes readings
mean = [0.1]                     # one number a channel, in its unit
std = [3.2]
"""

from __future__ import annotations

import tomllib
from collections.abc import Mapping
from pathlib import Path
from typing import Any

from edgeconv.core import InputConvention, Normalization, Signal
from edgeconv.core.channels import CHANNEL_UNITS, GravitySource, SensorKind, kinds_of_names
from edgeconv.core.json_codec import damage
from edgeconv.core.paths import read_text
from edgeconv.errors import BadInput, EdgeconvError, UsageError

_KEYS = {"rate_hz", "window", "step", "labels", "readings", "gravity", "channels", "normalization"}
_CHANNEL_KEYS = {"name", "kind", "unit"}
_HINT = "docs/how-to/export.md shows a whole file"


def read_signal(path: Path) -> Signal:
    """The contract that a file describes; its `sensor` says what the network itself takes.

    Raises:
        BadInput: no such file, not TOML, or a key that is missing, unknown or wrong.
    """
    try:
        data = tomllib.loads(read_text(path))
    except (OSError, ValueError) as error:
        raise BadInput(f"{path} cannot be read as TOML: {damage(error)}", _HINT) from error
    try:
        return _signal(data)
    except EdgeconvError as error:
        raise BadInput(f"{path}: {error.message}", error.hint or _HINT) from error


def _signal(data: Mapping[str, Any]) -> Signal:
    _known(data, _KEYS, "")
    for key in ("rate_hz", "window", "channels"):
        if key not in data:
            raise BadInput(f"'{key}' is missing", _HINT)
    rate, window = data["rate_hz"], _whole(data, "window")
    if not _number(rate):
        raise BadInput(f"rate_hz = {rate!r} is no number", "rate_hz = 20.0, for example")
    channels = data["channels"]
    if not isinstance(channels, list) or not channels:
        raise BadInput("'channels' must be one [[channels]] table a channel", _HINT)
    names, kinds, factors = _channels(channels)
    readings = data.get("readings", "android")
    if readings not in ("android", "ios"):
        raise BadInput(
            f"readings = {readings!r}; choose android or ios", "the sign that the readings have"
        )
    signal = Signal(
        channels=names,
        rate_hz=float(rate),
        window=window,
        step=_whole(data, "step") if "step" in data else max(window // 2, 1),
        labels=_labels(data.get("labels", [])),
        sensor=InputConvention(readings),
        kinds=kinds,
        gravity=_gravity(data.get("gravity")),
    )
    return _normalized(signal, data.get("normalization"), factors)


def _channels(
    tables: list[Any],
) -> tuple[tuple[str, ...], tuple[SensorKind, ...], tuple[float, ...]]:
    """Names, kinds, and what makes the program's unit of each channel's."""
    names = []
    for number, table in enumerate(tables):
        if not isinstance(table, dict) or not isinstance(table.get("name"), str):
            raise BadInput(
                f"channel {number + 1} has no name", "add a line name = 'x', for example"
            )
        _known(table, _CHANNEL_KEYS, f"channel '{table['name']}': ")
        names.append(table["name"])
    if len(set(names)) < len(names):
        raise BadInput(
            f"two channels have one name: {', '.join(names)}", "give every channel its own name"
        )
    kinds, factors = [], []
    for table, by_name in zip(tables, kinds_of_names(names), strict=True):
        word = table.get("kind", by_name or SensorKind.OTHER)
        if word not in tuple(SensorKind):
            choices = ", ".join(SensorKind)
            raise BadInput(
                f"channel '{table['name']}': unknown kind {word!r}; choose {choices}", _HINT
            )
        kind = SensorKind(word)
        units, unit = CHANNEL_UNITS[kind], table.get("unit")
        if unit is not None and units and unit not in units:
            known = ", ".join(units)
            raise BadInput(
                f"channel '{table['name']}': unknown unit {unit!r}; choose {known}", _HINT
            )
        kinds.append(kind)
        factors.append(units.get(unit, 1.0) if unit else 1.0)
    return tuple(names), tuple(kinds), tuple(factors)


def _normalized(signal: Signal, table: Any, factors: tuple[float, ...]) -> Signal:
    """The contract with statistics in the program's units.

    A network that takes another unit than the program's divides by it: that is a normalization.
    """
    if table is None and all(factor == 1.0 for factor in factors):
        return signal
    if signal.sensor is InputConvention.IOS:
        if table is None:
            return signal  # g is what Core Motion gives
        raise UsageError(
            "readings = 'ios' with a normalization cannot be expressed",
            "give mean and std of Android's readings: the negative means of m/s²",
        )
    count = len(signal.channels)
    given = {"mean": [0.0] * count, "std": [1.0] * count} if table is None else table
    if not isinstance(given, dict):
        raise BadInput("'normalization' must be a table with mean and std", _HINT)
    _known(given, {"mean", "std"}, "normalization: ")
    columns = []
    for key in ("mean", "std"):
        values = given.get(key)
        if not isinstance(values, list) or len(values) != count or not all(map(_number, values)):
            raise BadInput(
                f"normalization: {key} must be {count} numbers, one a channel",
                f"give {count} numbers in brackets, one a channel",
            )
        columns.append(tuple(v * factor for v, factor in zip(values, factors, strict=True)))
    return Signal(
        channels=signal.channels,
        rate_hz=signal.rate_hz,
        window=signal.window,
        step=signal.step,
        labels=signal.labels,
        sensor=InputConvention.NORMALIZED,
        normalization=Normalization(*columns),
        kinds=signal.kinds,
        gravity=signal.gravity,
    )


def _gravity(word: object) -> GravitySource | None:
    if word is not None and word not in tuple(GravitySource):
        raise BadInput(f"gravity = {word!r}; choose {' or '.join(GravitySource)}", _HINT)
    return GravitySource(word) if isinstance(word, str) else None


def _number(value: object) -> bool:
    return isinstance(value, int | float) and not isinstance(value, bool)


def _labels(value: Any) -> tuple[str, ...]:
    if not isinstance(value, list) or not all(isinstance(label, str) for label in value):
        raise BadInput(
            "'labels' must be a list of names", "labels = ['walking', 'sitting'], for example"
        )
    return tuple(value)


def _whole(data: Mapping[str, Any], key: str) -> int:
    value = data[key]
    if not isinstance(value, int) or isinstance(value, bool) or value < 1:
        raise BadInput(
            f"{key} = {value!r} is no whole number above 0",
            f"{key} = 80, for example; it counts time steps",
        )
    return value


def _known(table: Mapping[str, Any], keys: set[str], where: str) -> None:
    for key in table:
        if key not in keys:
            raise BadInput(f"{where}unknown key '{key}'", f"possible: {', '.join(sorted(keys))}")
