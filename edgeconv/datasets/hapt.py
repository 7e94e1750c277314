"""HAPT: a Galaxy S II on the waist, 50 Hz, with the subjects and protocol of UCI HAR, raw.

Reyes-Ortiz, Oneto, Samà, Parra, Anguita: Transition-Aware Human Activity Recognition Using
Smartphones, Neurocomputing 171, 2016. `RawData/acc_expXX_userYY.txt` holds accelerometer readings
with gravity, in g, Android's sign; `gyro_expXX_userYY.txt` angular velocity in rad/s; `labels.txt`
the rows of each activity. No commercial use.

Gravity and linear acceleration are split as the authors of UCI HAR did it, by a Butterworth
low-pass at 0.3 Hz. It runs forward only, over the whole experiment, as an app could run it.
"""

from __future__ import annotations

import re
from collections import Counter
from collections.abc import Iterable, Iterator, Mapping
from dataclasses import dataclass, replace
from functools import partial
from pathlib import Path
from typing import TYPE_CHECKING

from edgeconv.core import Dataset, GravitySource, Progress, SensorKind, Windowing
from edgeconv.core.channels import GRAVITY_HZ, GRAVITY_ORDER
from edgeconv.core.json_codec import encode
from edgeconv.datasets.files import read_columns, require_path
from edgeconv.datasets.sample_cache import Slot, kept
from edgeconv.datasets.tables.schema import Scale
from edgeconv.datasets.windowing import DatasetInfo, Segment, assemble
from edgeconv.errors import BadInput

if TYPE_CHECKING:
    import numpy as np
    from numpy.typing import NDArray

PART = "RawData"
WHAT_FILE = "a file of HAPT"
WHAT = f"the folder that holds {PART}"
WITH_TRANSITIONS = "hapt-transitions"
RATE_HZ = 50.0
LABELS = ("Downstairs", "Laying", "Sitting", "Standing", "Upstairs", "Walking")
CODES = {1: 5, 2: 4, 3: 0, 4: 2, 5: 3, 6: 1}
TRANSITIONS = range(7, 13)  # stand to sit and the like: seconds, mostly shorter than a window
TWELVE = (
    *("Downstairs", "Laying", "Lie to sit", "Lie to stand", "Sit to lie", "Sit to stand"),
    *("Sitting", "Stand to lie", "Stand to sit", "Standing", "Upstairs", "Walking"),
)
CODES_OF_TWELVE = {
    **{code: TWELVE.index(LABELS[label]) for code, label in CODES.items()},
    **{7: 8, 8: 5, 9: 4, 10: 2, 11: 7, 12: 3},
}
SENSORS = {
    "": SensorKind.ACCELEROMETER,
    "gyro_": SensorKind.GYROSCOPE,
    "linear_": SensorKind.LINEAR_ACCELERATION,
    "gravity_": SensorKind.GRAVITY,
}
CHANNELS = {f"{name}{axis}": kind for name, kind in SENSORS.items() for axis in "xyz"}
TEST_USERS = tuple(map(str, (2, 4, 9, 10, 12, 13, 18, 20, 24)))
"""Whom the authors of UCI HAR held out; the users have the same numbers here."""
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


def load(path: Path | None, progress: Progress, windowing: Windowing) -> Dataset:
    """The six basic activities; transitions and unlabeled rows are counted as dropped.

    Raises:
        UsageError, BadInput: no such folder, no recordings or labels in it, a file that does not
            parse, or a label beyond the end of its recording.
    """
    return _load(path, progress, windowing, "hapt")


def load_with_transitions(path: Path | None, progress: Progress, windowing: Windowing) -> Dataset:
    """HAPT: as `hapt`, with the six transitions between postures as classes of their own.

    Raises:
        UsageError, BadInput: as `load`.
    """
    return _load(path, progress, windowing, WITH_TRANSITIONS)


def _load(path: Path | None, progress: Progress, windowing: Windowing, kind: str) -> Dataset:
    folder = require_path(path, "hapt", WHAT)
    root = folder / PART if (folder / PART).is_dir() else folder
    used = sorted({*root.glob("acc_*"), *root.glob("gyro_*"), *root.glob("labels.txt*")})
    beside = f"{kind} {folder.name} {encode(windowing)}"
    origin = DatasetInfo(
        kind,
        folder.name,
        channels=CHANNELS,
        test_subjects=TEST_USERS,
        gravity=GravitySource.FILTER,
    )
    return kept(used, beside, progress, partial(_read, root, origin, windowing, progress))


