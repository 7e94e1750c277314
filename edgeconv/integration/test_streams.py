"""The streams that every package is tested with: regular and irregular sensors.

Their movement is that of the bundle's golden windows, so that a model's outputs are meaningful;
a bundle without them gets a synthetic movement. The same bundle gives the same streams.
"""

from __future__ import annotations

import math
from collections.abc import Callable
from dataclasses import dataclass
from typing import TYPE_CHECKING

from edgeconv.core import STANDARD_GRAVITY, Signal
from edgeconv.integration.stream import Sample

if TYPE_CHECKING:
    import numpy as np
    from numpy.typing import NDArray

    Array = NDArray[np.float64]

UNITS = {"m/s^2": 1.0, "g": STANDARD_GRAVITY}
SIGNS = {"android": 1.0, "ios": -1.0}
_LEAD = 30  # steps: the filter is 27 or 28 long, whatever the factor, and two samples look ahead
_GOLDEN = 6  # of them are a stream of their own
_SEED = 20
_UPTIME = 60 * 86_400 * 10**9  # ns: a phone that was last started two months ago


@dataclass(frozen=True)
class TestStream:
    """One recorded stream.

    Attributes:
        sensor_hz: the rate that the sensor was asked for.
        unit, sign: of the samples: m/s^2 or g, android or ios.
        restart_before: positions of samples before which the app restarts the stream by hand.
    """

    name: str
    about: str
    samples: tuple[Sample, ...]
    sensor_hz: float = 50.0
    unit: str = "m/s^2"
    sign: str = "android"
    restart_before: tuple[int, ...] = ()


