"""The situations of `device.json`: what happens, not what the reference makes of it.

Numbers are exact in binary where an edge is tested.
"""

from __future__ import annotations

import math
from collections.abc import Mapping, Sequence
from dataclasses import dataclass, replace

from edgeconv.core import Signal
from edgeconv.integration.self_test import MOST_ERRORS, Key, Record, UnitResult, UnitStatus
from edgeconv.integration.sensor_states import PATIENCE_NS
from edgeconv.integration.sensors import plan_of, settling_steps
from edgeconv.integration.smoothing import DecisionSettings, EnergySettings
from edgeconv.integration.stream import Sample

TOLERANCE = 0.0625
KEY = Key("2.1", "ab" * 32, "System 9")
_EXPECTED = ((0.75, 0.25), (0.125, 0.875), (0.5, 0.5))


@dataclass(frozen=True)
class SelfTestCase:
    """A test of stub units: what each answers for the vectors, or what it throws."""

    name: str
    units: tuple[str, ...]
    stubs: Mapping[str, Sequence[Sequence[float]] | str]
    record: Record | None = None
    vectors: tuple[tuple[float, ...], ...] = _EXPECTED


_RIGHT = _EXPECTED
_CLOSE = ((0.75 - 0.0625, 0.25 + 0.0625), (0.125, 0.875), (0.5, 0.5))
_OFF = ((0.75, 0.25), (0.125, 0.875), (0.5 - 0.0703125, 0.5 + 0.0703125))
_ZEROS = ((0.0, 0.0),) * 3
_NAN = (*_RIGHT[:2], (math.nan, 0.5))
_INFINITE = ((math.inf, 0.25), *_RIGHT[1:])
_SHORT = (*_RIGHT[:2], (0.5,))
_SWAPPED = tuple(row[::-1] for row in _RIGHT)
_MANY = tuple((i / 32, 1 - i / 32) for i in range(16))
_FAILED = UnitResult("gpu", UnitStatus.FAILED, 0.5, "off by 0.5, at most 0.0625", (0,), ((0, 1),))
_ERROR = UnitResult("gpu", UnitStatus.ERROR, None, "out of memory", (0, 1, 2), errors=1)
_PASSED = UnitResult("cpu", UnitStatus.PASSED, 0.0, "", (0, 1, 2), _RIGHT)
_OLDER = Key("2.0", "ab" * 32, "System 9")
_OTHER_MODEL = Key("2.1", "cd" * 32, "System 9")
_OTHER_SYSTEM = Key("2.1", "ab" * 32, "System 10")
_THREE, _ALL = ("cpu", "gpu", "npu"), dict.fromkeys(("cpu", "gpu", "npu", "dsp"), _MANY)
_TWO, _BOTH = ("cpu", "gpu"), {"cpu": _RIGHT, "gpu": _RIGHT}
SELF_TESTS: tuple[SelfTestCase, ...] = (
    SelfTestCase("the fallback alone", ("cpu",), {"cpu": _RIGHT}),
    SelfTestCase("a difference of exactly the tolerance", ("cpu",), {"cpu": _CLOSE}),
    SelfTestCase("the model is wrong everywhere", ("cpu",), {"cpu": _OFF}),
    SelfTestCase("wrong on one unit only", _TWO, {"cpu": _RIGHT, "gpu": _ZEROS}),
    SelfTestCase("two classes swapped on one unit", _TWO, {"cpu": _RIGHT, "gpu": _SWAPPED}),
    SelfTestCase("the last vector only is wrong", _TWO, {"cpu": _RIGHT, "gpu": _OFF}),
    SelfTestCase("NaN", _TWO, {"cpu": _RIGHT, "gpu": _NAN}),
    SelfTestCase("infinity", _TWO, {"cpu": _RIGHT, "gpu": _INFINITE}),
    SelfTestCase("an output is missing", _TWO, {"cpu": _RIGHT, "gpu": _SHORT}),
    SelfTestCase("a unit that does not open", _TWO, {"cpu": _RIGHT, "gpu": "no such delegate"}),
    SelfTestCase("the fallback is wrong, another is not", _TWO, {"cpu": _OFF, "gpu": _RIGHT}),
    SelfTestCase(
        "no unit passes",
        ("cpu", "gpu", "npu"),
        dict.fromkeys(("cpu", "gpu"), _ZEROS) | {"npu": "busy"},
    ),
    SelfTestCase("under 50 inferences on three units", _THREE, _ALL, vectors=_MANY),
    SelfTestCase("under 50 inferences on four units", (*_THREE, "dsp"), _ALL, vectors=_MANY),
    SelfTestCase("the same key: nothing runs", _TWO, _BOTH, Record(KEY, (_PASSED, _FAILED))),
    SelfTestCase("the same key, one unit more", _TWO, _BOTH, Record(KEY, (_PASSED,))),
    SelfTestCase("the app was updated", _TWO, _BOTH, Record(_OLDER, (_PASSED, _FAILED))),
    SelfTestCase("the model was updated", _TWO, _BOTH, Record(_OTHER_MODEL, (_PASSED, _FAILED))),
    SelfTestCase("the system was updated", _TWO, _BOTH, Record(_OTHER_SYSTEM, (_PASSED, _FAILED))),
    SelfTestCase(
        "the app ended while a unit was tested", _TWO, _BOTH, Record(KEY, (_PASSED,), "gpu")
    ),
    SelfTestCase(
        "the app ended while the fallback was tested", _TWO, _BOTH, Record(KEY, (), "cpu")
    ),
    SelfTestCase("an error that has passed", _TWO, _BOTH, Record(KEY, (_PASSED, _ERROR))),
    SelfTestCase(
        "an error that stays",
        _TWO,
        {"cpu": _RIGHT, "gpu": "out of memory"},
        Record(KEY, (_PASSED, _ERROR)),
    ),
    SelfTestCase(
        "after an error a wrong answer",
        _TWO,
        {"cpu": _RIGHT, "gpu": _OFF},
        Record(KEY, (_PASSED, _ERROR)),
    ),
    SelfTestCase(
        "three errors are enough",
        _TWO,
        _BOTH,
        Record(KEY, (_PASSED, replace(_ERROR, errors=MOST_ERRORS))),
    ),
    SelfTestCase(
        "the fallback is tried again however often",
        ("cpu",),
        {"cpu": _RIGHT},
        Record(KEY, (replace(_ERROR, unit="cpu", errors=9),)),
    ),
    SelfTestCase("the app ended, and was updated", _TWO, _BOTH, Record(_OLDER, (_PASSED,), "gpu")),
)


