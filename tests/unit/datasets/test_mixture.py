"""Several data sets as one, and labels that are merged or dropped."""

from __future__ import annotations

from dataclasses import replace
from pathlib import Path

import numpy as np
import pytest

from edgeconv.core import Dataset, LabelMap, Windowing
from edgeconv.core.dataset import DataFinding, DataSeverity
from edgeconv.core.progress import NullProgress
from edgeconv.datasets import Recordings, load_dataset, parts_of, spec_of
from edgeconv.datasets.mixture import in_one, read_label_map, relabeled
from edgeconv.datasets.splits import split
from edgeconv.datasets.windowing import DatasetInfo, Segment, assemble
from edgeconv.errors import BadInput, UsageError

STAIRS = LabelMap({"Stairs": ("Up", "Down")}, ("Lie",))


def people(
    name: str,
    labels: tuple[str, ...],
    subjects: range = range(1, 5),
    windowing: Windowing | None = None,
) -> Dataset:
    random = np.random.default_rng(len(name))
    segments = [
        Segment(str(n), label, random.normal((0.0, 9.8, 0.0), 1.0, (120, 3)), rate_hz=20.0)
        for n in subjects
        for label in range(len(labels))
    ]
    return assemble(DatasetInfo(name, name), labels, segments, windowing or Windowing())


def test_merged_and_dropped_labels_are_told() -> None:
    data = people("waist", ("Down", "Lie", "Sit", "Up"))
    merged = relabeled(data, STAIRS)
    names = [merged.signal.labels[r.label] for r in merged.recordings if r.subject == "1"]
    assert merged.signal.labels == ("Stairs", "Sit")
    assert names == ["Stairs", "Sit", "Stairs"]
    assert merged.report.dropped == {"windows labeled Lie, by the label map": 8}
    assert any("8 windows labeled Lie are left out" in note for note in merged.report.notes)
    assert len(merged) == len(data) - 8
    assert relabeled(data, LabelMap()) is data


def test_a_label_that_no_recording_has_is_told() -> None:
    noted = relabeled(people("waist", ("Sit", "Up")), LabelMap({"Stairs": ("Up", "Dwon")}))
    assert any("names Dwon, which these recordings do not have" in n for n in noted.report.notes)
    with pytest.raises(BadInput, match="drops every window"):
        relabeled(people("waist", ("Sit", "Up")), LabelMap(drop=("Sit", "Up")))


def test_subjects_stay_apart_and_are_held_out_as_by_themselves() -> None:
    one, other = people("pocket", ("Down", "Sit", "Up")), people("waist", ("Lie", "Sit", "Up"))
    both = in_one([one, other])
    assert both.name == "pocket + waist"
    assert both.signal.labels == ("Down", "Sit", "Up", "Lie")
    assert both.subject_names == tuple(f"{d}/{n}" for d in ("pocket", "waist") for n in range(1, 5))
    assert np.array_equal(both.windows, np.concatenate([one.windows, other.windows]))
    second = both.of_subjects(s for s in both.subject_names if s.startswith("waist/"))
    names = [both.signal.labels[n] for n in second.labels]
    assert names == [other.signal.labels[n] for n in other.labels]
    for part in ("test", "val"):
        alone = [f"{d.name}/{s}" for d in (one, other) for s in split(d).part(part).subject_names]
        assert sorted(split(both).part(part).subject_names) == sorted(alone)


def test_the_same_people_are_one_subject() -> None:
    both = in_one([people("hapt", ("Sit", "Up")), people("uci-har", ("Sit", "Up"), range(3, 7))])
    assert both.subject_names == tuple(f"hapt/{n}" for n in range(1, 7))
    assert any("taken for the same person" in note for note in both.report.notes)
    parts = split(both)
    assert not set(parts.train.subject_names) & set(parts.test.subject_names)


def test_too_few_subjects_are_trained_on() -> None:
    both = in_one([people("pocket", ("Sit", "Up")), people("mine", ("Sit", "Up"), range(1, 3))])
    assert {"mine/1", "mine/2"} <= set(split(both).train.subject_names)
    assert any("mine are trained on" in note for note in both.report.notes)


def test_other_windows_are_refused() -> None:
    other = people("waist", ("Sit", "Up"), windowing=Windowing(10.0, 40))
    with pytest.raises(BadInput, match=r"waist: windows with 10\.0 Hz do not go with"):
        in_one([people("pocket", ("Sit", "Up")), other])


