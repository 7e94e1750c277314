"""Tables of an accelerometer and a gyroscope, made by a formula."""

from __future__ import annotations

from collections.abc import Callable
from pathlib import Path

import numpy as np

from tests.unit.datasets.tables.made import Row, people

Reading = tuple[float, ...]
TOML = """
[channels]
ax = { kind = "accelerometer" }
ay = { kind = "accelerometer" }
az = { kind = "accelerometer" }
gx = { kind = "gyroscope", unit = "deg/s" }
gy = { kind = "gyroscope", unit = "deg/s" }
gz = { kind = "gyroscope", unit = "deg/s" }
"""


def rotation(row: Row) -> Reading:
    """Degrees a second: a leg that swings, or nearly nothing."""
    noise = np.random.default_rng(round(row.time * 1000)).normal(0, 0.3, 3)
    swing = 90 * np.sin(2 * np.pi * row.time) if row.activity == "Walking" else 0.0
    return tuple(float(v) for v in noise + np.array([swing, 0.4 * swing, 0.1 * swing]))


def write_six(
    path: Path,
    toml: str = TOML,
    count: int = 3,
    seconds: float = 8.0,
    change: Callable[[Reading, Reading], tuple[Reading, Reading]] = lambda a, g: (a, g),
) -> Path:
    """A table of people with six channels and its TOML; `change` alters both readings of a row."""
    lines = ["subject,activity,timestamp,ax,ay,az,gx,gy,gz"]
    for row in people(count, seconds):
        acceleration, turn = change((row.x, row.y, row.z), rotation(row))
        values = ",".join(f"{v:.4f}" for v in (*acceleration, *turn))
        lines.append(f"{row.subject},{row.activity},{row.time:.3f},{values}")
    path.write_text("\n".join(lines) + "\n")
    path.with_name(f"{path.name}.toml").write_text(toml)
    return path
