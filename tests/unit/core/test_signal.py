"""The sensor contract: which channels a platform's convention changes, and how it is written."""

from __future__ import annotations

import numpy as np
import pytest

from edgeconv.core import (
    STANDARD_GRAVITY,
    GravitySource,
    InputConvention,
    Normalization,
    SensorKind,
    Signal,
)
from edgeconv.core.channels import kinds_of_names
from edgeconv.core.signal import label_faults
from edgeconv.errors import BadInput

SIX = ("ax", "ay", "az", "gx", "gy", "gz")
ACC, GYRO = SensorKind.ACCELEROMETER, SensorKind.GYROSCOPE


@pytest.mark.parametrize(
    ("channels", "kinds"),
    [
        (("x", "y", "z"), (ACC,) * 3),
        (("a", "b", "c"), (ACC,) * 3),
        (("gx", "gy", "gz"), (ACC,) * 3),
        (("gyro_x", "gyro_y", "gyro_z"), (GYRO,) * 3),
        (SIX, (ACC,) * 3 + (GYRO,) * 3),
        (("acc_x", "acc_y", "acc_z", "Gyro X", "Gyro Y", "Gyro Z"), (ACC,) * 3 + (GYRO,) * 3),
        (("x", "y", "z", "gyro.x", "gyro.y", "gyro.z"), (ACC,) * 3 + (GYRO,) * 3),
        (("channel0", "channel1", "channel2", "channel3"), (None,) * 4),
        (("gx", "gy", "gz", "t"), (None,) * 4),
        (("ax", "ay", "az", "mx", "pressure"), (ACC,) * 3 + (SensorKind.MAGNETOMETER, None)),
    ],
)
def test_kinds_of_names(channels: tuple[str, ...], kinds: tuple[SensorKind | None, ...]) -> None:
    assert kinds_of_names(channels) == kinds


@pytest.mark.parametrize("kinds", [(), (ACC,) * 3 + (GYRO,) * 3])
def test_the_convention_of_ios_changes_accelerations_only(kinds: tuple[SensorKind, ...]) -> None:
    signal = Signal(channels=SIX, window=2, step=1, kinds=kinds, sensor=InputConvention.IOS)
    canonical = np.arange(1, 13, dtype=np.float32).reshape(1, 12)
    steps = signal.encode(canonical).reshape(2, 6)
    expected = canonical.reshape(2, 6) * ([-1 / STANDARD_GRAVITY] * 3 + [1] * 3)
    np.testing.assert_allclose(steps, expected, rtol=1e-6)
    assert signal.channel_units == ("g",) * 3 + ("rad/s",) * 3


def test_the_convention_of_ios_needs_to_know_what_the_channels_are() -> None:
    signal = Signal(channels=("c0", "c1", "c2", "c3"), window=2, step=1)
    signal.for_sensor(InputConvention.ANDROID).affine()
    with pytest.raises(BadInput, match="nothing says what c0, c1, c2, c3 measure"):
        signal.for_sensor(InputConvention.IOS).affine()


def test_contracts_of_an_accelerometer_are_written_as_before() -> None:
    plain = Signal(window=4, step=2)
    assert plain.to_json()["schema_version"] == 2
    assert {"kinds", "channel_units"}.isdisjoint(plain.to_json())
    assert Signal(window=4, step=2, kinds=(ACC,) * 3) == plain


def test_a_contract_of_several_sensors_is_read_again() -> None:
    kinds = (ACC,) * 3 + (SensorKind.LINEAR_ACCELERATION, GYRO, SensorKind.OTHER)
    norm = Normalization((0.0,) * 6, (1.0,) * 6)
    signal = Signal(SIX, window=4, step=2, kinds=kinds, normalization=norm)
    data = signal.to_json()
    assert data["schema_version"] == 3
    assert data["channel_units"] == ["m/s^2"] * 4 + ["rad/s", ""]
    assert Signal.from_json({**data, "channel_units": list(data["channel_units"])}) == signal
    with pytest.raises(BadInput, match="contradicts itself: channel_units"):
        Signal.from_json({**data, "channel_units": ["g"] * 6})
    with pytest.raises(BadInput, match="damaged"):
        Signal.from_json({**data, "kinds": ["radar"] * 6})
    with pytest.raises(BadInput, match="kinds and channels differ"):
        Signal.from_json({**data, "kinds": ["gyroscope"]})


def test_a_contract_of_a_newer_version_is_refused() -> None:
    with pytest.raises(BadInput, match="schema version 5"):
        Signal.from_json({**Signal().to_json(), "schema_version": 5})


def test_an_embedding_is_in_the_contract_of_a_file_that_gives_one() -> None:
    signal = Signal(embedding=32)
    data = signal.to_json()
    assert (data["schema_version"], data["embedding"]) == (4, 32)
    assert Signal.from_json(data) == signal
    assert "embedding" not in Signal().to_json()
    assert Signal.from_json({**Signal().to_json(), "schema_version": 3}).embedding == 0
    for size in (-1, "wide"):
        with pytest.raises(BadInput, match=r"embedding|damaged"):
            Signal.from_json({**data, "embedding": size})


@pytest.mark.parametrize(
    ("labels", "words"),
    [
        (("walk\nfast", "jog"), "line break"),
        (("walk\u2028fast", "jog"), "line break"),
        (("a\tb", "jog"), "control character"),
        (("walk\N{RIGHT-TO-LEFT OVERRIDE}", "jog"), "control character"),
        (("walk\0", "jog"), "control character"),
        (("", "jog"), "number 0 is blank"),
        (("jog", "  "), "number 1 is blank"),
        (("walk", "jog", "walk"), "'walk' is there twice"),
    ],
)
def test_class_names_that_lists_and_dictionaries_lose_are_refused(
    labels: tuple[str, ...], words: str
) -> None:
    assert len(label_faults(labels)) == 1
    with pytest.raises(BadInput, match=words):
        Signal(labels=labels)


def test_class_names_of_any_language_pass() -> None:
    assert (
        label_faults(("ходьба", "走る", "Walking upstairs", "👨\u200d🦽", "می\u200cرود", "0")) == []
    )


@pytest.mark.parametrize("gravity", GravitySource)
def test_what_told_gravity_apart_is_in_the_contract(gravity: GravitySource) -> None:
    signal = Signal(channels=(*"xyz", "grav_x", "grav_y", "grav_z"), gravity=gravity)
    written = signal.to_json()
    assert written["gravity"] == gravity
    assert Signal.from_json(written) == signal
    with pytest.raises(BadInput, match="damaged"):
        Signal.from_json({**written, "gravity": "guessed"})


def test_a_contract_without_gravity_says_nothing_of_it() -> None:
    signal = Signal(gravity=GravitySource.FILTER)
    assert signal == Signal()
    assert "gravity" not in signal.to_json()
