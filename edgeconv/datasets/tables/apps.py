"""Layouts of logger apps, recognized by the columns that they write."""

from __future__ import annotations

from collections.abc import Collection
from dataclasses import dataclass


@dataclass(frozen=True)
class AppLayout:
    """What an app's table holds.

    Attributes:
        app: its name, for notes.
        columns: role → column; all of them must be there for the layout to fit.
        unit: of its acceleration, which includes gravity.
        sign: whose sign it has; phones differ, so `android` is only what most of them give.
        timestamp_unit: of its time stamps.
        warning: what the user must know of these columns; empty without one.
    """

    app: str
    columns: dict[str, str]
    unit: str = "m/s^2"
    sign: str = "android"
    timestamp_unit: str = "s"
    warning: str = ""


def _axes(timestamp: str, x: str, y: str, z: str) -> dict[str, str]:
    return {"timestamp": timestamp, "x": x, "y": y, "z": z}


_NO_GRAVITY = "these columns hold acceleration without gravity; a model needs it with gravity"

# The first layout whose columns are all there is taken, so the ones with gravity stand first.
LAYOUTS = (
    AppLayout(
        "phyphox",
        _axes(
            "Time (s)",
            "Acceleration x (m/s^2)",
            "Acceleration y (m/s^2)",
            "Acceleration z (m/s^2)",
        ),
    ),
    AppLayout(
        "phyphox",
        _axes(
            "Time (s)",
            "Linear Acceleration x (m/s^2)",
            "Linear Acceleration y (m/s^2)",
            "Linear Acceleration z (m/s^2)",
        ),
        warning=_NO_GRAVITY,
    ),
    AppLayout("Physics Toolbox", _axes("time", "gFx", "gFy", "gFz"), unit="g"),
    AppLayout("Physics Toolbox", _axes("time", "ax", "ay", "az"), warning=_NO_GRAVITY),
    AppLayout(
        "SensorLog",
        _axes(
            "accelerometerTimestamp_sinceReboot(s)",
            "accelerometerAccelerationX(G)",
            "accelerometerAccelerationY(G)",
            "accelerometerAccelerationZ(G)",
        ),
        unit="g",
        sign="ios",
    ),
    AppLayout("Sensor Logger", _axes("seconds_elapsed", "x", "y", "z")),
    AppLayout("Edge Impulse", _axes("timestamp", "accX", "accY", "accZ"), timestamp_unit="ms"),
    AppLayout("MATLAB Mobile", _axes("Timestamp", "X", "Y", "Z")),
)


def recognize(names: Collection[str]) -> AppLayout | None:
    """The app that writes these columns, or None."""
    present = set(names)
    if {"timestamp", "x", "y", "z"} <= present:
        return None  # the documented names: nothing to guess
    return next((a for a in LAYOUTS if present >= set(a.columns.values())), None)
