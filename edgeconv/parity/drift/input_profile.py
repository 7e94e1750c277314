"""Statistics of the training subjects' readings, stored in a bundle to compare recordings with."""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass
from typing import TYPE_CHECKING, Any

from edgeconv.core import Signal
from edgeconv.errors import BadInput
from edgeconv.parity.drift.features import NAMES, TINY, features, step_hz

if TYPE_CHECKING:
    import numpy as np
    from numpy.typing import NDArray

    Floats = NDArray[np.float64]
    Groups = dict[tuple[str, str], Floats]

FORMAT, VERSION = "edgeconv-inputs", 1
AXES = 3
LEAST_SUBJECTS = 3  # fewer say nothing about how subjects differ
_LEAST_WINDOWS = 3  # of one subject and class
_MOST_WINDOWS = 60  # of one subject and class: evenly spaced ones say the same in less time
_STEADY = 0.2  # deviation of the logarithm of the step frequency: a class that has one

# The smallest spread between subjects that is used, in the units of `NAMES`: a handful of subjects
# may be alike by chance.
_FLOOR = (1.5, 1.5, 1.5, 0.25, 0.25, 0.25, 0.15, 0.15, 0.15, 0.4, 0.4, 0.4, 0.04, 0.12)


@dataclass(frozen=True)
class ClassProfile:
    """One class over all subjects: mean and spread of `NAMES`.

    `step_hz` is the geometric mean over subjects; None for a class without a steady step.
    """

    mean: tuple[float, ...]
    spread: tuple[float, ...]
    subjects: int
    step_hz: float | None


@dataclass(frozen=True)
class InputProfile:
    """Statistics of the training subjects' readings, m/s² with Android's sign.

    Attributes:
        low, high: smallest and largest reading of each axis.
        mean, std: of each axis over all readings, by which the network's input is normalized.
    """

    rate_hz: float
    window: int
    channels: tuple[str, ...]
    low: tuple[float, ...]
    high: tuple[float, ...]
    mean: tuple[float, ...]
    std: tuple[float, ...]
    classes: dict[str, ClassProfile]

    def to_json(self) -> dict[str, Any]:
        return {
            "format": FORMAT,
            "schema_version": VERSION,
            "rate_hz": self.rate_hz,
            "window": self.window,
            "channels": list(self.channels),
            **{name: list(getattr(self, name)) for name in ("low", "high", "mean", "std")},
            "features": list(NAMES),
            "classes": {name: dict(vars(profile)) for name, profile in self.classes.items()},
        }

    @classmethod
    def from_json(cls, data: Any, where: str) -> InputProfile:
        """Raises BadInput for a document that is not an input profile."""
        try:
            if data["format"] != FORMAT or data["schema_version"] != VERSION:
                raise BadInput(f"{where} is not an {FORMAT} of version {VERSION}")
            if tuple(data["features"]) != NAMES:
                raise BadInput(f"{where} has other features", "export the bundle again")
            return cls(
                rate_hz=float(data["rate_hz"]),
                window=int(data["window"]),
                channels=tuple(data["channels"]),
                low=tuple(data["low"]),
                high=tuple(data["high"]),
                mean=tuple(data["mean"]),
                std=tuple(data["std"]),
                classes={
                    name: ClassProfile(
                        tuple(c["mean"]), tuple(c["spread"]), _subjects(c), c["step_hz"]
                    )
                    for name, c in data["classes"].items()
                },
            )
        except (KeyError, TypeError, ValueError) as error:
            raise BadInput(f"{where} is damaged: {error!r}", "export the bundle again") from error


def _subjects(data: dict[str, Any]) -> int:
    """Their number, whose key was `people` before 0.2."""
    return int(data["subjects"] if "subjects" in data else data["people"])


def make_profile(
    windows: NDArray[np.float32],
    classes: Sequence[str],
    subjects: Sequence[str],
    signal: Signal,
) -> InputProfile | None:
    """The profile of canonical windows (n, window·3), their class names and subjects.

    None if there is too little to compare with: other channels than three axes, or no class with
    three subjects.
    """
    import numpy as np

    if len(signal.channels) != AXES or not len(windows):
        return None
    parts = grouped(windows, classes, subjects)
    profiles = {}
    for name in sorted({c for _, c in parts}):
        subject_parts = [part for (_, c), part in parts.items() if c == name]
        if len(subject_parts) >= LEAST_SUBJECTS:
            profiles[name] = _class_profile(subject_parts, signal.rate_hz)
    if not profiles:
        return None
    readings = windows.reshape(-1, AXES).astype(np.float64)
    return InputProfile(
        rate_hz=signal.rate_hz,
        window=signal.window,
        channels=signal.channels,
        low=tuple(readings.min(axis=0).tolist()),
        high=tuple(readings.max(axis=0).tolist()),
        mean=tuple(readings.mean(axis=0).tolist()),
        std=tuple((readings.std(axis=0) + TINY).tolist()),
        classes=profiles,
    )


def grouped(
    windows: NDArray[np.float32], classes: Sequence[str], subjects: Sequence[str]
) -> Groups:
    """(subject, class) → (n, steps, 3), of those with enough windows."""
    import numpy as np

    steps = windows.reshape(len(windows), -1, AXES)
    names, kinds = np.asarray(subjects), np.asarray(classes)
    groups: Groups = {}
    for subject in np.unique(names).tolist():
        for kind in np.unique(kinds[names == subject]).tolist():
            rows = np.flatnonzero((names == subject) & (kinds == kind))
            if len(rows) >= _LEAST_WINDOWS:
                few = np.linspace(0, len(rows) - 1, min(len(rows), _MOST_WINDOWS)).round()
                groups[subject, kind] = steps[rows[few.astype(int)]].astype(np.float64)
    return groups


def _class_profile(parts: Sequence[Floats], rate_hz: float) -> ClassProfile:
    import numpy as np

    rows = np.array([features(part, rate_hz) for part in parts])
    steps = np.log([step_hz(part, rate_hz) for part in parts])
    steady = float(steps.std(ddof=1)) <= _STEADY
    return ClassProfile(
        mean=tuple(rows.mean(axis=0).tolist()),
        spread=tuple(np.maximum(rows.std(axis=0, ddof=1), _FLOOR).tolist()),
        subjects=len(parts),
        step_hz=float(np.exp(steps.mean())) if steady else None,
    )
