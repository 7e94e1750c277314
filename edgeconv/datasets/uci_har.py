"""UCI HAR: windows of a Galaxy S II on the waist, filtered and cut by its authors.

Anguita, Ghio, Oneto, Parra, Reyes-Ortiz: A Public Domain Dataset for Human Activity Recognition
Using Smartphones, ESANN 2013. In each of the folders `train` and `test`, `Inertial Signals` holds
a file for each of nine channels with a window of 128 samples (2.56 s at 50 Hz) a line; half of it
is in the next line again. Accelerations are in g, Android's sign, angular velocity in rad/s.
"""

from __future__ import annotations

from collections.abc import Iterator
from functools import partial
from pathlib import Path
from typing import TYPE_CHECKING

from edgeconv.core import (
    STANDARD_GRAVITY,
    Dataset,
    GravitySource,
    Progress,
    SensorKind,
    Signal,
    Windowing,
)
from edgeconv.core.json_codec import encode
from edgeconv.datasets.files import read_columns, require_path
from edgeconv.datasets.hapt import CODES, LABELS
from edgeconv.datasets.sample_cache import Slot, kept
from edgeconv.datasets.windowing import DatasetInfo, Segment, assemble
from edgeconv.errors import BadInput

if TYPE_CHECKING:
    import numpy as np
    from numpy.typing import NDArray

WHAT = "the folder 'UCI HAR Dataset', which holds train and test"
PARTS = ("train", "test")
RATE_HZ, WINDOW = 50.0, 128
FILES = {
    "acc": ("total_acc", SensorKind.ACCELEROMETER, STANDARD_GRAVITY),
    "linear": ("body_acc", SensorKind.LINEAR_ACCELERATION, STANDARD_GRAVITY),
    "gyro": ("body_gyro", SensorKind.GYROSCOPE, 1.0),
}
"""Of each sensor: how its files begin, its kind, and what makes the program's unit of it."""
CHANNELS = {f"{name}_{axis}": kind for name, (_, kind, _) in FILES.items() for axis in "xyz"}


def load(path: Path | None, progress: Progress, windowing: Windowing) -> Dataset:
    """Both parts; the subjects of `test` are the test subjects.

    Windows that follow one another are joined where their halves agree, and cut again.

    Raises:
        UsageError, BadInput: no such folder, a file that is missing or does not parse, or files
            that do not belong together.
    """
    folder = require_path(path, "uci-har", WHAT)
    inner = folder / "UCI HAR Dataset"
    root = inner if inner.is_dir() else folder
    used = [file for part in PARTS for file in _files_of(root / part)]
    beside = f"uci-har {root.name} {encode(windowing)}"
    return kept(used, beside, progress, partial(_read, root, windowing, progress))


def _files_of(part: Path) -> list[Path]:
    patterns = ("Inertial Signals/*.txt*", "y_*.txt*", "subject_*.txt*")
    return sorted(file for pattern in patterns for file in part.glob(pattern))


def _read(root: Path, windowing: Windowing, progress: Progress, slot: Slot) -> Dataset:
    progress.stage("Reading UCI HAR")
    segments: list[Segment] = []
    subjects: dict[str, set[str]] = {}
    for done, part in enumerate(PARTS, 1):
        found = list(_segments(root, part))
        subjects[part] = {segment.subject for segment in found}
        segments += found
        progress.update(done, len(PARTS), part)
    if both := subjects["train"] & subjects["test"]:
        raise BadInput(
            f"{root}: subjects {', '.join(sorted(both))} are in train and in test",
            f"give {WHAT}, as its authors published it",
        )
    origin = DatasetInfo(
        "uci-har",
        f"{root.name}: the parts of its authors",
        channels=CHANNELS,
        default=Signal(tuple(CHANNELS), RATE_HZ, WINDOW, WINDOW // 2),
        test_subjects=tuple(sorted(subjects["test"])),
        gravity=GravitySource.FILTER,
    )
    return assemble(origin, LABELS, segments, windowing, store=slot.store)


def _segments(root: Path, part: str) -> Iterator[Segment]:
    """Runs of windows of one subject and activity, each halfway into the one before."""
    import numpy as np

    numbers = {name: _column(root / part / f"{name}_{part}.txt") for name in ("y", "subject")}
    windows = _windows(root / part / "Inertial Signals", part)
    codes, subjects = numbers["y"], numbers["subject"]
    for name, column in numbers.items():
        if len(column) != len(windows):
            raise BadInput(
                f"{root / part}: {len(windows)} windows, but {len(column)} lines in "
                f"{name}_{part}.txt",
                "get the folder again",
            )
    if unknown := sorted(set(codes.tolist()) - set(CODES)):
        raise BadInput(f"{root / part}: activity {unknown[0]}, of 1 to 6", "get the folder again")
    half = WINDOW // 2
    follows = (
        (windows[:-1, half:] == windows[1:, :half]).all(axis=(1, 2))
        & (codes[:-1] == codes[1:])
        & (subjects[:-1] == subjects[1:])
    )
    for run in np.split(np.arange(len(windows)), np.flatnonzero(~follows) + 1):
        first = windows[run[0]]
        values = np.concatenate([first, *(windows[row, half:] for row in run[1:])])
        label, subject = CODES[int(codes[run[0]])], str(subjects[run[0]])
        source = f"{part}, windows {run[0] + 1} to {run[-1] + 1}"
        yield Segment(subject, label, values, rate_hz=RATE_HZ, source=source)


def _windows(folder: Path, part: str) -> NDArray[np.float64]:
    """(windows, samples, channels) in canonical units."""
    import numpy as np

    columns: list[NDArray[np.float64]] = []
    for name, factor in ((name, factor) for name, _, factor in FILES.values()):
        for axis in "xyz":
            file = _file(folder / f"{name}_{axis}_{part}.txt")
            table = read_columns(file, WINDOW, f"{WINDOW} samples", "a file of UCI HAR")
            if columns and len(table) != len(columns[0]):
                raise BadInput(
                    f"{file}: {len(table)} windows, but {len(columns[0])} in the file before",
                    "get the folder again",
                )
            columns.append(table * factor)
    return np.stack(columns, axis=2)


def _column(file: Path) -> NDArray[np.int64]:
    import numpy as np

    table = read_columns(_file(file), 1, "a number", "a file of UCI HAR")
    return np.asarray(table[:, 0], np.int64)


def _file(plain: Path) -> Path:
    """The file or its .gz."""
    packed = plain.with_name(f"{plain.name}.gz")
    if not plain.exists() and not packed.exists():
        raise BadInput(f"no file {plain}", f"give {WHAT}")
    return plain if plain.exists() else packed
