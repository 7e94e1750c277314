"""Windows that were cut elsewhere: what the arrays must say."""

from __future__ import annotations

from pathlib import Path
from typing import Any

import numpy as np
import pytest

from edgeconv.core import NULL_PROGRESS, Windowing
from edgeconv.datasets.npz_file import load
from edgeconv.errors import BadInput, UsageError

GOOD: dict[str, Any] = {
    "windows": np.random.default_rng(0).normal(0, 1, (6, 10, 2)),
    "labels": np.array(["a", "b"] * 3),
    "subject": np.arange(6),
    "rate_hz": 25.0,
    "channels": np.array(["gyro_x", "gyro_y"]),
}


def saved(folder: Path, **change: Any) -> Path:
    path = folder / "cut.npz"
    np.savez(path, **{k: v for k, v in (GOOD | change).items() if v is not None})
    return path


def test_arrays_become_a_data_set(tmp_path: Path) -> None:
    dataset = load(saved(tmp_path), NULL_PROGRESS, Windowing())
    signal = dataset.signal
    assert (dataset.name, signal.channels, signal.rate_hz) == ("npz", ("gyro_x", "gyro_y"), 25.0)
    np.testing.assert_allclose(dataset.windows, GOOD["windows"].reshape(6, 20), rtol=1e-6)
    assert [signal.labels[n] for n in dataset.labels] == GOOD["labels"].tolist()
    assert dataset.subjects.tolist() == ["0", "1", "2", "3", "4", "5"]


def test_the_models_rate_serves_where_the_file_says_none(tmp_path: Path) -> None:
    path = saved(tmp_path, rate_hz=None)
    assert load(path, NULL_PROGRESS, Windowing(rate_hz=50.0)).signal.rate_hz == 50.0
    with pytest.raises(BadInput, match="does not say the rate"):
        load(path, NULL_PROGRESS, Windowing())


@pytest.mark.parametrize(
    ("change", "windowing", "message"),
    [
        ({"labels": None}, {}, "no array 'labels'"),
        ({"windows": np.ones((6, 20))}, {}, "not \\(n, time steps, channels\\)"),
        ({"channels": None}, {}, "2 channels, but 0 names"),
        ({"subject": np.arange(5)}, {}, "do not belong together"),
        ({"windows": np.full((6, 10, 2), np.nan)}, {}, "NaN"),
        ({}, {"window": 20}, "windows of 10 time steps, but the model takes 20"),
        ({}, {"rate_hz": 50.0}, "windows of 25 Hz, but the model takes 50"),
    ],
)
def test_what_does_not_fit_is_named(
    tmp_path: Path, change: dict[str, Any], windowing: dict[str, Any], message: str
) -> None:
    with pytest.raises(BadInput, match=message):
        load(saved(tmp_path, **change), NULL_PROGRESS, Windowing(**windowing))


def test_a_file_must_be_named() -> None:
    with pytest.raises(UsageError, match="npz needs a file"):
        load(None, NULL_PROGRESS, Windowing())
