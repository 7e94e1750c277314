"""The delivered rate of a sensor, and its state."""

from __future__ import annotations

import pytest
from hypothesis import given
from hypothesis import strategies as st

from edgeconv.errors import UsageError
from edgeconv.integration.sensor_states import (
    DeliveredRate,
    SensorEvent,
    SensorMonitor,
    SensorState,
)

SECOND = 1_000_000_000


def rate_of(hz: float, seconds: float, asked: float = 50.0) -> DeliveredRate:
    rate = DeliveredRate(asked, SECOND)
    for i in range(int(seconds * hz)):
        rate.update(round(i * 1e9 / hz))
    return rate


@given(st.floats(2.0, 200.0))
def test_the_rate_is_what_comes(hz: float) -> None:
    rate = rate_of(hz, 12)
    assert rate.hz == pytest.approx(hz, rel=0.001)
    assert rate.slow == (rate.hz is not None and rate.hz < 40)


def test_a_rate_needs_five_seconds() -> None:
    assert rate_of(30, 5.0).hz is None
    assert rate_of(30, 5.2).hz == pytest.approx(30)


def test_a_suspension_and_a_step_back_are_no_rate() -> None:
    rate = rate_of(50, 6)
    for start in (100 * SECOND, 50 * SECOND):
        for i in range(200):
            rate.update(start + i * SECOND // 50)
    assert rate.hz == pytest.approx(50)


def test_it_becomes_slow_and_recovers() -> None:
    rate, stamp = DeliveredRate(50.0, SECOND), 0
    seen = []
    for hz in (50, 20, 50):
        for _ in range(11 * hz):
            stamp += SECOND // hz
            rate.update(stamp)
        seen.append(rate.slow)
    assert seen == [False, True, False]


EVENTS = st.lists(st.tuples(st.sampled_from(list(SensorEvent)), st.integers(0, 10), st.booleans()))


@given(EVENTS)
def test_the_stream_gets_samples_only_where_the_sensor_is_listened_to(
    events: list[tuple[SensorEvent, int, bool]],
) -> None:
    monitor, now, listened = SensorMonitor(), 0, False
    closed = {SensorState.STOPPED, SensorState.SUSPENDED, SensorState.MISSING, SensorState.DENIED}
    for event, seconds, slow in events:
        now += seconds * SECOND
        before = monitor.state
        reaction = monitor.update(event, now, slow)
        assert reaction.state is monitor.state
        assert reaction.use_sample == (event is SensorEvent.SAMPLE and before not in closed)
        began = reaction.state is SensorState.WAITING and event is not SensorEvent.CHECK
        if began and event in (SensorEvent.START, SensorEvent.RESUME) and before in closed:
            assert reaction.restart == listened, "nothing of before a pause stays in the stream"
        listened = listened or event is SensorEvent.START


def test_impatience_is_refused() -> None:
    with pytest.raises(UsageError):
        SensorMonitor(0)
