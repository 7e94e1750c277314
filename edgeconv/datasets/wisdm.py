"""WISDM v1.1, the set of the reference article: Android phones in a pocket, nominally 20 Hz.

Kwapisz, Weiss, Moore: Activity Recognition using Cell Phone Accelerometers, SIGKDD Explorations
12(2), 2010. One text file, `user,activity,time stamp in ns,x,y,z;`, m/s², Android's sign.
"""

from __future__ import annotations

from collections import Counter
from collections.abc import Iterator, Mapping, Sequence
from pathlib import Path
from typing import TYPE_CHECKING

from edgeconv.core import Dataset, Progress
from edgeconv.datasets.files import read_bytes, require_path
from edgeconv.datasets.tables.clock import FASTEST_HZ, SLOWEST_HZ
from edgeconv.datasets.windowing import DatasetInfo, Segment, assemble
from edgeconv.datasets.wisdm_format import ActivityRun, Lines, parse_lines
from edgeconv.errors import BadInput

if TYPE_CHECKING:
    import numpy as np
    from numpy.typing import NDArray

WHAT = "the file WISDM_ar_v1.1_raw.txt (get it: edgeconv data fetch wisdm)"
LABELS = ("Downstairs", "Jogging", "Sitting", "Standing", "Upstairs", "Walking")
NANOSECONDS = 1e-9
ALTERNATING = 3  # rows a run: below, rows of several users alternate


def load(path: Path | None, progress: Progress) -> Dataset:
    """The whole file; every line is used, or counted as dropped with the reason.

    Raises:
        UsageError, BadInput: no such file, or no line of the format in it.
    """
    file = require_path(path, "wisdm", WHAT)
    progress.stage("Reading WISDM v1.1")
    content = read_bytes(file, WHAT)
    lines = parse_lines(content)
    dropped = Counter(lines.dropped)
    segments = list(
        segments_of(lines, {label: n for n, label in enumerate(LABELS)}, dropped, file.name)
    )
    if not segments:
        raise _not_wisdm(file, content, lines, dropped)
    origin = DatasetInfo("wisdm", file.name, recovered_note(lines.recovered))
    return assemble(origin, LABELS, segments, dropped)


def _not_wisdm(file: Path, content: bytes, lines: Lines, dropped: Mapping[str, int]) -> BadInput:
    """Names the file that was given in place of WISDM v1.1's raw one."""
    counted = "; ".join(f"{count} × {reason}" for reason, count in dropped.items())
    if content[:200].lstrip().lower().startswith((b"@relation", b"%")):
        return BadInput(
            f"{file} is the transformed file of WISDM (ARFF), whose rows are features",
            "give the raw one, WISDM_ar_v1.1_raw.txt (edgeconv data fetch wisdm)",
        )
    if lines.runs and all(len(run.activity) == 1 for run in lines.runs):
        return BadInput(
            f"{file} has the letter codes of WISDM 2019 for its activities",
            "use --data wisdm2019:DIR, the folder that holds raw/phone/accel",
        )
    return BadInput(
        f"{file}: no line like '33,Jogging,49105962326000,-0.69,12.68,0.50;'",
        f"dropped lines: {counted}" if counted else f"give {WHAT}",
    )


def recovered_note(count: int) -> tuple[str, ...]:
    """A note on rows that shared a line."""
    return (f"{count} rows recovered that shared a line with another",) if count else ()


def segments_of(
    lines: Lines, labels: Mapping[str, int], dropped: Counter[str], source: str
) -> Iterator[Segment]:
    """Runs of the wanted activities as segments; the others are counted as dropped.

    Raises:
        BadInput: the time stamps are not nanoseconds.
    """
    runs = grouped(lines.runs)
    check_clock([run for run in runs if run.activity in labels], source)
    for run in runs:
        if run.activity in labels:
            yield from _segment(run, labels[run.activity], dropped, source)
        else:
            dropped[f"activity '{run.activity}' is not one of the classes"] += len(run.table)


def grouped(runs: Sequence[ActivityRun]) -> Sequence[ActivityRun]:
    """The runs themselves, or those of each user and activity joined where rows alternate."""
    import numpy as np

    if len(runs) < 2 or sum(len(run.table) for run in runs) >= ALTERNATING * len(runs):
        return runs
    tables: dict[tuple[str, str], list[NDArray[np.float64]]] = {}
    for run in runs:
        tables.setdefault((run.user, run.activity), []).append(run.table)
    return [
        ActivityRun(user, activity, np.concatenate(t)) for (user, activity), t in tables.items()
    ]


def check_clock(runs: Sequence[ActivityRun], source: str) -> None:
    """Refuse time stamps in another unit than nanoseconds, before anything is made of them.

    Raises:
        BadInput: with the rate that they would mean, and the unit that they look like.
    """
    import numpy as np

    steps = np.concatenate([np.diff(run.table[:, 0]) for run in runs] or [np.zeros(0)])
    steps = steps[steps > 0]
    if not len(steps):
        return
    rate = 1.0 / (float(np.median(steps)) * NANOSECONDS)
    if SLOWEST_HZ <= rate <= FASTEST_HZ:
        return
    units = {"milliseconds": 1e-6, "microseconds": 1e-3, "seconds": 1e-9}
    likely = [u for u, factor in units.items() if SLOWEST_HZ <= rate * factor <= FASTEST_HZ]
    looks = f"; they look like {likely[0]}" if likely else ""
    raise BadInput(
        f"{source}: the time stamps mean {rate:,.4g} samples a second: WISDM counts "
        f"nanoseconds{looks}",
        "this may be a later release of WISDM: give WISDM_ar_v1.1_raw.txt, or use csv:FILE with "
        "timestamp_unit in FILE.toml",
    )


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
