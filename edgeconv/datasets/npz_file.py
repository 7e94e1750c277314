"""Windows of a sensor that were cut elsewhere, as arrays in an `npz` file.

The file holds `windows` (n, time steps, channels), canonical: accelerations in m/s² with gravity
and Android's sign, rotation in rad/s; `labels` (n,) and `subject` (n,); and, unless the model's
contract says it, `rate_hz`. `channels`, their names, may be left out for x, y, z.
"""

from __future__ import annotations

from dataclasses import replace
from pathlib import Path
from typing import TYPE_CHECKING, Any

from edgeconv.core import Dataset, Progress, Signal, Windowing
from edgeconv.core.npz import read_npz
from edgeconv.datasets.in_memory import dataset_from_arrays
from edgeconv.datasets.samples import LABELS, NPZ, SUBJECT
from edgeconv.errors import BadInput, UsageError

if TYPE_CHECKING:
    from numpy.typing import NDArray

WINDOWS, RATE, CHANNELS = "windows", "rate_hz", "channels"
_HINT = "docs/how-to/own-recordings.md lists the arrays of an npz file"


def load(path: Path | None, progress: Progress, windowing: Windowing) -> Dataset:
    """Load windows; they are not cut again.

    Raises:
        UsageError: no file is named.
        BadInput: the file cannot be read, an array is missing or does not fit the others, or the
            windows are of another length or rate than they must be.
    """
    del progress
    if path is None:
        raise UsageError("npz needs a file", "write npz:FILE")
    arrays = read_npz(path)
    for name in (WINDOWS, LABELS, SUBJECT):
        if name not in arrays:
            held = ", ".join(arrays) or "nothing"
            raise BadInput(f"{path} holds {held}, but no array '{name}'", _HINT)
    signal = _signal(path, arrays, windowing)
    try:
        dataset = dataset_from_arrays(arrays[WINDOWS], arrays[LABELS], arrays[SUBJECT], signal)
    except BadInput as error:
        raise BadInput(f"{path}: {error.message}", error.hint) from error
    return replace(dataset, name=NPZ, report=replace(dataset.report, source=str(path)))


def _signal(path: Path, arrays: dict[str, NDArray[Any]], windowing: Windowing) -> Signal:
    shape = arrays[WINDOWS].shape
    if len(shape) != 3:
        raise BadInput(
            f"{path}: '{WINDOWS}' has shape {shape}, not (n, time steps, channels)", _HINT
        )
    rate = float(arrays[RATE].reshape(-1)[0]) if RATE in arrays and arrays[RATE].size else 0.0
    if not (rate or windowing.rate_hz):
        raise BadInput(f"{path} does not say the rate of its windows", f"add an array '{RATE}'")
    if CHANNELS in arrays:
        names = tuple(str(name) for name in arrays[CHANNELS].reshape(-1).tolist())
    else:
        names = ("x", "y", "z") if shape[2] == 3 else ()
    if len(names) != shape[2]:
        raise BadInput(
            f"{path}: {shape[2]} channels, but {len(names)} names", f"add an array '{CHANNELS}'"
        )
    for what, given, wanted in (
        ("time steps", shape[1], windowing.window),
        ("Hz", rate, windowing.rate_hz),
    ):
        if given and wanted and given != wanted:
            raise BadInput(
                f"{path}: windows of {given:g} {what}, but the model takes {wanted:g}",
                "cut the recordings again",
            )
    rate = rate or windowing.rate_hz
    return Signal(channels=names, rate_hz=rate, window=shape[1], step=max(shape[1] // 2, 1))