Times = Mapping[str, Sequence[float]]
_CPU = (9.0, 0.5, 0.25, 0.5, 0.5, 0.75, 0.5, 8.0)  # warm-up and one interruption
_SLOW_CPU = (40.0, 8.0, 8.0, 8.5, 7.5, 8.0, 8.0, 30.0)
CHOICES: tuple[tuple[str, tuple[str, ...], Times], ...] = (
    ("one unit", ("cpu",), {"cpu": _CPU}),
    ("a small network stays on the CPU", _TWO, {"cpu": _CPU, "gpu": (5.0, *[0.125] * 7)}),
    (
        "faster by a third and by more than 1 ms",
        _TWO,
        {"cpu": _SLOW_CPU, "gpu": (90.0, *[5.0] * 7)},
    ),
    ("faster by less than 30 %", _TWO, {"cpu": _SLOW_CPU, "gpu": (1.0, *[6.0] * 7)}),
    ("faster by exactly 1 ms", _TWO, {"cpu": (2.0,) * 8, "gpu": (1.0,) * 8}),
    ("the first round does not count", _TWO, {"cpu": (0.5, *[4.0] * 7), "gpu": (99.0, *[1.0] * 7)}),
    ("outliers do not count", _TWO, {"cpu": _SLOW_CPU, "gpu": (1.0, *[2.0] * 4, *[90.0] * 3)}),
    (
        "the fastest of three",
        ("cpu", "gpu", "npu"),
        {"cpu": _SLOW_CPU, "gpu": (3.0,) * 8, "npu": (2.0,) * 8},
    ),
    (
        "the first of equal ones",
        ("cpu", "gpu", "npu"),
        {"cpu": _SLOW_CPU, "gpu": (2.0,) * 8, "npu": (2.0,) * 8},
    ),
    ("the fallback did not pass", ("cpu", "gpu", "npu"), {"gpu": (3.0,) * 8, "npu": (2.75,) * 8}),
)


