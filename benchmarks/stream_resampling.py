"""How far the streaming resampler of the app packages is from the one that training used.

Every recording of MotionSense goes through both, sample by sample and as a whole: as it is (50 Hz),
and with time stamps that jitter (uniformly, within the given share of an interval either way; the
movement is then read off a spline at those times). Printed: the RMS and the largest difference of
the 20 Hz steps in m/s², and how many of the model's answers differ. Run it:

    python benchmarks/stream_resampling.py BUNDLE --data ../shared/data/motionsense [--every 6]
"""

from __future__ import annotations

import argparse
import json
from collections.abc import Iterator
from dataclasses import dataclass, field
from pathlib import Path
from typing import Any

import numpy as np
from numpy.typing import NDArray
from scipy.interpolate import CubicSpline

from edgeconv import open_runner
from edgeconv.core import NullProgress, Signal
from edgeconv.datasets import motionsense
from edgeconv.datasets.resampling import resample_stamped, resample_uniform
from edgeconv.integration.stream import Stream, StreamSettings
from edgeconv.targets.files import read_contract

ARTIFACT = "har_float32.tflite"
JITTERS = (0.0, 0.1, 0.3)
Array = NDArray[np.float64]


@dataclass
class Sums:
    """What is counted over all recordings, for one jitter."""

    squares: float = 0.0
    values: int = 0
    largest: float = 0.0
    trained: list[Array] = field(default_factory=list)
    streamed: list[Array] = field(default_factory=list)


def recordings(folder: Path, every: int) -> Iterator[Array]:
    """Canonical samples (n, 3) at 50 Hz of every `every`-th trial."""
    trials = motionsense._trials(folder)[::every]
    for stretch in motionsense._segments(trials, NullProgress()):
        yield stretch.values


def stream_steps(seconds: Array, values: Array, signal: Signal) -> tuple[Array, NDArray[np.int64]]:
    """(m, 3) steps of the contract's rate as the stream gives them, and their number from 0."""
    stream = Stream(StreamSettings(rate_hz=signal.rate_hz, window=1, step=1))
    samples = zip(np.round(seconds * 1e9).astype(np.int64).tolist(), values.tolist(), strict=True)
    windows = stream.extend((t, *v) for t, v in samples)
    steps = np.array([w.values for w in windows], np.float64).reshape(-1, 3)
    numbers = np.round(np.array([w.end_ns for w in windows]) * signal.rate_hz / 1e9)
    return steps, numbers.astype(np.int64)


def add(sums: Sums, values: Array, jitter: float, chance: Any, signal: Signal) -> None:
    """One recording through both."""
    seconds = np.arange(len(values)) / motionsense.RATE_HZ
    if jitter:
        even = CubicSpline(seconds, values, axis=0)
        seconds = seconds + chance.uniform(-jitter, jitter, len(seconds)) / motionsense.RATE_HZ
        seconds -= seconds[0]
        values = even(seconds)
        whole = resample_stamped(seconds, values, signal.rate_hz)
    else:
        whole = resample_uniform(values, motionsense.RATE_HZ, signal.rate_hz)
    steps, numbers = stream_steps(seconds, values, signal)
    numbers = numbers[numbers < len(whole)]
    steps, whole = steps[: len(numbers)], whole[numbers]
    difference = np.abs(steps - whole)
    sums.squares += float((difference**2).sum())
    sums.values += difference.size
    sums.largest = max(sums.largest, float(difference.max(initial=0)))
    for start in range(0, len(steps) - signal.window + 1, signal.step):
        part = slice(start, start + signal.window)
        sums.trained.append(whole[part].ravel())
        sums.streamed.append(steps[part].ravel())


def compare(sums: Sums, jitter: float, artifact: Path, signal: Signal) -> dict[str, Any]:
    """The figures of one jitter."""
    with open_runner(artifact) as runner:
        name = next(iter(runner.inputs))
        answers = [
            next(iter(runner.run({name: signal.encode(np.array(w, np.float32))}).values()))
            for w in (sums.trained, sums.streamed)
        ]
    changed = answers[0].argmax(axis=1) != answers[1].argmax(axis=1)
    return {
        "jitter": jitter,
        "steps": sums.values // 3,
        "rms": (sums.squares / sums.values) ** 0.5,
        "largest": sums.largest,
        "windows": len(changed),
        "answers_changed": int(changed.sum()),
        "probability_rms": float(np.sqrt(np.mean((answers[0] - answers[1]) ** 2))),
    }


def main() -> None:
    """Measure and print."""
    parser = argparse.ArgumentParser(
        description=__doc__, formatter_class=argparse.RawTextHelpFormatter
    )
    parser.add_argument("bundle", type=Path)
    parser.add_argument("--data", type=Path, default=Path("../shared/data/motionsense"))
    parser.add_argument("--every", type=int, default=1, help="of the trials, to be quicker")
    parser.add_argument("--json", type=Path)
    given = parser.parse_args()
    artifact = given.bundle / ARTIFACT
    signal = read_contract(artifact)
    if not isinstance(signal, Signal):
        parser.error(f"{artifact} has no sensor contract")
    found = []
    for jitter in JITTERS:
        sums, chance = Sums(), np.random.default_rng(1)
        for values in recordings(given.data, given.every):
            add(sums, values, jitter, chance, signal)
        row = compare(sums, jitter, artifact, signal)
        found.append(row)
        print(
            f"jitter ±{jitter:.0%}: {row['steps']} steps, RMS {row['rms']:.4f} m/s², largest "
            f"{row['largest']:.3f} m/s²; {row['answers_changed']} of {row['windows']} answers "
            f"differ, probabilities by RMS {row['probability_rms']:.5f}"
        )
    if given.json:
        given.json.write_text(json.dumps(found, indent=1) + "\n")


if __name__ == "__main__":
    main()
