"""What a file answers on one subject's raw stream, so that a report can set formats side by side.

The stream is canonical in a data set; each file gets it through its own sensor contract, in g with
iOS' sign or in m/s² with Android's. A contract changes each reading alone, so that cutting windows
out of such a stream gives the same numbers as encoding the windows: a test compares both.
"""

from __future__ import annotations

from typing import TYPE_CHECKING, Any

from edgeconv.core import Dataset, Signal, StreamAnswers, subject_order
from edgeconv.parity.output_comparison import ReferenceOutputs

if TYPE_CHECKING:
    import numpy as np
    from numpy.typing import NDArray

WINDOWS = 18  # of a stream, spread over the activities
_DIGITS = 6  # of a probability


def stream_windows(dataset: Dataset) -> NDArray[np.int64]:
    """Numbers of a stream's windows, in the order of the recordings.

    The subject is the first of those with the most activities. Of each activity come some windows
    in a row, from the middle of that recording of it that has the most.
    """
    import numpy as np

    if not len(dataset):
        return np.empty(0, np.int64)
    labels, subjects = dataset.labels, dataset.subjects
    activities = {name: set(labels[subjects == name].tolist()) for name in set(subjects.tolist())}
    subject = min(activities, key=lambda name: (-len(activities[name]), subject_order(name)))
    each = max(WINDOWS // len(activities[subject]), 1)
    recordings, counts = dataset.index[:, 0], dataset.windows_of_recordings
    positions: list[int] = []
    for label in sorted(activities[subject])[:WINDOWS]:
        candidates = np.unique(recordings[(subjects == subject) & (labels == label)])
        longest = candidates[counts[candidates].argmax()]
        numbers = np.flatnonzero(recordings == longest)
        first = max(len(numbers) - each, 0) // 2
        positions += numbers[first : first + each].tolist()
    return np.array(sorted(positions), np.int64)


def answers_on_stream(
    dataset: Dataset,
    signal: Signal,
    reference: ReferenceOutputs,
    outputs: NDArray[np.floating[Any]],
) -> StreamAnswers | None:
    """Those of a file with this contract, out of its outputs (n, classes) on the whole data set.

    None without windows.
    """
    import numpy as np

    rows = stream_windows(dataset)
    if not len(rows):
        return None
    first = signal.encode(dataset.take(rows[:1]))[0, : len(signal.channels)]

    def rounded(probabilities: NDArray[np.floating[Any]]) -> tuple[tuple[float, ...], ...]:
        return tuple(map(tuple, np.round(probabilities[rows].astype(float), _DIGITS).tolist()))

    return StreamAnswers(
        subject=str(dataset.subjects[rows[0]]),
        first=tuple(round(float(value), _DIGITS) for value in first),
        window=tuple(rows.tolist()),
        seconds=tuple((dataset.index[rows, 1] / dataset.signal.rate_hz).round(3).tolist()),
        truth=tuple(np.asarray(reference.labels)[rows].tolist()),
        reference=rounded(reference.probabilities),
        file=rounded(outputs),
    )
