"""The input profile of a bundle, and what is compared with it."""

from __future__ import annotations

from dataclasses import replace
from pathlib import Path

import pytest

from edgeconv.bundle import INPUTS, write
from edgeconv.core import Bundle, DataInfo, Dataset, NullProgress, TrainedModel
from edgeconv.datasets import load_dataset
from edgeconv.datasets.splits import split
from edgeconv.errors import BadInput
from edgeconv.parity.drift.store import check_dataset, report_inputs, write_input_profile


@pytest.fixture(scope="module")
def data() -> Dataset:
    return load_dataset("synthetic")


def trained(folder: Path, data: Dataset) -> Bundle:
    """A bundle as `train` writes it, without its input profile."""
    (folder / "model.keras").write_bytes(b"weights")
    splits = split(data)
    model = TrainedModel(folder / "model.keras", "0" * 64, data.signal, 1)
    bundle = Bundle(folder, model, (), data=DataInfo.of("synthetic", data, splits))
    write(bundle, folder)
    return bundle


def in_g(data: Dataset) -> Dataset:
    """The same subjects, recorded in another unit."""
    recordings = tuple(replace(r, samples=r.samples / 9.80665) for r in data.recordings)
    return replace(data, recordings=recordings)


def test_check_dataset_without_an_input_profile_is_refused(tmp_path: Path, data: Dataset) -> None:
    """Data of the same name and subjects were once compared with themselves, and passed."""
    trained(tmp_path, data)
    with pytest.raises(BadInput, match=f"has no {INPUTS}"):
        check_dataset("synthetic", tmp_path)


def test_check_dataset_finds_the_unit_that_differs(tmp_path: Path, data: Dataset) -> None:
    trained(tmp_path, data)
    write_input_profile(tmp_path, in_g(split(data).train))
    report = check_dataset("synthetic", tmp_path).inputs
    assert report is not None
    assert report.findings[0].kind == "m/s² taken for g"


def test_check_dataset_of_the_training_data_finds_nothing(tmp_path: Path, data: Dataset) -> None:
    trained(tmp_path, data)
    write_input_profile(tmp_path, split(data).train)
    inputs = check_dataset("synthetic", tmp_path).inputs
    assert inputs is not None
    assert inputs.sentence == ""


def test_report_inputs_needs_a_profile(tmp_path: Path, data: Dataset) -> None:
    bundle = trained(tmp_path, data)
    assert report_inputs(bundle, in_g(data), NullProgress()) is None
    write_input_profile(tmp_path, split(data).train)
    report = report_inputs(bundle, in_g(data), NullProgress())
    assert report is not None
    assert report.findings[0].kind.startswith("g ")
