"""What an app is told of its sensors: the rate that is delivered, and the state of each of them.

The reference of docs/explanation/device-spec.md, section 5. Adapters feed it; it knows no platform.
Times are integer nanoseconds, of the sensor's stamps for the rate and of a monotonic clock for the
state.
"""

from __future__ import annotations

from dataclasses import dataclass
from enum import StrEnum

from edgeconv.errors import UsageError

MEASURED_NS = 5_000_000_000
"""How long a rate is measured before it is known."""

SLOW = 0.8
"""A sensor that gives less than this share of the rate asked for is slow."""

PATIENCE_NS = 2_000_000_000
"""A sensor that gives nothing for this long is silent."""


class DeliveredRate:
    """The rate of one sensor by its time stamps.

    Args:
        asked_hz: the rate that the sensor was asked for.
        silence_ns: of the stream. A pause longer than this and than the patience is not part of a
            rate: the sensor is silent then, or the app was suspended.
    """

    def __init__(self, asked_hz: float, silence_ns: int) -> None:
        self._asked_hz = asked_hz
        self._longest_ns = max(PATIENCE_NS, silence_ns)
        self._begin: int | None = None
        self._last = 0
        self._samples = 0
        self.hz: float | None = None

    @property
    def slow(self) -> bool:
        return self.hz is not None and self.hz < SLOW * self._asked_hz

    def update(self, stamp: int) -> None:
        """Count a sample that the stream accepted."""
        elapsed = stamp - self._last
        self._last = stamp
        if self._begin is None or not 0 <= elapsed <= self._longest_ns:
            self._begin, self._samples = stamp, 0
            return
        self._samples += 1
        if stamp - self._begin >= MEASURED_NS:
            self.hz = self._samples * 1e9 / (stamp - self._begin)
            self._begin, self._samples = stamp, 0


class SensorState(StrEnum):
    """What an app shows of a sensor."""

    STOPPED = "stopped"
    WAITING = "waiting"
    RECEIVING = "receiving"
    SLOW = "slow"
    SILENT = "silent"
    SUSPENDED = "suspended"
    MISSING = "missing"
    DENIED = "denied"


class SensorEvent(StrEnum):
    """What an adapter reports."""

    START = "start"
    SAMPLE = "sample"
    CHECK = "check"
    SUSPEND = "suspend"
    RESUME = "resume"
    MISSING = "missing"
    DENIED = "denied"
    STOP = "stop"


@dataclass(frozen=True)
class Reaction:
    """What follows from an event.

    Attributes:
        state: afterwards.
        restart: whether the stream has to be restarted.
        use_sample: whether the stream gets the sample; False for every other event.
    """

    state: SensorState
    restart: bool = False
    use_sample: bool = False


_LISTENING = frozenset(
    {SensorState.WAITING, SensorState.RECEIVING, SensorState.SLOW, SensorState.SILENT}
)
_AT_ONCE = {
    SensorEvent.MISSING: SensorState.MISSING,
    SensorEvent.DENIED: SensorState.DENIED,
    SensorEvent.STOP: SensorState.STOPPED,
}


class SensorMonitor:
    """The state of one sensor, from what its adapter reports.

    Args:
        patience_ns: how long nothing may come before the sensor is silent.
    """

    def __init__(self, patience_ns: int = PATIENCE_NS) -> None:
        if patience_ns <= 0:
            raise UsageError("sensor: patience must be above 0", "give it in nanoseconds")
        self._patience_ns = patience_ns
        self._since = 0
        self._fresh = True
        self.state = SensorState.STOPPED

    def update(self, event: SensorEvent, at_ns: int, slow: bool = False) -> Reaction:
        """Process an event.

        Args:
            at_ns: of a monotonic clock.
            slow: of a sample: whether the stream finds the sensor slow, this sample included.
        """
        listening = self.state in _LISTENING
        resumes = event is SensorEvent.RESUME and self.state is SensorState.SUSPENDED
        if event in _AT_ONCE:
            self.state = _AT_ONCE[event]
        elif event is SensorEvent.START or resumes:
            return self._begin(at_ns)
        elif event is SensorEvent.SUSPEND and listening:
            self.state = SensorState.SUSPENDED
        elif event is SensorEvent.SAMPLE and listening:
            self._since = at_ns
            self.state = SensorState.SLOW if slow else SensorState.RECEIVING
            return Reaction(self.state, use_sample=True)
        elif event is SensorEvent.CHECK and listening and at_ns - self._since >= self._patience_ns:
            self.state = SensorState.SILENT
        return Reaction(self.state)

    def _begin(self, at_ns: int) -> Reaction:
        self.state, self._since = SensorState.WAITING, at_ns
        restart, self._fresh = not self._fresh, False
        return Reaction(self.state, restart=restart)
