"""WISDM's text format: the fast parser against a slow one that is obviously right."""

from __future__ import annotations

import math
import re

import numpy as np
import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from edgeconv.datasets.wisdm import FEW, parse_lines

NUMBER = re.compile(r"[+-]?(\d+(\.\d*)?|\.\d+)([eE][+-]?\d+)?")
Row = tuple[str, str, float, float, float, float]


def slow(content: bytes) -> tuple[list[Row], int]:
    """Rows and number of dropped ones, a line at a time, with none of the parser's code."""
    rows: list[Row] = []
    dropped = 0
    lines = content.decode().replace("\r\n", "\n").replace("\r", "\n").split("\n")
    if lines[-1] == "":
        lines.pop()
    for line in lines:
        records = [part for part in line.split(";") if part.strip(" \t")]
        if not records:
            dropped += 1
        for record in records:
            fields = [field.strip(" \t") for field in record.split(",")]
            if len(fields) == 7 and fields[6] == "":
                fields = fields[:6]
            halves = [fields[:6], fields[6:]] if len(fields) == 12 else [fields]
            for half in halves:
                numbers = [float(f) if NUMBER.fullmatch(f) else math.nan for f in half[2:]]
                if len(half) == 6 and half[0] and half[1] and all(map(math.isfinite, numbers)):
                    rows.append((half[0], half[1], *numbers))  # type: ignore[arg-type]
                else:
                    dropped += 1
    return rows, dropped


def fast(content: bytes) -> tuple[list[Row], int]:
    lines = parse_lines(content)
    rows = [(run.user, run.activity, *row) for run in lines.runs for row in run.table.tolist()]
    return rows, sum(lines.dropped.values())


field = st.one_of(
    st.floats(-20, 20).map(lambda x: f"{x:.7g}"),
    st.integers(0, 10**15).map(str),
    st.sampled_from(
        ["", " ", "nan", "inf", "-Infinity", "1_0", "0x1p3", "1e999", "1e5", ".5", "5."]
    ),
    st.sampled_from(["--1", "1 2", "abc", " 7 ", "+3", "1.2.3", "1e", "\t2", "nan(1)", "."]),
)
good = st.builds(
    "{},{},{},{:.6f},{:.6f},{:.6f};".format,
    st.sampled_from(["1", "33"]),
    st.sampled_from(["Walking", "Jogging"]),
    st.integers(0, 10**15),
    *[st.floats(-20, 20)] * 3,
)
odd = st.one_of(
    st.builds(lambda fields: "33,Jogging," + ",".join(fields) + ";", st.lists(field, max_size=10)),
    st.builds(lambda a, b: a + b, good, good),  # the line break is missing
    st.builds(lambda a, b: a[:-1] + "," + b, good, good),  # and the semicolon too
    st.sampled_from(["", ";", "33,Jogging,;", ",,,,,;", "33,Jogging,1,2,3,4", "x", "1,,2,3,4,5;"]),
    good.map(lambda line: line[:-1] + ",;"),
    good.map(lambda line: " " + line),
    good.map(lambda line: line.replace("33", "a user with a very long name")),
)


@settings(max_examples=150)
@given(
    st.lists(odd, max_size=6),
    st.lists(good, min_size=1, max_size=3),
    st.randoms(use_true_random=False),
    st.sampled_from(["\n", "\r\n"]),
    st.booleans(),
)
def test_same_as_slow_parser(
    bad: list[str], blocks: list[str], random: object, newline: str, last: bool
) -> None:
    runs = [line for line in blocks for _ in range(FEW * 3)]  # long enough for the fast path
    for line in bad:
        runs.insert(random.randrange(len(runs) + 1), line)  # type: ignore[attr-defined]
    content = (newline.join(runs) + (newline if last else "")).encode()
    assert fast(content) == slow(content)


def run_of(count: int) -> list[str]:
    return [
        f"33,Jogging,{49105962326000 + n * 50_000_000},-0.69,12.6,0.5{n};" for n in range(count)
    ]


@pytest.mark.parametrize(
    ("line", "reason"),
    [
        ("", "blank line"),
        ("33,Jogging,1,2,3,;", "empty value"),
        ("33,Jogging,1,2;", "missing fields"),
        ("33,Jogging,1,2,3,4,5,6;", "too many fields"),
        ("33,Jogging,1,2,3,x;", "not a number"),
        ("33,Jogging,1,2,nan,4;", "not finite"),
    ],
)
def test_a_bad_line_among_many_is_dropped_with_its_reason(line: str, reason: str) -> None:
    lines = run_of(500)
    lines.insert(300, line)
    parsed = parse_lines("\n".join(lines).encode())
    assert parsed.dropped == {reason: 1}
    assert [len(run.table) for run in parsed.runs] == [500]


def test_two_rows_on_one_line_are_recovered() -> None:
    lines = run_of(500)
    lines[100:102] = [lines[100] + lines[101]]
    lines[200:202] = [lines[200].removesuffix(";") + "," + lines[201]]
    parsed = parse_lines("\n".join(lines).encode())
    assert (parsed.recovered, parsed.dropped) == (2, {})
    expected = parse_lines("\n".join(run_of(500)).encode()).runs[0].table
    np.testing.assert_array_equal(parsed.runs[0].table, expected)


def test_a_field_too_many_cannot_hide_behind_one_too_few() -> None:
    """The two lines have eight numbers together, as two good ones."""
    lines = run_of(200)
    lines[50:50] = ["33,Jogging,1,2,3,4,5;", "33,Jogging,1,2,3;"]
    parsed = parse_lines("\n".join(lines).encode())
    assert parsed.dropped == {"too many fields": 1, "missing fields": 1}
    assert len(parsed.runs[0].table) == 200
