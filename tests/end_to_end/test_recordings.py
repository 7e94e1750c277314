"""Recordings as people have them, through the command line: right windows, or a cure."""

from __future__ import annotations

import shutil
from pathlib import Path

import pytest

from tests.conftest import ROOT
from tests.end_to_end.conftest import Cli

CASES = ROOT.parent / "shared" / "cases" / "data"
REFUSED = 3

# file → words of the refusal and of its cure
REFUSALS: dict[str, tuple[str, str]] = {
    "app_phyphox.csv": ("no column 'subject', 'activity'", 'subject = "…"'),
    "clock_row_number.csv": ("count rows", "rate_hz"),
    "clock_spreadsheet.csv": ("last digits are lost", "rate_hz"),
    "decimal_commas_in_commas.csv": ("line 2 has 8 fields", "decimal points"),
    "labels_unwanted.csv": ("activity 'Other' (180 rows)", 'drop_labels = ["Other"]'),
    "missing_as_-999.csv": ("line 101: -999", "lost_values = [-999]"),
    "missing_as_1e39.csv": ("no reading of a motion sensor", "lost_values = "),
    "no_header.csv": ("line 1 holds values", "subject,activity,timestamp,x,y,z"),
    "nul_block_at_end.csv": ("NUL bytes from line 482 on", "delete everything from line 482"),
    "rate_against_stamps.csv": ("rate_hz = 20, but the column 'timestamp' means 100", "remove"),
    "recording.csv.zip": ("a zip archive; it holds walk.csv", "unpack it"),
    "same_names_twice.csv": ("the name 'x' twice, in the columns 4 and 7", "different names"),
    "trials_without_stamps.csv": ("recording shorter than a window", "'trial' tells recordings"),
}
# file → windows, and words of the notes
READ: dict[str, tuple[int, str]] = {
    "appended_twice.csv": (4, "repeats an earlier row"),
    "blank_where_other_sensor.csv": (4, "rows of another sensor"),
    "clock_arrival.csv": (4, "50.0 samples a second"),
    "clock_iso8601.csv": (8, ""),
    "clock_newest_first.csv": (8, "were sorted"),
    "clock_packets_of_3.csv": (4, "50.0 samples a second"),
    "clock_sorted_as_text.csv": (10, "were sorted"),
    "clock_whole_seconds.csv": (8, "about 20 rows each"),
    "labels_case.csv": (12, "activity 'Sitting' is also spelled 'sitting', 'SITTING'"),
    "labels_null.csv": (8, "not labelled"),
    "labels_numbers_12.csv": (12, "classes in the order of their numbers: 0, 1, 2, 3"),
    "semicolons_decimal_commas.csv": (8, ""),
    "subjects_case.csv": (16, "is also spelled"),
    "ten_lines_before_header.csv": (8, ""),
    "toml_with_mark.csv": (8, ""),
    "two_devices_interleaved.csv": (8, "tells devices apart"),
    "two_people_interleaved.csv": (8, ""),
    "utf16_without_mark.csv": (2, ""),
    "zeros_while_idle.csv": (14, "all exactly 0"),
}
# file → rule that must find it, and words of its text
FOUND: dict[str, tuple[str, str]] = {
    "counts_128.csv": ("D101", "counts_per_g = 127"),
    "dead_axis.csv": ("D201", "axis x is 0 in every sample"),
    "g_undeclared.csv": ("D101", 'unit = "g"'),
    "half_iphones.csv": ("D103", "p1, p2, p3 and the other way for p4, p5, p6"),
    "linear_walking.csv": ("D102", "gravity is missing"),
    "milli_g.csv": ("D101", 'unit = "mg"'),
    "one_person_in_g.csv": ("D101", "subject p4"),
    "running_no_gravity.csv": ("D102", "gravity is missing"),
}
WISDM: dict[str, tuple[int, str]] = {
    "wisdm_interleaved.txt": (0, "8 windows of 2 subjects"),
    "wisdm_transformed.arff": (REFUSED, "the transformed file"),
    "data_1600_accel_phone.txt": (REFUSED, "wisdm2019:DIR"),
    "wisdm.zip": (REFUSED, "a zip archive"),
    "wisdm_v2_milliseconds.txt": (REFUSED, "they look like milliseconds"),
}


@pytest.fixture
def cases(tmp_path: Path) -> Path:
    if not CASES.is_dir():
        pytest.skip(f"the cases of recordings are not here: no folder {CASES}")
    return Path(shutil.copytree(CASES, tmp_path / "cases"))