def _read(
    root: Path, origin: DatasetInfo, windowing: Windowing, progress: Progress, slot: Slot
) -> Dataset:
    files, intervals = _recordings(root), _intervals(root)
    twelve = origin.name == WITH_TRANSITIONS
    labels, codes = (TWELVE, CODES_OF_TWELVE) if twelve else (LABELS, CODES)
    asked = origin.contract(windowing, labels).channel_kinds
    channels = {name: kind for name, kind in CHANNELS.items() if kind in asked}
    progress.stage("Reading HAPT")
    dropped: Counter[str] = Counter()
    missing = {i.experiment for i in intervals} - {experiment for experiment, _ in files}
    notes = (f"{len(missing)} labeled experiments are missing",) if missing else ()
    kinds = tuple(dict.fromkeys(channels.values()))
    sources = _readings_of(files, kinds, progress)
    segments = list(_segments(sources, intervals, codes, dropped))
    if not segments:
        raise BadInput(f"{root}: no label belongs to a recording", f"give {WHAT}, whole")
    sensors = " and ".join(kind.replace("-", " ") for kind in kinds)
    source = f"{origin.source}: {sensors} of {len(files)} experiments"
    origin = replace(origin, source=source, notes=notes, channels=channels)
    return assemble(origin, labels, segments, windowing, dropped, slot.store)


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
    table = read_columns(file, 5, "experiment user activity first last", WHAT_FILE)
    intervals = [Interval(*map(int, row)) for row in table]
    for line, interval in enumerate(intervals, 1):
        if interval.first < 1 or len(interval) < 1:
            raise BadInput(
                f"{file}: line {line} has rows {interval.first} to {interval.last}",
                "rows count from 1, the last not before the first: get labels.txt again",
            )
        if interval.code not in CODES and interval.code not in TRANSITIONS:
            raise BadInput(
                f"{file}: line {line} has activity {interval.code}, of 1 to 12",
                "get labels.txt of the data set again",
            )
    return intervals


def _readings_of(
    files: dict[tuple[int, int], Path], kinds: tuple[SensorKind, ...], progress: Progress
) -> Iterator[tuple[tuple[int, int], Path, NDArray[np.float64]]]:
    for done, (key, file) in enumerate(files.items(), 1):
        yield key, file, _readings(file, kinds)
        progress.update(done, len(files), file.name)


def _segments(
    sources: Iterable[tuple[tuple[int, int], Path, NDArray[np.float64]]],
    intervals: list[Interval],
    codes: Mapping[int, int],
    dropped: Counter[str],
) -> Iterator[Segment]:
    for (experiment, user), file, readings in sources:
        labeled = [i for i in intervals if (i.experiment, i.user) == (experiment, user)]
        dropped["not labeled"] += len(readings) - sum(len(i) for i in labeled)
        for interval in labeled:
            if interval.last > len(readings):
                raise BadInput(
                    f"{file}: {len(readings)} rows, but labels.txt names row {interval.last}",
                    "get the file again",
                )
            if interval.code not in codes:
                dropped["a transition between postures"] += len(interval)
                continue
            values, label = readings[interval.first - 1 : interval.last], codes[interval.code]
            yield Segment(str(user), label, values, rate_hz=RATE_HZ, source=file.name)


def _readings(file: Path, kinds: tuple[SensorKind, ...]) -> NDArray[np.float64]:
    """(n, 3 × kinds) of one experiment, in canonical units."""
    import numpy as np

    acceleration = read_columns(file, 3, "x y z", WHAT_FILE) * Scale("g", "android").factor
    gravity = gravity_of(acceleration) if set(kinds) & {_LINEAR, SensorKind.GRAVITY} else None
    parts = []
    for kind in kinds:
        if kind is SensorKind.GYROSCOPE:
            parts.append(_gyroscope(file, len(acceleration)))
        elif kind is SensorKind.ACCELEROMETER or gravity is None:
            parts.append(acceleration)
        else:
            parts.append(acceleration - gravity if kind is _LINEAR else gravity)
    return np.hstack(parts)


_LINEAR = SensorKind.LINEAR_ACCELERATION


def _gyroscope(accelerometer: Path, rows: int) -> NDArray[np.float64]:
    plain = accelerometer.with_name(
        accelerometer.name.removesuffix(".gz").replace("acc_", "gyro_", 1)
    )
    packed = plain.with_name(f"{plain.name}.gz")
    file = plain if plain.exists() or not packed.exists() else packed
    if not file.exists():
        raise BadInput(f"no file {plain}, but {accelerometer.name}", f"give {WHAT}, whole")
    table = read_columns(file, 3, "x y z", WHAT_FILE)
    if len(table) != rows:
        raise BadInput(
            f"{file}: {len(table)} rows, but {rows} in {accelerometer.name}", "get the file again"
        )
    return table


def gravity_of(acceleration: NDArray[np.float64], rate_hz: float = RATE_HZ) -> NDArray[np.float64]:
    """The slow part of (n, 3) accelerations: gravity, as far as a low-pass tells it from motion.

    The filter starts as if the first sample had always been there.
    """
    import numpy as np
    from scipy.signal import butter, sosfilt, sosfilt_zi

    sections = butter(GRAVITY_ORDER, GRAVITY_HZ, fs=rate_hz, output="sos")
    state = sosfilt_zi(sections)[:, :, None] * acceleration[0]
    slow, _ = sosfilt(sections, acceleration, axis=0, zi=state)
    return np.asarray(slow, np.float64)
