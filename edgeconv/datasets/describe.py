"""Describes the contents of a data set, for display and for JSON."""

from __future__ import annotations

from typing import Any

from edgeconv.core import Dataset, SensorKind
from edgeconv.core.dataset import in_parts


def describe(dataset: Dataset) -> dict[str, Any]:
    """Subjects, classes, windows of each, contract, load report and a check of gravity."""
    import numpy as np

    signal = dataset.signal
    windows = {subject: dict.fromkeys(signal.labels, 0) for subject in dataset.subject_names}
    counts = dataset.windows_of_recordings
    labels = [recording.label for recording in dataset.recordings]
    by_class = np.bincount(labels, counts, len(signal.labels))
    for recording, count in zip(dataset.recordings, counts.tolist(), strict=True):
        windows[recording.subject][signal.labels[recording.label]] += count
    return {
        "name": dataset.name,
        "windows": len(dataset),
        "recordings": len(dataset.recordings),
        "seconds": round(sum(len(r.samples) for r in dataset.recordings) / signal.rate_hz, 2),
        "subjects": list(dataset.subject_names),
        "classes": {name: int(count) for name, count in zip(signal.labels, by_class, strict=True)},
        "windows_per_subject": {s: sum(classes.values()) for s, classes in windows.items()},
        "windows_per_subject_and_class": windows,
        "signal": signal.to_json(),
        "mean_magnitude": round(mean_magnitude(dataset), 3),
        "report": dataset.report.to_json(),
        "sha256": dataset.sha256,
    }


def mean_magnitude(dataset: Dataset) -> float:
    """Mean length of the acceleration vector in m/s², over all samples; 0 without accelerometer."""
    import numpy as np

    axes = list(dataset.signal.columns_of(SensorKind.ACCELEROMETER))
    total, count = 0.0, 0
    for _, samples in in_parts(dataset.recordings):
        readings = samples[:, axes].astype(np.float64)
        total += float(np.linalg.norm(readings, axis=1).sum())
        count += len(readings)
    return total / count