APP_VERSIONS = (
    *("1.4", "1.4.0", "1.10", "1.9", "1.9.0.1", "1.9.0.0", "2", "10", "9.99", "9.99-beta", "9.98"),
    *("", "0", "0.0.1", "v1", "", "1.4.", "1.4", "01.4", "1.4 (57)", "1.4"),
)
"""Each is compared with the next one."""

_A, _B, _EVEN = (0.75, 0.25, 0.0), (0.125, 0.875, 0.0), (0.375, 0.375, 0.25)
_NOT_FINITE = (math.nan, 0.5, 0.5)
Updates = tuple[tuple[int, tuple[float, ...]], ...]
DECISIONS: tuple[tuple[str, DecisionSettings, Updates], ...] = (
    ("unsure at once", DecisionSettings(unsure_below=0.5), ((0, _EVEN),)),
    ("exactly the threshold is sure", DecisionSettings(unsure_below=0.75), ((0, _A), (0, _EVEN))),
    (
        "smoothing makes it unsure and sure again",
        DecisionSettings(alpha=0.5, hysteresis=0.125, unsure_below=0.625),
        ((0, _A), (0, _B), (0, _B), (0, _B), (0, _A)),
    ),
    ("never unsure", DecisionSettings(unsure_below=0.0), ((0, _EVEN), (0, _EVEN))),
    (
        "not finite leaves unsure as it was",
        DecisionSettings(unsure_below=0.5),
        ((0, _NOT_FINITE), (0, _EVEN), (0, _NOT_FINITE), (0, _A), (0, _NOT_FINITE)),
    ),
    ("a new segment", DecisionSettings(unsure_below=0.5), ((0, _A), (1, _EVEN), (1, _A))),
    (
        "logits",
        DecisionSettings(True, unsure_below=0.5),
        ((0, (0.0, 0.25, 0.5)), (0, (8.0, 0.0, 0.0))),
    ),
)


@dataclass(frozen=True)
class StreamCase:
    """A stream that something happens to; the second sensor's samples come after the first's."""

    name: str
    about: str
    samples: tuple[Sample, ...]
    sensor_hz: float = 50.0
    restart_in_handler: tuple[int, ...] = ()


def stream_cases(signal: Signal) -> tuple[StreamCase, ...]:
    """Every stream; all sensors of a contract have the same samples."""
    settling = settling_steps(signal.rate_hz) if plan_of(signal).splits_gravity else 0
    once = (signal.window + settling) / signal.rate_hz + 2  # s to the first window, and some more
    both, short = 2 * once + signal.step / signal.rate_hz, 6.5
    plain = _even(50, both)
    half = len(plain) // 2
    paused = [t + (3_000_000_000 if i >= half else 0) for i, t in enumerate(plain)]
    back = [t + (10**13 if i < half else 0) for i, t in enumerate(plain)]
    ahead = [t + (10**13 if i >= half else 0) for i, t in enumerate(plain)]
    tenth = [t + (7_000_000 if i % 2 else 0) for i, t in enumerate(_even(10, 2 * short))]
    falling = [*_even(50, short), *(int(short * 1e9) + t for t in _even(30, short))]
    resumed = [t + (3_000_000_000 if t >= 6 * 10**9 else 0) for t in _even(50, 9)]
    bursts = [round(i * 1.88e9) + t for i in range(7) for t in _even(50, 0.5)]
    twice = _even(50, 3 * once)
    return (
        StreamCase("restart-in-handler", "at windows 0 and 1", _moving(twice), 50.0, (0, 1)),
        StreamCase("restart-100", "the same at 100 Hz", _moving(_even(100, both)), 100.0, (0,)),
        StreamCase("resumed", "suspended for 3 s in the middle", _moving(paused)),
        StreamCase("clock-back", "the clock is set back by hours", _moving(back)),
        StreamCase("clock-ahead", "the clock jumps ahead by hours", _moving(ahead)),
        StreamCase("rate-45", "asked for 50 Hz, gives 45: not slow", _moving(_even(45, short))),
        StreamCase("rate-30", "asked for 50 Hz, gives 30", _moving(_even(30, short))),
        StreamCase("rate-10", "asked for 50 Hz, gives 10 with jitter", _moving(tenth)),
        StreamCase("rate-falls", "low-power mode: 50 Hz, then 30", _moving(falling)),
        StreamCase("rate-resumed", "a suspension is not part of the rate", _moving(resumed)),
        StreamCase("rate-0.6", "one in 1.67 s: no window, but slow", _moving(_even(0.6, 12))),
        StreamCase("rate-bursts", "0.5 s of 50 Hz, then a pause of 1.4 s", _moving(bursts)),
        StreamCase("rate-unknown", "4.9 s are not enough", _moving(_even(30, 4.9))),
    )