def test_every_case_has_its_right_behaviour(cases: Path) -> None:
    known = {*REFUSALS, *READ, *FOUND, *WISDM, "motionsense_semicolons", "README.md"}
    here = {path.name for path in cases.iterdir() if path.suffix != ".toml"}
    assert here == known


@pytest.mark.parametrize("name", REFUSALS)
def test_refused_with_a_cure(cli: Cli, cases: Path, name: str) -> None:
    done = cli("data", "describe", f"csv:{cases / name}")
    assert done.code == REFUSED
    what, cure = REFUSALS[name]
    first, second = done.err.partition("error: ")[2].splitlines()[:2]
    assert what in first or what in second
    assert cure in second
    assert name in first


@pytest.mark.parametrize("name", READ)
def test_read_with_every_window(cli: Cli, cases: Path, name: str) -> None:
    done = cli("data", "describe", f"csv:{cases / name}", "--json", "-")
    windows, words = READ[name]
    assert done.code == 0, done.err
    assert done.json["windows"] == windows
    report = done.json["report"]
    assert words in " ".join([*report["notes"], *report["dropped"]])


@pytest.mark.parametrize("name", FOUND)
def test_found_by_a_rule_and_told_before_training(cli: Cli, cases: Path, name: str) -> None:
    rule, words = FOUND[name]
    looked = cli("data", "describe", f"csv:{cases / name}", "--json", "-")
    assert looked.code == 0
    findings = {f["rule"]: f for f in looked.json["report"]["findings"]}
    assert words in " ".join(str(value) for value in findings[rule].values())
    error = findings[rule]["severity"] == "error"
    checked = cli("data", "check", f"csv:{cases / name}")
    assert checked.code == (REFUSED if error else 0)
    training = ("train", "--model", "har", "--epochs", "1", "--data", f"csv:{cases / name}")
    trained = cli(*training, "--out", cases / "out")
    assert rule in trained.err
    if error:
        assert trained.code == REFUSED


@pytest.mark.parametrize("name", WISDM)
def test_wisdm(cli: Cli, cases: Path, name: str) -> None:
    done = cli("data", "describe", f"wisdm:{cases / name}")
    code, words = WISDM[name]
    assert done.code == code
    assert words in done.out + done.err


def test_motionsense_saved_by_a_spreadsheet(cli: Cli, cases: Path) -> None:
    done = cli("data", "describe", f"motionsense:{cases / 'motionsense_semicolons'}")
    assert done.code == REFUSED
    assert "separated by ;" in done.err


@pytest.mark.parametrize(
    ("name", "toml", "windows"),
    [
        ("clock_row_number.csv", "rate_hz = 20", 8),
        ("labels_unwanted.csv", 'labels = ["Sitting", "Walking"]\ndrop_labels = ["Other"]', 8),
        ("missing_as_-999.csv", "lost_values = [-999]", 12),
        ("one_person_in_g.csv", '[subjects.p4]\nunit = "g"', 12),
        ("milli_g.csv", 'unit = "mg"', 8),
        ("counts_128.csv", "counts_per_g = 128", 8),
        ("app_phyphox.csv", 'subject = "p1"\nactivity = "Walking"', 2),
    ],
)
def test_the_cure_works(cli: Cli, cases: Path, name: str, toml: str, windows: int) -> None:
    (cases / f"{name}.toml").write_text(toml)
    done = cli("data", "describe", f"csv:{cases / name}", "--json", "-")
    assert done.code == 0, done.err
    assert done.json["windows"] == windows
    errors = [f for f in done.json["report"]["findings"] if f["severity"] == "error"]
    assert errors == []


def test_data_init_makes_a_phone_recording_load(cli: Cli, cases: Path) -> None:
    file = cases / "app_phyphox.csv"
    toml = file.with_name("app_phyphox.csv.toml")
    toml.unlink()
    assert cli("data", "init", file).code == 0
    assert cli("data", "init", file).code == 2  # it is never replaced without being asked
    done = cli("data", "describe", f"csv:{file}")
    assert done.code == 3
    assert "still to be filled in" in done.err
    toml.write_text(toml.read_text().replace('"?"', '"Walking"'))
    done = cli("data", "describe", f"csv:{file}", "--json", "-")
    assert (done.code, done.json["windows"]) == (0, 2)
