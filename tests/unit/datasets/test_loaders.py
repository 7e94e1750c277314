"""Loaders on small files made here: formats, gzip, and input that cannot be used."""

from __future__ import annotations

import gzip
from pathlib import Path

import numpy as np
import pytest

from edgeconv.core import Windowing
from edgeconv.datasets import Recordings, load_dataset
from edgeconv.datasets.describe import describe
from edgeconv.datasets.splits import split
from edgeconv.errors import BadInput, UsageError


def wisdm_lines(user: int, activity: str, count: int, start: int = 10**12) -> list[str]:
    return [f"{user},{activity},{start + n * 50_000_000},0.1,9.8,{n % 7}.5;" for n in range(count)]


def put(path: Path, lines: list[str], zipped: bool = False) -> Path:
    content = ("\n".join(lines) + "\n").encode()
    path.parent.mkdir(parents=True, exist_ok=True)
    path.write_bytes(gzip.compress(content) if zipped else content)
    return path


@pytest.mark.parametrize("zipped", [False, True])
def test_wisdm_keeps_or_counts_every_line(tmp_path: Path, zipped: bool) -> None:
    lines = wisdm_lines(1, "Walking", 200) + wisdm_lines(29, "Jogging", 160)
    lines[50] = lines[50].rsplit(",", 1)[0] + ",;"
    lines[60] = ""
    lines[70:72] = [lines[70] + lines[71]]
    lines += ["3,Walking,0,0,0,0;"] * 40 + ["3,Hopping,5,1,2,3;"]
    file = put(tmp_path / "raw.txt", lines, zipped)
    data = load_dataset(f"wisdm:{file}")
    assert data.report.kept == 358
    assert data.report.dropped == {
        "empty value": 1,
        "blank line": 1,
        "time stamp is 0": 40,
        "activity 'Hopping' is not one of the classes": 1,
    }
    assert "1 rows recovered" in data.report.notes[0]
    assert data.subject_names == ("1", "29")
    assert len(data) == 4 + 3


def test_wisdm_without_a_line_of_the_format(tmp_path: Path) -> None:
    with pytest.raises(BadInput, match="no line like"):
        load_dataset(f"wisdm:{put(tmp_path / 'x.txt', ['hello', 'world'])}")


def motionsense_trial(count: int = 250) -> list[str]:
    return [",x,y,z", *(f"{n},0.0,0.01,-1.0" for n in range(count))]


@pytest.mark.parametrize("inner", [False, True])
def test_motionsense_folder_plain_or_gzipped(tmp_path: Path, inner: bool) -> None:
    part = tmp_path / "B_Accelerometer_data"
    put(part / "wlk_7" / "sub_1.csv", motionsense_trial())
    put(part / "wlk_7" / "sub_1.csv.gz", motionsense_trial(), zipped=True)  # not taken twice
    put(part / "sit_5" / "sub_12.csv.gz", motionsense_trial(), zipped=True)
    data = load_dataset(f"motionsense:{part if inner else tmp_path}")
    assert data.subject_names == ("1", "12")
    assert data.report.kept == 500
    np.testing.assert_allclose(data.windows.reshape(-1, 3)[:, 2], 9.80665, rtol=1e-6)


@pytest.mark.parametrize(
    ("lines", "word"),
    [
        ([",attitude.roll,attitude.pitch", "0,1,2"], "line 1"),
        ([*motionsense_trial(), "250,1,nan,2"], "line 252"),
        ([*motionsense_trial(9), "9,1,2", *motionsense_trial(9)[1:]], "line 11"),
        ([",x,y,z"], "line 2"),
    ],
)
def test_motionsense_bad_file_names_its_line(tmp_path: Path, lines: list[str], word: str) -> None:
    put(tmp_path / "wlk_7" / "sub_1.csv", lines)
    with pytest.raises(BadInput, match=word):
        load_dataset(f"motionsense:{tmp_path}")


@pytest.mark.parametrize("inner", [False, True])
def test_wisdm2019_counts_other_activities(tmp_path: Path, inner: bool) -> None:
    accel = tmp_path / "raw" / "phone" / "accel"
    lines = wisdm_lines(1600, "A", 200) + wisdm_lines(1600, "F", 30)
    put(accel / "data_1600_accel_phone.txt.gz", lines, zipped=True)
    data = load_dataset(f"wisdm2019:{accel if inner else tmp_path}")
    assert data.report.dropped == {"activity 'F' is not one of the classes": 30}
    assert [data.signal.labels[n] for n in set(data.labels.tolist())] == ["Walking"]


