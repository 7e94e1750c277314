"""A tiny folder in the layout of the official "UCI HAR Dataset"."""

from __future__ import annotations

from pathlib import Path

import numpy as np
from numpy.typing import NDArray

WINDOW, HALF = 128, 64
CHANNELS = [
    f"{sensor}_{axis}" for sensor in ("total_acc", "body_acc", "body_gyro") for axis in "xyz"
]
TRAIN, TEST = (1, 3, 5, 7), (2, 4)


def readings(subject: int, code: int, samples: int = 4 * HALF) -> NDArray[np.float64]:
    """(samples, 9) as the files give them: g, g and rad/s."""
    random = np.random.default_rng([subject, code])
    t = np.arange(samples)[:, None] / 50.0
    motion = 0.1 * code * np.sin(2 * np.pi * 1.5 * t + random.uniform(0, 6, (1, 3)))
    gravity = np.array([[1.0, 0.02 * subject, 0.05]])
    gyro = code * np.cos(2 * np.pi * 1.5 * t + random.uniform(0, 6, (1, 3)))
    return np.hstack([gravity + motion, motion, gyro])


def write_uci_har(folder: Path, codes: tuple[int, ...] = (1, 2, 3, 4, 5, 6)) -> Path:
    """Three overlapping windows of each subject and activity in a folder; its path."""
    root = folder / "UCI HAR Dataset"
    for part, subjects in (("train", TRAIN), ("test", TEST)):
        windows, numbers = [], []
        for subject in subjects:
            for code in codes:
                values = readings(subject, code)
                windows += [values[s : s + WINDOW] for s in range(0, len(values) - HALF, HALF)]
                numbers += [(code, subject)] * 3
        inertial = root / part / "Inertial Signals"
        inertial.mkdir(parents=True)
        for number, channel in enumerate(CHANNELS):
            rows = ["  ".join(f"{x:.7e}" for x in window[:, number]) for window in windows]
            (inertial / f"{channel}_{part}.txt").write_text("\n".join(rows) + "\n")
        for column, name in enumerate(("y", "subject")):
            lines = "\n".join(str(row[column]) for row in numbers)
            (root / part / f"{name}_{part}.txt").write_text(lines + "\n")
    return folder
