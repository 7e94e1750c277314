"""Windows whose label no fold of a cross-validation believes: likely slips of who labeled them.

The folds are groups of subjects, so nobody judges their own windows. A class is known by the mean
and spread of a few figures of its windows, which do not depend on how the sensor lies: sizes and
speeds of motion, and where gravity points. That is a small model on purpose: it is sure only where
a window plainly resembles another class. Nothing is dropped.
"""

from __future__ import annotations

from typing import TYPE_CHECKING

from edgeconv.core import Dataset, SensorKind, Signal
from edgeconv.core.dataset import DataFinding, DataSeverity

if TYPE_CHECKING:
    import numpy as np
    from numpy.typing import NDArray

    Floats = NDArray[np.float64]

RULE = "D307"
ABOUT = "windows look like another class (`data check --labels`)"
FOLDS = 5
SURE = 0.98  # probability of another class
DOUBTED = 0.5  # share of the windows of a recording from which on it is named
LEAST_WINDOWS = 3  # of a class, in training


def doubtful_labels(dataset: Dataset) -> list[DataFinding]:
    """D307: recordings of which most windows resemble another class than their label's."""
    import numpy as np

    if len(dataset.subject_names) < 3 or len(dataset.signal.labels) < 2 or not len(dataset):
        return []
    figures = np.concatenate([_figures(w, dataset.signal) for w in dataset.in_turn()])
    believed = np.full(len(dataset), -1)
    for held in _folds(dataset):
        test = np.array([r.subject in held for r in dataset.recordings])[dataset.index[:, 0]]
        if test.any() and not test.all():
            believed[test] = _sure(figures[~test], dataset.labels[~test], figures[test])
    doubted = (believed >= 0) & (believed != dataset.labels)
    findings = []
    windows = dataset.windows_of_recordings
    doubts = np.bincount(dataset.index[:, 0], doubted, len(windows)).astype(np.int64)
    for number in np.flatnonzero((windows > 0) & (doubts >= DOUBTED * windows)).tolist():
        recording = dataset.recordings[number]
        of_other = believed[(dataset.index[:, 0] == number) & doubted]
        values, counts = np.unique(of_other, return_counts=True)
        other = dataset.signal.labels[int(values[counts.argmax()])]
        label = dataset.signal.labels[recording.label]
        findings.append(
            _finding(
                f"subject {recording.subject}, {label}",
                label,
                other,
                int(doubts[number]),
                int(windows[number]),
                recording.source,
            )
        )
    return findings


def _finding(
    where: str, label: str, other: str, doubted: int, windows: int, source: str
) -> DataFinding:
    return DataFinding(
        RULE,
        DataSeverity.HINT,
        where,
        f"{doubted} of {windows} windows of a recording of {source} look like {other} to a model "
        "that does not know this subject",
        f"look at it: if it is {other}, correct the label '{label}' in the table",
    )


def _folds(dataset: Dataset) -> list[set[str]]:
    names = dataset.subject_names
    count = min(FOLDS, len(names))
    return [set(names[n::count]) for n in range(count)]


def _figures(windows: NDArray[np.float32], signal: Signal) -> Floats:
    """(n, figures) of each window: sizes of motion, its frequencies, where gravity points."""
    import numpy as np

    steps = windows.reshape(len(windows), signal.window, -1).astype(np.float64)
    columns = list(signal.columns_of(SensorKind.ACCELEROMETER))[:3] or list(range(steps.shape[2]))
    means = steps.mean(axis=1)
    moving = steps - means[:, None]
    deviation = np.log(np.sqrt((moving**2).mean(axis=1)) + 0.05)
    length = np.linalg.norm(steps[:, :, columns], axis=2)
    swing = length - length.mean(axis=1, keepdims=True)
    power = np.abs(np.fft.rfft(swing, axis=1)) ** 2 + 1e-9
    hertz = np.fft.rfftfreq(signal.window, 1 / signal.rate_hz)
    bands = [(0.3, 1.2), (1.2, 2.5), (2.5, 5.0), (5.0, 10.0)]
    energy = [np.log(power[:, (hertz >= a) & (hertz < b)].sum(axis=1) + 1e-3) for a, b in bands]
    strongest = hertz[power[:, 1:].argmax(axis=1) + 1]
    gravity = np.abs(means[:, columns])
    return np.column_stack([deviation, *energy, strongest, gravity])


def _sure(figures: Floats, labels: NDArray[np.int64], asked: Floats) -> NDArray[np.int64]:
    """The class that each asked window surely resembles; −1 where none is sure."""
    import numpy as np

    center, spread = figures.mean(axis=0), figures.std(axis=0) + 1e-6
    known, new = (figures - center) / spread, (asked - center) / spread
    kinds = [k for k in np.unique(labels) if (labels == k).sum() >= LEAST_WINDOWS]
    scores = []
    for kind in kinds:
        own = known[labels == kind]
        deviation = np.sqrt(own.var(axis=0) + 0.1)
        z = (new - own.mean(axis=0)) / deviation
        # figures of one window depend on each other: their evidence is that of a few
        scores.append(-0.5 * (z**2).mean(axis=1) * 4 - np.log(deviation).mean() * 4)
    table = np.column_stack(scores)
    weights = np.exp(table - table.max(axis=1, keepdims=True))
    weights /= weights.sum(axis=1, keepdims=True)
    best = weights.argmax(axis=1)
    return np.where(weights.max(axis=1) >= SURE, np.array(kinds)[best], -1)
