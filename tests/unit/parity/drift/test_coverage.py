"""What recordings hold that others never saw; data are known by their content, not by a name."""

from __future__ import annotations

from dataclasses import replace
from pathlib import Path

import numpy as np
import pytest

from edgeconv.core import (
    Bundle,
    DataInfo,
    Dataset,
    NullProgress,
    Signal,
    SplitInfo,
    TrainedModel,
)
from edgeconv.datasets import load_dataset
from edgeconv.datasets.splits import split
from edgeconv.errors import LeakError
from edgeconv.parity.drift.coverage import coverage_by_dataset
from edgeconv.parity.drift.store import check_dataset
from edgeconv.workflows.steps.sources import load_part
from tests.unit.datasets.tables.made import Row, people, walk, write


@pytest.fixture(name="data", scope="module")
def data_() -> Dataset:
    return load_dataset("synthetic")


def bundle_of(data: Dataset, name: str = "") -> Bundle:
    parts = split(data)
    info = DataInfo.of("", data, parts)
    model = TrainedModel(Path("model.keras"), "", Signal(labels=data.signal.labels), 0)
    return Bundle(Path("out"), model, (), data=replace(info, name=name or info.name))


def renamed(data: Dataset) -> Dataset:
    """The same content under another name, with other names of subjects, in another order."""
    recordings = tuple(replace(r, subject=f"q{r.subject}") for r in data.recordings)
    order = np.random.default_rng(0).permutation(len(data.index))
    return replace(data, name="arrays", recordings=recordings, index=data.index[order])


def test_training_data_are_known_by_their_content(data: Dataset) -> None:
    bundle, other = bundle_of(data), renamed(data)
    trained = {f"q{s}" for s in split(data).train.subject_names}
    assert set(bundle.training_subjects_in(other)) == trained
    held_out = {f"q{s}" for s in split(data).test.subject_names}
    assert set(bundle.held_out_subjects_in(other)) == held_out


def test_other_data_of_the_same_name_are_not(data: Dataset) -> None:
    recordings = tuple(replace(r, samples=r.samples + np.float32(0.01)) for r in data.recordings)
    moved = replace(data, recordings=recordings)
    assert bundle_of(data).training_subjects_in(moved) == ()


def test_a_bundle_without_digests_of_windows(data: Dataset) -> None:
    bundle = bundle_of(data)
    assert bundle.data is not None
    old = replace(bundle.data.splits.train, sample=())
    splits = replace(bundle.data.splits, train=old)
    bundle = replace(bundle, data=replace(bundle.data, splits=splits))
    assert bundle.training_subjects_in(data) == split(data).train.subject_names


def test_a_test_of_training_recordings_under_other_names_is_refused(data: Dataset) -> None:
    bundle = bundle_of(data)
    mixed = renamed(data.of_subjects(split(data).train.subject_names))
    with pytest.raises(LeakError, match="both train and test"):
        load_part(mixed, "test", NullProgress(), bundle)


def test_recordings_of_the_calibration_are_known(data: Dataset) -> None:
    some = data.of_subjects(data.subject_names[:2])
    bundle = replace(bundle_of(data), data=None, calibration=SplitInfo.of(some))
    assert len(bundle.calibration_subjects_in(renamed(data))) == 2


def test_what_is_new(tmp_path: Path) -> None:
    known = load_dataset(f"csv:{write(tmp_path / 'a.csv', people(3))}")
    rows = [
        *people(2),
        *walk("p7", "Jumping", rate_hz=50.0),
        *(Row(r.subject, r.activity, r.time, r.z, r.x, r.y) for r in walk("p8")),
    ]
    new = load_dataset(f"csv:{write(tmp_path / 'b.csv', rows)}")
    coverage = coverage_by_dataset(new, known)
    assert coverage.subjects == ("p7", "p8")
    assert coverage.classes == ("Jumping",)
    assert coverage.missing == ()
    assert list(coverage.rates) == ["p7"]
    assert coverage.orientations == {"Walking": ("p8",)}
    assert 0.6 < coverage.same < 0.8
    assert any("p7" in which for _, which in coverage.rows())


def test_a_data_set_beside_itself_is_named_as_such(tmp_path: Path) -> None:
    lines: list[str] = []

    class Notes(NullProgress):
        def note(self, text: str) -> None:
            lines.append(text)

    write(tmp_path / "a.csv", people(3))
    spec, notes = f"csv:{tmp_path / 'a.csv'}", Notes()
    assert check_dataset(spec, spec, progress=notes).coverage.same == 1
    assert any("the same data" in line for line in lines)
