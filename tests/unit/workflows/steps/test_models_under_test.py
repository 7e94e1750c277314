"""What the input of a model file means, with and without a sensor contract."""

from __future__ import annotations

from dataclasses import replace
from pathlib import Path

import pytest

from edgeconv.core import Dataset, InputConvention, Normalization, NullProgress
from edgeconv.datasets import load_dataset
from edgeconv.errors import BadInput, UsageError
from edgeconv.workflows.steps.models_under_test import resolve_models, resolve_signal

PATH = Path("other.tflite")
ANDROID, IOS, NORMALIZED = (
    InputConvention.ANDROID,
    InputConvention.IOS,
    InputConvention.NORMALIZED,
)


@pytest.fixture(scope="module")
def data() -> Dataset:
    return load_dataset("synthetic")


def test_resolve_signal_takes_the_embedded_contract(data: Dataset) -> None:
    contract = replace(data.signal, sensor=IOS)
    assert resolve_signal(PATH, contract, None, data) == contract
    assert resolve_signal(PATH, contract, IOS, data) == contract


def test_resolve_signal_refuses_a_contradiction(data: Dataset) -> None:
    with pytest.raises(UsageError, match="contradicts the sensor contract"):
        resolve_signal(PATH, replace(data.signal, sensor=IOS), ANDROID, data)


def test_resolve_signal_without_a_contract_takes_the_sensor(data: Dataset) -> None:
    assert resolve_signal(PATH, None, IOS, data).sensor is IOS


def test_resolve_signal_takes_the_names_of_the_file(data: Dataset) -> None:
    names = tuple(reversed(data.signal.labels))
    assert resolve_signal(PATH, None, IOS, data, labels=names).labels == names
    assert resolve_signal(PATH, None, IOS, data).labels == data.signal.labels


def test_resolve_signal_without_contract_and_sensor_is_refused(data: Dataset) -> None:
    with pytest.raises(BadInput, match="has no sensor contract"):
        resolve_signal(PATH, None, None, data)


def test_resolve_signal_of_normalized_input_needs_statistics(data: Dataset) -> None:
    with pytest.raises(BadInput, match="mean and standard deviation"):
        resolve_signal(PATH, None, NORMALIZED, data)
    statistics = Normalization((0.0, 0.0, 9.8), (1.0, 2.0, 3.0))
    signal = resolve_signal(PATH, None, NORMALIZED, data, statistics)
    assert (signal.sensor, signal.normalization) == (NORMALIZED, statistics)


def test_resolve_models_refuses_three_sensors(data: Dataset) -> None:
    three = (ANDROID, IOS, IOS)
    with pytest.raises(UsageError, match="more than twice"):
        resolve_models((PATH, PATH), three, data, False, NullProgress())
