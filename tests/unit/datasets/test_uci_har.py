"""UCI HAR as its authors published it: units, joined windows, their split, and broken folders."""

from __future__ import annotations

from collections.abc import Callable
from pathlib import Path

import numpy as np
import pytest

from edgeconv.core import STANDARD_GRAVITY, SensorKind, Windowing
from edgeconv.datasets import Recordings, load_dataset
from edgeconv.datasets.splits import split
from edgeconv.errors import BadInput, UsageError
from tests.unit.datasets.uci_har_folder import TEST, readings, write_uci_har


@pytest.fixture(scope="module")
def folder(tmp_path_factory: pytest.TempPathFactory) -> Path:
    return write_uci_har(tmp_path_factory.mktemp("uci"))


def test_windows_are_those_of_the_files_in_canonical_units(folder: Path) -> None:
    data = load_dataset(f"uci-har:{folder}")
    assert len(data) == 6 * 6 * 3  # subjects × activities × windows
    assert data.signal.channels[:4] == ("acc_x", "acc_y", "acc_z", "linear_x")
    assert data.signal.columns_of(SensorKind.GYROSCOPE) == (6, 7, 8)
    assert [data.signal.labels[n] for n in data.labels[:6]] == ["Walking"] * 3 + ["Upstairs"] * 3
    factors = [STANDARD_GRAVITY] * 6 + [1.0] * 3
    expected = readings(1, 1)[64:192] * factors
    np.testing.assert_allclose(data.windows[1].reshape(128, 9), expected, rtol=1e-5, atol=1e-6)


def test_overlapping_windows_are_one_recording(folder: Path) -> None:
    data = load_dataset(f"uci-har:{folder}")
    assert [len(r.samples) for r in data.recordings] == [256] * 36
    assert data.recordings[0].source == "train, windows 1 to 3"


def test_the_split_of_the_authors_is_kept(folder: Path) -> None:
    splits = split(load_dataset(f"uci-har:{folder / 'UCI HAR Dataset'}"))
    assert splits.test.subject_names == tuple(map(str, TEST))
    assert "test: 2 named subjects" in splits.rule


def test_an_accelerometer_at_20_hz_is_cut_from_the_same_files(folder: Path) -> None:
    windowing = Windowing(rate_hz=20.0, window=80, channels=("x", "y", "z"))
    data = load_dataset(Recordings(f"uci-har:{folder}", windowing=windowing))
    assert data.signal.step == 40
    assert data.signal.accelerometer_only
    assert data.windows.shape == (36, 240)


def test_a_channel_that_is_not_there_is_named(folder: Path) -> None:
    windowing = Windowing(channels=("acc_x", "mag_x"))
    with pytest.raises(UsageError, match="no channel 'mag_x'") as error:
        load_dataset(Recordings(f"uci-har:{folder}", windowing=windowing))
    assert "gyro_z" in error.value.hint


def cut_lines(path: Path) -> None:
    path.write_text("\n".join(path.read_text().splitlines()[:-1]))


@pytest.mark.parametrize(
    ("file", "change", "told"),
    [
        ("y_train.txt", cut_lines, "72 windows, but 71 lines in y_train.txt"),
        ("y_train.txt", lambda f: f.write_text("9\n" * 72), "activity 9"),
        ("subject_train.txt", lambda f: f.write_text("2\n" * 72), "subjects 2 are in train and"),
        ("Inertial Signals/body_acc_y_train.txt", cut_lines, "71 windows, but 72"),
        ("Inertial Signals/body_acc_y_train.txt", Path.unlink, "no file"),
        (
            "Inertial Signals/total_acc_x_train.txt",
            lambda f: f.write_text("1 2 3\n"),
            "line 1 is not '128 samples'",
        ),
    ],
)
def test_a_damaged_folder_is_refused(
    tmp_path: Path, file: str, change: Callable[[Path], object], told: str
) -> None:
    folder = write_uci_har(tmp_path)
    change(folder / "UCI HAR Dataset" / "train" / file)
    with pytest.raises(BadInput, match=told):
        load_dataset(f"uci-har:{folder}")
