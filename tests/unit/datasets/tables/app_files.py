"""Files as logger apps write them: a person who walks, 50 Hz, in each app's columns and units."""

from __future__ import annotations

import json
from collections.abc import Callable
from datetime import datetime, timedelta

import numpy as np

from tests.unit.datasets.tables.made import Row, walk

G = 9.80665
START = datetime(2024, 3, 5, 11, 15, 0)
Writer = Callable[[list[Row]], str]


def rows_of(activity: str = "Walking", subject: str = "p1") -> list[Row]:
    return walk(subject, activity, seconds=12.0, rate_hz=50.0)


def table(header: str, line: Callable[[int, Row], str], before: str = "") -> Writer:
    return lambda rows: (
        before + "\n".join([header, *(line(n, r) for n, r in enumerate(rows))]) + "\n"
    )


def comma(*values: float, digits: int = 5) -> str:
    return ",".join(f"{v:.{digits}f}" for v in values)


def turn(row: Row) -> tuple[float, float, float]:
    """rad/s"""
    swing = 1.5 * np.sin(2 * np.pi * row.time) if row.activity == "Walking" else 0.0
    return float(swing), float(0.4 * swing + 0.01), float(0.1 * swing)


def edge_impulse_json(rows: list[Row]) -> str:
    sensors = [{"name": f"acc{a}", "units": "m/s2"} for a in "XYZ"]
    payload = {"device_name": "d", "device_type": "X", "interval_ms": 20, "sensors": sensors}
    values = [[round(v, 4) for v in (r.x, r.y, r.z)] for r in rows]
    head = {"protected": {"ver": "v1", "alg": "none", "iat": 1}, "signature": "0"}
    return json.dumps({**head, "payload": {**payload, "values": values}})


def german(value: float) -> str:
    return f"{value:.5f}".replace(".", ",")


def stamp(row: Row, form: str) -> str:
    return (START + timedelta(seconds=row.time)).strftime(form)[:-3]


SENSOR_LOG = (
    "loggingTime(txt),loggingSample(N),accelerometerTimestamp_sinceReboot(s),"
    "accelerometerAccelerationX(G),accelerometerAccelerationY(G),accelerometerAccelerationZ(G),"
    "gyroRotationX(rad/s),gyroRotationY(rad/s),gyroRotationZ(rad/s)"
)
APPS: dict[str, tuple[str, Writer]] = {
    "phyphox": (
        "Raw Data.csv",
        table(
            '"Time (s)","Acceleration x (m/s^2)","Acceleration y (m/s^2)","Acceleration z (m/s^2)",'
            '"Absolute acceleration (m/s^2)"',
            lambda _, r: comma(r.time, r.x, r.y, r.z, float(np.hypot(r.x, r.y))),
        ),
    ),
    "phyphox in German with decimal commas": (
        "Rohdaten.csv",
        table(
            '"Zeit (s)";"Beschleunigung x (m/s^2)";"Beschleunigung y (m/s^2)";'
            '"Beschleunigung z (m/s^2)"',
            lambda _, r: ";".join(map(german, (r.time, r.x, r.y, r.z))),
        ),
    ),
    "Sensor Logger": (
        "TotalAcceleration.csv",
        table(
            "time,seconds_elapsed,z,y,x",
            lambda _, r: (
                f"{1709633700000000000 + int(r.time * 1e9)},{comma(r.time, r.z, r.y, r.x)}"
            ),
        ),
    ),
    "Physics Toolbox": (
        "g-force.csv",
        table(
            "time,gFx,gFy,gFz,TgF",
            lambda _, r: comma(r.time, r.x / G, r.y / G, r.z / G, 1.0),
        ),
    ),
    "SensorLog": (
        "walk_iPhone.csv",
        table(
            SENSOR_LOG,
            lambda n, r: (
                f"{stamp(r, '%Y-%m-%dT%H:%M:%S.%f')}+01:00,{n},"
                + comma(812.5 + r.time, -r.x / G, -r.y / G, -r.z / G, *turn(r))
            ),
        ),
    ),
    "Edge Impulse": (
        "walking.1.csv",
        table(
            "timestamp,accX,accY,accZ",
            lambda n, r: f"{n * 20},{comma(r.x, r.y, r.z, digits=4)}",
        ),
    ),
    "Edge Impulse JSON": ("walking.2.json", edge_impulse_json),
    "MATLAB Mobile": (
        "Acceleration.csv",
        table(
            "Timestamp,X,Y,Z",
            lambda _, r: f"{stamp(r, '%d-%b-%Y %H:%M:%S.%f')},{comma(r.x, r.y, r.z)}",
        ),
    ),
    "serial dump": (
        "serial.txt",
        lambda rows: "".join(f"{int(r.time * 1000)},{comma(r.x, r.y, r.z)}\n" for r in rows),
    ),
    "serial monitor with times of day": (
        "monitor.log",
        lambda rows: "".join(
            f"{stamp(r, '%H:%M:%S.%f')} -> {comma(r.x, r.y, r.z)}\n" for r in rows
        ),
    ),
    "serial plotter": (
        "plotter.txt",
        lambda rows: "".join(
            f"t:{int(r.time * 1000)} ax:{r.x:.5f} ay:{r.y:.5f} az:{r.z:.5f}\n" for r in rows
        ),
    ),
    "serial dump with blanks": (
        "blanks.txt",
        lambda rows: "".join(f"{r.x:.5f} {r.y:.5f} {r.z:.5f}\n" for r in rows),
    ),
    "AndroSensor": (
        "Sensor_record.csv",
        table(
            "ACCELEROMETER X (m/s²);ACCELEROMETER Y (m/s²);ACCELEROMETER Z (m/s²);"
            "LINEAR ACCELERATION X (m/s²);LINEAR ACCELERATION Y (m/s²);"
            "LINEAR ACCELERATION Z (m/s²);"
            "GYROSCOPE X (rad/s);GYROSCOPE Y (rad/s);GYROSCOPE Z (rad/s);Time since start in ms ",
            lambda _, r: (
                ";".join(
                    f"{v:.4f}" for v in (r.x, r.y, r.z, 0.9 * r.x, r.y - 9.7, r.z - 1.2, *turn(r))
                )
                + f";{int(r.time * 1000)}"
            ),
        ),
    ),
}
"""App → name of the file and its text."""
