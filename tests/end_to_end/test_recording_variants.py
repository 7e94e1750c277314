"""Recordings as nobody foresaw them: right windows, a finding, or a refusal with its cure."""

from __future__ import annotations

import gzip
import io
import json
import math
import tarfile
import zipfile
from collections.abc import Callable
from dataclasses import asdict, dataclass, replace
from datetime import datetime, timedelta
from pathlib import Path

import numpy as np
import pytest

from edgeconv.core import STANDARD_GRAVITY
from edgeconv.datasets import load_dataset
from edgeconv.datasets.tables.draft import draft_schema
from edgeconv.errors import BadInput
from tests.unit.datasets.tables.made import HEADER, Row, people, walk
from tests.unit.datasets.tables.six_channels import TOML, rotation

Text = Callable[[Row], str]
P = people(4)  # seeded: 24 windows of four subjects
G = STANDARD_GRAVITY
START = datetime(2024, 3, 5, 11, 15)
DRAFT = "the TOML that edgeconv data init writes"


@dataclass(frozen=True)
class Variant:
    """One file (or several), and what is right.

    Attributes:
        content: of the file, or of the files of a folder by their names.
        windows: that are read; 0: it is refused.
        words: of a note, of the finding, or of the refusal and its cure.
        rule: that finds it; empty if none.
        cure: TOML after which it is read with 24 windows and without errors; or DRAFT.
        suffix: of the file's name.
    """

    content: str | bytes | dict[str, str]
    windows: int = 24
    words: str = ""
    rule: str = ""
    toml: str = ""
    cure: str = ""
    suffix: str = ".csv"


def table(text: Text = Row.text, header: str = HEADER, rows: list[Row] = P) -> str:
    return "\n".join([header, *map(text, rows)]) + "\n"


def clock(form: str, start: datetime = START, cut: int = 0) -> Text:
    """Rows with a date or time in place of seconds."""

    def text(row: Row) -> str:
        stamp = (start + timedelta(seconds=row.time)).strftime(form)
        return row.text(stamp[: len(stamp) - cut])

    return text


def axes(change: Callable[[Row], tuple[object, ...]]) -> Text:
    """Rows with other readings."""
    return lambda row: (
        f"{row.subject},{row.activity},{row.time:.3f},"
        + ",".join(value if isinstance(value, str) else f"{value:.4f}" for value in change(row))
    )


def some(change: Callable[[Row], Row], subject: str = "p2", activity: str = "") -> str:
    """The table, where only rows of one subject (and activity) are changed."""
    return table(
        rows=[change(r) if r.subject == subject and activity in ("", r.activity) else r for r in P]
    )


def named(names: dict[str, str]) -> Text:
    return lambda row: replace(row, subject=names.get(row.subject, row.subject)).text()


def devices(unit: float, sign: float, column: str = "device") -> str:
    rows = [(r, d, f) for d, f in (("phone", 1.0), ("watch", unit * sign)) for r in P]
    header = f"subject,activity,timestamp,{column},x,y,z"
    lines = [
        f"{r.subject},{r.activity},{r.time:.3f},{d},{r.x * f:.4f},{r.y * f:.4f},{r.z * f:.4f}"
        for r, d, f in rows
    ]
    return "\n".join([header, *lines]) + "\n"


def six(change: Callable[[Row], tuple[tuple[float, ...], tuple[float, ...]]]) -> str:
    lines = ["subject,activity,timestamp,ax,ay,az,gx,gy,gz"]
    for row in P:
        readings = ",".join(f"{v:.4f}" for both in change(row) for v in both)
        lines.append(f"{row.subject},{row.activity},{row.time:.3f},{readings}")
    return "\n".join(lines) + "\n"


def xyz(row: Row) -> tuple[float, float, float]:
    return row.x, row.y, row.z


def radians(row: Row) -> tuple[float, ...]:
    return tuple(v * math.pi / 180 for v in rotation(row))


def without_gravity(row: Row) -> Row:
    x, y, z = (0.4, 9.7, 1.2) if row.activity == "Walking" else (0.3, 0.4, 9.79)
    return replace(row, x=row.x - x, y=row.y - y, z=row.z - z)


