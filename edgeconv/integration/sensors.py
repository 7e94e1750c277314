"""Which sensors of a phone a model's channels come from, and what makes each channel of them.

A channel is an axis of one sensor. Gravity and linear acceleration are sensors of their own where
the contract says so; else they are made from the accelerometer by a low-pass that runs forward.
"""

from __future__ import annotations

import math
from dataclasses import dataclass
from enum import StrEnum

from edgeconv.core import STANDARD_GRAVITY, GravitySource, SensorKind, Signal
from edgeconv.core.channels import GRAVITY_HZ
from edgeconv.errors import Unsupported

SENSORS = (
    SensorKind.ACCELEROMETER,
    SensorKind.GYROSCOPE,
    SensorKind.LINEAR_ACCELERATION,
    SensorKind.GRAVITY,
)
"""What a package can read, in the order in which it numbers them."""

UNITS = {"m/s^2": 1.0, "g": STANDARD_GRAVITY}
ROTATION_UNITS = {"rad/s": 1.0, "deg/s": math.pi / 180}
SIGNS = {"android": 1.0, "ios": -1.0}
SETTLING_PERIODS = 2
"""Of the low-pass' cutoff: how long gravity settles before steps are made. What is left of a wrong
beginning is then 0.2 %."""

_AXES = "xyz"
_DERIVED = (SensorKind.GRAVITY, SensorKind.LINEAR_ACCELERATION)


class Part(StrEnum):
    """What a channel takes of an axis."""

    WHOLE = "whole"
    GRAVITY = "gravity"  # what the low-pass lets through
    REST = "rest"  # what it does not


@dataclass(frozen=True)
class ChannelSource:
    """Where a channel comes from.

    Attributes:
        sensor: place among the sensors of the package.
        axis: 0 to 2.
        part: what of it.
    """

    sensor: int
    axis: int
    part: Part = Part.WHOLE


@dataclass(frozen=True)
class SensorPlan:
    """The sensors that a package reads, and what makes each channel of them.

    Attributes:
        kinds: of the sensors, in their order.
        channels: of the model, in the order of its input.
    """

    kinds: tuple[SensorKind, ...]
    channels: tuple[ChannelSource, ...]

    @property
    def splits_gravity(self) -> bool:
        """Whether the low-pass runs; it takes the accelerometer, which is the first sensor."""
        return any(channel.part is not Part.WHOLE for channel in self.channels)


def plan_of(signal: Signal) -> SensorPlan:
    """The sensors that a contract needs.

    Raises:
        Unsupported: a channel that no sensor of a package gives, whose axis its name does not tell,
            or that nobody knows how to make.
    """
    named = zip(signal.channels, signal.channel_kinds, strict=True)
    known = [_readable(name, kind) for name, kind in named]
    needed = [
        _source(name, kind, axis, signal.gravity)
        for name, kind, axis in zip(signal.channels, known, _axes_of(signal), strict=True)
    ]
    if len(set(needed)) < len(needed):
        raise Unsupported(
            f"two of the channels {', '.join(signal.channels)} are the same axis of one sensor",
            "name each channel after its axis, such as gyro_x",
        )
    kinds = tuple(kind for kind in SENSORS if kind in {each for each, *_ in needed})
    places = (ChannelSource(kinds.index(kind), axis, part) for kind, axis, part in needed)
    return SensorPlan(kinds, tuple(places))


def _readable(name: str, kind: SensorKind | None) -> SensorKind:
    if kind is None or kind not in SENSORS:
        raise Unsupported(
            f"channel '{name}' is of {f'kind {kind}' if kind else 'an unknown kind'}; a package "
            f"reads {', '.join(SENSORS[:-1])} and {SENSORS[-1]}",
            "say the kinds of the channels where the model is trained or exported (--signal FILE), "
            "or train without them",
        )
    return kind


def _source(
    name: str, kind: SensorKind, axis: int, gravity: GravitySource | None
) -> tuple[SensorKind, int, Part]:
    if kind not in _DERIVED or gravity is GravitySource.SYSTEM:
        return kind, axis, Part.WHOLE
    if gravity is None:
        raise Unsupported(
            f"channel '{name}' is {kind.replace('-', ' ')}, but the contract does not say what "
            "told it from the accelerometer's readings",
            "say so in the TOML of the recordings or of --signal: gravity = "
            f'"{GravitySource.SYSTEM}" '
            f'(the phone\'s own sensors) or "{GravitySource.FILTER}" (a Butterworth low-pass at '
            f"{GRAVITY_HZ:g} Hz); edgeconv.write_contract replaces the contract of a model",
        )
    part = Part.GRAVITY if kind is SensorKind.GRAVITY else Part.REST
    return SensorKind.ACCELEROMETER, axis, part


def _axes_of(signal: Signal) -> list[int]:
    """The axis of each channel by its name; three channels of an accelerometer may have any."""
    names = [name.strip().lower() for name in signal.channels]
    axes = [_AXES.find(name[-1:]) if name else -1 for name in names]
    if signal.accelerometer_only and len(names) == len(_AXES) and sorted(axes) != [0, 1, 2]:
        return [0, 1, 2]
    unclear = [name for name, axis in zip(signal.channels, axes, strict=True) if axis < 0]
    if unclear:
        raise Unsupported(
            f"the names of the channels do not tell the axes of {', '.join(unclear)}",
            "let the name of each channel end in its axis, such as gyro_x",
        )
    return axes


def constant_name(kind: SensorKind) -> str:
    """As languages write constants: LINEAR_ACCELERATION."""
    return kind.upper().replace("-", "_")


def source_factor(kind: SensorKind, unit: str, sign: str, signal: Signal) -> float:
    """The factor from the values of a sensor to the contract's: accelerations have a sign."""
    if kind.is_acceleration:
        return UNITS[unit] * SIGNS[sign] / (UNITS[signal.unit] * SIGNS[signal.sign])
    return ROTATION_UNITS[unit]


Section = tuple[float, float, float, float, float]
"""`b0, b1, b2, a1, a2` of a filter of order 2 or 1."""


def gravity_sections(rate_hz: float) -> tuple[Section, Section]:
    """The sections of the Butterworth low-pass of order 3 that gravity is made with.

    The poles of the analog filter are those of 1 / ((s + 1)(s² + s + 1)); the bilinear transform
    maps the cutoff where it belongs (Oppenheim & Schafer, *Discrete-Time Signal Processing*, 7.1).
    """
    k = math.tan(math.pi * GRAVITY_HZ / rate_hz)
    d = 1 + k + k * k
    first = k / (1 + k)
    second = k * k / d
    return (
        (first, first, 0.0, (k - 1) / (k + 1), 0.0),
        (second, 2 * second, second, 2 * (k * k - 1) / d, (1 - k + k * k) / d),
    )


def settling_steps(rate_hz: float) -> int:
    """How many steps of a contract gravity settles for."""
    return math.ceil(SETTLING_PERIODS * rate_hz / GRAVITY_HZ)
