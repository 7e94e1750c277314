"""Turns samples with time stamps into a model's windows: the reference of every package.

This module is the reference of the specification in docs/explanation/streaming-spec.md. The cores
in Swift, Kotlin, TypeScript and C do the same operations in the same order and are tested with
vectors that this one computed. It does not use NumPy, so that it reads like them. Times are integer
nanoseconds from any origin: comparisons are exact, and a shifted clock changes nothing.
"""

from __future__ import annotations

import math
from array import array
from collections import deque
from collections.abc import Callable, Iterable, Iterator, Sequence
from dataclasses import dataclass
from operator import mul

from edgeconv.core import SensorKind
from edgeconv.errors import UsageError
from edgeconv.integration.sensor_states import DeliveredRate
from edgeconv.integration.sensors import ChannelSource, Part, gravity_sections, settling_steps
from edgeconv.integration.smoothing import lowpass, oversampling

GAP_INTERVALS = 5
"""A pause, or a step back, above this many nominal sensor intervals restarts the stream: the rule
by which training cuts a recording. Nothing is interpolated across a gap."""

CLOSEST_INTERVALS = 0.1
"""A sample nearer to the last one than this share of a nominal interval is a duplicate. The slope
between them is noise, and a cubic through them would carry it over a whole interval."""

NANOSECONDS = 1_000_000_000
SILENCE_NS = NANOSECONDS
"""How far one sensor may be behind another. Twice the longest pause where that is more."""

Sample = tuple[int, float, float, float]
"""Time stamp in ns, then x, y, z in the sensor's unit and sign."""


@dataclass(frozen=True)
class SensorSettings:
    """One sensor of a stream.

    Attributes:
        kind: what it measures.
        hz: the rate that it is asked for; the actual one may differ.
        factor: contract's unit and sign per source's, e.g. −9.80665 from Core Motion's g to m/s²
            with Android's sign.
    """

    kind: SensorKind = SensorKind.ACCELEROMETER
    hz: float = 50.0
    factor: float = 1.0

    def __post_init__(self) -> None:
        if not (math.isfinite(self.hz) and self.hz > 0):
            raise UsageError(f"stream: the rate of a sensor is {self.hz}", "give one above 0")
        if not math.isfinite(self.factor) or self.factor == 0:
            raise UsageError(f"stream: factor is {self.factor}", "give unit and sign as a factor")

    @property
    def max_gap_ns(self) -> int:
        return math.floor(GAP_INTERVALS * NANOSECONDS / self.hz + 0.5)

    @property
    def closest_ns(self) -> int:
        return math.floor(CLOSEST_INTERVALS * NANOSECONDS / self.hz + 0.5)


@dataclass(frozen=True)
class StreamSettings:
    """The settings of a stream.

    Attributes:
        rate_hz, window, step: the contract's: steps a second, in a window, between two windows.
        sensors: where samples come from; the accelerometer is the first if it is one of them.
        channels: what makes each value of a step.
    """

    rate_hz: float = 20.0
    window: int = 80
    step: int = 40
    sensors: tuple[SensorSettings, ...] = (SensorSettings(),)
    channels: tuple[ChannelSource, ...] = tuple(ChannelSource(0, axis) for axis in range(3))

    def __post_init__(self) -> None:
        positive = (self.rate_hz, self.window, self.step, len(self.sensors), len(self.channels))
        if not all(math.isfinite(number) and number > 0 for number in positive):
            raise UsageError(
                "stream: rates, window, step, sensors and channels must be above 0",
                "give each a positive number",
            )

    @property
    def oversampling(self) -> int:
        """Points of the fine grid a step: as many as the fastest sensor needs."""
        return max(oversampling(sensor.hz, self.rate_hz) for sensor in self.sensors)

    @property
    def splits_gravity(self) -> bool:
        return any(channel.part is not Part.WHOLE for channel in self.channels)

    @property
    def tap_count(self) -> int:
        """Length of the low-pass, in points of the fine grid."""
        return len(lowpass(self.oversampling))

    @property
    def silence_ns(self) -> int:
        """A sensor that is behind another by more than this is silent."""
        return max(SILENCE_NS, 2 * max(sensor.max_gap_ns for sensor in self.sensors))

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
        values: float32, time-major (x0 y0 z0 x1 …), in the contract's units and sign.
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
    silent: int = 0  # restarts because one sensor gave nothing while another went on


