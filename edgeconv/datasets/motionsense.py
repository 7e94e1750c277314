"""MotionSense: an iPhone 6s in the front trouser pocket, 50 Hz (Malekzadeh et al., IoTDI 2019).

Part B, `B_Accelerometer_data/<activity>_<trial>/sub_<n>.csv[.gz]`, holds Core Motion accelerometer
readings with gravity, in g. The first column is a row number; there are no time stamps.
"""

from __future__ import annotations

import re
from collections.abc import Iterator
from pathlib import Path
from typing import TYPE_CHECKING

from edgeconv.core import Dataset, Progress, Windowing
from edgeconv.core.json_codec import encode
from edgeconv.datasets.files import parse_block, read_bytes, require_path
from edgeconv.datasets.sample_cache import Slot, kept
from edgeconv.datasets.tables.schema import Scale
from edgeconv.datasets.windowing import DatasetInfo, Segment, assemble
from edgeconv.errors import BadInput

if TYPE_CHECKING:
    import numpy as np
    from numpy.typing import NDArray

PART = "B_Accelerometer_data"
WHAT = f"the folder that holds {PART}"
RATE_HZ = 50.0
LABELS = ("Downstairs", "Jogging", "Sitting", "Standing", "Upstairs", "Walking")
CODES = {"dws": 0, "jog": 1, "sit": 2, "std": 3, "ups": 4, "wlk": 5}
HEADER = b",x,y,z"
_PLACE = re.compile(r"(?P<code>[a-z]+)_(?P<trial>\d+)/sub_(?P<subject>\d+)\.csv(\.gz)?")


def load(path: Path | None, progress: Progress, windowing: Windowing) -> Dataset:
    """All trials of part B below `path`; subjects are called by their number.

    Raises:
        UsageError, BadInput: no such folder, no trials in it, or a file that does not parse.
    """
    folder = require_path(path, "motionsense", WHAT)
    files = _trials(folder)
    origin = DatasetInfo("motionsense", f"{folder.name}: {len(files)} trials of {PART}")

    def read(slot: Slot) -> Dataset:
        progress.stage("Reading MotionSense")
        segments = _segments(files, progress)
        return assemble(origin, LABELS, segments, windowing, store=slot.store)

    beside = f"{origin.source} {encode(windowing)}"
    return kept([file for *_, file in files], beside, progress, read)


def _trials(folder: Path) -> list[tuple[int, str, str, Path]]:
    """(label, subject, trial, file) of every trial, sorted, one file each."""
    root = folder / PART if (folder / PART).is_dir() else folder
    files: dict[tuple[int, int, int], tuple[str, Path]] = {}
    for file in sorted(root.glob("*_*/sub_*.csv*")):
        name = f"{file.parent.name}/{file.name}"
        place = _PLACE.fullmatch(name)
        if place and place["code"] in CODES:
            key = (CODES[place["code"]], int(place["subject"]), int(place["trial"]))
            files.setdefault(key, (name, file))  # a .csv is preferred to its .csv.gz
    if not files:
        raise BadInput(f"{folder}: no MotionSense trials like wlk_7/sub_1.csv", f"give {WHAT}")
    return [(key[0], str(key[1]), *files[key]) for key in sorted(files)]


def _segments(files: list[tuple[int, str, str, Path]], progress: Progress) -> Iterator[Segment]:
    for done, (label, subject, name, file) in enumerate(files, 1):
        values = _read(file) * Scale("g", "ios").factor
        progress.update(done, len(files), name)
        yield Segment(subject, label, values, rate_hz=RATE_HZ, source=name)


def _read(file: Path) -> NDArray[np.float64]:
    content = read_bytes(file, "a MotionSense trial").replace(b"\r\n", b"\n")
    header, _, body = content.partition(b"\n")
    if header.strip().replace(b'"', b"") != HEADER:
        shown = header[:40].decode("utf-8", "replace").strip()
        if header.strip().replace(b'"', b"").replace(b";", b",") == HEADER:
            raise BadInput(
                f"{file}: its columns are separated by ; as a spreadsheet saves them, not by ,",
                "use the file as it was published",
            )
        raise BadInput(
            f"{file}: line 1 is '{shown}', expected '{HEADER.decode()}'",
            "the accelerometer files of part B are needed, not device motion",
        )
    body = body.rstrip(b"\n")
    rows = body.count(b"\n") + 1
    table = parse_block(body, b"\n", rows, 4)
    if table is None:
        raise BadInput(
            f"{file}: line {_bad_line(body)} is not 'row,x,y,z' in finite numbers",
            "mend or remove the line, or get the file again",
        )
    return table[:, 1:]


def _bad_line(body: bytes) -> int:
    """Number in the file (the header is line 1) of the first line that does not parse."""
    lines = body.split(b"\n")
    bad = (n for n, line in enumerate(lines, 2) if parse_block(line, b"\n", 1, 4) is None)
    return next(bad, 2)