def source_factor(unit: str, sign: str, signal: Signal) -> float:
    """The factor from a source's values to the contract's."""
    return UNITS[unit] * SIGNS[sign] / (UNITS[signal.unit] * SIGNS[signal.sign])


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
        self.chance = np.random.default_rng(_SEED)
        steps = _LEAD + 1.1 * (
            signal.window + signal.step
        )  # two windows, and a reserve for lost samples
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
        return (*streams, *([self._golden(self.golden)] if self.golden is not None else []))

    # --- times, in ns since the start -------------------------------------------------------------

    def even(self, hz: float, seconds: float = 0.0) -> list[int]:
        count = math.ceil((seconds or self.length) * hz)
        return [round(i * 1e9 / hz) for i in range(count)]

    def jittered(self, hz: float) -> list[int]:
        return [_UPTIME + t + int(self.chance.uniform(0, 0.6) * 1e9 / hz) for t in self.even(hz)]

    def lossy(self, hz: float) -> list[int]:
        return [t for i, t in enumerate(self.even(hz)) if i < 2 or self.chance.random() > 1 / 8]

    # --- streams ----------------------------------------------------------------------------------

    def _plain(
        self,
        name: str,
        about: str,
        times: list[int],
        sensor_hz: float = 50.0,
        unit: str = "m/s^2",
        sign: str = "android",
    ) -> TestStream:
        return TestStream(name, about, self._samples(times, unit, sign), sensor_hz, unit, sign)

    def _slow(self) -> TestStream:
        """A spike in the first sample exercises the special slope of the first interval, which has
        little weight: the first window reads it at the filter's last tap."""
        (start, *_), *rest = self._samples(self.even(24))
        spike = (start, 150.0, -150.0, 150.0)
        return TestStream(
            "slow", "asked for 50 Hz, gives 24 Hz; begins with an impact spike", (spike, *rest)
        )

    def _turned(self) -> TestStream:
        plain = self._samples(self.even(50))
        half = len(plain) // 2
        turned = tuple((t, x, -y, -z) for t, x, y, z in plain[half:])
        return TestStream("turned", "the phone is turned over", (*plain[:half], *turned))

    def _stops(self) -> TestStream:
        """The decision has to change, but not at once."""
        moving = self._samples(self.even(50))
        end = moving[-1][0] + 20_000_000
        pause = self.even(50, 3 * self.signal.step / self.signal.rate_hz)
        lying = [(end + t, 0.0, 0.0, STANDARD_GRAVITY) for t in pause]
        return TestStream("stops", "movement, then a phone on a table", (*moving, *lying))

    def _gaps(self) -> TestStream:
        """A pause of exactly five intervals is not a gap; six intervals and four seconds are."""
        times = self.even(50, 2.5 * self.length)
        first, second = len(times) // 5, len(times) * 3 // 5
        late = [(0, 0), (first // 2, 80_000_000), (first, 100_000_001), (second, 4_000_000_000)]
        moved = [t + sum(pause for at, pause in late if i >= at) for i, t in enumerate(times)]
        return self._plain("gaps", "pauses of 100 ms (none), 120 ms and 4 s", moved)

    def _disorder(self) -> TestStream:
        samples: list[Sample] = []
        for i, sample in enumerate(self._samples(self.even(50))):
            samples.append(sample)
            wild = (9.5, -9.5, 9.5)
            if i % 23 == 11:
                samples.append((sample[0], *wild))
            if i % 37 == 20:
                samples.append((sample[0] + 1_000_000, *wild))
            if i % 41 == 30:
                samples.append((sample[0] - 35_000_000, *wild))
        return TestStream("disorder", "doubled, nearly doubled and late samples", tuple(samples))

    def _not_finite(self) -> TestStream:
        samples: list[Sample] = []
        for i, (t, x, y, z) in enumerate(self._samples(self.even(50))):
            bad = [(x, y, z), (math.nan, y, z), (x, math.nan, z), (x, y, math.nan)]
            samples.append((t, *bad[i % 4 if i % 29 < 4 else 0]))
        return TestStream("not-finite", "values that are not numbers", tuple(samples))

    def _clock(self) -> TestStream:
        times = self.even(50, 2 * self.length)
        half = len(times) // 2
        start = 3_600_000_000_000
        moved = [t + start for t in times[:half]] + [t - times[half] for t in times[half:]]
        return self._plain("clock", "the clock is set back an hour", moved)

    def _by_hand(self) -> TestStream:
        samples = self._samples(self.even(50, 1.5 * self.length), "g", "android")
        third = (len(samples) // 3,)
        return TestStream("by-hand", "the app restarts it", samples, 50.0, "g", "android", third)

    def _stillness(self) -> TestStream:
        samples = tuple((t, 0.0, 0.0, 1.0) for t in self.even(50))
        return TestStream("still", "a phone on a table, in g", samples, unit="g")

    def _golden(self, golden: NDArray[np.float32]) -> TestStream:
        """The golden windows themselves, each between two pauses: they must come out unchanged."""
        spacing = 1e9 / self.signal.rate_hz
        start, samples = 0, []
        for window in golden[:: math.ceil(len(golden) / _GOLDEN)]:
            steps = window.reshape(self.signal.window, -1).astype(float).tolist()
            steps += [steps[-1]] * 2  # the look-ahead
            samples += [(start + math.floor(i * spacing + 0.5), *s) for i, s in enumerate(steps)]
            start = samples[-1][0] + math.ceil(10 * spacing)
        about = "golden windows at the contract's own rate"
        return TestStream("golden", about, tuple(samples), self.signal.rate_hz)

    # --- movement ---------------------------------------------------------------------------------

    def _samples(
        self, times: list[int], unit: str = "m/s^2", sign: str = "android"
    ) -> tuple[Sample, ...]:
        """The movement at these times, rounded to the file's digits.

        Every stream begins at another place of it.
        """
        import numpy as np

        begin = float(self.chance.uniform(0, self._span))
        seconds = begin + (np.array(times, np.float64) - times[0]) / 1e9
        values = self._movement(seconds) / (UNITS[unit] * SIGNS[sign])
        rows = np.round(values, 4 if unit == "g" else 3).tolist()
        return tuple((t, *row) for t, row in zip(times, rows, strict=True))

    def _moves(self) -> Callable[[Array], Array]:
        """The golden windows one after the other, evaluated by a spline; (n,) s → (n, 3) m/s²."""
        import numpy as np
        from scipy.interpolate import CubicSpline

        if self.golden is None:
            return _synthetic_movement
        steps = self.golden.reshape(-1, len(self.signal.channels)).astype(np.float64)
        curve = CubicSpline(np.arange(len(steps)) / self.signal.rate_hz, steps, axis=0)
        return lambda seconds: np.asarray(curve(seconds % self._span))


def _synthetic_movement(seconds: Array) -> Array:
    """A step of 1.9 Hz with its harmonics, on gravity."""
    import numpy as np

    phase = 2 * np.pi * 1.9 * seconds
    return np.stack(
        [
            0.5 + 1.5 * np.sin(phase) + 0.7 * np.sin(3 * phase + 1),
            STANDARD_GRAVITY + 3 * np.sin(2 * phase) + np.sin(4 * phase + 2),
            -1.0 + 1.2 * np.cos(phase) + 0.4 * np.cos(2 * phase),
        ],
        axis=1,
    )
