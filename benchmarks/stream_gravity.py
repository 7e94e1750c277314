"""How far the gravity that an app package makes is from the one that training saw.

Experiments of HAPT go through the stream and through the loader of `hapt`, whose low-pass runs
forward over the whole experiment; and through the same low-pass run both ways (zero phase), which
sees the future. With a bundle that was trained on these channels, its windows are classified with
the gravity and linear acceleration of each. Run it:

    python benchmarks/stream_gravity.py [BUNDLE/uci-har_float32.tflite] \\
        --data ../shared/data/hapt [--every 4]
"""

from __future__ import annotations

import argparse
from collections.abc import Sequence
from dataclasses import dataclass, field
from pathlib import Path

import numpy as np
from numpy.typing import NDArray
from scipy.signal import butter, sosfiltfilt

from edgeconv.core import SensorKind, Signal
from edgeconv.core.channels import GRAVITY_HZ, GRAVITY_ORDER
from edgeconv.datasets import hapt
from edgeconv.integration.sensors import ChannelSource, Part
from edgeconv.integration.stream import Stream, StreamSettings
from edgeconv.runtimes.predict import run_file
from edgeconv.targets.files import read_contract

Array = NDArray[np.float64]
STEP_NS = round(1e9 / hapt.RATE_HZ)
SPLIT = StreamSettings(
    *(hapt.RATE_HZ, 1, 1), channels=tuple(ChannelSource(0, axis, Part.GRAVITY) for axis in range(3))
)
WAYS = ("loader", "zero phase")


@dataclass
class Found:
    """Differences of gravity (n, 3) in m/s², and windows with each way's gravity."""

    whole: list[Array] = field(default_factory=list)  # a stream of the experiment
    later: list[Array] = field(default_factory=list)  # one that begins in its middle
    zero_phase: dict[str, list[Array]] = field(default_factory=dict)  # by activity
    windows: tuple[list[Array], list[Array]] = field(default_factory=lambda: ([], []))
    labels: list[int] = field(default_factory=list)


def streamed(acceleration: Array, first: int) -> tuple[NDArray[np.int64], Array]:
    """Rows, and the gravity that a stream gives for them, which begins at row `first`."""
    samples = acceleration[first:].tolist()
    windows = Stream(SPLIT).extend((i * STEP_NS, *sample) for i, sample in enumerate(samples))
    rows = np.array([window.end_ns for window in windows]) // STEP_NS + first
    return rows, np.array([window.values for window in windows], np.float64)


def add(
    found: Found, file: Path, intervals: Sequence[hapt.Interval], signal: Signal | None
) -> None:
    """Compare one experiment."""
    kinds = (SensorKind.ACCELEROMETER, SensorKind.GYROSCOPE)
    acceleration, rotation = np.split(hapt._readings(file, kinds), 2, axis=1)
    forward = hapt.gravity_of(acceleration)
    sections = butter(GRAVITY_ORDER, GRAVITY_HZ, fs=hapt.RATE_HZ, output="sos")
    both = np.asarray(sosfiltfilt(sections, acceleration, axis=0), np.float64)
    for differences, first in ((found.whole, 0), (found.later, len(acceleration) // 2)):
        rows, slow = streamed(acceleration, first)
        differences.append(slow - forward[rows])
    for interval in intervals:
        part = slice(interval.first - 1, interval.last)
        label = hapt.CODES[interval.code]
        found.zero_phase.setdefault(hapt.LABELS[label], []).append((both - forward)[part])
        for windows, slow in zip(found.windows, (forward, both), strict=True):
            if signal is None:
                continue
            channels = _channels(signal, acceleration, slow, rotation)[part]
            last = len(channels) - signal.window + 1
            windows += [channels[i : i + signal.window] for i in range(0, last, signal.step)]
        found.labels += [label] * (len(found.windows[0]) - len(found.labels))


def _channels(signal: Signal, acceleration: Array, slow: Array, rotation: Array) -> Array:
    of = {
        SensorKind.ACCELEROMETER: acceleration,
        SensorKind.GRAVITY: slow,
        SensorKind.LINEAR_ACCELERATION: acceleration - slow,
        SensorKind.GYROSCOPE: rotation,
    }
    named = zip(signal.channels, signal.channel_kinds, strict=True)
    return np.stack([of[kind][:, "xyz".index(name[-1])] for name, kind in named if kind], axis=1)


def _said(differences: Sequence[Array]) -> str:
    values = np.concatenate(differences)
    return f"RMS {np.sqrt((values**2).mean()):.2g}, largest {np.abs(values).max():.2g} m/s²"


def main() -> None:
    """Measure and print."""
    parser = argparse.ArgumentParser(
        description=__doc__, formatter_class=argparse.RawTextHelpFormatter
    )
    parser.add_argument("artifact", type=Path, nargs="?")
    parser.add_argument("--data", type=Path, default=Path("../shared/data/hapt"))
    parser.add_argument("--every", type=int, default=1, help="of the experiments, to be quicker")
    parser.add_argument("--users", nargs="*", help="of these subjects only")
    given = parser.parse_args()
    signal = read_contract(given.artifact) if given.artifact else None
    root = given.data / hapt.PART
    intervals = hapt._intervals(root)
    found, files = Found(), list(hapt._recordings(root).items())
    chosen = [(key, file) for key, file in files if not given.users or str(key[1]) in given.users]
    for key, file in chosen[:: given.every]:
        own = [i for i in intervals if (i.experiment, i.user) == key and i.code in hapt.CODES]
        add(found, file, own, signal if isinstance(signal, Signal) else None)
    print(f"stream of a whole experiment against the loader: {_said(found.whole)}")
    print(f"stream that begins in the middle: {_said(found.later)}")
    every = [part for parts in found.zero_phase.values() for part in parts]
    print(f"forward only against both ways, {sum(map(len, every))} samples: {_said(every)}")
    for name, parts in sorted(found.zero_phase.items()):
        print(f"  {name}: {_said(parts)}")
    if isinstance(signal, Signal):
        answers = [
            run_file(given.artifact, signal.encode(_flat(windows))).argmax(axis=1)
            for windows in found.windows
        ]
        order = np.array([signal.labels.index(hapt.LABELS[label]) for label in found.labels])
        for way, answer in zip(WAYS, answers, strict=True):
            print(f"accuracy with the gravity of {way}: {(answer == order).mean():.4f}")
        print(f"answers that differ: {(answers[0] != answers[1]).sum()} of {len(order)}")


def _flat(windows: Sequence[Array]) -> NDArray[np.float32]:
    return np.array(windows, np.float32).reshape(len(windows), -1)


if __name__ == "__main__":
    main()