def test_wisdm2019_watches_are_a_data_set_of_their_own(tmp_path: Path) -> None:
    for device in ("phone", "watch"):
        folder = tmp_path / "raw" / device / "accel"
        for user in (1600, 1601, 1602):
            lines = wisdm_lines(user, "A", 200 if device == "phone" else 300)
            put(folder / f"data_{user}_accel_{device}.txt", lines)
    phones = load_dataset(f"wisdm2019:{tmp_path}")
    watches = load_dataset(f"wisdm2019:{tmp_path / 'raw' / 'watch' / 'accel'}")
    assert (phones.report.kept, watches.report.kept) == (600, 900)
    assert {r.device for r in watches.recordings} == {"watch"}
    assert any("watches are another data set" in note for note in phones.report.notes)
    assert "watch accelerometer of 3 subjects" in watches.report.source


READING = "1.0 0.0 0.0"


@pytest.mark.parametrize("inner", [False, True])
def test_hapt_keeps_the_labelled_rows(tmp_path: Path, inner: bool) -> None:
    raw = tmp_path / "RawData"
    rows = ["0.0 0.0 0.0"] * 10 + [READING] * 300 + ["0.0 1.1 0.0"] * 400
    put(raw / "acc_exp01_user07.txt.gz", rows, zipped=True)
    put(raw / "gyro_exp01_user07.txt", ["9 9 9"])
    labels = ["1 7 5 11 310", "1 7 7 311 400", "1 7 1 401 700", "2 7 1 1 900"]
    put(raw / "labels.txt", labels)
    data = load_dataset(f"hapt:{raw if inner else tmp_path}")
    assert data.report.dropped == {"not labeled": 20, "a transition between postures": 90}
    assert (data.report.kept, data.subject_names) == (600, ("7",))
    assert "1 labeled experiments are missing" in data.report.notes
    still, walking = data.recordings
    assert [data.signal.labels[r.label] for r in data.recordings] == ["Standing", "Walking"]
    assert still.samples[:, 0] == pytest.approx(9.80665)
    assert walking.samples[:, 1] == pytest.approx(1.1 * 9.80665)


def test_hapt_with_its_transitions(tmp_path: Path) -> None:
    put(tmp_path / "acc_exp01_user07.txt", [READING] * 700)
    put(tmp_path / "labels.txt", ["1 7 5 1 250", "1 7 11 251 480", "1 7 6 481 700"])
    data = load_dataset(f"hapt-transitions:{tmp_path}")
    names = [data.signal.labels[r.label] for r in data.recordings]
    assert names == ["Standing", "Stand to lie", "Laying"]
    assert (len(data.signal.labels), data.report.dropped) == (12, {})


@pytest.mark.parametrize(
    ("readings", "labels", "word"),
    [
        ([READING] * 300, ["1 7 1 1 301"], "300 rows, but labels.txt names row 301"),
        ([READING] * 300, ["1 7 1 1 0"], "line 1 has rows 1 to 0"),
        ([READING] * 300, ["1 7 1 1 300", "1 7 13 1 3"], "line 2 has activity 13"),
        ([READING] * 300, ["2 7 1 1 300"], "no label belongs"),
        ([READING, "1.0 nan 0.0"], ["1 7 1 1 2"], "line 2 is not 'x y z'"),
        ([READING, "1.0 0.0"], ["1 7 1 1 2"], "line 2 is not 'x y z'"),
        ([READING] * 300, ["1 7 1 1"], "line 1 is not 'experiment"),
        ([READING] * 79, ["1 7 1 1 79"], "as long as a window"),
    ],
)
def test_hapt_refuses(tmp_path: Path, readings: list[str], labels: list[str], word: str) -> None:
    put(tmp_path / "acc_exp01_user07.txt", readings)
    put(tmp_path / "labels.txt", labels)
    with pytest.raises(BadInput, match=word):
        load_dataset(f"hapt:{tmp_path}")


def test_hapt_without_labels(tmp_path: Path) -> None:
    put(tmp_path / "acc_exp01_user07.txt", [READING])
    with pytest.raises(BadInput, match=r"no labels\.txt"):
        load_dataset(f"hapt:{tmp_path}")


def csv_lines(people: int = 3, activities: tuple[str, ...] = ("Run", "Rest")) -> list[str]:
    rows = [
        f"p{person},{activity},{n * 0.02:.3f},0.0,9.81,0.1"
        for person in range(people)
        for activity in activities
        for n in range(400)
    ]
    return ["subject,activity,timestamp,x,y,z", *rows]


