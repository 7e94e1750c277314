"""WISDM v1.1, the set of the reference article: Android phones in a pocket, nominally 20 Hz.

Kwapisz, Weiss, Moore: Activity Recognition using Cell Phone Accelerometers, SIGKDD Explorations
12(2), 2010. One text file, `user,activity,time stamp in ns,x,y,z;`, m/s², Android's sign.
"""

from __future__ import annotations

from collections import Counter
from collections.abc import Iterator, Mapping
from pathlib import Path

from edgeconv.core import Dataset, Progress
from edgeconv.datasets.files import read_bytes, require_path
from edgeconv.datasets.windowing import DatasetInfo, Segment, assemble
from edgeconv.datasets.wisdm_format import ActivityRun, Lines, parse_lines
from edgeconv.errors import BadInput

WHAT = "the file WISDM_ar_v1.1_raw.txt (get it: edgeconv data fetch wisdm)"
LABELS = ("Downstairs", "Jogging", "Sitting", "Standing", "Upstairs", "Walking")
NANOSECONDS = 1e-9


def load(path: Path | None, progress: Progress) -> Dataset:
    """The whole file; every line is used, or counted as dropped with the reason.

    Raises:
        UsageError, BadInput: no such file, or no line of the format in it.
    """
    file = require_path(path, "wisdm", WHAT)
    progress.stage("Reading WISDM v1.1")
    lines = parse_lines(read_bytes(file, WHAT))
    dropped = Counter(lines.dropped)
    segments = list(
        segments_of(lines, {label: n for n, label in enumerate(LABELS)}, dropped, file.name)
    )
    if not segments:
        raise BadInput(
            f"{file}: no line like '33,Jogging,49105962326000,-0.69,12.68,0.50;'",
            f"dropped lines: {dict(dropped)}",
        )
    origin = DatasetInfo("wisdm", file.name, recovered_note(lines.recovered))
    return assemble(origin, LABELS, segments, dropped)


def recovered_note(count: int) -> tuple[str, ...]:
    """A note on rows that shared a line."""
    return (f"{count} rows recovered that shared a line with another",) if count else ()


def segments_of(
    lines: Lines, labels: Mapping[str, int], dropped: Counter[str], source: str
) -> Iterator[Segment]:
    """Runs of the given activities as segments; the others are counted as dropped."""
    for run in lines.runs:
        if run.activity in labels:
            yield from _segment(run, labels[run.activity], dropped, source)
        else:
            dropped[f"activity '{run.activity}' is not one of the classes"] += len(run.table)


def _segment(run: ActivityRun, label: int, dropped: Counter[str], source: str) -> Iterator[Segment]:
    stamped = run.table[:, 0] != 0
    unstamped = int((~stamped).sum())
    if unstamped:
        # Such rows are all zero in the published file: no time, no acceleration, no gravity.
        dropped["time stamp is 0"] += unstamped
    table = run.table[stamped]
    if len(table):
        yield Segment(
            run.user, label, table[:, 1:], seconds=table[:, 0] * NANOSECONDS, source=source
        )
