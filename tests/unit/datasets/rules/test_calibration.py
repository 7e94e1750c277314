"""The sphere fit finds the offset and scale that were put in, and only where it can."""

from __future__ import annotations

from collections.abc import Collection
from pathlib import Path

import numpy as np
import pytest

from edgeconv.datasets import load_dataset
from edgeconv.datasets.rules.calibration import fit_sensors

OFFSET, SCALE = np.array([0.4, -0.3, 0.2]), np.array([1.03, 0.98, 1.01])
POSES = [
    (1, 0, 0),
    (-1, 0, 0),
    (0, 1, 0),
    (0, -1, 0),
    (0, 0, 1),
    (0, 0, -1),
    (1, 1, 1),
    (-1, -1, 1),
]


def table(
    folder: Path, poses: Collection[tuple[int, ...]] = POSES, wrong: bool = True, toml: str = ""
) -> str:
    """Two seconds and more in each pose, and some walking; the sensor of every subject is wrong."""
    random = np.random.default_rng(1)
    lines = ["subject,activity,timestamp,x,y,z"]
    for subject in ("p1", "p2", "p3"):
        for number, pose in enumerate(poses):
            gravity = 9.80665 * np.array(pose) / np.linalg.norm(pose)
            for n in range(160):
                value = gravity + random.normal(0, 0.02, 3)
                value = value * SCALE + OFFSET if wrong else value
                time = number * 100 + n / 20
                lines.append(f"{subject},Lying,{time:.2f}," + ",".join(f"{v:.4f}" for v in value))
    file = folder / "a.csv"
    file.write_text("\n".join(lines) + "\n")
    file.with_name("a.csv.toml").write_text(toml)
    return f"csv:{file}"


def test_offset_and_scale_are_found(tmp_path: Path) -> None:
    data = load_dataset(table(tmp_path))
    found = next(f for f in data.report.findings if f.rule == "D208")
    assert "offset is +0.4" in found.text
    for fit in fit_sensors(data).values():
        np.testing.assert_allclose(-fit.offset / fit.scale, OFFSET, atol=0.03)
        np.testing.assert_allclose(1 / fit.scale, SCALE, atol=0.005)
        assert fit.after < 0.02 < fit.before


def test_they_are_taken_out_if_the_toml_asks(tmp_path: Path) -> None:
    data = load_dataset(table(tmp_path, toml="calibrate = true"))
    lengths = np.linalg.norm(data.windows.reshape(len(data), 80, 3).mean(axis=1), axis=1)
    np.testing.assert_allclose(lengths, 9.80665, atol=0.03)
    assert "D208" not in {f.rule for f in data.report.findings}
    assert any("calibrated p1" in note for note in data.report.notes)


@pytest.mark.parametrize(("poses", "wrong"), [(POSES, False), (POSES[:2], True)])
def test_no_finding(tmp_path: Path, poses: Collection[tuple[int, ...]], wrong: bool) -> None:
    data = load_dataset(table(tmp_path, poses, wrong))
    assert "D208" not in {f.rule for f in data.report.findings}