def test_csv_default_header(tmp_path: Path) -> None:
    data = load_dataset(f"csv:{put(tmp_path / 'a.csv', csv_lines())}")
    assert data.signal.labels == ("Rest", "Run")
    assert [len(r.samples) for r in data.recordings] == [160] * 6
    assert not data.report.notes
    assert len(split(data).train.subject_names) == 1


def test_csv_mapping(tmp_path: Path) -> None:
    lines = ["id,what,ax,ay,az,comment"]
    lines += ['p,Run,0,0,-1,"a, b"' for _ in range(400)]
    file = put(tmp_path / "a.csv.gz", lines, zipped=True)
    put(
        tmp_path / "a.csv.gz.toml",
        [
            'unit = "g"',
            'sign = "ios"',
            "rate_hz = 50",
            'labels = ["Rest", "Run"]',
            "[columns]",
            'subject = "id"',
            'activity = "what"',
            'x = "ax"',
            'y = "ay"',
            'z = "az"',
        ],
    )
    data = load_dataset(f"csv:{file}")
    assert data.signal.labels == ("Rest", "Run")
    assert len(data.recordings[0].samples) == 160
    np.testing.assert_allclose(data.windows[0].reshape(80, 3)[:, 2], 9.80665, rtol=1e-6)


@pytest.mark.parametrize(
    ("line", "field", "word"),
    [
        (7, "nan", "line 8: y is 'nan': not finite"),
        (7, "inf", "line 8: y is 'inf': not finite"),
        (9, "fast", "line 10: y is 'fast': not a number"),
        (9, "", "line 10: y is '': empty value"),
    ],
)
def test_csv_bad_number_names_its_line(tmp_path: Path, line: int, field: str, word: str) -> None:
    lines = csv_lines()
    fields = lines[line].split(",")
    lines[line] = ",".join([*fields[:4], field, fields[5]])
    with pytest.raises(BadInput, match=word):
        load_dataset(f"csv:{put(tmp_path / 'a.csv', lines)}")


def test_csv_wrong_columns_and_short_line(tmp_path: Path) -> None:
    with pytest.raises(BadInput, match="line 1 has no column 'subject', 'timestamp'") as error:
        load_dataset(f"csv:{put(tmp_path / 'a.csv', ['user,activity,time,x,y,z', '1,A,0,1,2,3'])}")
    assert "a.csv.toml" in error.value.hint
    with pytest.raises(BadInput, match="line 3 has 2 fields"):
        load_dataset(f"csv:{put(tmp_path / 'b.csv', [*csv_lines()[:2], 'p,Run'])}")
    with pytest.raises(BadInput, match="only a header"):
        load_dataset(f"csv:{put(tmp_path / 'c.csv', csv_lines()[:1])}")
    with pytest.raises(BadInput, match="line 1"):
        load_dataset(f"csv:{put(tmp_path / 'd.csv', ['a,b', 'c'])}")


def test_csv_in_milliseconds_is_told(tmp_path: Path) -> None:
    lines = csv_lines()
    rows = [line.split(",") for line in lines[1:]]
    rows = [[*r[:2], str(float(r[2]) * 1000), *r[3:]] for r in rows]
    file = put(tmp_path / "a.csv", [lines[0], *(",".join(r) for r in rows)])
    with pytest.raises(BadInput, match="samples a second") as error:
        load_dataset(f"csv:{file}")
    assert "timestamp_unit" in error.value.hint
    put(tmp_path / "a.csv.toml", ['timestamp_unit = "ms"'])
    assert len(load_dataset(f"csv:{file}").recordings) == 6


def test_csv_in_g_is_told(tmp_path: Path) -> None:
    lines = [line.replace("9.81", "1.0") for line in csv_lines()]
    file = put(tmp_path / "a.csv", lines)
    with pytest.raises(BadInput, match="look like readings in g"):
        load_dataset(f"csv:{file}")
    data = load_dataset(f"csv:{file}", refuse=False)
    assert data.report.findings[0].rule == "D101"


@pytest.mark.parametrize(
    ("people", "activities", "word"),
    [(1, ("Run", "Rest"), "subject"), (4, ("Run",), "one class")],
)
def test_one_subject_or_one_class_loads_but_does_not_split(
    tmp_path: Path, people: int, activities: tuple[str, ...], word: str
) -> None:
    data = load_dataset(f"csv:{put(tmp_path / 'a.csv', csv_lines(people, activities))}")
    assert describe(data)["windows"] == len(data) > 0
    with pytest.raises(BadInput, match=word):
        split(data)


