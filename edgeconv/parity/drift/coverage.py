"""What recordings hold that other recordings, or the training of a model, never saw.

Subjects and classes by name, windows by their content, rates, ranges of each channel, and where
gravity points: a model has only learned what it was shown.
"""

from __future__ import annotations

from collections.abc import Iterable
from dataclasses import dataclass
from typing import TYPE_CHECKING, Any

from edgeconv.core import Bundle, Dataset, SensorKind, SplitInfo
from edgeconv.core.json_codec import encode_fields
from edgeconv.parity.drift.input_profile import InputProfile

if TYPE_CHECKING:
    import numpy as np
    from numpy.typing import NDArray

    Directions = dict[str, list[NDArray[np.float64]]]

TURNED = 45.0  # degrees from every direction of gravity that was seen in a class
RATES_APART = 1.2
BEYOND = 0.001  # share of the readings beyond the range that was seen
_LEAST = 5.0  # m/s²: a shorter mean vector points nowhere


@dataclass(frozen=True)
class Coverage:
    """What is new in recordings.

    Attributes:
        same: share of the windows that the other side has as well, by their content.
        subjects: those whose windows the other side does not have, by content and by name.
        classes: names that the other side does not have.
        missing: classes of the other side that these recordings do not have.
        rates: original sampling rates in Hz that are unlike all of the other side, by subject.
        orientations: class → subjects whose gravity points where it never did.
        beyond: channel → share of the readings beyond the range that was seen.
    """

    same: float
    subjects: tuple[str, ...]
    classes: tuple[str, ...]
    missing: tuple[str, ...]
    rates: dict[str, float]
    orientations: dict[str, tuple[str, ...]]
    beyond: dict[str, float]

    def rows(self) -> list[tuple[str, str]]:
        """For a table: what, and which."""
        beyond = {name: share for name, share in self.beyond.items() if share > BEYOND}
        rows = [
            ("windows that are the same", f"{self.same:.0%}"),
            ("subjects never seen", _listed(self.subjects)),
            ("classes never seen", _listed(self.classes)),
            ("classes missing here", _listed(self.missing)),
            ("rates never seen", _listed(f"{s} {rate:.3g} Hz" for s, rate in self.rates.items())),
            (
                "orientations never seen",
                _listed(f"{name}: {', '.join(who)}" for name, who in self.orientations.items()),
            ),
            ("readings beyond the range", _listed(f"{c} {s:.1%}" for c, s in beyond.items())),
        ]
        return rows

    def to_json(self) -> dict[str, Any]:
        return encode_fields(self)


def coverage_by_dataset(dataset: Dataset, other: Dataset) -> Coverage:
    """What is new in a data set beside another one of the same channels."""
    import numpy as np

    channels = len(other.signal.channels)
    seen = np.concatenate([recording.samples for recording in other.recordings])
    low, high = (seen.min(axis=0), seen.max(axis=0)) if len(seen) else (np.zeros(channels),) * 2
    return _coverage(
        dataset,
        np.isin(dataset.window_digests, other.window_digests),
        other.subject_names,
        other.signal.labels,
        sorted(_rates(other).values()),
        _directions(other),
        (low, high),
    )


def coverage_by_bundle(dataset: Dataset, bundle: Bundle, profile: InputProfile) -> Coverage:
    """What is new in a data set beside the training of a bundle, by what that stores."""
    import numpy as np

    parts: list[SplitInfo] = []
    if bundle.data is not None:
        parts += [bundle.data.splits.train, bundle.data.splits.val]
    if bundle.calibration is not None:
        parts.append(bundle.calibration)
    known = np.zeros(len(dataset), bool)
    for part in parts:
        known |= part.known_in(dataset)
    subjects = {name for part in parts for name in part.subjects}
    directions = {name: [np.array(kind.mean[:3])] for name, kind in profile.classes.items()}
    labels = bundle.model.signal.labels or tuple(profile.classes)
    share = max([1.0, *(part.windows / max(1, len(part.sample)) for part in parts[:1])])
    result = _coverage(
        dataset,
        known,
        subjects,
        labels,
        [],
        directions,
        (np.array(profile.low), np.array(profile.high)),
    )
    same = min(1.0, result.same * share)  # a sample of the training's windows is stored
    return Coverage(**{**vars(result), "same": same})


def _coverage(
    dataset: Dataset,
    known: NDArray[np.bool_],
    subjects: Iterable[str],
    labels: Iterable[str],
    rates: list[float],
    directions: Directions,
    limits: tuple[NDArray[Any], NDArray[Any]],
) -> Coverage:
    import numpy as np

    recognized = set(dataset.subjects[known].tolist()) | set(subjects)
    used = {dataset.signal.labels[n] for n in np.unique(dataset.labels).tolist()}
    samples = dataset.windows.reshape(-1, len(dataset.signal.channels))
    low, high = limits
    outside = ((samples < low) | (samples > high)).mean(axis=0)
    return Coverage(
        same=float(known.mean()) if len(known) else 0.0,
        subjects=tuple(s for s in dataset.subject_names if s not in recognized),
        classes=tuple(sorted(used - set(labels))),
        missing=tuple(name for name in labels if name not in used),
        rates={s: r for s, r in _rates(dataset).items() if rates and _unlike(r, rates)},
        orientations=_turned(dataset, directions),
        beyond=dict(zip(dataset.signal.channels, outside.tolist(), strict=True)),
    )


def _rates(dataset: Dataset) -> dict[str, float]:
    """The typical original rate of each subject, where it is known."""
    import numpy as np

    rates: dict[str, list[float]] = {}
    for recording in dataset.recordings:
        if recording.rate_hz:
            rates.setdefault(recording.subject, []).append(recording.rate_hz)
    return {subject: float(np.median(values)) for subject, values in rates.items()}


def _unlike(rate: float, known: list[float]) -> bool:
    return all(max(rate / other, other / rate) > RATES_APART for other in known)


def _directions(dataset: Dataset) -> Directions:
    """Of each class, the mean acceleration of each subject."""
    directions: Directions = {}
    for (_, label), mean in _means(dataset).items():
        directions.setdefault(label, []).append(mean)
    return directions


def _means(dataset: Dataset) -> dict[tuple[str, str], NDArray[np.float64]]:
    import numpy as np

    columns = list(dataset.signal.columns_of(SensorKind.ACCELEROMETER))[:3]
    if len(columns) < 3:
        return {}
    parts: dict[tuple[str, str], list[NDArray[np.float64]]] = {}
    for recording in dataset.recordings:
        key = (recording.subject, dataset.signal.labels[recording.label])
        parts.setdefault(key, []).append(recording.samples[:, columns].mean(axis=0, dtype=float))
    return {key: np.median(rows, axis=0) for key, rows in parts.items()}


def _turned(dataset: Dataset, directions: Directions) -> dict[str, tuple[str, ...]]:
    import numpy as np

    turned: dict[str, list[str]] = {}
    for (subject, label), mean in _means(dataset).items():
        known = [d for d in directions.get(label, []) if np.linalg.norm(d) > _LEAST]
        if not known or np.linalg.norm(mean) < _LEAST:
            continue
        cosines = [mean @ d / (np.linalg.norm(mean) * np.linalg.norm(d)) for d in known]
        if max(cosines) < np.cos(np.radians(TURNED)):
            turned.setdefault(label, []).append(subject)
    return {label: tuple(subjects) for label, subjects in turned.items()}


def _listed(names: Iterable[str]) -> str:
    every = list(names)
    shown = ", ".join(every[:8])
    return (f"{shown} and {len(every) - 8} more" if every[8:] else shown) or "none"
