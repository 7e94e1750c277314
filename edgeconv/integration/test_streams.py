"""The streams that every package is tested with: regular and irregular sensors.

Their movement is that of the bundle's golden windows, so that a model's outputs are meaningful;
a bundle without them gets a synthetic movement. The same bundle gives the same streams.
"""

from __future__ import annotations

import math
from collections.abc import Callable, Iterable, Sequence
from dataclasses import dataclass
from typing import TYPE_CHECKING, Any

from edgeconv.core import STANDARD_GRAVITY, SensorKind, Signal
from edgeconv.integration.sensors import (
    ROTATION_UNITS,
    SIGNS,
    UNITS,
    Part,
    SensorPlan,
    plan_of,
    settling_steps,
    source_factor,
)
from edgeconv.integration.stream import Sample, SensorSettings, StreamSettings

if TYPE_CHECKING:
    import numpy as np
    from numpy.typing import NDArray

    Array = NDArray[np.float64]

_LEAD = 30  # steps: the filter is 27 or 28 long, whatever the factor, and two samples look ahead
_GOLDEN = 6  # of them are a stream of their own
_SEED = 20
_APART = 3_000_000  # ns: how much later than the accelerometer the next sensor is read
_UPTIME = 60 * 86_400 * 10**9  # ns: a phone that was last started two months ago


@dataclass(frozen=True)
class TestStream:
    """One recorded stream.

    Attributes:
        sensor_hz: the rate that the first sensor was asked for.
        unit, sign: of its accelerations: m/s^2 or g, android or ios.
        restart_before: positions of samples before which the app restarts the stream by hand.
        rotation_unit: of its angular velocities: rad/s or deg/s.
        further_hz: the rate that the other sensors were asked for; 0: that of the first.
        sensors: which sensor each sample is of; empty: all of the first.
    """

    name: str
    about: str
    samples: tuple[Sample, ...]
    sensor_hz: float = 50.0
    unit: str = "m/s^2"
    sign: str = "android"
    restart_before: tuple[int, ...] = ()
    rotation_unit: str = "rad/s"
    further_hz: float = 0.0
    sensors: tuple[int, ...] = ()

    def settings(self, signal: Signal) -> StreamSettings:
        """The settings of a stream of this contract that takes these samples."""
        plan = plan_of(signal)
        sensors = []
        for number, kind in enumerate(plan.kinds):
            unit = self.unit if kind.is_acceleration else self.rotation_unit
            hz = self.further_hz if number and self.further_hz else self.sensor_hz
            factor = source_factor(kind, unit, self.sign, signal)
            sensors.append(SensorSettings(kind, hz, factor))
        return StreamSettings(
            signal.rate_hz, signal.window, signal.step, tuple(sensors), plan.channels
        )


Row = tuple[Sample, ...]
"""What all sensors read at about one time, in the order of the sensors."""
Arrival = tuple[int, Sample]
"""Of which sensor a sample is."""


def make_test_streams(signal: Signal, golden: NDArray[np.float32] | None) -> tuple[TestStream, ...]:
    """Every stream for a contract.

    Args:
        golden: canonical windows (n, window·channels) in m/s², None if the bundle has none.
    """
    return _Maker(signal, golden).cases()


