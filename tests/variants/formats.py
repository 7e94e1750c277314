"""Text tables and files of every make: separators, encodings, broken ends, containers."""

from __future__ import annotations

import bz2
import gzip
import io
import json
import lzma
import sqlite3
import tarfile
import tempfile
import zipfile
from pathlib import Path
from typing import Literal

import numpy as np

from .apps import NAMES, WALK, files, joined, one, phyphox
from .judge import CURED, TOLD, Variant
from .people import ALL, HEADER, Sample, fields, number, plain, table

TEXT = table()
HALF = len(ALL) // 2
LINES = TEXT.splitlines()
WIDE = "{:<8}{:<10}{:>9}{:>10}{:>10}{:>10}"


def comma(value: str) -> str:
    return value.replace(".", ",")


def german(s: Sample) -> str:
    return ";".join([s.subject, s.activity, *map(comma, fields(s)[2:])])


def records() -> list[dict[str, object]]:
    return [
        {
            "subject": s.subject,
            "activity": s.activity,
            "timestamp": round(s.time, 3),
            "x": round(s.x, 4),
            "y": round(s.y, 4),
            "z": round(s.z, 4),
        }
        for s in ALL
    ]


def packed(**contents: str) -> bytes:
    file = io.BytesIO()
    with zipfile.ZipFile(file, "w") as archive:
        for name, text in contents.items():
            archive.writestr(name.replace("__", "/").replace("_csv", ".csv"), text)
    return file.getvalue()


def tarred(mode: Literal["w:gz", "w:"]) -> bytes:
    file = io.BytesIO()
    with tarfile.open(fileobj=file, mode=mode) as archive:
        member = tarfile.TarInfo("walk.csv")
        member.size = len(TEXT.encode())
        archive.addfile(member, io.BytesIO(TEXT.encode()))
    return file.getvalue()


def workbook() -> bytes:
    return packed(xl__workbook="<a/>")


def database() -> bytes:
    with tempfile.TemporaryDirectory() as folder:
        path = Path(folder) / "a.db"
        with sqlite3.connect(path) as db:
            db.execute("create table samples (subject, x)")
        db.close()
        return path.read_bytes()


def array_file() -> bytes:
    file = io.BytesIO()
    np.save(file, np.zeros((80, 3)))
    return file.getvalue()


def parquet(
    columns: dict[str, str] | None = None, stamp: str = "timestamp", sort: str = ""
) -> bytes:
    """A Parquet file; `columns` gives other names."""
    import duckdb

    names = columns or {}
    sources = {"timestamp": stamp}
    listed = ", ".join(f'{sources.get(n, n)} as "{names.get(n, n)}"' for n in HEADER.split(","))
    with tempfile.TemporaryDirectory() as folder:
        csv = Path(folder) / "a.csv"
        csv.write_text(TEXT)
        db = duckdb.connect()
        db.execute(
            f"copy (select {listed} from read_csv('{csv}'){sort}) to '{folder}/a.parquet' "
            "(format parquet)"
        )
        return (Path(folder) / "a.parquet").read_bytes()


def cut(text: str, count: int) -> str:
    return text[:-count]


