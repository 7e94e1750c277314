"""What every data set of the table must give: canonical windows, labels, subjects, a report."""

from __future__ import annotations

from pathlib import Path

import numpy as np
import pytest

from edgeconv.core import Dataset, InputConvention, SensorKind
from edgeconv.datasets import DATASETS, load_dataset
from edgeconv.datasets.chosen_windows import calibration_windows
from edgeconv.datasets.describe import describe
from edgeconv.errors import EdgeconvError
from tests.unit.datasets.uci_har_folder import write_uci_har

WALK = "{user},{activity},{stamp},{x:.4f},{y:.4f},{z:.4f}"


def rows(activities: tuple[str, ...], users: range, unit: float) -> list[str]:
    """20 s at 20 Hz of each; `unit` is ticks a second."""
    return [
        WALK.format(
            user=user,
            activity=activity,
            stamp=int((1 + n / 20) * unit),
            x=np.sin(n / 3),
            y=9.8,
            z=0.1 * user,
        )
        for user in users
        for activity in activities
        for n in range(400)
    ]


def synthetic(folder: Path) -> str:
    return "synthetic"


def motionsense(folder: Path) -> str:
    for code in ("wlk_7", "sit_5"):
        for subject in (1, 2, 3):
            file = folder / "B_Accelerometer_data" / code / f"sub_{subject}.csv"
            file.parent.mkdir(parents=True, exist_ok=True)
            lines = [f"{n},{0.1 * np.sin(n / 9):.4f},-1.0,0.0" for n in range(1000)]
            file.write_text("\n".join([",x,y,z", *lines]))
    return f"motionsense:{folder}"


def wisdm(folder: Path) -> str:
    file = folder / "raw.txt"
    file.write_text("".join(f"{r};\n" for r in rows(("Walking", "Sitting"), range(1, 4), 1e9)))
    return f"wisdm:{file}"


def wisdm2019(folder: Path) -> str:
    for user in (1600, 1601, 1602):
        file = folder / f"data_{user}_accel_phone.txt"
        lines = rows(("A", "D"), range(user - 1599, user - 1598), 1e9)
        file.write_text("".join(f"{r};\n" for r in lines))
    return f"wisdm2019:{folder}"


def hapt(folder: Path) -> str:
    labels = []
    for user in (1, 2, 3):
        file = folder / "RawData" / f"acc_exp0{user}_user0{user}.txt"
        file.parent.mkdir(exist_ok=True)
        file.write_text("".join(f"1.0 {0.1 * np.sin(n / 9):.4f} 0.0 \n" for n in range(2000)))
        labels += [f"{user} {user} 1 1 1000", f"{user} {user} 4 1001 2000"]
    (folder / "RawData" / "labels.txt").write_text("\n".join(labels))
    return f"hapt:{folder}"


def hapt_transitions(folder: Path) -> str:
    return hapt(folder).replace("hapt:", "hapt-transitions:")


def uci_har(folder: Path) -> str:
    return f"uci-har:{write_uci_har(folder)}"


def csv(folder: Path) -> str:
    file = folder / "mine.csv"
    lines = rows(("Walk", "Sit"), range(1, 4), 1e3)
    file.write_text("\n".join(["subject,activity,timestamp,x,y,z", *lines]))
    (folder / "mine.csv.toml").write_text('timestamp_unit = "ms"')
    return f"csv:{file}"


def npz(folder: Path) -> str:
    random = np.random.default_rng(0)
    windows = random.normal((0.0, 9.8, 0.0), 1, (24, 80, 3))
    labels = np.array(["Walk", "Sit"] * 12)
    subject = np.repeat(["1", "2", "3"], 8)
    np.savez(folder / "cut.npz", windows=windows, labels=labels, subject=subject, rate_hz=20.0)
    return f"npz:{folder / 'cut.npz'}"


MAKERS = {
    maker.__name__.replace("_", "-"): maker
    for maker in (
        synthetic,
        motionsense,
        wisdm,
        wisdm2019,
        hapt,
        hapt_transitions,
        uci_har,
        csv,
        npz,
    )
}


def test_every_data_set_has_its_row() -> None:
    assert list(MAKERS) == list(DATASETS)


@pytest.fixture(params=DATASETS)
def spec(request: pytest.FixtureRequest, tmp_path: Path) -> str:
    return MAKERS[request.param](tmp_path)


@pytest.fixture
def dataset(spec: str) -> Dataset:
    return load_dataset(spec)


def test_name_is_the_one_of_the_table(dataset: Dataset, spec: str) -> None:
    assert dataset.name == spec.partition(":")[0]


def test_signal_is_canonical(dataset: Dataset) -> None:
    signal = dataset.signal
    assert (signal.sensor, signal.normalization) == (InputConvention.ANDROID, None)
    own = {"uci-har": (128, 64, 50.0, 9)}.get(dataset.name, (80, 40, 20.0, 3))
    assert (signal.window, signal.step, signal.rate_hz, len(signal.channels)) == own
    assert dataset.windows.dtype == np.float32
    assert dataset.windows.shape == (len(dataset), signal.flat_size)
    assert np.isfinite(dataset.windows).all()
    axes = list(signal.columns_of(SensorKind.ACCELEROMETER))
    readings = dataset.windows.reshape(-1, len(signal.channels))[:, axes]
    magnitude = np.linalg.norm(readings, axis=1).mean()
    assert 9.0 < magnitude < 14.0


def test_every_window_lies_in_its_recording(dataset: Dataset) -> None:
    for number, start in dataset.index.tolist():
        assert 0 <= start <= len(dataset.recordings[number].samples) - dataset.signal.window
    assert set(dataset.labels.tolist()) <= set(range(len(dataset.signal.labels)))
    assert len(dataset.subject_names) >= 3


def test_same_every_time(dataset: Dataset, spec: str) -> None:
    assert load_dataset(spec).sha256 == dataset.sha256


def test_report_and_description(dataset: Dataset) -> None:
    told = describe(dataset)
    assert told["windows"] == len(dataset) == sum(told["classes"].values())
    assert told["report"]["kept"] > 0
    assert told["report"]["synthetic"] is (dataset.name == "synthetic")


def test_calibrates(dataset: Dataset) -> None:
    assert calibration_windows(dataset, 10, seed=0).shape == (10, dataset.signal.flat_size)


@pytest.mark.parametrize("name", [name for name in DATASETS if name != "synthetic"])
def test_missing_path_is_a_users_error(name: str, tmp_path: Path) -> None:
    for spec, code in ((name, 2), (f"{name}:{tmp_path / 'nowhere'}", 3)):
        with pytest.raises(EdgeconvError) as error:
            load_dataset(spec)
        assert error.value.exit_code == code
        assert error.value.hint