class _Maker:
    def __init__(self, signal: Signal, golden: NDArray[np.float32] | None) -> None:
        import numpy as np

        self.signal = signal
        self.golden = golden
        self.plan = plan_of(signal)
        self.chance = np.random.default_rng(_SEED)
        steps = _LEAD + 1.1 * (
            signal.window + signal.step
        )  # two windows, and a reserve for lost samples
        if self.plan.splits_gravity:
            steps += settling_steps(signal.rate_hz)
        self.length = steps / signal.rate_hz
        self._span = (
            0.0 if golden is None else (golden.size // len(signal.channels) - 1) / signal.rate_hz
        )
        self._movement = self._moves()

    def cases(self) -> tuple[TestStream, ...]:
        streams = (
            self._plain("ios-50", "50 Hz, g, iOS sign", self.even(50), unit="g", sign="ios"),
            self._plain("g-20", "20 Hz, g", self.even(20), sensor_hz=20.0, unit="g"),
            self._slow(),
            self._plain("jitter-50", "stamps off by up to 30 %", self.jittered(50), sign="ios"),
            self._plain("jitter-100", "the same at 100 Hz", self.jittered(100), sensor_hz=100.0),
            self._plain("lost", "one sample in eight is lost", self.lossy(50)),
            self._turned(),
            self._stops(),
            self._gaps(),
            self._disorder(),
            self._not_finite(),
            self._clock(),
            self._by_hand(),
            self._stillness(),
        )
        further = self._several() if len(self.plan.kinds) > 1 else ()
        if self.golden is None or self.plan.splits_gravity:
            return (*streams, *further)
        return (*streams, *further, self._golden(self.golden))

    # --- times, in ns since the start -------------------------------------------------------------

    def even(self, hz: float, seconds: float = 0.0) -> list[int]:
        count = math.ceil((seconds or self.length) * hz)
        return [round(i * 1e9 / hz) for i in range(count)]

    def jittered(self, hz: float) -> list[int]:
        return [_UPTIME + t + int(self.chance.uniform(0, 0.6) * 1e9 / hz) for t in self.even(hz)]

    def lossy(self, hz: float) -> list[int]:
        return [t for i, t in enumerate(self.even(hz)) if i < 2 or self.chance.random() > 1 / 8]

    # --- streams ----------------------------------------------------------------------------------

    def _stream(
        self, name: str, about: str, arrivals: Iterable[Arrival], **more: Any
    ) -> TestStream:
        found = list(arrivals)
        several = len(self.plan.kinds) > 1
        sensors = tuple(sensor for sensor, _ in found) if several else ()
        return TestStream(
            name, about, tuple(sample for _, sample in found), sensors=sensors, **more
        )

    def _plain(
        self,
        name: str,
        about: str,
        times: list[int],
        sensor_hz: float = 50.0,
        unit: str = "m/s^2",
        sign: str = "android",
    ) -> TestStream:
        rows = self._rows(times, unit, sign)
        return self._stream(name, about, _arrivals(rows), **_source(unit, sign, sensor_hz))

    def _slow(self) -> TestStream:
        """A spike in the first sample exercises the special slope of the first interval, which has
        little weight: the first window reads it at the filter's last tap."""
        ((start, *_), *others), *rest = self._rows(self.even(24))
        spike = (start, 150.0, -150.0, 150.0)
        rows = [(spike, *others), *rest]
        return self._stream(
            "slow", "asked for 50 Hz, gives 24 Hz; begins with an impact spike", _arrivals(rows)
        )

    def _turned(self) -> TestStream:
        plain = self._rows(self.even(50))
        half = len(plain) // 2
        turned = [tuple((t, x, -y, -z) for t, x, y, z in row) for row in plain[half:]]
        return self._stream("turned", "the phone is turned over", _arrivals(plain[:half] + turned))

    def _stops(self) -> TestStream:
        """The decision has to change, but not at once."""
        moving = self._rows(self.even(50))
        end = moving[-1][0][0] + 20_000_000
        pause = self.even(50, 3 * self.signal.step / self.signal.rate_hz)
        lying = self._lying([end + t for t in pause])
        return self._stream("stops", "movement, then a phone on a table", _arrivals(moving + lying))

    def _gaps(self) -> TestStream:
        """A pause of exactly five intervals is not a gap; six intervals and four seconds are."""
        times = self.even(50, 2.5 * self.length)
        first, second = len(times) // 5, len(times) * 3 // 5
        late = [(0, 0), (first // 2, 80_000_000), (first, 100_000_001), (second, 4_000_000_000)]
        moved = [t + sum(pause for at, pause in late if i >= at) for i, t in enumerate(times)]
        return self._plain("gaps", "pauses of 100 ms (none), 120 ms and 4 s", moved)

    def _disorder(self) -> TestStream:
        found: list[Arrival] = []
        for i, row in enumerate(self._rows(self.even(50))):
            number = i % len(row)
            found += enumerate(row)
            stamp, wild = row[number][0], (9.5, -9.5, 9.5)
            if i % 23 == 11:
                found.append((number, (stamp, *wild)))
            if i % 37 == 20:
                found.append((number, (stamp + 1_000_000, *wild)))
            if i % 41 == 30:
                found.append((number, (stamp - 35_000_000, *wild)))
        return self._stream("disorder", "doubled, nearly doubled and late samples", found)

    def _not_finite(self) -> TestStream:
        found: list[Arrival] = []
        for i, row in enumerate(self._rows(self.even(50))):
            for number, (t, x, y, z) in enumerate(row):
                bad = [(x, y, z), (math.nan, y, z), (x, math.nan, z), (x, y, math.nan)]
                found.append((number, (t, *bad[i % 4 if (i + 9 * number) % 29 < 4 else 0])))
        return self._stream("not-finite", "values that are not numbers", found)

    def _clock(self) -> TestStream:
        times = self.even(50, 2 * self.length)
        half = len(times) // 2
        start = 3_600_000_000_000
        moved = [t + start for t in times[:half]] + [t - times[half] for t in times[half:]]
        return self._plain("clock", "the clock is set back an hour", moved)

    def _by_hand(self) -> TestStream:
        rows = self._rows(self.even(50, 1.5 * self.length), "g", "android")
        third = (len(rows) // 3 * len(self.plan.kinds),)
        return self._stream(
            "by-hand",
            "the app restarts it",
            _arrivals(rows),
            **_source("g", "android", 50.0),
            restart_before=third,
        )

    def _stillness(self) -> TestStream:
        rows = self._lying(self.even(50), 1.0)
        return self._stream(
            "still", "a phone on a table, in g", _arrivals(rows), **_source("g", "android", 50.0)
        )

    def _several(self) -> tuple[TestStream, ...]:
        """What can happen to one of several sensors; it happens to the last."""
        last = len(self.plan.kinds) - 1
        ends = self.length * 1e9
        slow, fast = (list(_arrivals(self._rows(self.even(hz)))) for hz in (50, 100))
        rates = sorted([a for a in slow if not a[0]] + [a for a in fast if a[0]], key=_stamp)
        longer = list(_arrivals(self._rows(self.even(50, 2.2 * self.length + 4))))

        def without(arrivals: Sequence[Arrival], begin: float, end: float) -> list[Arrival]:
            return [(n, s) for n, s in arrivals if n != last or not begin <= s[0] < end]

        delayed = sorted(
            _arrivals(self._rows(self.jittered(50))),
            key=lambda arrival: _stamp(arrival) + (70_000_000 if arrival[0] == last else 0),
        )
        stops = without(without(longer, ends, ends + 2.5e9), 2.2 * ends + 2.5e9, math.inf)
        return (
            self._stream("rates", "others than the first at 100 Hz", rates, further_hz=100.0),
            self._stream("delayed", "the last sensor's samples come 70 ms late", delayed),
            self._stream(
                "begins-late",
                "the last sensor begins 0.7 s after the others",
                without(longer[: len(longer) * 2 // 3], -1, 0.7e9),
            ),
            self._stream(
                "one-gap",
                "the last sensor pauses for 300 ms, the others do not",
                without(longer, 1.2 * ends, 1.2 * ends + 0.3e9),
            ),
            self._stream(
                "silent", "the last sensor is silent for 2.5 s, and from some time on", stops
            ),
        )

    def _golden(self, golden: NDArray[np.float32]) -> TestStream:
        """The golden windows themselves, each between two pauses: they must come out unchanged."""
        spacing = 1e9 / self.signal.rate_hz
        start = 0
        found: list[Arrival] = []
        for window in golden[:: math.ceil(len(golden) / _GOLDEN)]:
            steps = self._sensors(window.reshape(self.signal.window, -1)).tolist()
            steps += [steps[-1]] * 2  # the look-ahead
            for i, step in enumerate(steps):
                at = start + math.floor(i * spacing + 0.5)
                found += enumerate((at, *step[n : n + 3]) for n in range(0, len(step), 3))
            start = found[-1][1][0] + math.ceil(10 * spacing)
        about = "golden windows at the contract's own rate"
        return self._stream("golden", about, found, sensor_hz=self.signal.rate_hz)

    # --- movement ---------------------------------------------------------------------------------

    def _rows(self, times: list[int], unit: str = "m/s^2", sign: str = "android") -> list[Row]:
        """What the sensors read at these times, rounded to the file's digits.

        Every stream begins at another place of the movement. Each sensor is read a little later
        than the one before it.
        """
        import numpy as np

        begin = float(self.chance.uniform(0, self._span))
        columns = []
        for number, kind in enumerate(self.plan.kinds):
            stamps = [t + number * _APART for t in times]
            seconds = begin + (np.array(stamps, np.float64) - times[0]) / 1e9
            values = self._movement(seconds)[:, 3 * number : 3 * number + 3]
            rows = np.round(values / self._scale(kind, unit, sign), 4 if unit == "g" else 3)
            columns.append([(t, *row) for t, row in zip(stamps, rows.tolist(), strict=True)])
        return list(zip(*columns, strict=True))

    def _scale(self, kind: SensorKind, unit: str, sign: str) -> float:
        if kind.is_acceleration:
            return UNITS[unit] * SIGNS[sign]
        return ROTATION_UNITS[_source(unit, sign, 0.0)["rotation_unit"]]

    def _lying(self, times: list[int], gravity: float = STANDARD_GRAVITY) -> list[Row]:
        """A phone on a table."""
        upright = (SensorKind.ACCELEROMETER, SensorKind.GRAVITY)
        return [
            tuple(
                (t + number * _APART, 0.0, 0.0, gravity if kind in upright else 0.0)
                for number, kind in enumerate(self.plan.kinds)
            )
            for t in times
        ]

    def _sensors(self, steps: Array) -> Array:
        """Channels (n, channels) as the readings of the sensors (n, 3 · sensors); an axis that is
        no channel, and cannot be told from others, is 0."""
        import numpy as np

        found = np.zeros((len(steps), 3 * len(self.plan.kinds)))
        places = [3 * channel.sensor + channel.axis for channel in self.plan.channels]
        whole = {p for p, c in zip(places, self.plan.channels, strict=True) if c.part is Part.WHOLE}
        for column, (place, channel) in enumerate(zip(places, self.plan.channels, strict=True)):
            if channel.part is Part.WHOLE or place not in whole:  # gravity and the rest make it up
                found[:, place] += steps[:, column]
        return found

    def _moves(self) -> Callable[[Array], Array]:
        """The golden windows one after the other, evaluated by a spline; (n,) s → (n, values of
        all sensors) in canonical units."""
        import numpy as np
        from scipy.interpolate import CubicSpline

        if self.golden is None:
            return lambda seconds: _synthetic_movement(seconds, self.plan)
        steps = self.golden.reshape(-1, len(self.signal.channels)).astype(np.float64)
        curve = CubicSpline(
            np.arange(len(steps)) / self.signal.rate_hz, self._sensors(steps), axis=0
        )
        return lambda seconds: np.asarray(curve(seconds % self._span))


def _arrivals(rows: Iterable[Row]) -> Iterable[Arrival]:
    return (arrival for row in rows for arrival in enumerate(row))


def _stamp(arrival: Arrival) -> int:
    return arrival[1][0]


def _source(unit: str, sign: str, sensor_hz: float) -> dict[str, Any]:
    """A phone whose accelerations are in g gives rotation in degrees: every factor is tried."""
    rotation = "deg/s" if unit == "g" else "rad/s"
    return {"unit": unit, "sign": sign, "sensor_hz": sensor_hz, "rotation_unit": rotation}


def _synthetic_movement(seconds: Array, plan: SensorPlan) -> Array:
    """A step of 1.9 Hz with its harmonics, on gravity, and the turns that go with it."""
    import numpy as np

    phase = 2 * np.pi * 1.9 * seconds
    gravity = np.tile([0.5, STANDARD_GRAVITY, -1.0], (len(seconds), 1))
    motion = np.stack(
        [
            1.5 * np.sin(phase) + 0.7 * np.sin(3 * phase + 1),
            3 * np.sin(2 * phase) + np.sin(4 * phase + 2),
            1.2 * np.cos(phase) + 0.4 * np.cos(2 * phase),
        ],
        axis=1,
    )
    turns = np.stack(
        [np.sin(phase + 0.5), -0.6 * np.cos(2 * phase), 0.8 * np.sin(3 * phase)], axis=1
    )
    of = {
        SensorKind.ACCELEROMETER: gravity + motion,
        SensorKind.GYROSCOPE: turns,
        SensorKind.LINEAR_ACCELERATION: motion,
        SensorKind.GRAVITY: gravity,
    }
    return np.hstack([of[kind] for kind in plan.kinds])