class _Track:
    """The latest samples of one sensor, and what waits for the other sensors."""

    def __init__(self, settings: SensorSettings) -> None:
        self.settings = settings
        self.clear()

    def clear(self) -> None:
        self.recent: list[tuple[int, list[float]]] = []  # the last 4
        self.next = 0  # index of the first point of the fine grid without a value
        self.points: deque[list[float]] = deque()  # that another sensor has not reached yet

    @property
    def newest(self) -> int:
        return self.recent[-1][0]

    def hold(self, stamp: int, raw: Sequence[float]) -> None:
        if len(self.recent) == 4:
            del self.recent[0]
        self.recent.append((stamp, [value * self.settings.factor for value in raw]))

    def point(self, at: int) -> list[float]:
        """The curve between the third-last and the second-last sample."""
        (t1, v1), (t2, v2), (t3, v3) = self.recent[-3:]
        u = (at - t1) / (t2 - t1)
        point = []
        for c in range(3):
            rise = v2[c] - v1[c]
            slope2 = _slope(rise, v3[c] - v2[c], (t2 - t1) / (t3 - t2))
            if len(self.recent) < 4:  # the parabola through the first three samples
                slope1 = 2 * rise - slope2
            else:
                t0, v0 = self.recent[0]
                slope1 = _slope(rise, v1[c] - v0[c], (t2 - t1) / (t1 - t0))
            bend = 3 * rise - 2 * slope1 - slope2
            point.append(v1[c] + u * (slope1 + u * (bend + u * (slope1 + slope2 - 2 * rise))))
        return point


class _Gravity:
    """The low-pass over the accelerometer's three axes, step by step."""

    def __init__(self, rate_hz: float) -> None:
        self._sections = gravity_sections(rate_hz)
        self._settling = settling_steps(rate_hz)
        self.clear()

    def clear(self) -> None:
        self.left = self._settling  # steps that are not used
        self._first: list[float] = []
        self._state = [[[0.0, 0.0] for _ in self._sections] for _ in range(3)]

    def update(self, step: Sequence[float]) -> list[float]:
        """The slow part. The filter sees the distance from the first step, as if that had always
        been there: a phone at rest gives its gravity without any rounding."""
        self._first = self._first or list(step)
        slow = []
        for value, first, states in zip(step, self._first, self._state, strict=True):
            value -= first
            for (b0, b1, b2, a1, a2), state in zip(self._sections, states, strict=True):
                out = b0 * value + state[0]
                state[0] = b1 * value - a1 * out + state[1]
                state[1] = b2 * value - a2 * out
                value = out
            slow.append(first + value)
        return slow


