"""Data sets from what a Python program already holds: arrays, or a data frame."""

from __future__ import annotations

import csv
import tempfile
from collections.abc import Sequence
from dataclasses import replace
from pathlib import Path
from typing import TYPE_CHECKING, Any

from edgeconv.core import NULL_PROGRESS, Dataset, LoadReport, Recording, Signal, Windowing
from edgeconv.core.dataset import in_parts
from edgeconv.datasets.csv_file import load
from edgeconv.errors import BadInput

if TYPE_CHECKING:
    import numpy as np
    from numpy.typing import ArrayLike, NDArray

ARRAYS, FRAME = "arrays", "data frame"
IN_MEMORY = (f"{ARRAYS} in memory", f"{FRAME} in memory")  # sources of data that nobody checked yet
TEXTS, NUMBERS = ("subject", "activity"), ("timestamp", "x", "y", "z")
ROLES, OPTIONAL = (*TEXTS, *NUMBERS), ("recording", "device")
_ARRAYS_HINT = (
    "give (windows, labels, subjects): windows (n, 80, 3) in m/s² with gravity and Android's sign, "
    "and a class name and a subject for each of them"
)
_DATASET_HINT = "give a Dataset as load_dataset and dataset_from_arrays make it"
_FRAME_HINT = f"give the columns {', '.join(ROLES)}; timestamp in seconds, x, y, z in m/s²"


def is_frame(source: object) -> bool:
    """Whether the object is a data frame, of pandas or of a library with the same interface."""
    return (
        hasattr(source, "columns") and hasattr(source, "__getitem__") and hasattr(source, "shape")
    )


def dataset_from_arrays(
    windows: ArrayLike,
    labels: Sequence[str] | ArrayLike,
    subjects: Sequence[str] | ArrayLike,
    signal: Signal | None = None,
) -> Dataset:
    """A data set of windows that were cut before.

    Each window is a recording of its own, so augmentation cannot shift windows within it.

    Args:
        windows: (n, window, channels) or (n, window·channels), canonical: acceleration with gravity
            in m/s², Android's sign, at the rate of `signal`.
        labels: (n,) class names.
        subjects: (n,) who recorded each window; splits never share a subject.
        signal: window, channels and rate; None for 80 steps of x, y, z at 20 Hz. Its `labels`, if
            it has any, fix the order of the classes; otherwise they are sorted.

    Returns:
        The data set, named `arrays`.

    Raises:
        BadInput: the arrays do not belong together, hold NaN or infinity, or do not fit `signal`.
    """
    import numpy as np

    signal = signal or Signal()
    samples = _samples(windows, signal)
    names, people = _texts(labels, "labels"), _texts(subjects, "subjects")
    if not len(samples) == len(names) == len(people):
        counts = f"{len(samples)} windows, {len(names)} labels and {len(people)} subjects"
        raise BadInput(f"arrays: {counts} do not belong together", _ARRAYS_HINT)
    classes = signal.labels or tuple(sorted(set(names)))
    unknown = sorted(set(names) - set(classes))
    if unknown:
        raise BadInput(
            f"arrays: {', '.join(unknown)} is not among the labels {', '.join(classes)}",
            "use the labels of the signal",
        )
    recordings = tuple(
        Recording(subject, classes.index(name), window, ARRAYS)
        for subject, name, window in zip(people, names, samples, strict=True)
    )
    index = np.stack([np.arange(len(recordings)), np.zeros(len(recordings), np.int64)], axis=1)
    contract = Signal(
        channels=signal.channels,
        rate_hz=signal.rate_hz,
        window=signal.window,
        step=signal.step,
        labels=classes,
    )
    report = LoadReport(source=IN_MEMORY[0], kept=samples.shape[0] * samples.shape[1])
    return Dataset(ARRAYS, contract, recordings, index.astype(np.int64), report)


def dataset_from_frame(frame: Any) -> Dataset:
    """A data set from a data frame with the columns of a table of recordings.

    It is read exactly as a CSV file of the same columns is (docs/how-to/own-recordings.md).

    Args:
        frame: columns `subject`, `activity`, `timestamp` (seconds, or a date and time), `x`, `y`
            and `z` (acceleration with gravity in m/s², Android's sign), optionally `recording` and
            `device`; others are ignored.

    Returns:
        The data set, named `data frame`.

    Raises:
        BadInput: a column is missing, a value is empty or not a number, or no recording is as long
            as a window.
    """
    missing = [role for role in ROLES if role not in frame.columns]
    if missing:
        raise BadInput(f"data frame: no column {', '.join(missing)}", _FRAME_HINT)
    texts = [name for name in (*TEXTS, *OPTIONAL) if name in frame.columns]
    columns = {name: _texts(frame[name], f"column {name}", _FRAME_HINT) for name in texts}
    columns |= {name: list(map(repr, _numbers(frame[name], name))) for name in NUMBERS}
    with tempfile.TemporaryDirectory() as folder:
        file = Path(folder) / "frame.csv"
        with file.open("w", encoding="utf-8", newline="") as text:
            table = csv.writer(text)
            table.writerow(columns)
            table.writerows(zip(*columns.values(), strict=True))
        try:
            dataset = load(file, NULL_PROGRESS, Windowing())
        except BadInput as error:
            message = error.message.replace(f"{file}", FRAME)
            raise BadInput(message, _FRAME_HINT) from error
    report = replace(dataset.report, source=IN_MEMORY[1])
    return replace(dataset, name=FRAME, report=report)


