"""Arrays and data frames give the data set that their file gives."""

from __future__ import annotations

from dataclasses import replace
from pathlib import Path
from typing import Any

import numpy as np
import pandas as pd
import pytest

from edgeconv.core import Dataset
from edgeconv.datasets import Recordings, load_dataset
from edgeconv.datasets.in_memory import dataset_from_arrays, dataset_from_frame
from edgeconv.datasets.splits import split
from edgeconv.errors import BadInput


@pytest.fixture(scope="module")
def synthetic() -> Dataset:
    return load_dataset("synthetic")


def recordings(rate_hz: float = 20.0) -> pd.DataFrame:
    """Two subjects who sit and walk for ten seconds each."""
    n = int(10 * rate_hz)
    random = np.random.default_rng(0)
    parts = []
    for subject in (1, 2):
        for number, activity in enumerate(("Sitting", "Walking")):
            xyz = random.normal((0, 0, 9.81), 1 + number, (n, 3))
            parts.append(
                pd.DataFrame(xyz, columns=["x", "y", "z"]).assign(
                    subject=subject, activity=activity, timestamp=np.arange(n) / rate_hz
                )
            )
    return pd.concat(parts, ignore_index=True)


def test_dataset_from_arrays_keeps_windows_labels_and_subjects(synthetic: Dataset) -> None:
    names = [synthetic.signal.labels[label] for label in synthetic.labels]
    made = load_dataset((synthetic.windows.reshape(-1, 80, 3), names, synthetic.subjects))
    np.testing.assert_array_equal(made.windows, synthetic.windows)
    np.testing.assert_array_equal(made.labels, synthetic.labels)
    assert made.subject_names == synthetic.subject_names
    assert made.signal == synthetic.signal
    assert made.sha256 == synthetic.sha256
    assert len(split(made).test) > 0


@pytest.mark.parametrize(
    ("windows", "labels", "subjects", "message"),
    [
        (np.zeros((2, 7)), ["a", "b"], ["1", "2"], "shape"),
        (np.zeros((2, 240)), ["a"], ["1", "2"], "do not belong together"),
        (np.full((2, 240), np.nan), ["a", "b"], ["1", "2"], "NaN"),
        (np.zeros((0, 240)), [], [], "no windows"),
        (np.zeros((2, 240)), ["a", ""], ["1", "2"], "empty"),
        ([["x"] * 240], ["a"], ["1"], "not numbers"),
    ],
)
def test_dataset_from_arrays_refuses(
    windows: Any, labels: Any, subjects: Any, message: str
) -> None:
    with pytest.raises(BadInput, match=message):
        dataset_from_arrays(windows, labels, subjects)


def test_dataset_from_frame_is_what_the_csv_file_is(tmp_path: Path) -> None:
    frame = recordings()
    frame.to_csv(tmp_path / "walks.csv", index=False)
    there = load_dataset(f"csv:{tmp_path / 'walks.csv'}")
    here = load_dataset(frame)
    assert here.sha256 == there.sha256
    assert here.name == "data frame"


def test_dataset_from_frame_takes_dates() -> None:
    frame = recordings()
    dated = frame.assign(
        timestamp=pd.Timestamp("2026-11-28") + pd.to_timedelta(frame.timestamp, "s")
    )
    np.testing.assert_allclose(
        dataset_from_frame(dated).windows, dataset_from_frame(frame).windows, atol=1e-4
    )


@pytest.mark.parametrize(
    ("change", "message"),
    [
        (lambda frame: frame.drop(columns="x"), "no column x"),
        (lambda frame: frame.assign(y=np.nan), "column y"),
        (lambda frame: frame.assign(z="up"), "column z"),
        (lambda frame: frame.assign(activity=None), "empty"),
        (lambda frame: frame.head(3), "window"),
    ],
)
def test_dataset_from_frame_refuses(change: Any, message: str) -> None:
    with pytest.raises(BadInput, match=message) as error:
        dataset_from_frame(change(recordings()))
    assert "/tmp" not in str(error.value)


def test_a_data_set_of_arrays_or_a_frame_goes_through_the_data_rules() -> None:
    in_g = recordings()
    in_g[["x", "y", "z"]] /= 9.81
    frame = dataset_from_frame(in_g)
    names = [frame.signal.labels[label] for label in frame.labels]
    arrays = dataset_from_arrays(frame.windows, names, frame.subjects)
    for dataset in (frame, arrays):
        with pytest.raises(BadInput, match="D101"):
            load_dataset(dataset)
        seen = load_dataset(dataset, refuse=False)
        assert "D101" in [finding.rule for finding in seen.report.findings]
        with pytest.raises(BadInput, match="D101"):  # shown, but not accepted
            load_dataset(seen)
        assert len(load_dataset(Recordings(dataset, ("D101",)))) == len(dataset)


def with_samples(dataset: Dataset, samples: Any, **others: Any) -> Dataset:
    """The data set with other samples in its second recording."""
    first, second, *rest = dataset.recordings
    return replace(dataset, recordings=(first, replace(second, samples=samples, **others), *rest))


@pytest.mark.parametrize(
    ("change", "message"),
    [
        (lambda d: with_samples(d, np.full((400, 3), np.nan, np.float32)), "NaN or infinity"),
        (lambda d: with_samples(d, np.full((400, 3), np.inf)), "NaN or infinity"),
        (
            lambda d: with_samples(d, np.zeros((400, 2))),
            "recording 1 has samples .400, 2.",
        ),
        (lambda d: with_samples(d, np.zeros(1200)), "expected .time steps, 3."),
        (lambda d: with_samples(d, np.zeros((400, 3), np.int64)), "of type int64"),
        (lambda d: with_samples(d, np.zeros((400, 3)), label=9), "class 9 of 2"),
        (lambda d: with_samples(d, np.zeros((400, 3)), label=-1), "class -1 of 2"),
        (lambda d: with_samples(d, np.zeros((400, 3)), subject=" "), "no subject"),
        (lambda d: with_samples(d, np.zeros((20, 3))), "outside its recording"),
        (lambda d: replace(d, index=d.index + 10**6), "outside its recording"),
        (lambda d: replace(d, index=-d.index - 1), "outside its recording"),
        (lambda d: replace(d, index=d.index[:, :1]), "an index"),
        (lambda d: replace(d, index=d.index.astype(np.float32)), "an index"),
        (lambda d: replace(d, index=d.index[:0]), "no windows"),
    ],
)
def test_a_dataset_that_does_not_hold_together_is_refused(change: Any, message: str) -> None:
    dataset = dataset_from_frame(recordings())
    assert load_dataset(dataset).sha256 == dataset.sha256
    with pytest.raises(BadInput, match=message):
        load_dataset(change(dataset))
