"""What a channel of a window measures, and the units that recordings give it in.

A channel is canonical inside the program: accelerations in m/s² with Android's sign, rotation in
rad/s, a magnetic field in µT, anything else as it was recorded. Only accelerations differ between
the conventions of phone platforms; both give rotation in rad/s and a magnetic field in µT.
"""

from __future__ import annotations

import math
import re
from collections.abc import Mapping, Sequence
from enum import StrEnum

STANDARD_GRAVITY = 9.80665
"""m/s² per g, exact by definition (CGPM 1901); the factor of both phone platforms."""


class SensorKind(StrEnum):
    """What a channel measures."""

    ACCELEROMETER = "accelerometer"  # gravity included
    LINEAR_ACCELERATION = "linear-acceleration"  # gravity removed
    GRAVITY = "gravity"
    GYROSCOPE = "gyroscope"
    MAGNETOMETER = "magnetometer"
    OTHER = "other"

    @property
    def is_acceleration(self) -> bool:
        """Whether its unit and sign follow the convention of a platform."""
        return self in _ACCELERATIONS

    @property
    def unit(self) -> str:
        """The unit inside the program; empty where it stays as it was recorded."""
        return next(iter(CHANNEL_UNITS[self]), "")


class GravitySource(StrEnum):
    """What told gravity and linear acceleration apart in the recordings of a contract."""

    FILTER = "low-pass"  # of the accelerometer's readings: Butterworth, forward only
    SYSTEM = "system"  # the phone's own sensors, such as Core Motion's or TYPE_GRAVITY


GRAVITY_HZ, GRAVITY_ORDER = 0.3, 3
"""Cutoff and order of the Butterworth low-pass whose output is gravity: those of UCI HAR."""

_ACCELERATIONS = (SensorKind.ACCELEROMETER, SensorKind.LINEAR_ACCELERATION, SensorKind.GRAVITY)
ACCELERATION_UNITS = {"m/s^2": 1.0, "g": STANDARD_GRAVITY, "mg": STANDARD_GRAVITY / 1000}
CHANNEL_UNITS: Mapping[SensorKind, Mapping[str, float]] = {
    **dict.fromkeys(_ACCELERATIONS, ACCELERATION_UNITS),
    SensorKind.GYROSCOPE: {
        "rad/s": 1.0,
        "deg/s": math.pi / 180,
        "mrad/s": 1e-3,
        "mdeg/s": math.pi / 180_000,
        "rev/min": math.pi / 30,
    },
    SensorKind.MAGNETOMETER: {"uT": 1.0, "mT": 1e3, "nT": 1e-3, "T": 1e6, "G": 100.0, "mG": 0.1},
    SensorKind.OTHER: {},
}
"""What makes the program's unit, which stands first, of each unit of a recording."""

# The kind by the name of a channel in lower case, without its axis.
_WORDS = {
    **dict.fromkeys(("acc", "accel", "accelerometer", "acceleration"), SensorKind.ACCELEROMETER),
    **dict.fromkeys(
        ("linear acceleration", "linear", "lin acc", "user acceleration", "user acc"),
        SensorKind.LINEAR_ACCELERATION,
    ),
    **dict.fromkeys(("grav", "gravity"), SensorKind.GRAVITY),
    **dict.fromkeys(
        ("gyr", "gyro", "gyroscope", "rotation", "rotation rate"), SensorKind.GYROSCOPE
    ),
    **dict.fromkeys(("mag", "magnetometer", "magnetic field"), SensorKind.MAGNETOMETER),
}
_OF_AN_ACCELEROMETER = dict.fromkeys(("", "a"), SensorKind.ACCELEROMETER)
_LETTERS = {
    **dict.fromkeys(("g", "w"), SensorKind.GYROSCOPE),
    **dict.fromkeys(("m", "b"), SensorKind.MAGNETOMETER),
}
_AXIS = re.compile(r"[\W_]*([xyz])$", re.ASCII)


def kinds_of_names(channels: Sequence[str]) -> tuple[SensorKind | None, ...]:
    """The kind of each channel by its usual name, such as `acc_x` or `gyro_z`; None: unknown.

    Up to three channels are an accelerometer's unless a whole word says otherwise: contracts of
    that size were always written for one. Single letters, as in `gx`, say something beside an
    accelerometer only.
    """
    stems = [_stem(name) for name in channels]
    kinds = [_WORDS.get(stem or "") for stem in stems]
    if len(channels) <= 3:
        return tuple(kind or SensorKind.ACCELEROMETER for kind in kinds)
    axes = [
        kind or (_OF_AN_ACCELEROMETER.get(stem) if stem is not None else None)
        for kind, stem in zip(kinds, stems, strict=True)
    ]
    if SensorKind.ACCELEROMETER not in axes:
        return tuple(axes)
    return tuple(kind or _LETTERS.get(stem or "") for kind, stem in zip(axes, stems, strict=True))


Triad = tuple[SensorKind, tuple[int, int, int]]
"""A sensor with three axes: its kind, and the positions of x, y and z among the channels."""

_TURNABLE = (*_ACCELERATIONS, SensorKind.GYROSCOPE)


def triads(channels: Sequence[str], kinds: Sequence[SensorKind | None]) -> tuple[Triad, ...]:
    """The sensors with three axes that all channels together are of.

    Three channels are an accelerometer's x, y and z, whatever they are called. Empty where a
    channel belongs to no such sensor: then nobody knows how it changes when the phone is turned.
    """
    if len(channels) == 3:
        return ((kinds[0] or SensorKind.ACCELEROMETER, (0, 1, 2)),)
    places: dict[tuple[SensorKind, str], dict[str, int]] = {}
    for number, (name, kind) in enumerate(zip(channels, kinds, strict=True)):
        axis, stem = _AXIS.search(name.strip().lower()), _stem(name)
        if axis is None or stem is None or kind not in _TURNABLE:
            return ()
        places.setdefault((kind, stem), {}).setdefault(axis.group(1), number)
    if any(set(axes) != set("xyz") for axes in places.values()) or 3 * len(places) != len(channels):
        return ()
    return tuple((kind, (axes["x"], axes["y"], axes["z"])) for (kind, _), axes in places.items())


def _stem(name: str) -> str | None:
    """The name without its axis; None for one that ends in no axis."""
    text = name.strip().lower()
    axis = _AXIS.search(text)
    return re.sub(r"[\W_]+", " ", text[: axis.start()]).strip() if axis else None