def refuse_broken(dataset: Dataset) -> None:
    """Refuse a `Dataset` that was put together by hand and does not hold together.

    Raises:
        BadInput: samples of another shape than the contract's, or with NaN or infinity; a class or
            a window that is not there; no window at all.
    """
    import numpy as np

    signal, recordings = dataset.signal, dataset.recordings
    for n, recording in enumerate(recordings):
        _refuse_broken_recording(recording, signal, f"{dataset.name}: recording {n}")
    index = np.asarray(dataset.index)
    if index.ndim != 2 or index.shape[1] != 2 or not np.issubdtype(index.dtype, np.integer):
        raise BadInput(f"{dataset.name}: an index {index.shape} of {index.dtype}", _DATASET_HINT)
    if not len(index):
        raise BadInput(f"{dataset.name}: there are no windows", _DATASET_HINT)
    lengths = np.array([len(recording.samples) for recording in recordings], np.int64)
    known = (index[:, 0] >= 0) & (index[:, 0] < len(lengths)) & (index[:, 1] >= 0)
    ends = index[known, 1] + signal.window
    if not known.all() or (ends > lengths[index[known, 0]]).any():
        raise BadInput(
            f"{dataset.name}: a window of the index lies outside its recording", _DATASET_HINT
        )
    for recording, samples in in_parts(recordings):
        if not np.isfinite(samples).all():
            raise BadInput(
                f"{dataset.name}: a recording of {recording.subject} holds NaN or infinity",
                "remove the damaged samples",
            )


def _refuse_broken_recording(recording: Recording, signal: Signal, where: str) -> None:
    import numpy as np

    samples = np.asarray(recording.samples)
    channels, classes = len(signal.channels), len(signal.labels)
    if samples.ndim != 2 or samples.shape[1] != channels:
        what = f"has samples {samples.shape}, expected (time steps, {channels})"
    elif not np.issubdtype(samples.dtype, np.floating):
        what = f"has samples of type {samples.dtype}"
    elif classes and not 0 <= recording.label < classes:
        what = f"has class {recording.label} of {classes}"
    elif not recording.subject.strip():
        what = "has no subject"
    else:
        return
    raise BadInput(f"{where} {what}", _DATASET_HINT)


def _samples(windows: ArrayLike, signal: Signal) -> NDArray[np.float32]:
    """Checked windows as (n, window, channels) float32."""
    import numpy as np

    try:
        array = np.asarray(windows, np.float32)
    except (TypeError, ValueError) as error:
        raise BadInput(f"arrays: windows are not numbers: {error}", _ARRAYS_HINT) from error
    shape = (signal.window, len(signal.channels))
    if array.ndim not in (2, 3) or array.shape[1:] not in (shape, (signal.flat_size,)):
        raise BadInput(
            f"arrays: windows of shape {array.shape}, expected (n, {shape[0]}, {shape[1]}) or "
            f"(n, {signal.flat_size})",
            _ARRAYS_HINT,
        )
    if not len(array):
        raise BadInput("arrays: there are no windows", _ARRAYS_HINT)
    if not np.isfinite(array).all():
        raise BadInput("arrays: windows hold NaN or infinity", "remove the damaged windows")
    return array.reshape(-1, *shape)


def _texts(values: Any, what: str, hint: str = _ARRAYS_HINT) -> list[str]:
    """One text for each row; numbers become their text, as in a CSV file."""
    import numpy as np

    array = np.asarray(values)
    if array.ndim != 1:
        raise BadInput(f"{what}: expected one value a row, got shape {array.shape}", hint)
    texts = [str(value).strip() for value in array.tolist()]
    if any(text in ("", "nan", "None") for text in texts):
        raise BadInput(f"{what}: a value is empty", "fill it in or delete the row")
    return texts


def _numbers(values: Any, role: str) -> list[float]:
    import numpy as np

    array = np.asarray(values)
    if array.dtype.kind == "M":  # date and time: seconds since the first one
        array = (array - array.min()) / np.timedelta64(1, "s")
    try:
        numbers = array.astype(np.float64)
    except (TypeError, ValueError) as error:
        raise BadInput(f"data frame: column {role}: {error}", _FRAME_HINT) from error
    if not np.isfinite(numbers).all():
        raise BadInput(f"data frame: column {role} has an empty cell, NaN or infinity", _FRAME_HINT)
    listed: list[float] = numbers.tolist()
    return listed
