"""Recordings whose every reading is known: what a phone feels at any moment, by formula."""

from __future__ import annotations

from collections.abc import Callable, Iterable
from dataclasses import dataclass, replace
from datetime import datetime, timedelta

import numpy as np
from numpy.typing import NDArray

HEADER = "subject,activity,timestamp,x,y,z"
SUBJECTS = ("p1", "p2", "p3", "p4")
ACTIVITIES = ("Walking", "Sitting")
RATE_HZ, SECONDS = 25.0, 12.0
G = 9.80665
START = datetime(2024, 3, 5, 11, 15)
EPOCH = 1709637300.0  # START in UTC


@dataclass(frozen=True)
class Sample:
    """Who, doing what, when (seconds from the start), and the reading in m/s²."""

    subject: str
    activity: str
    time: float
    x: float
    y: float
    z: float

    @property
    def xyz(self) -> tuple[float, float, float]:
        return self.x, self.y, self.z


Line = Callable[[Sample], str]


def readings(subject: str, activity: str, times: NDArray[np.float64]) -> NDArray[np.float64]:
    """(n, 3) in m/s²: gravity on y for who walks and on z for who sits, and motion around it."""
    random = np.random.default_rng(sum(map(ord, subject + activity)))
    gravity = np.array([0.4, 9.7, 1.2] if activity != "Sitting" else [0.3, 0.4, 9.79])
    size = 2.5 if activity != "Sitting" else 0.12
    step = random.uniform(1.6, 2.2)
    motion = np.zeros((len(times), 3))
    for harmonic, share in ((1.0, 1.0), (2.03, 0.4), (0.37, 0.3), (2.71, 0.1)):
        phases, sizes = random.uniform(0, 2 * np.pi, 3), random.uniform(0.4, 1.0, 3)
        motion += share * sizes * np.sin(2 * np.pi * step * harmonic * times[:, None] + phases)
    return np.asarray(gravity + size * motion)


def recording(
    subject: str,
    activity: str,
    rate_hz: float = RATE_HZ,
    seconds: float = SECONDS,
    start: float = 0.0,
) -> list[Sample]:
    """One person doing one thing."""
    times = start + np.arange(round(rate_hz * seconds)) / rate_hz
    values = readings(subject, activity, times)
    return [
        Sample(subject, activity, float(t), *map(float, v))
        for t, v in zip(times, values, strict=True)
    ]


def everybody(
    rate_hz: float = RATE_HZ, subjects: Iterable[str] = SUBJECTS, seconds: float = SECONDS
) -> list[Sample]:
    """Each person walks, then sits."""
    return [
        sample
        for subject in subjects
        for activity in ACTIVITIES
        for sample in recording(subject, activity, rate_hz, seconds)
    ]


ALL = everybody()


def number(value: float) -> str:
    return f"{value:.4f}"


def fields(sample: Sample, *stamp: str, scale: float = 1.0) -> list[str]:
    """The documented columns of a sample, with another text for the time stamp if one is given."""
    when = stamp[0] if stamp else f"{sample.time:.3f}"
    return [sample.subject, sample.activity, when, *(number(v * scale) for v in sample.xyz)]


def plain(sample: Sample) -> str:
    return ",".join(fields(sample))


def table(
    line: Line = plain,
    header: str = HEADER,
    rows: Iterable[Sample] = ALL,
    end: str = "\n",
) -> str:
    """A header and a line for each sample."""
    lines = [header] if header else []
    return end.join([*lines, *map(line, rows)]) + end


def stamped(text: Callable[[Sample], str]) -> Line:
    """Lines with another text for the time stamp."""
    return lambda sample: ",".join(fields(sample, text(sample)))


def dated(form: str, cut: int = 0, start: datetime = START) -> Line:
    """Lines with a date or time of day."""

    def text(sample: Sample) -> str:
        when = (start + timedelta(seconds=sample.time)).strftime(form)
        return when[: len(when) - cut] if cut else when

    return stamped(text)


def ticks(per_second: float, start: float = 0.0, digits: int = 0) -> Line:
    """Lines with a number for the time stamp."""
    if digits:
        return stamped(lambda s: f"{(start + s.time) * per_second:.{digits}f}")
    # whole numbers keep all their digits
    whole = round(start * per_second)
    return stamped(lambda s: str(whole + round(s.time * per_second)))


def changed(change: Callable[[Sample], tuple[float, ...]]) -> Line:
    """Lines with other readings."""
    return lambda s: ",".join(fields(s)[:3] + [number(v) for v in change(s)])


def named(change: Callable[[Sample], Sample]) -> Line:
    """Lines of a changed sample."""
    return lambda s: plain(change(s))


def only(subject: str, change: Callable[[Sample], Sample], activity: str = "") -> Line:
    """Lines in which the samples of one person (doing one thing) are changed."""
    return named(
        lambda s: change(s) if s.subject == subject and activity in ("", s.activity) else s
    )


def scaled(sample: Sample, factor: float) -> Sample:
    return replace(sample, x=sample.x * factor, y=sample.y * factor, z=sample.z * factor)


def joined_order(rows: Iterable[Sample]) -> list[Sample]:
    """The samples in a random order."""
    listed = list(rows)
    return [listed[n] for n in np.random.default_rng(3).permutation(len(listed))]
