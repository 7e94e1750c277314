"""Which channels belong to one sensor."""

from __future__ import annotations

import pytest

from edgeconv.core.channels import SensorKind, kinds_of_names, triads

ACCELEROMETER, GYROSCOPE = SensorKind.ACCELEROMETER, SensorKind.GYROSCOPE
LINEAR = SensorKind.LINEAR_ACCELERATION


@pytest.mark.parametrize(
    ("channels", "expected"),
    [
        (("x", "y", "z"), ((ACCELEROMETER, (0, 1, 2)),)),
        (("up", "left", "front"), ((ACCELEROMETER, (0, 1, 2)),)),
        (("gyro_x", "gyro_y", "gyro_z"), ((GYROSCOPE, (0, 1, 2)),)),
        (
            ("acc_x", "gyro_x", "acc_y", "gyro_y", "acc_z", "gyro_z"),
            ((ACCELEROMETER, (0, 2, 4)), (GYROSCOPE, (1, 3, 5))),
        ),
        (
            ("acc_x", "acc_y", "acc_z", "linear_z", "linear_y", "linear_x"),
            ((ACCELEROMETER, (0, 1, 2)), (LINEAR, (5, 4, 3))),
        ),
        (("acc_x", "acc_y", "acc_z", "pressure"), ()),
        (("acc_x", "acc_y", "acc_z", "gyro_x", "gyro_y"), ()),
        (("acc_x", "acc_x", "acc_y", "acc_z", "gyro_y", "gyro_z"), ()),
        (("acc_x", "acc_y", "acc_z", "mag_x", "mag_y", "mag_z"), ()),
        (("x", "y"), ()),
    ],
)
def test_sensors_with_three_axes(channels: tuple[str, ...], expected: object) -> None:
    assert triads(channels, kinds_of_names(channels)) == expected
