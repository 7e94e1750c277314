"""Turns samples with time stamps into a model's windows: the reference of every package.

This module is the reference of the specification in docs/explanation/streaming-spec.md. The cores
in Swift, Kotlin, TypeScript and C do the same operations in the same order and are tested with
vectors that this one computed. It does not use NumPy, so that it reads like them. Times are integer
nanoseconds from any origin: comparisons are exact, and a shifted clock changes nothing.
"""

from __future__ import annotations

import math
from array import array
from collections.abc import Iterable
from dataclasses import dataclass
from operator import mul

from edgeconv.errors import UsageError
from edgeconv.integration.smoothing import lowpass, oversampling

GAP_INTERVALS = 5
"""A pause, or a step back, above this many nominal sensor intervals restarts the stream: the rule
by which training cuts a recording. Nothing is interpolated across a gap."""

CLOSEST_INTERVALS = 0.1
"""A sample nearer to the last one than this share of a nominal interval is a duplicate. The slope
between them is noise, and a cubic through them would carry it over a whole interval."""

NANOSECONDS = 1_000_000_000
Sample = tuple[int, float, float, float]
"""Time stamp in ns, then x, y, z in the sensor's unit and sign."""


@dataclass(frozen=True)
class StreamSettings:
    """The settings of a stream.

    Attributes:
        rate_hz, window, step: the contract's: steps a second, in a window, between two windows.
        sensor_hz: the rate that the sensor is asked for; the actual one may differ.
        factor: contract's unit and sign per source's, e.g. −9.80665 from Core Motion's g to m/s²
            with Android's sign.
        channels: values in a sample.
    """

    rate_hz: float = 20.0
    window: int = 80
    step: int = 40
    sensor_hz: float = 50.0
    factor: float = 1.0
    channels: int = 3

    def __post_init__(self) -> None:
        positive = (self.rate_hz, self.sensor_hz, self.window, self.step, self.channels)
        if not all(math.isfinite(number) and number > 0 for number in positive):
            raise UsageError("stream: rates, window, step and channels must be above 0")
        if not math.isfinite(self.factor) or self.factor == 0:
            raise UsageError(f"stream: factor is {self.factor}", "give unit and sign as a factor")

    @property
    def oversampling(self) -> int:
        """Points of the fine grid a step."""
        return oversampling(self.sensor_hz, self.rate_hz)

    @property
    def tap_count(self) -> int:
        """Length of the low-pass, in points of the fine grid."""
        return len(lowpass(self.oversampling))

    @property
    def max_gap_ns(self) -> int:
        return math.floor(GAP_INTERVALS * NANOSECONDS / self.sensor_hz + 0.5)

    @property
    def closest_ns(self) -> int:
        return math.floor(CLOSEST_INTERVALS * NANOSECONDS / self.sensor_hz + 0.5)

    @property
    def spacing_ns(self) -> float:
        """Between two points of the fine grid."""
        return NANOSECONDS / (self.rate_hz * self.oversampling)


@dataclass(frozen=True)
class Window:
    """One input of the model.

    Attributes:
        number: counts from 0 over the stream's whole life.
        segment: how often the stream has restarted; decisions are smoothed within one.
        end_ns: time of the last step.
        values: float32, time-major (x0 y0 z0 x1 …), in the contract's unit and sign.
    """

    number: int
    segment: int
    end_ns: int
    values: array[float]


@dataclass
class Counts:
    """What happened to the samples since the beginning."""

    accepted: int = 0
    not_finite: int = 0  # dropped: a value is NaN or infinite
    duplicate: int = 0  # dropped: (nearly) the time of the last one
    late: int = 0  # dropped: older than the last one
    gaps: int = 0  # restarts after a pause
    clock_resets: int = 0  # restarts because the time stamp went back