def test_copies_in_another_data_set_are_found() -> None:
    data = people("pocket", ("Sit", "Up"))
    copied = Dataset("mine", data.signal, data.recordings, data.index, data.report)
    assert "D301" in {finding.rule for finding in in_one([data, copied]).report.findings}


def test_copies_are_noticed_where_a_part_has_some_of_its_own() -> None:
    data = people("pocket", ("Sit", "Up"))
    known = DataFinding("D301", DataSeverity.WARNING, "subject 1", "rows repeat earlier ones")
    report = replace(data.report, findings=(known,))
    first = replace(data, report=report)
    copied = Dataset("mine", data.signal, data.recordings, data.index, data.report)
    findings = in_one([first, copied]).report.findings
    assert findings[0] == known
    assert [(f.rule, "mine/" in f.where) for f in findings[1:]] == [("D301", True)]


def test_copies_in_another_data_set_are_reported_as_it_is_loaded(tmp_path: Path) -> None:
    spec = table(tmp_path, "mine.csv", "Steps")
    other = table(tmp_path, "others.csv", "Steps").replace("csv:", "")
    Path(other).write_text(Path(other).read_text().replace("\n1,", "\n7,"))
    notes = Notes()
    load_dataset([spec, f"csv:{other}"], notes)
    assert any(text.startswith("D301: subjects csv/1 and csv/7") for text in notes.texts)


def test_held_out_subjects_who_recorded_dropped_labels_only_are_no_longer_asked_for() -> None:
    data = people("waist", ("Lie", "Sit", "Up"))
    rest = data.of_recordings(
        [n for n, r in enumerate(data.recordings) if r.subject != "4" or r.label == 0]
    )
    held_out = replace(rest, test_subjects=("3", "4"), val_subjects=("4",))
    relabeled_data = relabeled(held_out, LabelMap(drop=("Lie",)))
    assert (relabeled_data.test_subjects, relabeled_data.val_subjects) == (("3",), ())
    assert split(relabeled_data).test.subject_names == ("3",)


class Notes(NullProgress):
    """Progress that keeps its notes."""

    def __init__(self) -> None:
        self.texts: list[str] = []

    def note(self, text: str) -> None:
        self.texts.append(text)


def table(folder: Path, name: str, activity: str) -> str:
    rows = [
        f"{person},{label},{t / 20},{0.1 * t % 1:.3f},9.8,{person}.0"
        for person in (1, 2, 3)
        for label in ("Sit", activity)
        for t in range(130)
    ]
    (folder / name).write_text("\n".join(["subject,activity,timestamp,x,y,z", *rows]))
    return f"csv:{folder / name}"


def test_a_list_and_its_specification_load_the_same(tmp_path: Path) -> None:
    specs = ["synthetic", table(tmp_path, "mine + more.csv", "Steps")]
    labels = LabelMap({"Stairs": ("Upstairs", "Downstairs", "Steps"), "Sitting": ("Sit",)})
    asked = Recordings(specs, labels=LabelMap(labels.classes, ("Jogging",)))
    several, text = load_dataset(asked), spec_of(asked)
    assert several.signal.labels[:2] == ("Stairs", "Sitting")
    assert "Jogging" not in several.signal.labels
    assert parts_of(text) == tuple(specs)
    again = load_dataset(Recordings(text, labels=asked.labels))
    assert again.sha256 == several.sha256
    assert several.report.synthetic


@pytest.mark.parametrize(
    ("spec", "parts"),
    [
        ("synthetic", ("synthetic",)),
        ("csv:a + b.csv", ("csv:a + b.csv",)),
        ("hapt:a + hapt-transitions:b + csv:c", ("hapt:a", "hapt-transitions:b", "csv:c")),
        ("csv:a + synthetic", ("csv:a", "synthetic")),
    ],
)
def test_parts_of_a_specification(spec: str, parts: tuple[str, ...]) -> None:
    assert parts_of(spec) == parts


def test_label_map_of_a_file(tmp_path: Path) -> None:
    file = tmp_path / "map.toml"
    file.write_text('drop = ["Lie"]\n[classes]\nStairs = ["Up", "Down"]')
    assert read_label_map(file) == STAIRS
    file.write_text("drop = [")
    with pytest.raises(BadInput, match="not valid TOML"):
        read_label_map(file)
    with pytest.raises(UsageError, match="no label map"):
        read_label_map(tmp_path / "other.toml")
