"""How fast WISDM v1.1 text becomes windows, against the reference article's way in pandas.

The two take turns in one process on the same generated file, so that a slow minute of the machine
hits both; the result is the ratio of their medians. Run it:

    python benchmarks/wisdm_parsing.py [--lines 1100000] [--rounds 5] [--json FILE]
"""

from __future__ import annotations

import argparse
import json
import os
import platform
import statistics
import tempfile
import time
from collections.abc import Callable
from pathlib import Path

import numpy as np
import pandas as pd
from scipy import stats

from edgeconv.core import NullProgress, Windowing
from edgeconv.datasets.files import read_bytes
from edgeconv.datasets.wisdm import LABELS, load, parse_lines

LIMIT = 10.0
WINDOW, STEP = 80, 40
BAD_EVERY = 9_000  # lines; about as rare as in the published file


def generate(path: Path, lines: int) -> None:
    """36 users, six activities, 20 Hz stamps in ns, and the format's known malformed lines."""
    random = np.random.default_rng(1)
    values = random.normal([0.5, 8.0, 0.5], [6.0, 6.0, 5.0], (lines, 3)).astype(np.float32)
    per_recording = -(-lines // (36 * len(LABELS)))
    rows: list[str] = []
    for number, (x, y, z) in enumerate(values):
        recording = number // per_recording
        user, label = recording // len(LABELS) + 1, LABELS[recording % len(LABELS)]
        stamp = 49_105_962_326_000 + number * 49_987_000
        row = f"{user},{label},{stamp},{x!s},{y!s},{z!s};"  # !s: the nine digits of a float32
        rows.append(row if number % BAD_EVERY else malformed(row, number // BAD_EVERY))
    path.write_text("\n".join(rows) + "\n")


def malformed(row: str, kind: int) -> str:
    """An empty last field, a blank line, zeros, a row cut short, or two rows on one line."""
    start = row.split(",")
    return [
        ",".join([*start[:5], ";"]),
        "",
        f"{start[0]},{start[1]},0,0,0,0;",
        ",".join(start[:4]),
        row + row,
    ][kind % 5]


def article(path: Path) -> int:
    """The article's steps: read, strip ";", convert each value, dropna, window in a loop."""
    names = ["user", "activity", "timestamp", "x", "y", "z"]
    frame = pd.read_csv(path, header=None, names=names, usecols=range(6), dtype={"z": str})
    frame["z"] = frame["z"].replace(to_replace=r";.*", value="", regex=True)
    frame["z"] = frame["z"].apply(to_float)
    frame = frame.dropna(axis=0, how="any")
    frame["label"] = frame["activity"].astype("category").cat.codes
    segments, labels = [], []
    for start in range(0, len(frame) - WINDOW, STEP):
        stop = start + WINDOW
        segments.append([frame[axis].values[start:stop] for axis in ("x", "y", "z")])
        labels.append(stats.mode(frame["label"].values[start:stop]).mode)
    return len(np.asarray(segments, np.float32).reshape(-1, WINDOW, 3))


def to_float(text: str) -> float:
    try:
        return float(text)
    except ValueError:
        return float("nan")


def ours(path: Path) -> int:
    """Parse, drop and count, cut windows that cross nothing: the article's job done right."""
    lines = parse_lines(read_bytes(path, "the generated file"))
    windows = []
    for run in lines.runs:
        samples = run.table[run.table[:, 0] != 0, 1:].astype(np.float32)
        if len(samples) >= WINDOW:
            view = np.lib.stride_tricks.sliding_window_view(samples, WINDOW, axis=0)[::STEP]
            windows.append(view.transpose(0, 2, 1).reshape(len(view), -1))
    return len(np.concatenate(windows))


def whole_loader(path: Path) -> int:
    """`load_dataset`: all of `ours`, and gaps, resampling by time stamp and the report."""
    return len(load(path, NullProgress(), Windowing()).windows)


def measure(path: Path, rounds: int) -> dict[str, list[float]]:
    ways: dict[str, Callable[[Path], int]] = {
        "article": article,
        "ours": ours,
        "whole_loader": whole_loader,
    }
    seconds: dict[str, list[float]] = {name: [] for name in ways}
    for turn in range(rounds + 1):
        for name, way in ways.items():
            start = time.perf_counter()
            way(path)
            if turn:  # the first turn warms caches and imports
                seconds[name].append(time.perf_counter() - start)
    return seconds


def main() -> int:
    parser = argparse.ArgumentParser(description=__doc__)
    parser.add_argument("--lines", type=int, default=1_100_000)
    parser.add_argument("--rounds", type=int, default=5)
    parser.add_argument("--json", type=Path)
    options = parser.parse_args()
    os.environ["EDGECONV_CACHE"] = "off"  # the second load would not read the file
    with tempfile.TemporaryDirectory() as folder:
        path = Path(folder) / "raw.txt"
        generate(path, options.lines)
        seconds = measure(path, options.rounds)
    medians = {name: statistics.median(values) for name, values in seconds.items()}
    ratio = medians["article"] / medians["ours"]
    for name, median in medians.items():
        spread = f"{min(seconds[name]):.2f} to {max(seconds[name]):.2f}"
        print(f"{name:14} median {median:6.2f} s ({spread}), {medians['article'] / median:5.1f}x")
    print(f"ratio of medians {ratio:.1f}, limit {LIMIT:g}: {'ok' if ratio >= LIMIT else 'FAILED'}")
    if options.json:
        result = {
            "lines": options.lines,
            "seconds": seconds,
            "medians": medians,
            "ratio": ratio,
            "limit": LIMIT,
            "machine": platform.platform(),
        }
        options.json.write_text(json.dumps(result, indent=1) + "\n")
    return 0 if ratio >= LIMIT else 1


if __name__ == "__main__":
    raise SystemExit(main())
