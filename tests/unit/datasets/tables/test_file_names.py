"""What names of files and folders tell, and TOMLs of folders."""

from __future__ import annotations

from pathlib import Path

import pytest
from hypothesis import given
from hypothesis import strategies as st

from edgeconv.datasets import load_dataset
from edgeconv.datasets.tables.file_names import guess_pattern, is_skipped, roles_in
from edgeconv.errors import BadInput
from edgeconv.workflows.data import draft_tomls
from tests.unit.datasets.tables.made import Row, people, walk, write

BOTH = ("subject", "activity")


@pytest.mark.parametrize(
    ("names", "pattern"),
    [
        (["anna_Walking.csv", "ben_Sitting.csv"], "{subject}_{activity}*.csv"),
        (["walking_p1.csv", "sitting_p2.csv"], "{activity}_{subject}*.csv"),
        (["2024-03-05_p1_Sitting.csv", "2024-03-05_p2_Walking.csv"], "*_{subject}_{activity}*.csv"),
        (["p1-Walking-1.csv", "p2-Sitting-1.csv"], "{subject}-{activity}-*.csv"),
        (["p1/Walking/a.csv", "p2/Sitting/a.csv"], "{subject}*/{activity}*/*.csv"),
        (["Gehen/p1.csv.gz", "Sitzen/p2.csv.gz"], "{activity}*/{subject}*.csv.gz"),
        (["walking.0p1.json", "sitting.1p2.json"], "{activity}.{subject}*.json"),
        (["p1Walking.csv", "p2Sitting.csv"], ""),
        (["anna.csv", "ben.txt"], ""),
    ],
)
def test_guess_pattern(names: list[str], pattern: str) -> None:
    assert guess_pattern([Path(name) for name in names], BOTH) == pattern


def test_the_end_of_a_path_is_matched() -> None:
    path = Path("/data/p1/Walking/rec_2.csv")
    assert roles_in(path, "{subject}/{activity}/*.csv") == {"subject": "p1", "activity": "Walking"}
    assert roles_in(path, "{subject}_{recording}.csv") == {"subject": "rec", "recording": "2"}
    assert roles_in(path, "{subject}-*.csv") is None
    assert is_skipped(path, ["Walking/*"])
    assert is_skipped(path, ["rec_?.csv"])
    assert not is_skipped(path, ["rec.csv", "Sitting/*"])


@given(st.lists(st.text("ab1_-. /", min_size=1, max_size=9), min_size=1, max_size=4))
def test_a_guess_tells_a_role_of_every_path(names: list[str]) -> None:
    paths = [Path(f"{name.strip('/')}.csv") for name in names]
    if pattern := guess_pattern(paths, BOTH):
        assert all(set(roles_in(path, pattern) or {}) == set(BOTH) for path in paths)


def plain(row: Row) -> str:
    return row.text().split(",", 2)[2]


def test_a_folder_of_folders_with_other_files(tmp_path: Path) -> None:
    for subject in ("p1", "p2"):
        for activity in ("Walking", "Sitting"):
            folder = tmp_path / subject / activity
            folder.mkdir(parents=True)
            rows = walk(subject, activity)
            write(folder / "Raw Data.csv", rows, text=plain, header="timestamp,x,y,z")
            (folder / "device.csv").write_text("property,value\nmodel,Pixel\n")
    (draft,) = draft_tomls([tmp_path])
    assert draft.path == tmp_path / "recordings.toml"
    assert any("device.csv are left out" in doubt for doubt in draft.doubts)
    data = load_dataset(f"csv:{tmp_path}")
    assert (data.subject_names, data.signal.labels) == (("p1", "p2"), ("Sitting", "Walking"))
    plainly = load_dataset(f"csv:{write(tmp_path / 'all.csv', people(2))}")
    assert set(data.window_digests.tolist()) == set(plainly.window_digests.tolist())
    assert any("4 files were left out by skip: device.csv" in note for note in data.report.notes)


def test_what_only_the_owner_knows_is_asked_for(tmp_path: Path) -> None:
    file = write(tmp_path / "a.csv", walk(), text=plain, header="timestamp,x,y,z")
    (draft,) = draft_tomls([file])
    with pytest.raises(BadInput, match="subject and activity are still to be filled in"):
        load_dataset(f"csv:{file}")
    draft.path.write_text(draft.text.replace("?", "p1"))
    assert len(load_dataset(f"csv:{file}"))


def test_a_parquet_file_gets_a_draft(tmp_path: Path) -> None:
    import duckdb

    csv = write(tmp_path / "a.csv", people(), header="who,label,time,acc_x,acc_y,acc_z")
    duckdb.sql(f"copy (from read_csv('{csv}')) to '{tmp_path}/a.parquet' (format parquet)")
    csv.unlink()
    draft_tomls([tmp_path / "a.parquet"])
    assert load_dataset(f"csv:{tmp_path / 'a.parquet'}").subject_names == ("p1", "p2", "p3")
