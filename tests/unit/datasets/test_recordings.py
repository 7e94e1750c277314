"""The real recordings: counts that a change of parsing, resampling or windows would move."""

from __future__ import annotations

from pathlib import Path

import numpy as np
import pytest

from edgeconv.core import Dataset
from edgeconv.datasets import load_dataset
from edgeconv.datasets.describe import describe
from edgeconv.datasets.splits import split

pytestmark = pytest.mark.recordings


@pytest.fixture(scope="module")
def motionsense(recordings: Path) -> Dataset:
    return load_dataset(f"motionsense:{recordings / 'motionsense'}")


@pytest.fixture(scope="module")
def wisdm2019(recordings: Path) -> Dataset:
    return load_dataset(f"wisdm2019:{recordings / 'wisdm2019'}")


def mean_of(data: Dataset, name: str) -> tuple[float, float]:
    """Median over windows of the mean magnitude, and of its deviation inside a window."""
    steps = data.windows[data.labels == data.signal.labels.index(name)].reshape(-1, 80, 3)
    magnitude = np.linalg.norm(steps, axis=2)
    return float(np.median(magnitude.mean(axis=1))), float(np.median(magnitude.std(axis=1)))


def test_motionsense(motionsense: Dataset) -> None:
    told = describe(motionsense)
    assert told["classes"] == {
        "Downstairs": 931,
        "Jogging": 956,
        "Sitting": 2601,
        "Standing": 2201,
        "Upstairs": 1095,
        "Walking": 2526,
    }
    assert (told["report"]["kept"], told["report"]["dropped"]) == (1070929, {})
    assert len(told["subjects"]) == 18
    assert not told["report"]["notes"]
    for still in ("Sitting", "Standing"):
        mean, deviation = mean_of(motionsense, still)
        assert mean == pytest.approx(9.81, abs=0.1)
        assert deviation < 0.1


def test_motionsense_is_upright_in_androids_sign(motionsense: Dataset) -> None:
    """The authors' phones stood upside down in the pocket: Android's y is −g in Standing."""
    standing = motionsense.windows[motionsense.labels == 3].reshape(-1, 3)
    assert np.median(standing[:, 1]) == pytest.approx(-9.6, abs=0.3)


def test_motionsense_split(motionsense: Dataset) -> None:
    splits = split(motionsense)
    assert [len(splits.part(p).subject_names) for p in ("train", "val", "test")] == [13, 2, 3]


def test_wisdm2019(wisdm2019: Dataset) -> None:
    told = describe(wisdm2019)
    assert told["classes"] == {
        "Jogging": 1322,
        "Sitting": 1411,
        "Stairs": 1410,
        "Standing": 1410,
        "Walking": 1410,
    }
    report = told["report"]
    assert report["kept"] + sum(report["dropped"].values()) == 1047099
    assert len(told["subjects"]) == 16
    # 3-minute recordings at 20, 25 and 50 Hz come out equally long; none is split by a false gap.
    lengths = [len(r.samples) for r in wisdm2019.recordings]
    assert len(lengths) == 79
    assert min(lengths) > 3500
    mean, _ = mean_of(wisdm2019, "Standing")
    assert mean == pytest.approx(9.81, abs=0.3)


def test_hapt(recordings: Path) -> None:
    data = load_dataset(f"hapt:{recordings / 'hapt'}")
    told = describe(data)
    assert told["classes"] == {
        "Downstairs": 618,
        "Laying": 917,
        "Sitting": 838,
        "Standing": 931,
        "Upstairs": 705,
        "Walking": 817,
    }
    report = told["report"]
    assert report["kept"] + sum(report["dropped"].values()) == 884457  # every row of 49 files
    assert len(told["subjects"]) == 24
    mean, _ = mean_of(data, "Standing")
    assert mean == pytest.approx(9.81, abs=0.5)
    # On the waist: upright, gravity is on x; lying, it is not.
    means = {
        name: data.windows.reshape(-1, 80, 3)[data.labels == n].mean((0, 1))
        for n, name in enumerate(data.signal.labels)
    }
    assert means["Standing"][0] > 9.0
    assert abs(means["Laying"][0]) < 5.0
