"""A model's contract against the readings of a data set: D110, and windows of another rate."""

from __future__ import annotations

from dataclasses import replace
from pathlib import Path

import pytest

from edgeconv.core import Dataset, InputConvention, Normalization, SensorKind, Signal
from edgeconv.datasets import Recordings, load_dataset
from edgeconv.datasets.rules import check_contract
from edgeconv.errors import BadInput, UsageError
from tests.unit.datasets.tables.made import people, write

TRAINED = Signal(normalization=Normalization((0.1, 5.0, 5.0), (2.0, 5.0, 5.0)))
IN_G = Signal(normalization=Normalization((0.01, 0.5, 0.5), (0.2, 0.5, 0.5)))


@pytest.fixture(name="data")
def data_(tmp_path: Path) -> Dataset:
    return load_dataset(f"csv:{write(tmp_path / 'a.csv', people())}")


@pytest.mark.parametrize(
    "signal",
    [
        Signal(),
        TRAINED,
        TRAINED.for_sensor(InputConvention.IOS),
        Signal(channels=("value",), window=9, step=9, sensor=InputConvention.NORMALIZED),
    ],
)
def test_contracts_that_fit(data: Dataset, signal: Signal) -> None:
    check_contract(signal, data, "model.keras")


@pytest.mark.parametrize(
    ("signal", "message"),
    [
        (IN_G, "D110: all recordings: accelerations are 9.*was trained on 1.*unit or gravity"),
        (Signal(kinds=(SensorKind.GYROSCOPE,) * 3), "D110.*x \\(gyroscope\\), y .*the data have x"),
        (Signal(kinds=(SensorKind.LINEAR_ACCELERATION,) * 3), "D110.*linear-acceleration"),
        (replace(TRAINED, rate_hz=50.0), "says 50 Hz, but the windows of a.csv are at 20 Hz"),
    ],
)
def test_contracts_that_do_not(data: Dataset, signal: Signal, message: str) -> None:
    with pytest.raises(BadInput, match=message):
        check_contract(signal, data, "model.keras")


def test_a_contradiction_can_be_accepted(data: Dataset) -> None:
    accepted = load_dataset(Recordings(data, ("D110",)))
    check_contract(IN_G, accepted, "model.keras")
    with pytest.raises(UsageError, match="no rule D999"):
        Recordings(data, ("D999",))