VARIANTS: dict[str, Variant] = {
    # separators, decimal signs, quotes
    "decimal commas, semicolons": Variant(table(german, HEADER.replace(",", ";"))),
    "decimal commas, tabs": Variant(
        table(lambda s: german(s).replace(";", "\t"), HEADER.replace(",", "\t"))
    ),
    "decimal commas, quoted": Variant(
        table(
            lambda s: ",".join([s.subject, s.activity, *(f'"{comma(v)}"' for v in fields(s)[2:])])
        ),
        CURED,
    ),
    "decimal commas only in the readings": Variant(
        table(
            lambda s: ";".join([*fields(s)[:3], *map(comma, fields(s)[3:])]),
            HEADER.replace(",", ";"),
        )
    ),
    "decimal commas and points mixed by file": Variant(
        {
            "a.csv": table(german, HEADER.replace(",", ";"), ALL[:HALF]),
            "b.csv": table(rows=ALL[HALF:]),
        }
    ),
    "tabs": Variant(TEXT.replace(",", "\t"), name="table.tsv"),
    "pipes": Variant(TEXT.replace(",", "|")),
    "spaces around commas": Variant(TEXT.replace(",", " , ")),
    "colons as separators": Variant(TEXT.replace(",", ":"), TOLD, "no separator"),
    "fixed width": Variant(
        table(lambda s: WIDE.format(*fields(s)), WIDE.format(*HEADER.split(","))),
        CURED,
        name="table.txt",
    ),
    "fixed width, numbers only": one(
        table(lambda s: "".join(f"{v:>16.7e}" for v in (s.time, *s.xyz)), "", WALK),
        name="total_acc.txt",
    ),
    "columns between several blanks": one(
        table(lambda s: joined("   ", s.time, *s.xyz), "time   ax   ay   az", WALK), name="walk.txt"
    ),
    "everything quoted": Variant(
        table(
            lambda s: ",".join(f'"{f}"' for f in fields(s)), '"' + HEADER.replace(",", '","') + '"'
        )
    ),
    "single quotes": Variant(
        table(lambda s: ",".join([f"'{s.subject}'", f"'{s.activity}'", *fields(s)[2:]])),
        people={f"'{s}'": s for s in ("p1", "p2", "p3", "p4")},
        labels={"'Walking'": "Walking", "'Sitting'": "Sitting"},
    ),
    "whole rows quoted": Variant(table(lambda s: f'"{plain(s)}"', f'"{HEADER}"')),
    "trailing separator": Variant(table(lambda s: plain(s) + ",")),
    "trailing separator in the header too": Variant(table(lambda s: plain(s) + ",", HEADER + ",")),
    "trailing separators of different number": Variant(
        table(lambda s: plain(s) + "," * (1 + round(s.time * 25) % 3))
    ),
    "leading blanks": Variant(table(lambda s: "  " + plain(s))),
    "plus signs": Variant(
        table(lambda s: ",".join([*fields(s)[:3], *(f"{v:+.4f}" for v in s.xyz)]))
    ),
    "scientific notation": Variant(
        table(lambda s: ",".join([*fields(s)[:3], *(f"{v:.6E}" for v in s.xyz)]))
    ),
    "seventeen digits": Variant(
        table(lambda s: ",".join([*fields(s)[:3], *(repr(v) for v in s.xyz)]))
    ),
    "numbers without a leading zero": Variant(
        table(
            lambda s: ",".join(
                [
                    *fields(s)[:3],
                    *(number(v).replace("0.", ".", 1) if abs(v) < 1 else number(v) for v in s.xyz),
                ]
            )
        )
    ),
    "Arabic digits": Variant(
        table(
            lambda s: ",".join(
                [
                    *fields(s)[:2],
                    *(
                        f.translate(str.maketrans("0123456789", "٠١٢٣٤٥٦٧٨٩"))
                        for f in fields(s)[2:]
                    ),
                ]
            )
        ),
        TOLD,
        "not a number|header",
    ),
    "hexadecimal counts": one(
        table(
            lambda s: (
                f"{round(s.time * 1000)},"
                + ",".join(f"0x{round(v * 1000) & 0xFFFF:04x}" for v in s.xyz)
            ),
            "ms,ax,ay,az",
            WALK,
        ),
        TOLD,
        "not a number|hexadecimal",
    ),
    "#N/A for single readings": Variant(
        table(
            lambda s: ",".join(
                [*fields(s)[:5], "#N/A" if round(s.time * 25) == 40 else number(s.z)]
            )
        ),
        CURED,
    ),
    "NaN for single readings": Variant(
        table(
            lambda s: ",".join([*fields(s)[:5], "NaN" if round(s.time * 25) == 40 else number(s.z)])
        ),
        CURED,
    ),
    "NaN in all axes of some rows": Variant(
        table(
            lambda s: (
                plain(s)
                if round(s.time * 25) % 50 != 7
                else ",".join([*fields(s)[:3], "nan", "nan", "nan"])
            )
        ),
        "right",
        "blank|nan",
    ),
    "a dash for lost samples": Variant(
        table(
            lambda s: (
                plain(s)
                if round(s.time * 25) % 50 != 7
                else ",".join([*fields(s)[:3], "-", "-", "-"])
            )
        ),
        CURED,
        "-",
    ),
    # lines
    "old line ends": Variant(TEXT.replace("\n", "\r")),
    "Windows line ends": Variant(TEXT.replace("\n", "\r\n")),
    "doubled line ends": Variant(TEXT.replace("\n", "\r\r\n")),
    "a blank line after each": Variant(TEXT.replace("\n", "\n\n")),
    "mixed line ends": Variant(
        table(rows=ALL[:HALF]) + table(rows=ALL[HALF:], header="").replace("\n", "\r\n")
    ),
    "a header in the middle": Variant(table(rows=ALL[:HALF]) + table(rows=ALL[HALF:]), CURED),
    "a header before each recording": Variant(
        "".join(table(rows=rows) for rows in NAMES.values()), CURED
    ),
    "joined files whose columns differ in order": Variant(
        table(rows=ALL[:HALF])
        + table(
            lambda s: ",".join(fields(s)[:3] + [number(v) for v in (s.z, s.y, s.x)]),
            "subject,activity,timestamp,z,y,x",
            ALL[HALF:],
        ),
        TOLD,
        "header",
    ),
    "units below the header": Variant(
        TEXT.replace("\n", "\n-,-,s,m/s^2,m/s^2,m/s^2\n", 1), CURED, "line 2|units"
    ),
    "units and kinds below the header": Variant(
        TEXT.replace("\n", "\n,,s,m/s²,m/s²,m/s²\n,,CAL,CAL,CAL,CAL\n", 1)
    ),
    "two lines of header": Variant(",,,Accelerometer,Accelerometer,Accelerometer\n" + TEXT),
    "comments at the start": Variant("# recorded with a board\n# 25 Hz\n" + TEXT),
    "comments in the middle": Variant(
        "\n".join([*LINES[:300], "# marker: stairs", *LINES[300:]]) + "\n", CURED
    ),
    "commented header": Variant("# " + TEXT, CURED),
    "a footer": Variant(TEXT + "End of file\n", CURED),
    "a summary below": Variant(
        TEXT + "\nMean,,,0.35,5.05,5.5\nStd,,,1.2,1.3,1.4\n", "right", "not labelled"
    ),
    "a summary beside": Variant(
        table(lambda s: plain(s) + (",,mean x,0.35" if s.time == 0 else ",,,"), HEADER + ",,,")
    ),
    "an index column": Variant(
        "\n".join(["," + HEADER, *(f"{n},{plain(s)}" for n, s in enumerate(ALL))]) + "\n"
    ),
    "cut inside the last number": Variant(cut(TEXT, 4), "right", "cut"),
    "cut to a whole number": Variant(cut(TEXT, 6), "right", "cut"),
    "cut behind a comma": Variant(TEXT[: TEXT.rindex(",") + 1], CURED, "line"),
    "cut inside a row": Variant(TEXT[: TEXT.rindex(",") - 9], CURED, "line"),
    "not cut, no line end": Variant(cut(TEXT, 1)),
    "counts cut inside the last number": one(
        cut(
            table(
                lambda s: (
                    f"{round(s.time * 1000)},"
                    + ",".join(str(round(1000 * v / 9.80665)) for v in s.xyz)
                ),
                "timestamp,x,y,z",
                WALK,
            ),
            3,
        ),
        CURED,
        "cut",
    ),
    "NUL bytes at the end": Variant(TEXT.encode() + bytes(64), CURED),
    # encodings
    "UTF-8 mark and quotes": Variant("\ufeff" + TEXT.replace("Walking", '"Walking"')),
    "UTF-16 of a spreadsheet": Variant(TEXT.replace(",", "\t").encode("utf-16")),
    "UTF-16, the other order": Variant(b"\xfe\xff" + TEXT.encode("utf-16-be")),
    "UTF-32": Variant(TEXT.encode("utf-32")),
    "Latin-1 names": Variant(
        TEXT.replace("Walking", "Gehen für").encode("latin-1"),
        CURED,
        labels={"Gehen für": "Walking", "Sitting": "Sitting"},
    ),
    # other shapes of a table
    "one row for each axis": Variant(
        table(
            lambda s: "\n".join(
                f"{s.subject},{s.activity},{s.time:.3f},{a},{v:.4f}"
                for a, v in zip("xyz", s.xyz, strict=True)
            ),
            "subject,activity,timestamp,axis,value",
        ),
        TOLD,
        "axis",
    ),
    "columns are samples": Variant(
        "\n".join(
            ",".join(r) for r in zip(HEADER.split(","), *(fields(s) for s in WALK), strict=True)
        ),
        TOLD,
        "transposed|rows and columns|header is missing",
    ),
    "one-hot labels": Variant(
        table(
            lambda s: (
                f"{s.subject},{int(s.activity == 'Walking')},{int(s.activity == 'Sitting')},"
                f"{s.time:.3f}," + joined(",", *s.xyz)
            ),
            "subject,Walking,Sitting,timestamp,x,y,z",
        ),
        TOLD,
        "one column for each class",
    ),
    "a magnitude beside": Variant(table(lambda s: plain(s) + ",10.1", HEADER + ",magnitude")),
    # JSON
    "JSON, records": Variant(json.dumps(records()), name="table.json"),
    "JSON, indented records": Variant(json.dumps(records(), indent=2), name="table.json"),
    "JSON lines": Variant("".join(json.dumps(r) + "\n" for r in records()), name="table.jsonl"),
    "JSON lines named .json": Variant(
        "".join(json.dumps(r) + "\n" for r in records()), name="table.json"
    ),
    "JSON, columns": Variant(
        json.dumps({n: [r[n] for r in records()] for n in HEADER.split(",")}), name="table.json"
    ),
    "JSON, records under a key": Variant(
        json.dumps({"data": records(), "version": 1}), name="table.json"
    ),
    "JSON, nested readings": one(
        json.dumps(
            [
                {
                    "timestamp": round(s.time, 3),
                    "acceleration": dict(zip("xyz", s.xyz, strict=True)),
                }
                for s in WALK
            ]
        ),
        name="w.json",
    ),
    "JSON, cut off": Variant(json.dumps(records())[:-200], TOLD, "JSON", name="table.json"),
    # containers
    "gzip": Variant(gzip.compress(TEXT.encode()), name="table.csv.gz"),
    "gzip, cut off": Variant(
        gzip.compress(TEXT.encode())[:-300], TOLD, "damaged gzip", name="table.csv.gz"
    ),
    "gzip without its ending": Variant(gzip.compress(TEXT.encode())),
    "zip": Variant(packed(walk_csv=TEXT), CURED, "zip", name="table.zip"),
    "zip, two files": Variant(
        packed(a_csv=table(rows=ALL[:HALF]), b_csv=table(rows=ALL[HALF:])), CURED, "zip"
    ),
    "zips of phyphox in a folder": Variant(
        {f"{n}.zip": packed(**{"Raw Data_csv": phyphox(r)}) for n, r in NAMES.items()}, TOLD, "zip"
    ),
    "tar.gz": Variant(tarred("w:gz"), CURED, "tar", name="table.tar.gz"),
    "tar": Variant(tarred("w:"), CURED, "tar", name="table.tar"),
    "bzip2": Variant(bz2.compress(TEXT.encode()), TOLD, "bzip2", name="table.csv.bz2"),
    "xz": Variant(lzma.compress(TEXT.encode()), TOLD, "xz", name="table.csv.xz"),
    "workbook": Variant(workbook(), TOLD, "workbook", name="table.xlsx"),
    "old workbook": Variant(
        b"\xd0\xcf\x11\xe0\xa1\xb1\x1a\xe1" + bytes(600), TOLD, "workbook|Excel", name="table.xls"
    ),
    "SQLite": Variant(database(), TOLD, "SQLite", name="table.db"),
    "NumPy array": Variant(array_file(), TOLD, "NumPy", name="table.npy"),
    "MATLAB file": Variant(
        b"MATLAB 5.0 MAT-file, Platform: PCWIN64" + bytes(600), TOLD, "MATLAB", name="table.mat"
    ),
    "HDF5": Variant(b"\x89HDF\r\n\x1a\n" + bytes(600), TOLD, "HDF5", name="table.h5"),
    "Parquet": Variant(parquet(), name="table.parquet"),
    "Parquet, other names": Variant(
        parquet(
            {
                "subject": "user",
                "activity": "label",
                "timestamp": "time",
                "x": "acc_x",
                "y": "acc_y",
                "z": "acc_z",
            }
        ),
        CURED,
        name="table.parquet",
    ),
    "Parquet, date and time": Variant(
        parquet(
            {"timestamp": "time"},
            "make_timestamp(cast(1709637300000000 + timestamp * 1000000 as bigint))",
        ),
        CURED,
        name="table.parquet",
    ),
    "Parquet, newest first": Variant(
        parquet(sort=" order by subject, activity, timestamp desc"), name="table.parquet"
    ),
    "a folder with a table of people": Variant(
        files(lambda rows: table(rows=rows))
        | {"participants.csv": "id,age,height\np1,31,180\np2,25,171\n"},
        CURED,
        "participants.csv",
    ),
    "a folder with a readme": Variant(
        {f"{n}.csv": table(rows=r) for n, r in NAMES.items()}
        | {"README.txt": "Recordings of March.\nSee the paper.\n"},
        CURED,
        "README.txt",
    ),
}
