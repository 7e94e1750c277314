"""Tables of any number of channels: what reaches the windows, and which TOML is refused."""

from __future__ import annotations

from pathlib import Path

import numpy as np
import pytest

from edgeconv.core import GravitySource, InputConvention, SensorKind
from edgeconv.datasets import load_dataset
from edgeconv.datasets.splits import split
from edgeconv.errors import BadInput
from tests.unit.datasets.tables.made import people, write
from tests.unit.datasets.tables.six_channels import TOML, write_six


def test_six_channels_in_the_programs_units(tmp_path: Path) -> None:
    data = load_dataset(f"csv:{write_six(tmp_path / 'a.csv')}")
    three = load_dataset(f"csv:{write(tmp_path / 'b.csv', people())}")
    assert [finding.rule for finding in data.report.findings] == ["D303"]  # one subject is the test
    assert data.signal.channels == ("ax", "ay", "az", "gx", "gy", "gz")
    assert data.signal.kinds == (SensorKind.ACCELEROMETER,) * 3 + (SensorKind.GYROSCOPE,) * 3
    steps = data.windows.reshape(len(data), 80, 6)
    np.testing.assert_allclose(steps[..., :3], three.windows.reshape(-1, 80, 3), atol=1e-4)
    assert 0.9 < np.abs(steps[..., 3]).max() < np.pi / 2 * 1.1  # 90 degrees a second
    ios = data.signal.for_sensor(InputConvention.IOS).encode(data.windows).reshape(steps.shape)
    np.testing.assert_allclose(ios[..., 3:], steps[..., 3:])
    np.testing.assert_allclose(ios[..., :3], steps[..., :3] / -9.80665, atol=1e-5)


def test_what_told_gravity_apart_reaches_the_contract(tmp_path: Path) -> None:
    toml = TOML.replace('ax = { kind = "accelerometer"', 'ax = { kind = "gravity"')
    assert toml != TOML
    unsaid = load_dataset(f"csv:{write_six(tmp_path / 'a.csv', toml)}")
    assert unsaid.signal.gravity is None
    system = 'gravity = "system"\n' + toml
    said = load_dataset(f"csv:{write_six(tmp_path / 'b.csv', system)}")
    assert said.signal.gravity is GravitySource.SYSTEM


def test_a_sign_and_a_unit_of_single_channels_and_devices(tmp_path: Path) -> None:
    toml = TOML.replace('"ax"', "").replace(
        'gz = { kind = "gyroscope", unit = "deg/s" }',
        'turn = { column = "gz", kind = "gyroscope", unit = "deg/s", sign = "-" }',
    )
    plain = load_dataset(f"csv:{write_six(tmp_path / 'a.csv')}")
    turned = load_dataset(f"csv:{write_six(tmp_path / 'b.csv', toml)}")
    assert turned.signal.channels[-1] == "turn"
    one, other = (d.windows.reshape(-1, 6) for d in (plain, turned))
    np.testing.assert_allclose(other[:, 5], -one[:, 5], atol=1e-6)
    device = f'device = "phone"\n{TOML}\n[devices.phone]\nunit = "g"\n'
    in_g = write_six(
        tmp_path / "c.csv", device, change=lambda a, g: (tuple(v / 9.80665 for v in a), g)
    )
    np.testing.assert_allclose(load_dataset(f"csv:{in_g}").windows, plain.windows, atol=2e-3)


@pytest.mark.parametrize(
    ("toml", "message"),
    [
        ('[channels]\nax = "x"', "must map names to tables"),
        ("[channels]\nax = {}", "ax: kind is ''"),
        ('[channels]\nax = { kind = "radar" }', "kind is 'radar'"),
        ('[channels]\ngx = { kind = "gyroscope" }', r"gx has no unit .*rad/s"),
        ('[channels]\ngx = { kind = "gyroscope", unit = "g" }', "unit is 'g'"),
        ('[channels]\ngx = { kind = "gyroscope", unit = "deg/s", sign = "ios" }', "convention"),
        ('[channels]\nax = { kind = "accelerometer", unti = "g" }', "keys in .channels. ax: unti"),
        ('[columns]\nx = "ax"\n' + TOML, r"\[channels\] and \[columns\] x, y, z"),
        ('[channels]\nq = { kind = "accelerometer" }', "has no column 'q'"),
        ('test_subjects = ["p9"]', "test_subjects has 'p9', whom no row names"),
        ('allow = ["gravity"]', "allow has 'gravity'"),
        ("calibrate = 1", "calibrate is 1"),
        ('gravity = "guessed"', "gravity is 'guessed'"),
        ('[devices.watch]\nunti = "g"', r"unknown keys in \[devices.watch\]"),
    ],
)
def test_refusals(tmp_path: Path, toml: str, message: str) -> None:
    file = write(tmp_path / "a.csv", people(), toml)
    with pytest.raises(BadInput, match=message):
        load_dataset(f"csv:{file}")


def test_tables_of_different_channels_do_not_mix(tmp_path: Path) -> None:
    write_six(tmp_path / "a.csv")
    write(tmp_path / "b.csv", people())
    with pytest.raises(BadInput, match=r"its channels are x, y, z, those of .*a.csv are ax"):
        load_dataset(f"csv:{tmp_path}")


def test_the_toml_names_who_is_held_out(tmp_path: Path) -> None:
    toml = 'test_subjects = ["P3"]\nval_subjects = ["p1"]'
    parts = split(load_dataset(f"csv:{write(tmp_path / 'a.csv', people(4), toml)}"))
    assert parts.test.subject_names == ("p3",)
    assert parts.val.subject_names == ("p1",)
    assert parts.train.subject_names == ("p2", "p4")