def _even(hz: float, seconds: float) -> list[int]:
    return [round(i * 1e9 / hz) for i in range(math.ceil(seconds * hz))]


def _moving(times: Sequence[int]) -> tuple[Sample, ...]:
    """A movement whose numbers are short; what moves does not matter here."""
    return tuple(
        (t, (i * 7 % 16 - 8) / 4, 9.75 + (i * 5 % 8 - 4) / 8, (i * 3 % 32 - 16) / 8)
        for i, t in enumerate(times)
    )


STATES: tuple[tuple[str, int, str], ...] = (
    ("samples come", PATIENCE_NS, "start 0, sample 0.1, check 1, sample 1.9, check 3.8, stop 4"),
    ("none ever comes", PATIENCE_NS, "start 5, check 6, check 6.999999999, check 7, check 9"),
    ("it dies, and comes back", PATIENCE_NS, "start 0, sample 1, check 3, sample 3.5, check 4"),
    ("it becomes slow", PATIENCE_NS, "start 0, sample 1, slow 6, check 7, sample 11"),
    ("slow, then silent", PATIENCE_NS, "start 0, slow 6, check 8, slow 9"),
    (
        "suspended and resumed",
        PATIENCE_NS,
        "start 0, sample 1, suspend 2, sample 2.1, check 60, resume 90, check 91.5, sample 91.6, "
        "suspend 92, suspend 93, resume 94, resume 95, check 96",
    ),
    ("suspended at once", PATIENCE_NS, "start 0, suspend 1, resume 50, sample 50.1"),
    (
        "no such sensor",
        PATIENCE_NS,
        "start 0, missing 0.1, check 9, sample 9.5, suspend 10, resume 11, start 12, sample 12.1",
    ),
    ("denied, then allowed", PATIENCE_NS, "start 0, denied 3, check 9, start 20, sample 20.1"),
    ("denied in use", PATIENCE_NS, "start 0, sample 1, denied 2, sample 2.1, resume 3"),
    ("batches", 20_000_000_000, "start 0, check 12, sample 12.5, check 30, sample 31, check 51"),
    (
        "stopped and started",
        PATIENCE_NS,
        "start 0, sample 1, stop 2, sample 2.1, check 9, suspend 10, resume 11, start 12, "
        "sample 13",
    ),
    ("not started", PATIENCE_NS, "sample 0, check 9, suspend 10, resume 11, stop 12, missing 13"),
    ("started twice", PATIENCE_NS, "start 0, sample 1, start 1.5, check 3.4, check 3.5"),
)
"""Name, patience, and events with their times in s; `slow` is a sample of a slow sensor."""

ENERGY: tuple[tuple[str, EnergySettings, tuple[int, ...], str], ...] = (
    ("still for long", EnergySettings(0.125, 2, 4), (0, 1), "s s s s s s s s s s s s s"),
    ("movement is run at once", EnergySettings(0.125, 1, 3), (0, 1), "s s s s m s s s"),
    ("a new segment is run", EnergySettings(0.125, 0, 4), (0, 1), "s s s | s s s"),
    ("only the channels that count", EnergySettings(0.125, 0, 2), (1,), "x x x x m"),
    ("factor 1 runs all", EnergySettings(0.125, 0, 1), (0, 1), "s s s s"),
    ("a threshold of 0 runs all", EnergySettings(0.0, 0, 4), (0, 1), "s s s s"),
    ("exactly the threshold is movement", EnergySettings(0.25, 0, 4), (0,), "s e s"),
)
"""Name, settings, channels that count, and windows; `|` begins a segment."""

WINDOWS = {
    "s": ((0.0, 9.75), (0.0, 9.75), (0.0, 9.75)),
    "m": ((0.0, 9.5), (0.0, 10.0), (0.0, 9.75)),
    "x": ((5.0, 9.75), (-5.0, 9.75), (0.0, 9.75)),
    "e": ((0.25, 0.0), (-0.25, 0.0)),
}
"""Two channels each: still, moved, only the first moved, a deviation of exactly 0.25."""
