"""HAPT: a Galaxy S II on the waist, 50 Hz, with the subjects and protocol of UCI HAR, raw.

Reyes-Ortiz, Oneto, Samà, Parra, Anguita: Transition-Aware Human Activity Recognition Using
Smartphones, Neurocomputing 171, 2016. `RawData/acc_expXX_userYY.txt` holds accelerometer readings
with gravity, in g, Android's sign; `labels.txt` the rows of each activity. No commercial use.
"""

from __future__ import annotations

import re
from collections import Counter
from collections.abc import Iterator
from dataclasses import dataclass
from pathlib import Path
from typing import TYPE_CHECKING

from edgeconv.core import Dataset, Progress
from edgeconv.datasets.files import parse_block, read_bytes, require_path
from edgeconv.datasets.tables.schema import Scale
from edgeconv.datasets.windowing import DatasetInfo, Segment, assemble
from edgeconv.errors import BadInput

if TYPE_CHECKING:
    import numpy as np
    from numpy.typing import NDArray

PART = "RawData"
WHAT = f"the folder that holds {PART}"
RATE_HZ = 50.0
LABELS = ("Downstairs", "Laying", "Sitting", "Standing", "Upstairs", "Walking")
CODES = {1: 5, 2: 4, 3: 0, 4: 2, 5: 3, 6: 1}
TRANSITIONS = range(7, 13)  # stand to sit and the like: seconds, mostly shorter than a window
_NAME = re.compile(r"acc_exp(?P<experiment>\d+)_user(?P<user>\d+)\.txt(\.gz)?")


@dataclass(frozen=True)
class Interval:
    """Rows `first` to `last` of an experiment, the first row being 1, both included."""

    experiment: int
    user: int
    code: int
    first: int
    last: int

    def __len__(self) -> int:
        return self.last - self.first + 1


def load(path: Path | None, progress: Progress) -> Dataset:
    """The six basic activities; transitions and unlabeled rows are counted as dropped.

    Raises:
        UsageError, BadInput: no such folder, no recordings or labels in it, a file that does not
            parse, or a label beyond the end of its recording.
    """
    folder = require_path(path, "hapt", WHAT)
    root = folder / PART if (folder / PART).is_dir() else folder
    files, intervals = _recordings(root), _intervals(root)
    progress.stage("Reading HAPT")
    dropped: Counter[str] = Counter()
    missing = {i.experiment for i in intervals} - {experiment for experiment, _ in files}
    notes = (f"{len(missing)} labeled experiments are missing",) if missing else ()
    segments = list(_segments(files, intervals, dropped, progress))
    if not segments:
        raise BadInput(f"{root}: no label belongs to a recording", f"give {WHAT}, whole")
    source = f"{folder.name}: accelerometer of {len(files)} experiments"
    return assemble(DatasetInfo("hapt", source, notes), LABELS, segments, dropped)


def _recordings(root: Path) -> dict[tuple[int, int], Path]:
    """(experiment, user) → file, sorted; plain text is preferred to its .gz."""
    files: dict[tuple[int, int], Path] = {}
    for file in sorted(root.glob("acc_exp*_user*.txt*")):
        if name := _NAME.fullmatch(file.name):
            files.setdefault((int(name["experiment"]), int(name["user"])), file)
    if not files:
        raise BadInput(f"{root}: no files like acc_exp01_user01.txt", f"give {WHAT}")
    return dict(sorted(files.items()))


def _intervals(root: Path) -> list[Interval]:
    plain, packed = root / "labels.txt", root / "labels.txt.gz"
    file = plain if plain.exists() or not packed.exists() else packed
    if not file.exists():
        raise BadInput(
            f"{root}: no labels.txt, which has the activity of each interval", f"give {WHAT}"
        )
    table = _table(file, 5, "experiment user activity first last")
    intervals = [Interval(*map(int, row)) for row in table]
    for line, interval in enumerate(intervals, 1):
        if interval.first < 1 or len(interval) < 1:
            raise BadInput(f"{file}: line {line} has rows {interval.first} to {interval.last}")
        if interval.code not in CODES and interval.code not in TRANSITIONS:
            raise BadInput(f"{file}: line {line} has activity {interval.code}, of 1 to 12")
    return intervals


def _segments(
    files: dict[tuple[int, int], Path],
    intervals: list[Interval],
    dropped: Counter[str],
    progress: Progress,
) -> Iterator[Segment]:
    for done, ((experiment, user), file) in enumerate(files.items(), 1):
        readings = _table(file, 3, "x y z") * Scale("g", "android").factor
        labeled = [i for i in intervals if (i.experiment, i.user) == (experiment, user)]
        dropped["not labeled"] += len(readings) - sum(len(i) for i in labeled)
        for interval in labeled:
            if interval.last > len(readings):
                raise BadInput(
                    f"{file}: {len(readings)} rows, but labels.txt names row {interval.last}",
                    "get the file again",
                )
            if interval.code in TRANSITIONS:
                dropped["a transition between postures"] += len(interval)
                continue
            values = readings[interval.first - 1 : interval.last]
            yield Segment(
                str(user), CODES[interval.code], values, rate_hz=RATE_HZ, source=file.name
            )
        progress.update(done, len(files), file.name)


def _table(file: Path, columns: int, what: str) -> NDArray[np.float64]:
    """A table of numbers separated by spaces."""
    lines = [b",".join(line.split()) for line in read_bytes(file, "a file of HAPT").splitlines()]
    while not lines[-1]:
        lines.pop()
    table = parse_block(b"\n".join(lines), b"\n", len(lines), columns)
    if table is None:
        clean = (parse_block(line, b"\n", 1, columns) is not None for line in lines)
        bad = next((n for n, ok in enumerate(clean, 1) if not ok), 1)
        raise BadInput(f"{file}: line {bad} is not '{what}' in finite numbers")
    return table
