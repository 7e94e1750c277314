"""What the input of a model file means, with and without a sensor contract."""

from __future__ import annotations

import json
from dataclasses import replace
from pathlib import Path

import pytest

from edgeconv.core import Bundle, Dataset, InputConvention, Normalization, NullProgress, Status
from edgeconv.datasets import load_dataset
from edgeconv.errors import BadInput, UsageError
from edgeconv.workflows.steps.models_under_test import (
    resolve_models,
    resolve_signal,
    store_results,
)
from tests.unit.reporting import bundles

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


class _Notes(NullProgress):
    def __init__(self) -> None:
        self.notes: list[str] = []

    def note(self, text: str) -> None:
        self.notes.append(text)


@pytest.fixture
def checked(tmp_path: Path) -> Bundle:
    """Two files, both passed."""
    whole = bundles.full()
    first, second = whole.artifacts[:2]
    results = tuple(bundles.parity(artifact, runs=True) for artifact in (first, second))
    return replace(whole, path=tmp_path, artifacts=(first, second), parity=results)


def stored(folder: Path) -> dict[str, str]:
    parity = json.loads((folder / "parity.json").read_text())
    return {result["artifact"]: result["status"] for result in parity}


def test_store_results_keeps_those_of_a_file_that_nothing_ran(checked: Bundle) -> None:
    first, second = checked.artifacts
    failed = replace(bundles.parity(first, runs=True), status=Status.FAILED)
    progress = _Notes()
    new = replace(checked, parity=(failed, bundles.parity(second, runs=False)))
    store_results(new, checked, progress)
    assert stored(checked.path) == {first.name: "failed", second.name: "passed"}
    assert progress.notes == [f"not run now, so the bundle keeps earlier results: {second.name}"]


def test_store_results_keeps_none_of_other_bytes(checked: Bundle) -> None:
    first, second = checked.artifacts
    other = replace(checked.parity[1], sha256="0" * 64)
    new = replace(checked, parity=(checked.parity[0], bundles.parity(second, runs=False)))
    progress = _Notes()
    store_results(new, replace(checked, parity=(checked.parity[0], other)), progress)
    assert stored(checked.path) == {first.name: "passed", second.name: "not_run"}
    assert progress.notes == []


def test_store_results_says_in_brief_what_the_worst_runtime_gave(checked: Bundle) -> None:
    failed = replace(checked.parity[0], status=Status.FAILED, runtime="tflite-micro")
    store_results(replace(checked, parity=(failed, *checked.parity)), checked, _Notes())
    brief = json.loads((checked.path / "manifest.json").read_text())["artifacts"]
    assert [a["parity"]["status"] for a in brief] == ["failed", "passed"]
    assert brief[0]["parity"]["runtime"] == "tflite-micro"
