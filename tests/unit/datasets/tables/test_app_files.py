"""What `data init` writes for the file of each app makes it load as it was recorded."""

from __future__ import annotations

from pathlib import Path

import numpy as np
import pytest

from edgeconv.core import Dataset
from edgeconv.datasets import load_dataset
from edgeconv.datasets.tables.draft import draft_schema
from edgeconv.errors import BadInput
from edgeconv.workflows.data import draft_tomls
from tests.unit.datasets.tables.app_files import APPS, rows_of
from tests.unit.datasets.tables.made import write


def drafted(folder: Path, app: str) -> tuple[Path, str]:
    name, text = APPS[app]
    file = folder / name
    file.write_text(text(rows_of()), encoding="utf-8")
    draft = draft_schema(file)
    lines = draft.text.replace('subject = "?"', 'subject = "p1"').replace(
        "rate_hz = 0", "rate_hz = 50"
    )
    lines = lines.replace('activity = "?"', 'activity = "Walking"')
    draft.path.write_text(lines, encoding="utf-8")
    return file, lines


@pytest.fixture(name="expected", scope="module")
def expected_(tmp_path_factory: pytest.TempPathFactory) -> Dataset:
    return load_dataset(f"csv:{write(tmp_path_factory.mktemp('made') / 'a.csv', rows_of())}")


@pytest.mark.parametrize("app", APPS)
def test_an_apps_file_loads_with_its_draft(tmp_path: Path, app: str, expected: Dataset) -> None:
    file, _ = drafted(tmp_path, app)
    data = load_dataset(f"csv:{file}")
    assert len(data) == len(expected)
    np.testing.assert_allclose(data.windows, expected.windows, atol=0.05)


@pytest.mark.parametrize("app", ["SensorLog", "AndroSensor"])
def test_the_draft_offers_every_sensor(tmp_path: Path, app: str) -> None:
    file, text = drafted(tmp_path, app)
    lines = text.replace("# [channels]", "[channels]").splitlines()
    uncommented = [
        line.removeprefix("# ") if " = { column" in line else line
        for line in lines
        if not line.startswith(("x = ", "y = ", "z = "))
    ]
    file.with_name(f"{file.name}.toml").write_text("\n".join(uncommented), encoding="utf-8")
    data = load_dataset(f"csv:{file}")
    assert data.signal.channels[:3] == ("acc_x", "acc_y", "acc_z")
    gyro = data.windows.reshape(-1, len(data.signal.channels))[:, -3]
    assert data.signal.channels[-3] == "gyro_x"
    assert 1.3 < np.abs(gyro).max() < 1.6


@pytest.mark.parametrize("text", ['{"a": 1}', '{"payload": {"sensors": []}}', "{not json"])
def test_other_json_is_refused(tmp_path: Path, text: str) -> None:
    file = tmp_path / "a.json"
    file.write_text(text)
    with pytest.raises(BadInput, match="JSON, but"):
        load_dataset(f"csv:{file}")


@pytest.mark.parametrize("app", ["phyphox", "SensorLog", "Edge Impulse JSON", "serial dump"])
def test_a_folder_of_tables_gets_one_toml(tmp_path: Path, app: str) -> None:
    name, text = APPS[app]
    for subject in ("anna", "ben", "cleo"):
        for activity in ("Walking", "Sitting"):
            file = tmp_path / f"{subject}_{activity}{Path(name).suffix}"
            file.write_text(text(rows_of(activity, subject)), encoding="utf-8")
    (draft,) = draft_tomls([tmp_path])
    assert draft.path == tmp_path / "recordings.toml"
    data = load_dataset(f"csv:{tmp_path}")
    assert data.subject_names == ("anna", "ben", "cleo")
    assert data.signal.labels == ("Sitting", "Walking")
