"""Which sensors a contract needs, and the low-pass that gravity is made with."""

from __future__ import annotations

from dataclasses import replace

import numpy as np
import pytest
from scipy.signal import butter, sosfilt

from edgeconv.core import GravitySource, InputConvention, SensorKind, Signal
from edgeconv.core.channels import GRAVITY_HZ, GRAVITY_ORDER
from edgeconv.datasets import uci_har
from edgeconv.errors import Unsupported
from edgeconv.integration.sensors import (
    SETTLING_PERIODS,
    ChannelSource,
    Part,
    gravity_sections,
    plan_of,
    settling_steps,
    source_factor,
)

ACC, GYRO = SensorKind.ACCELEROMETER, SensorKind.GYROSCOPE
SIX = Signal(channels=("acc_x", "acc_y", "acc_z", "gyro_x", "gyro_y", "gyro_z"))
NINE = Signal(
    tuple(uci_har.CHANNELS), 50.0, 128, 64, gravity=GravitySource.FILTER
)  # acceleration, linear acceleration, rotation


def test_three_channels_are_an_accelerometers_axes_in_their_order() -> None:
    axes = tuple(ChannelSource(0, axis) for axis in range(3))
    for names in ("xyz", "abc", ("ax", "ay", "az"), ("x", "x2", "x3")):
        plan = plan_of(Signal(channels=tuple(names)))
        assert (plan.kinds, plan.channels) == ((ACC,), axes)
    turned = plan_of(Signal(channels=("acc_z", "acc_x", "acc_y")))
    assert [channel.axis for channel in turned.channels] == [2, 0, 1]


def test_channels_are_found_by_kind_and_axis_in_any_order() -> None:
    plan = plan_of(SIX)
    assert plan.kinds == (ACC, GYRO)
    assert [(c.sensor, c.axis) for c in plan.channels] == [(s, a) for s in (0, 1) for a in range(3)]
    mixed = plan_of(Signal(channels=("gyro_z", "acc_y", "gyro_x")))
    assert mixed.kinds == (ACC, GYRO)
    assert [(c.sensor, c.axis) for c in mixed.channels] == [(1, 2), (0, 1), (1, 0)]


def test_linear_acceleration_is_the_filters_or_the_phones_by_the_contract() -> None:
    plan = plan_of(NINE)
    assert plan.kinds == (ACC, GYRO)
    assert plan.splits_gravity
    assert [c.part for c in plan.channels] == [Part.WHOLE] * 3 + [Part.REST] * 3 + [Part.WHOLE] * 3
    system = plan_of(replace(NINE, gravity=GravitySource.SYSTEM))
    assert system.kinds == (ACC, GYRO, SensorKind.LINEAR_ACCELERATION)
    assert not system.splits_gravity
    with pytest.raises(Unsupported, match="does not say what told it") as caught:
        plan_of(replace(NINE, gravity=None))
    assert 'gravity = "system"' in caught.value.hint
    only = plan_of(Signal(channels=("grav_x", "grav_y", "grav_z"), gravity=GravitySource.FILTER))
    assert (only.kinds, {c.part for c in only.channels}) == ((ACC,), {Part.GRAVITY})


@pytest.mark.parametrize(
    ("channels", "words"),
    [
        ((*"xyz", "mag_x"), "of kind magnetometer; a package reads acc"),
        ((*"xyz", "speed"), "of an unknown kind"),
        (("gyro_1", "gyro_2", "gyro_3", "gyro_4"), "of an unknown kind"),
        (("acc_x", "accel_x", "gyro_x"), "the same axis"),
    ],
)
def test_what_no_package_can_make(channels: tuple[str, ...], words: str) -> None:
    with pytest.raises(Unsupported, match=words):
        plan_of(Signal(channels=channels))


def test_an_axis_that_no_name_tells() -> None:
    kinds = (ACC, ACC, ACC, GYRO)
    with pytest.raises(Unsupported, match="axes of first, second, third, fourth"):
        plan_of(Signal(channels=("first", "second", "third", "fourth"), kinds=kinds))


def test_only_accelerations_have_the_sign_and_unit_of_a_platform() -> None:
    ios = SIX.for_sensor(InputConvention.IOS)
    assert source_factor(ACC, "g", "ios", SIX) == -9.80665
    assert source_factor(ACC, "m/s^2", "android", SIX) == 1
    assert source_factor(SensorKind.GRAVITY, "g", "ios", ios) == 1
    assert source_factor(ACC, "m/s^2", "android", ios) == -1 / 9.80665
    for signal in (SIX, ios):
        assert source_factor(GYRO, "rad/s", "ios", signal) == 1
        assert source_factor(GYRO, "deg/s", "android", signal) == np.pi / 180


@pytest.mark.parametrize("rate", [20.0, 33.3, 50.0, 100.0, 400.0])
def test_the_low_pass_is_scipys(rate: float) -> None:
    ours = [[b0, b1, b2, 1.0, a1, a2] for b0, b1, b2, a1, a2 in gravity_sections(rate)]
    theirs = butter(GRAVITY_ORDER, GRAVITY_HZ, fs=rate, output="sos")
    impulse = np.eye(1, int(20 * rate))[0]
    np.testing.assert_allclose(sosfilt(ours, impulse), sosfilt(theirs, impulse), atol=1e-12)


@pytest.mark.parametrize("rate", [20.0, 50.0, 100.0])
def test_gravity_has_settled_when_steps_are_made(rate: float) -> None:
    sections = butter(GRAVITY_ORDER, GRAVITY_HZ, fs=rate, output="sos")
    left = np.abs(1 - sosfilt(sections, np.ones(int(30 * rate))))
    assert left[settling_steps(rate) :].max() < 0.0022
    assert settling_steps(rate) == np.ceil(SETTLING_PERIODS * rate / GRAVITY_HZ)
