"""A sensor contract as a TOML file: what it means, and every way in which it can be wrong."""

from __future__ import annotations

from pathlib import Path

import numpy as np
import pytest

from edgeconv.core import GravitySource, InputConvention, Normalization, Signal
from edgeconv.core.channels import SensorKind
from edgeconv.errors import BadInput, EdgeconvError
from edgeconv.recipes.signal_file import read_signal

HEAD = "rate_hz = 50\nwindow = 128\n"
ACCELEROMETER = "".join(f'[[channels]]\nname = "{axis}"\n' for axis in "xyz")


def read(tmp_path: Path, text: str) -> Signal:
    path = tmp_path / "signal.toml"
    path.write_text(text, encoding="utf-8")
    return read_signal(path)


def test_the_shortest_file_is_raw_readings_of_an_accelerometer(tmp_path: Path) -> None:
    signal = read(tmp_path, HEAD + ACCELEROMETER)
    expected = Signal(channels=("x", "y", "z"), rate_hz=50.0, window=128, step=64)
    assert signal == expected
    assert signal.sensor is InputConvention.ANDROID


def test_statistics_are_turned_into_the_programs_units(tmp_path: Path) -> None:
    text = (
        HEAD
        + 'step = 32\nlabels = ["walk", "run"]\n'
        + '[[channels]]\nname = "acc_x"\nunit = "g"\n'
        + '[[channels]]\nname = "turn"\nkind = "gyroscope"\nunit = "deg/s"\n'
        + "[normalization]\nmean = [1.0, 90.0]\nstd = [0.5, 180.0]\n"
    )
    signal = read(tmp_path, text)
    assert signal.kinds == (SensorKind.ACCELEROMETER, SensorKind.GYROSCOPE)
    assert signal.labels == ("walk", "run")
    assert signal.sensor is InputConvention.NORMALIZED
    assert signal.normalization is not None
    np.testing.assert_allclose(signal.normalization.mean, (9.80665, np.pi / 2))
    np.testing.assert_allclose(signal.normalization.std, (9.80665 / 2, np.pi))


def test_another_unit_without_statistics_is_a_division(tmp_path: Path) -> None:
    signal = read(tmp_path, HEAD + ACCELEROMETER.replace('"\n', '"\nunit = "g"\n'))
    assert signal.normalization == Normalization((0.0,) * 3, (9.80665,) * 3)
    readings = np.full((1, 128 * 3), 9.80665, np.float32)
    np.testing.assert_allclose(signal.encode(readings), 1.0)


def test_what_told_gravity_apart(tmp_path: Path) -> None:
    linear = "".join(f'[[channels]]\nname = "linear_{axis}"\n' for axis in "xyz")
    assert read(tmp_path, HEAD + linear).gravity is None
    for word in GravitySource:
        assert read(tmp_path, f'gravity = "{word}"\n' + HEAD + linear).gravity is word
        scaled = HEAD + linear + "[normalization]\nmean = [0, 0, 0]\nstd = [2, 2, 2]\n"
        assert read(tmp_path, f'gravity = "{word}"\n' + scaled).gravity is word


def test_readings_of_ios_are_in_g(tmp_path: Path) -> None:
    signal = read(tmp_path, HEAD + 'readings = "ios"\n' + ACCELEROMETER)
    assert (signal.sensor, signal.normalization) == (InputConvention.IOS, None)


@pytest.mark.parametrize(
    ("text", "message"),
    [
        ("rate_hz = 50\n" + ACCELEROMETER, "'window' is missing"),
        (HEAD, "'channels' is missing"),
        (HEAD + "channels = []", "one \\[\\[channels\\]\\] table"),
        (HEAD + "colour = 1\n" + ACCELEROMETER, "unknown key 'colour'"),
        (HEAD.replace("128", "0") + ACCELEROMETER, "window = 0 is no whole number"),
        (HEAD.replace("50", "true") + ACCELEROMETER, "rate_hz = True is no number"),
        (HEAD + '[[channels]]\nkind = "other"', "channel 1 has no name"),
        (HEAD + ACCELEROMETER + ACCELEROMETER, "two channels have one name"),
        (HEAD + '[[channels]]\nname = "x"\nkind = "nose"', "unknown kind 'nose'"),
        (HEAD + '[[channels]]\nname = "x"\nunit = "ft"', "unknown unit 'ft'"),
        (HEAD + 'readings = "web"\n' + ACCELEROMETER, "choose android or ios"),
        ('gravity = "magic"\n' + HEAD + ACCELEROMETER, "choose low-pass or system"),
        (HEAD + "labels = [1]\n" + ACCELEROMETER, "list of names"),
        (HEAD + ACCELEROMETER + "[normalization]\nmean = [1]", "mean must be 3 numbers"),
        (HEAD + ACCELEROMETER + "[normalization]\nmean = [1,1,1]\nstd = [1,0,1]", "above 0"),
        ("rate_hz = ", "cannot be read as TOML"),
        (
            HEAD
            + 'readings = "ios"\n'
            + ACCELEROMETER
            + "[normalization]\nmean = [1,1,1]\nstd = [1,1,1]",
            "cannot be expressed",
        ),
    ],
)
def test_what_is_wrong_is_named_with_the_file(tmp_path: Path, text: str, message: str) -> None:
    with pytest.raises(EdgeconvError, match=message) as caught:
        read(tmp_path, text)
    assert isinstance(caught.value, BadInput)
    assert "signal.toml" in caught.value.message