class Stream:
    """Turns samples into windows, one at a time. Not thread-safe."""

    def __init__(self, settings: StreamSettings) -> None:
        self.settings = settings
        self.counts = Counts()
        self.segment = 0
        self._taps = lowpass(settings.oversampling)
        self._tracks = [_Track(sensor) for sensor in settings.sensors]
        self.rates = tuple(DeliveredRate(s.hz, settings.silence_ns) for s in settings.sensors)
        self._handing_out = False
        self._gravity = _Gravity(settings.rate_hz) if settings.splits_gravity else None
        self._number = 0
        self._start: int | None = None  # time of the grid's first point: all sensors are there
        self._clear()

    @property
    def waiting(self) -> tuple[int, ...]:
        """The sensors without a sample since the last restart: no window comes without them."""
        return tuple(i for i, track in enumerate(self._tracks) if not track.recent)

    def push(
        self, sample: Sample, sensor: int = 0, handle: Callable[[Window], None] | None = None
    ) -> list[Window]:
        """Process one sample of a sensor; returns the windows that it completes, mostly none.

        A sample completes the interval between the two samples before it: the curve there needs
        one neighbor on each side.

        Args:
            sample: time stamp and values.
            sensor: the place of its sensor in the settings.
            handle: gets each window as soon as it is complete. It may call `restart`: nothing more
                comes of this sample then.

        Raises:
            UsageError: `handle` of another sample called this.
        """
        if self._handing_out:
            raise UsageError(
                "stream: a sample was pushed while a window is handed out",
                "push it after the handler has returned",
            )
        stamp, *raw = sample
        track = self._tracks[sensor]
        if not all(map(math.isfinite, raw)):
            self.counts.not_finite += 1
            return []
        if track.recent and not self._in_order(track, stamp - track.newest):
            return []
        oldest = stamp - self.settings.silence_ns
        if any(other.recent and other.newest < oldest for other in self._tracks):
            self.counts.silent += 1
            self.restart()
        self.counts.accepted += 1
        self.rates[sensor].update(stamp)
        track.hold(stamp, raw)
        if self._start is None and not self.waiting:
            self._start = max(other.newest for other in self._tracks)
        if self._start is None or len(track.recent) < 3:
            return []
        windows = []
        self._handing_out = True
        try:
            for window in self._evaluate(track):
                windows.append(window)
                if handle is not None:
                    handle(window)
        finally:
            self._handing_out = False
        return windows

    def extend(self, samples: Iterable[Sample]) -> list[Window]:
        """Process several samples of the first sensor, in order."""
        return [window for sample in samples for window in self.push(sample)]

    def restart(self) -> None:
        """Discard all samples, as after a gap; counts and window numbers continue."""
        self.segment += 1
        self._clear()

    def _clear(self) -> None:
        self._start = None
        for track in self._tracks:
            track.clear()
        if self._gravity:
            self._gravity.clear()
        self._next = 0  # index of the first point of the fine grid that a sensor has not reached
        self._fine: list[list[float]] = []  # as many as there are taps
        self._steps: list[list[float]] = []  # as many as a window has
        self._step_count = 0  # steps since the restart

    def _in_order(self, track: _Track, elapsed: int) -> bool:
        """Whether a sample that comes `elapsed` ns after the last one is used; may restart."""
        if abs(elapsed) > track.settings.max_gap_ns:
            if elapsed > 0:
                self.counts.gaps += 1
            else:
                self.counts.clock_resets += 1
            self.restart()
        elif elapsed < 0:
            self.counts.late += 1
            return False
        elif elapsed < track.settings.closest_ns:
            self.counts.duplicate += 1
            return False
        return True

    def _evaluate(self, track: _Track) -> Iterator[Window]:
        """Every point of the fine grid up to a sensor's second-last sample, and those of them that
        all sensors have reached. A restart, while a window is handed out, ends it."""
        segment = self.segment
        until = track.recent[-2][0]
        while (at := self._grid_time(track.next)) < until:
            track.points.append(track.point(at))
            track.next += 1
            if all(other.points for other in self._tracks):
                point = [value for other in self._tracks for value in other.points.popleft()]
                yield from self._filter(point)
                if self.segment != segment:
                    return
                self._next += 1

    def _grid_time(self, index: int) -> int:
        """Time of a grid point; never accumulated, so that no error grows."""
        return (self._start or 0) + math.floor(index * self.settings.spacing_ns + 0.5)

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
        for c, center in enumerate(self._fine[half]):
            # The sum of the taps is 1: a constant, such as gravity, passes without any rounding.
            step.append(
                center + sum(map(mul, self._taps, (point[c] - center for point in self._fine)))
            )
        return self._channels(step, self._grid_time(middle))

    def _channels(self, step: list[float], at: int) -> list[Window]:
        """The channels of a step of all sensors; nothing while gravity settles."""
        slow: list[float] = []
        if self._gravity:
            slow = self._gravity.update(step[:3])
            if self._gravity.left:
                self._gravity.left -= 1
                return []
        values = []
        for channel in self.settings.channels:
            value = step[3 * channel.sensor + channel.axis]
            if channel.part is Part.GRAVITY:
                value = slow[channel.axis]
            elif channel.part is Part.REST:
                value -= slow[channel.axis]
            values.append(value)
        return self._window(values, at)

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
