"""Gyroscopes, magnetometers and linear acceleration: units and columns that are mistaken."""

from __future__ import annotations

from pathlib import Path

import numpy as np
import pytest

from edgeconv.datasets import load_dataset
from tests.unit.datasets.tables.six_channels import TOML, Reading, write_six


def findings(file: Path) -> dict[str, str]:
    data = load_dataset(f"csv:{file}", refuse=False)
    return {finding.rule: f"{finding.where}: {finding.text}" for finding in data.report.findings}


def exchanged(acceleration: Reading, turn: Reading) -> tuple[Reading, Reading]:
    return turn, acceleration


def magnetic(size: float) -> dict[str, object]:
    toml = TOML.replace('kind = "gyroscope", unit = "deg/s"', 'kind = "magnetometer", unit = "uT"')
    field = size * np.array([0.3, 0.5, 0.8])
    return {"toml": toml, "change": lambda a, g: (a, tuple(field * (1 + g[1] / 900)))}


def twice() -> dict[str, object]:
    toml = TOML.replace('kind = "gyroscope", unit = "deg/s"', 'kind = "linear-acceleration"')
    return {"toml": toml, "change": lambda a, _: (a, (a[0], a[1] + 0.01, a[2]))}


@pytest.mark.parametrize(
    ("made", "rule", "text"),
    [
        ({}, "", ""),
        ({"toml": TOML.replace("deg/s", "rad/s")}, "D104", "look like degrees a second"),
        (
            {"change": lambda a, g: (a, tuple(v * np.pi / 180 for v in g))},
            "D104",
            "rad/s taken for deg/s",
        ),
        ({"toml": TOML.replace("deg/s", "rad/s"), "change": exchanged}, "D105", "another sensor"),
        (magnetic(50), "", ""),
        (magnetic(0.5), "D106", "length of 0."),
        (twice(), "D107", "gravity is in it"),
    ],
)
def test_rules(tmp_path: Path, made: dict[str, object], rule: str, text: str) -> None:
    found = findings(write_six(tmp_path / "a.csv", **made))  # type: ignore[arg-type]
    if rule:
        assert text in found[rule]
    else:
        assert set(found) == {"D303"}  # three subjects: one is the test


def test_degrees_of_a_sensor_that_lies_still(tmp_path: Path) -> None:
    still = write_six(
        tmp_path / "a.csv",
        TOML.replace("deg/s", "rad/s"),
        change=lambda _, g: ((0.1, 0.2, 9.79), (g[0] % 1, g[1] % 1, g[2] % 1)),
    )
    assert "D104" in findings(still)


def test_one_device_in_another_unit_and_with_another_sign(tmp_path: Path) -> None:
    lines = ["subject,activity,timestamp,device,x,y,z"]
    random = np.random.default_rng(0)
    for device, factor in (("phone", 1.0), ("watch", -1 / 9.80665)):
        for subject in ("p1", "p2", "p3"):
            for n in range(160):
                x, y, z = random.normal(0, 0.1, 3) + np.array([0.1, 9.7, 1.0])
                row = f"{subject},Walking,{n / 20:.2f},{device}"
                lines.append(f"{row},{x * factor:.4f},{y * factor:.4f},{z * factor:.4f}")
    file = tmp_path / "a.csv"
    file.write_text("\n".join(lines) + "\n")
    data = load_dataset(f"csv:{file}", refuse=False)
    found = {f.rule: f for f in data.report.findings}
    assert found["D101"].where == "subjects p1 (watch), p2 (watch), p3 (watch)"
    assert found["D101"].cure == 'write [devices.watch] unit = "g" into the TOML'
    file.with_name("a.csv.toml").write_text('[devices.watch]\nunit = "g"\n')
    found = {f.rule: f for f in load_dataset(f"csv:{file}").report.findings}
    assert '[devices.watch] sign = "ios"' in found["D103"].cure
    file.with_name("a.csv.toml").write_text('[devices.watch]\nunit = "g"\nsign = "ios"\n')
    assert not {f.rule for f in load_dataset(f"csv:{file}").report.findings} & {"D101", "D103"}