def standardized() -> str:
    readings = np.array([xyz(row) for row in P])
    readings = (readings - readings.mean(axis=0)) / readings.std(axis=0)
    values = iter(readings.tolist())
    return table(axes(lambda _: tuple(next(values))))


def lost(code: str) -> str:
    """Every 37th sample is a word or number in all three axes."""
    return table(axes(lambda r: (code, code, code) if round(r.time * 20) % 37 == 0 else xyz(r)))


def packed(kind: str) -> bytes:
    text, file = table().encode(), io.BytesIO()
    if kind == "zip":
        with zipfile.ZipFile(file, "w") as archive:
            archive.writestr("a.csv", text)
    elif kind == "workbook":
        with zipfile.ZipFile(file, "w") as archive:
            archive.writestr("xl/workbook.xml", "<a/>")
    else:
        with tarfile.open(fileobj=file, mode="w:gz") as archive:
            member = tarfile.TarInfo("a.csv")
            member.size = len(text)
            archive.addfile(member, io.BytesIO(text))
    return file.getvalue()


RECORDS = json.dumps([asdict(row) | {"timestamp": row.time} for row in P])
HALF = len(P) // 2
VARIANTS: dict[str, Variant] = {
    # names of columns, languages, encodings
    "german": Variant(
        table(
            lambda r: clock("%d.%m.%Y %H:%M:%S.%f", cut=3)(r).replace(",", ";").replace(".", ","),
            "Proband;Tätigkeit;Zeitstempel;Acc_X;Acc_Y;Acc_Z",
        ).replace("05,03,2024", "05.03.2024"),
        0, "it has 'Proband'", cure=DRAFT,
    ),
    "french in g": Variant(
        table(lambda r: r.text(None, 1 / G), "sujet,activité,temps (s),accélération x (g),"
              "accélération y (g),accélération z (g)"),
        0, "it has 'sujet'", cure=DRAFT,
    ),
    "spanish in mg": Variant(
        table(lambda r: r.text(None, 1000 / G),
              "sujeto,actividad,tiempo,aceleracion_x,aceleracion_y,aceleracion_z"),
        0, "it has 'sujeto'", cure=DRAFT,
    ),
    "latin-1": Variant(table(header=HEADER.replace("activity", "Aktivität")).encode("latin-1"),
                       0, "may be Latin-1 (Windows-1252)\nsave it as UTF-8"),
    "capitals": Variant(table(header="Subject, Activity, Timestamp, X, Y, Z"), 0,
                        '[columns] subject = "Subject"', cure=DRAFT),
    "two sensors side by side": Variant(
        table(lambda r: r.text() + f",{r.x:.3f},{r.y:.3f},{r.z:.3f}",
              "subject,activity,timestamp,wrist_x,wrist_y,wrist_z,ankle_x,ankle_y,ankle_z"),
        0, "it has 'subject', 'activity', 'timestamp', 'wrist_x'", cure=DRAFT,
    ),
    "without header": Variant(
        table().split("\n", 1)[1],
        toml='header = ["subject","activity","timestamp","x","y","z"]',
    ),
    "emoji": Variant(table(lambda r: r.text().replace("Walking", "🚶"))),
    # devices, units, signs, axes
    "one device in g": Variant(devices(1 / G, 1), 48, '[devices.watch] unit = "g"', "D101"),
    "one device with the other sign": Variant(
        devices(1, -1), 48, '[devices.watch] sign = "ios"', "D103"),
    "devices without a role": Variant(devices(1 / G, 1, "src"), 48, "m/s² and some in g", "D108"),
    "gyroscope as accelerometer": Variant(
        table(axes(lambda r: (radians(r)[0], radians(r)[1], radians(r)[2]))),
        words="gravity is missing", rule="D102"),
    "sensors exchanged": Variant(six(lambda r: (radians(r), xyz(r))),
                                 words="exchange the columns", rule="D105",
                                 toml=TOML.replace("deg/s", "rad/s")),
    "degrees as radians": Variant(six(lambda r: (xyz(r), rotation(r))),
                                  words='unit = "deg/s"', rule="D104",
                                  toml=TOML.replace("deg/s", "rad/s"), cure=TOML),
    "radians as degrees": Variant(six(lambda r: (xyz(r), radians(r))),
                                  words='unit = "rad/s"', rule="D104", toml=TOML,
                                  cure=TOML.replace("deg/s", "rad/s")),
    "axes exchanged": Variant(some(lambda r: replace(r, x=r.z, y=r.x, z=r.y)),
                              words="gravity lies on another axis", rule="D112"),
    "axis flipped": Variant(some(lambda r: replace(r, y=-r.y)),
                            words="the other way for p2", rule="D103"),
    "axis in g": Variant(table(axes(lambda r: (r.x, r.y / G, r.z))),
                         words="gravity is missing", rule="D102"),
    "axis doubled": Variant(table(axes(lambda r: (r.x, r.y, r.y))),
                            words="axes y and z are the same", rule="D206"),
    "axis with an offset": Variant(table(axes(lambda r: (r.x, r.y + 4, r.z))),
                                   words="an axis has an offset", rule="D111"),
    "magnitude as z": Variant(table(axes(lambda r: (r.x, r.y, math.hypot(*xyz(r))))),
                              words="gravity has a length of 13.8", rule="D111"),
    "one subject without gravity": Variant(some(without_gravity), words="gravity is missing",
                                           rule="D102"),
    "nobody with gravity": Variant(table(rows=[without_gravity(r) for r in P]),
                                   words="gravity is missing", rule="D102"),
    "standardized": Variant(standardized(), words="were standardized", rule="D109"),
    "clipped": Variant(table(axes(lambda r: (max(-G, min(G, r.x)), max(-G, min(G, r.y)),
                                             max(-G, min(G, r.z))))),
                       words="the range of the sensor", rule="D205"),
    "whole numbers": Variant(table(axes(lambda r: tuple(map(str, map(round, xyz(r)))))),
                             words="all axes repeat one reading", rule="D202"),
    "counts": Variant(table(lambda r: r.text(None, 16384 / G)), words="counts_per_g = 1.64e+04",
                      rule="D101", cure="counts_per_g = 16384"),
    "units by file": Variant({"a.csv": table(rows=P[:HALF]),
                              "b.csv": table(lambda r: r.text(None, 1 / G), rows=P[HALF:])},
                             words='[subjects.p3] unit = "g"', rule="D101"),
    # lost samples, doubled samples
    "half empty axis": Variant(
        table(axes(lambda r: (r.x, r.y, r.z if round(r.time * 20) % 2 else ""))), 0,
        "empty value (640 rows like this)\nexport the sensors at one rate"),
    "sensors in turn": Variant(
        table(lambda r: f"{r.subject},{r.activity},{r.time:.3f},"
              + (f"{r.x},{r.y},{r.z},,," if round(r.time * 20) % 2 else ",,,1,2,3"),
              "subject,activity,timestamp,ax,ay,az,gx,gy,gz"), 0,
        "empty value (640 rows like this)\nexport the sensors at one rate", toml=TOML),
    "zeros for lost readings": Variant(
        table(axes(lambda r: (0.0, 0.0, r.z) if round(r.time * 20) % 5 == 0 else xyz(r))),
        words="write lost_values = [0]"),
    "last reading held": Variant(
        table(rows=[replace(P[n - n % 5], time=r.time) for n, r in enumerate(P)]),
        words="its rate is lower than theirs"),
    "given twice as another subject": Variant(
        {"a.csv": table(rows=P[:HALF]),
         "b.csv": table(rows=[replace(r, subject="p9", time=r.time + 1000) for r in walk("p1")])},
        15, "rows are there twice", "D301"),
    "given twice in a folder": Variant({"a.csv": table(), "a (1).csv": table()},
                                       words="repeats an earlier row"),
    "code 99999": Variant(lost("99999"), 0, "write lost_values = [99999]",
                          cure="lost_values = [99999]"),
    "code 100": Variant(lost("100"), 0, "write lost_values = [100]", cure="lost_values = [100]"),
    "code NaN": Variant(lost("NaN"), 0, "not finite (40 rows like this)\ncorrect or delete"),
    "code #DIV/0!": Variant(lost("#DIV/0!"), 0, "not a number (40 rows like this)"),
    # names of subjects and labels
    "numbers of subjects": Variant(
        table(lambda r: replace(r, subject=(r.subject[1], f"0{r.subject[1]}", f"{r.subject[1]}.0")[
            int(r.time) % 3]).text()), words="is also spelled"),
    "numbers of labels": Variant(
        table(lambda r: r.text().replace("Walking", "1" if r.subject == "p2" else "1.0")),
        words="is also spelled"),
    "slip in a label": Variant(some(lambda r: replace(r, activity="Walkng"), activity="Walking"),
                               words='[rename_labels] "Walkng" = "Walking"', rule="D306",
                               cure='[rename_labels]\n"Walkng" = "Walking"'),
    "label with a blank": Variant(some(lambda r: replace(r, activity=f"{r.activity} "))),
    "label with a fixed blank": Variant(some(lambda r: replace(r, activity=f"{r.activity}\u00a0"))),
    "label only at its start": Variant(
        table(lambda r: r.text() if r.time == 0 else r.text().replace(f",{r.activity},", ",,")), 0,
        "not labelled. If a label holds until the next one, write it into every row|not labelled"),
    "label over two lines": Variant(table(lambda r: r.text().replace("Walking", '"Walk\ning"')), 0,
                                    "line 2: a quoted text has a line break\nreplace"),
    "subjects are dates": Variant(table(lambda r: r.text().replace("p", "2024-03-0", 1))),
    "subjects are words of programs": Variant(
        table(named({"p1": "true", "p2": "inf", "p3": "1e3", "p4": "1000"}))),
    "subject is nan": Variant(table(named({"p2": "nan"})), 0, "the subject is nan\nfill it in"),
    "subjects with other hyphens": Variant(
        some(lambda r: replace(r, subject="P 2"), activity="Sitting"), words="'P 2'"),
    # clocks
    "milliseconds": Variant(table(lambda r: r.text(f"{r.time * 1000:.0f}")), 0,
                            'timestamp_unit = "ms" (20 Hz)', cure='timestamp_unit = "ms"'),
    "days of a spreadsheet": Variant(table(lambda r: r.text(f"{45356 + r.time / 86400:.9f}")), 0,
                                     'timestamp_unit = "d"', cure='timestamp_unit = "d"'),
    "minutes": Variant(table(lambda r: r.text(f"{r.time / 60:.6f}")), 0,
                       'timestamp_unit = "min"', cure='timestamp_unit = "min"'),
    "month first": Variant(table(clock("%m/%d/%Y %H:%M:%S.%f")), words="read as day/month/year"),
    "two digits of a year": Variant(table(clock("%d.%m.%y %H:%M:%S.%f")),
                                    words="read as day.month.year"),
    "am and pm": Variant(table(clock("%I:%M:%S.%f %p"))),
    "hour back": Variant(
        table(lambda r: replace(r, time=r.time + 3600 * (r.time > 4)).text()), 8,
        "recording shorter than a window"),
    "seconds of the day": Variant(
        table(lambda r: replace(r, time=(r.time + 86396) % 86400).text()),
        words="starts again at midnight"),
    "midnight": Variant(table(clock("%H:%M:%S.%f", datetime(2024, 3, 5, 23, 59, 56))),
                        words="starts again at midnight"),
    "minutes and seconds": Variant(table(clock("%M:%S.%f"))),
    "colon before milliseconds": Variant(table(clock("%Y-%m-%d %H:%M:%S:%f", cut=3))),
    "last digits lost": Variant(table(lambda r: r.text("1.70964e+09")), 0,
                                "its last digits are lost\nrate_hz"),
    # numbers
    "separated thousands": Variant(
        table(axes(lambda r: tuple(f'"{v * 1000:,.0f}"' for v in xyz(r)))), 0,
        "without separators between thousands"),
    "points between thousands": Variant(
        table(lambda r: ";".join([r.subject, r.activity, f"{r.time:.3f}", *(
            f"{v * 1000:,.0f}".replace(",", ".") for v in xyz(r))]), HEADER.replace(",", ";")),
        0, "look for points between thousands"),
    "quoted decimal commas": Variant(
        table(axes(lambda r: tuple(f'"{v:.4f}"'.replace(".", ",") for v in xyz(r))))),
    "typographic minus": Variant(table(lambda r: r.text().replace("-", "−")), 0,
                                 "typographic minus sign"),
    "units in cells": Variant(table(axes(lambda r: tuple(f"{v:.4f} m/s²" for v in xyz(r)))), 0,
                              "the unit into the name of the column"),
    # lines and files that are no samples
    "line of units": Variant(table().replace("\n", "\n,,s,m/s^2,m/s^2,m/s^2\n", 1),
                             words="not labelled"),
    "second header": Variant(table(rows=P[:400]) + table(rows=P[400:]), 0,
                             "line 402\ndelete this second header"),
    "mark inside": Variant("\ufeff" + table(rows=P[:400]) + "\ufeff" + table(rows=P[400:]), 0,
                           "line 402\ndelete this second header"),
    "rows of a summary": Variant(table() + "Mean,,,0.41,5.02,5.51\n", words="not labelled"),
    "text of a summary": Variant(table() + "Total: 1280 rows\n", 0, "line 1282\ndelete the line"),
    "sep= line": Variant("sep=;\n" + table().replace(",", ";")),
    "index column": Variant(
        f",{HEADER}\n" + "".join(f"{n},{r.text()}\n" for n, r in enumerate(P))),
    "old line ends": Variant(table().replace("\n", "\r")),
    "mixed separators": Variant({"a.csv": table(rows=P[:HALF]),
                                 "b.csv": table(rows=P[HALF:]).replace(",", ";")}),
    "mixed names": Variant({"a.csv": table(rows=P[:HALF]),
                            "b.csv": table(header="user,label,time,ax,ay,az", rows=P[HALF:])},
                           0, "b.csv\nname the columns in b.csv.toml"),
    "zip": Variant(packed("zip"), 0, "holds a.csv\nunpack it"),
    "workbook": Variant(packed("workbook"), 0, "Excel workbook\nsave the sheet as CSV"),
    "tar.gz": Variant(packed("tar"), 0, "gzipped tar archive\nunpack it", suffix=".csv.gz"),
    "gzipped twice": Variant(gzip.compress(gzip.compress(table().encode())), 0,
                             "gzipped twice\nunpack it once", suffix=".csv.gz"),
    "web page": Variant("<!DOCTYPE html>\n<html>Sign in</html>\n", 0, "a web page\nget the file"),
    "pointer": Variant("version https://git-lfs.github.com/spec/v1\noid x\n", 0,
                       "run git lfs pull"),
    "JSON records": Variant(RECORDS, suffix=".json"),
}  # fmt: skip


