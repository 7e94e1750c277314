"""WISDM 2019: Android phones in a trouser pocket, or watches, 18 activities, 180 s each.

Weiss, Yoneda, Hayajneh: Smartphone and Smartwatch-Based Biometrics Using Activities of Daily
Living, IEEE Access 7, 2019. The line format of v1.1 with letter codes; m/s², Android's sign; 20, 25
or 50 Hz by subject and activity, so everything is resampled by its time stamps.
"""

from __future__ import annotations

from collections import Counter
from collections.abc import Sequence
from dataclasses import replace
from functools import partial
from pathlib import Path

from edgeconv.core import Dataset, Progress, Windowing
from edgeconv.core.json_codec import encode
from edgeconv.datasets.files import read_bytes, require_path
from edgeconv.datasets.sample_cache import Slot, kept
from edgeconv.datasets.windowing import DatasetInfo, Segment, assemble
from edgeconv.datasets.wisdm import parse_lines, recovered_note, segments_of
from edgeconv.errors import BadInput

WHAT = "the folder that holds raw/phone/accel, or raw/watch/accel itself"
LABELS = ("Jogging", "Sitting", "Stairs", "Standing", "Walking")
CODES = {"A": 4, "B": 0, "C": 2, "D": 1, "E": 3}
PATTERN = "data_*_accel_{device}.txt*"
PHONE, WATCH = "phone", "watch"


def load(path: Path | None, progress: Progress, windowing: Windowing) -> Dataset:
    """The five activities that the pocket sets share; this one does not distinguish up and down.

    The whole folder is that of the phones; `raw/watch/accel` is that of the watches, which the same
    people wore.

    Raises:
        UsageError, BadInput: no such folder, no recordings in it, or none of these activities.
    """
    folder = require_path(path, "wisdm2019", WHAT)
    device, files = _files(folder)
    beside = f"wisdm2019 {folder.name} {encode(windowing)}"
    read = partial(_read, folder, device, files, windowing, progress)
    return kept(files, beside, progress, read)


def _read(
    folder: Path,
    device: str,
    files: Sequence[Path],
    windowing: Windowing,
    progress: Progress,
    slot: Slot,
) -> Dataset:
    progress.stage("Reading WISDM 2019")
    dropped: Counter[str] = Counter()
    segments: list[Segment] = []
    recovered = 0
    for done, file in enumerate(files, 1):
        lines = parse_lines(read_bytes(file, "a WISDM 2019 recording"))
        recovered += lines.recovered
        worn = segments_of(lines, CODES, dropped, file.name)
        segments += (replace(s, device=device) for s in worn) if device == WATCH else worn
        progress.update(done, len(files), file.name)
    if not segments:
        raise BadInput(f"{folder}: no walking, jogging, stairs, sitting or standing", str(dropped))
    origin = DatasetInfo(
        "wisdm2019",
        f"{folder.name}: {device} accelerometer of {len(files)} subjects",
        (*recovered_note(recovered), *_watch_note(folder, device)),
    )
    return assemble(origin, LABELS, segments, windowing, dropped, slot.store)


def _files(folder: Path) -> tuple[str, list[Path]]:
    """The device and one file a subject; plain text is preferred to its .gz."""
    if not folder.is_dir():
        raise BadInput(f"{folder} is not a folder", f"give {WHAT}")
    for device in (PHONE, WATCH):
        inner = folder / "raw" / device / "accel"
        files: dict[str, Path] = {}
        for file in sorted(
            (inner if inner.is_dir() else folder).glob(PATTERN.format(device=device))
        ):
            if file.name.endswith((".txt", ".txt.gz")):
                files.setdefault(file.name.removesuffix(".gz"), file)
        if files:
            return device, list(files.values())
    raise BadInput(f"{folder}: no files like data_1600_accel_phone.txt", f"give {WHAT}")


def _watch_note(folder: Path, device: str) -> tuple[str, ...]:
    watch = folder / "raw" / WATCH / "accel"
    if device == WATCH or not watch.is_dir():
        return ()
    return (f"the watches are another data set of the same people: wisdm2019:{watch}",)
