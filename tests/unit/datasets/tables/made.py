"""Tables made by a formula: a person who walks or sits, with gravity, in the documented columns."""

from __future__ import annotations

from collections.abc import Callable, Sequence
from dataclasses import dataclass
from pathlib import Path

import numpy as np

HEADER = "subject,activity,timestamp,x,y,z"


@dataclass(frozen=True)
class Row:
    """One sample: who, doing what, when (seconds), and the reading in m/s²."""

    subject: str
    activity: str
    time: float
    x: float
    y: float
    z: float

    def text(self, stamp: str | None = None, factor: float = 1.0) -> str:
        when = f"{self.time:.3f}" if stamp is None else stamp
        axes = ",".join(f"{v * factor:.4f}" for v in (self.x, self.y, self.z))
        return f"{self.subject},{self.activity},{when},{axes}"


def walk(
    subject: str = "p1", activity: str = "Walking", seconds: float = 8.0, rate_hz: float = 20.0
) -> list[Row]:
    """Steps at 2 Hz around a gravity of 9.81 m/s² on y; Sitting stands still with it on z."""
    seed = sum(map(ord, subject + activity))
    random = np.random.default_rng(seed)
    times = np.arange(round(seconds * rate_hz)) / rate_hz
    noise = random.normal(0, 0.05, (len(times), 3))
    if activity == "Sitting":
        readings = np.array([0.3, 0.4, 9.79]) + noise
    else:
        swing = 2.5 * np.sin(2 * np.pi * 2.0 * times + seed)
        readings = np.stack([0.4 * swing, 9.7 + swing, 1.2 + 0.3 * swing], axis=1) + noise
    return [
        Row(subject, activity, float(t), *map(float, r))
        for t, r in zip(times, readings, strict=True)
    ]


def people(count: int = 3, seconds: float = 8.0) -> list[Row]:
    """Several subjects, each walking and sitting."""
    return [
        row
        for n in range(1, count + 1)
        for activity in ("Walking", "Sitting")
        for row in walk(f"p{n}", activity, seconds)
    ]


def write(
    path: Path,
    rows: Sequence[Row],
    toml: str = "",
    text: Callable[[Row], str] = Row.text,
    header: str = HEADER,
) -> Path:
    """A table of these rows and, if wanted, its TOML."""
    path.write_text("\n".join([header, *map(text, rows)]) + "\n")
    if toml:
        path.with_name(f"{path.name}.toml").write_text(toml)
    return path
