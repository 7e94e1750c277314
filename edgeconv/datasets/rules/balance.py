"""What the recordings as a whole can and cannot show."""

from __future__ import annotations

import hashlib

from edgeconv.core import Dataset
from edgeconv.core.dataset import DataFinding, DataSeverity


def repeated(dataset: Dataset) -> list[DataFinding]:
    """D301: the same samples stand in two recordings, so they would count twice."""
    import numpy as np

    first: dict[bytes, int] = {}
    pairs = []
    for number, recording in enumerate(dataset.recordings):
        if not recording.samples.any():
            continue
        key = hashlib.sha256(np.ascontiguousarray(recording.samples).data).digest()
        if key in first:
            pairs.append((dataset.recordings[first[key]], recording))
        else:
            first[key] = number
    if not pairs:
        return []
    one, other = pairs[0]
    labels = dataset.signal.labels
    return [
        DataFinding(
            "D301",
            DataSeverity.WARNING,
            f"subjects {one.subject} and {other.subject}",
            f"{len(pairs)} recordings repeat another one sample by sample, such as "
            f"{labels[one.label]} of {one.subject} ({one.source}) and {labels[other.label]} of "
            f"{other.subject} ({other.source})",
            "leave one of them out",
        )
    ]


def lonely_classes(dataset: Dataset) -> list[DataFinding]:
    """D302: a class that one subject alone recorded can be learned or tested, never both."""
    if len(dataset.subject_names) < 2:
        return []
    findings = []
    for number, label in enumerate(dataset.signal.labels):
        subjects = sorted({r.subject for r in dataset.recordings if r.label == number})
        if len(subjects) == 1:
            findings.append(
                DataFinding(
                    "D302",
                    DataSeverity.HINT,
                    f"class {label}",
                    f"only subject {subjects[0]} recorded it, so no held-out subject can show "
                    "whether a model knows it",
                    "record it with more subjects",
                )
            )
    return findings