class Stream:
    """Turns samples into windows, one at a time. Not thread-safe."""

    def __init__(self, settings: StreamSettings) -> None:
        self.settings = settings
        self.counts = Counts()
        self.segment = 0
        self._taps = lowpass(settings.oversampling)
        self._number = 0
        self._clear()

    def push(self, sample: Sample) -> list[Window]:
        """Process one sample; returns the windows that it completes, mostly none.

        A sample completes the interval between the two samples before it: the curve there needs
        one neighbor on each side.
        """
        stamp, *raw = sample
        if not all(map(math.isfinite, raw)):
            self.counts.not_finite += 1
            return []
        if self._recent and not self._in_order(stamp - self._recent[-1][0]):
            return []
        self.counts.accepted += 1
        if not self._recent:
            self._start = stamp
        self._recent.append((stamp, [value * self.settings.factor for value in raw]))
        if len(self._recent) < 3:
            return []
        windows = self._evaluate()
        if len(self._recent) == 4:
            del self._recent[0]
        return windows

    def extend(self, samples: Iterable[Sample]) -> list[Window]:
        """Process several samples, in order."""
        return [window for sample in samples for window in self.push(sample)]

    def restart(self) -> None:
        """Discard all samples, as after a gap; counts and window numbers continue."""
        self.segment += 1
        self._clear()

    def _clear(self) -> None:
        self._start = 0
        self._recent: list[tuple[int, list[float]]] = []  # the last 3, for a moment 4
        self._next = 0  # index of the first point of the fine grid without a value
        self._fine: list[list[float]] = []  # as many as there are taps
        self._steps: list[list[float]] = []  # as many as a window has
        self._step_count = 0  # steps since the restart

    def _in_order(self, elapsed: int) -> bool:
        """Whether a sample that comes `elapsed` ns after the last one is used; may restart."""
        if abs(elapsed) > self.settings.max_gap_ns:
            if elapsed > 0:
                self.counts.gaps += 1
            else:
                self.counts.clock_resets += 1
            self.restart()
        elif elapsed < 0:
            self.counts.late += 1
            return False
        elif elapsed < self.settings.closest_ns:
            self.counts.duplicate += 1
            return False
        return True

    def _evaluate(self) -> list[Window]:
        """Evaluate the fine grid between the third-last and the second-last sample."""
        (t1, v1), (t2, v2), (t3, v3) = self._recent[-3:]
        earlier = self._recent[0] if len(self._recent) == 4 else None
        windows = []
        while (at := self._grid_time(self._next)) < t2:
            u = (at - t1) / (t2 - t1)
            point = []
            for c in range(self.settings.channels):
                rise = v2[c] - v1[c]
                slope2 = _slope(rise, v3[c] - v2[c], (t2 - t1) / (t3 - t2))
                if earlier is None:  # the parabola through the first three samples
                    slope1 = 2 * rise - slope2
                else:
                    t0, v0 = earlier
                    slope1 = _slope(rise, v1[c] - v0[c], (t2 - t1) / (t1 - t0))
                bend = 3 * rise - 2 * slope1 - slope2
                point.append(v1[c] + u * (slope1 + u * (bend + u * (slope1 + slope2 - 2 * rise))))
            windows += self._filter(point)
            self._next += 1
        return windows

    def _grid_time(self, index: int) -> int:
        """Time of a grid point; never accumulated, so that no error grows."""
        return self._start + math.floor(index * self.settings.spacing_ns + 0.5)

    def _filter(self, point: list[float]) -> list[Window]:
        """Keep a point of the fine grid; if it completes a step, compute it."""
        self._fine.append(point)
        if len(self._fine) > len(self._taps):
            del self._fine[0]
        half = len(self._taps) // 2
        middle = self._next - half  # index of the point in the middle of the taps
        if len(self._fine) < len(self._taps) or middle % self.settings.oversampling:
            return []
        step = []
        for c in range(self.settings.channels):
            center = self._fine[half][c]
            # The sum of the taps is 1: a constant, such as gravity, passes without any rounding.
            step.append(
                center + sum(map(mul, self._taps, (point[c] - center for point in self._fine)))
            )
        return self._window(step, self._grid_time(middle))

    def _window(self, step: list[float], at: int) -> list[Window]:
        self._steps.append(step)
        if len(self._steps) > self.settings.window:
            del self._steps[0]
        self._step_count += 1
        beyond = self._step_count - self.settings.window
        if beyond < 0 or beyond % self.settings.step:
            return []
        values = array("f", [value for step in self._steps for value in step])
        window = Window(self._number, self.segment, at, values)
        self._number += 1
        return [window]


def _slope(rise: float, other: float, ratio: float) -> float:
    """Slope of the parabola through three samples at the middle one, times this interval's length.

    `rise` is the difference of the values over this interval, `other` over the neighboring one,
    `ratio` this interval's length divided by the neighbor's.
    """
    return (rise + ratio * ratio * other) / (1 + ratio)