@pytest.mark.parametrize(
    "toml",
    [
        "unit = ",
        'unit = "feet"',
        'colour = "red"',
        "rate_hz = true",
        "rate_hz = 3",
        'rate_hz = 50\ntimestamp_unit = "s"',
        'labels = ["A", "A"]',
        'labels = "A"',
        'labels = ["A"]',
        'columns = "x"',
        '[columns]\nx = "y"',
        '[columns]\nw = "y"',
    ],
)
def test_csv_bad_mapping(tmp_path: Path, toml: str) -> None:
    file = put(tmp_path / "a.csv", csv_lines())
    put(tmp_path / "a.csv.toml", [toml])
    with pytest.raises(BadInput, match=r"a\.csv") as error:
        load_dataset(f"csv:{file}")
    assert error.value.hint


@pytest.mark.parametrize("name", ["csv", "wisdm"])
def test_unusable_files(tmp_path: Path, name: str) -> None:
    with pytest.raises(BadInput, match="folder"):
        load_dataset(f"{name}:{tmp_path}")
    with pytest.raises(BadInput, match="empty"):
        load_dataset(f"{name}:{put(tmp_path / 'empty', [''])}")
    whole = put(tmp_path / "whole.gz", csv_lines(), zipped=True).read_bytes()
    (tmp_path / "cut.gz").write_bytes(whole[:-20])
    with pytest.raises(BadInput, match="damaged gzip"):
        load_dataset(f"{name}:{tmp_path / 'cut.gz'}")


@pytest.mark.parametrize("name", ["motionsense", "wisdm2019", "hapt"])
def test_unusable_folders(tmp_path: Path, name: str) -> None:
    with pytest.raises(BadInput, match="no "):
        load_dataset(f"{name}:{tmp_path}")
    with pytest.raises(BadInput):
        load_dataset(f"{name}:{put(tmp_path / 'file', ['x'])}")


def test_csv_not_text(tmp_path: Path) -> None:
    (tmp_path / "a.csv").write_bytes(b"subject,activity\n\xff\xfe")
    with pytest.raises(BadInput, match="line 2 is not UTF-8"):
        load_dataset(f"csv:{tmp_path / 'a.csv'}")


def test_specifications() -> None:
    with pytest.raises(UsageError, match="unknown data set 'nope'") as error:
        load_dataset("nope:/x")
    assert "motionsense" in error.value.hint
    with pytest.raises(UsageError, match="colon"):
        load_dataset("csv:")
    with pytest.raises(UsageError, match="has no path"):
        load_dataset("synthetic:/x")


def test_the_sample_loads_and_splits() -> None:
    sample = Path(__file__).parents[3] / "samples" / "accelerometer.csv"
    data = load_dataset(f"csv:{sample}")
    assert data.signal.labels == ("Standing", "Walking")
    assert [len(r.samples) for r in data.recordings] == [200] * 6
    assert len(split(data).train) == 8


def test_hapt_as_the_input_of_uci_har(tmp_path: Path) -> None:
    """Nine channels at 50 Hz; a constant reading is all gravity, and motion is not."""
    t = np.arange(3000) / 50.0
    moving = 1.0 + 0.2 * np.sin(2 * np.pi * 2.0 * t)
    put(tmp_path / "acc_exp01_user02.txt", [f"{x:.6f} 0.0 0.0" for x in moving])
    put(
        tmp_path / "gyro_exp01_user02.txt",
        [f"{n % 5 - 2} {n % 3 - 1} {n % 7 - 3}" for n in range(3000)],
    )
    put(tmp_path / "labels.txt", ["1 2 1 1001 3000"])
    channels = tuple(f"{sensor}_{axis}" for sensor in ("acc", "linear", "gyro") for axis in "xyz")
    windowing = Windowing(rate_hz=50.0, window=128, step=64, channels=channels)
    data = load_dataset(Recordings(f"hapt:{tmp_path}", windowing=windowing))
    samples = data.recordings[0].samples
    assert samples.shape == (2000, 9)
    np.testing.assert_allclose(samples[:, 3].mean(), 0.0, atol=0.02)
    np.testing.assert_allclose(samples[:, 3].std(), 9.80665 * 0.2 / np.sqrt(2), rtol=0.02)
    np.testing.assert_allclose(samples[:3, 6], [-2, -1, 0])
    (tmp_path / "gyro_exp01_user02.txt").unlink()
    with pytest.raises(BadInput, match="gyro_exp01_user02"):
        load_dataset(Recordings(f"hapt:{tmp_path}", windowing=windowing))
    assert len(load_dataset(f"hapt:{tmp_path}").signal.channels) == 3