def written(variant: Variant, folder: Path) -> Path:
    if isinstance(variant.content, dict):
        for name, text in variant.content.items():
            (folder / name).write_text(text)
        return folder
    file = folder / f"table{variant.suffix}"
    content = variant.content
    file.write_bytes(content if isinstance(content, bytes) else content.encode())
    if variant.toml:
        file.with_name(f"{file.name}.toml").write_text(variant.toml)
    return file


@pytest.mark.parametrize("name", VARIANTS)
def test_right_or_found_or_refused_with_a_cure(tmp_path: Path, name: str) -> None:
    variant = VARIANTS[name]
    path = written(variant, tmp_path)
    if variant.windows == 0:
        with pytest.raises(BadInput) as refused:
            load_dataset(f"csv:{path}")
        said = f"{refused.value.message} {refused.value.hint}"
        assert refused.value.hint
    else:
        dataset = load_dataset(f"csv:{path}", refuse=False)
        report = dataset.report
        assert len(dataset) == variant.windows
        findings = [f for f in report.findings if f.rule == variant.rule]
        said = " ".join([*(f.sentence() for f in findings), *report.notes, *report.dropped])
        assert bool(findings) == bool(variant.rule)
        if not variant.rule:
            assert [f for f in report.findings if f.severity.value == "error"] == []
    assert all(any(w in said for w in words.split("|")) for words in variant.words.split("\n"))
    if variant.cure:
        toml = draft_schema(path).text if variant.cure == DRAFT else variant.cure
        path.with_name(f"{path.name}.toml").write_text(toml)
        cured = load_dataset(f"csv:{path}")  # raises where a rule finds an error
        assert len(cured) in (23, 24) or "code" in name
        assert variant.rule not in [f.rule for f in cured.report.findings]
