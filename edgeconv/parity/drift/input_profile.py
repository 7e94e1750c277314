"""Statistics of the training subjects' readings, stored in a bundle to compare recordings with.

Features of the windows of one subject and class, by which recordings are compared.

Errors that are made with a sensor's readings, each with the operation that inverts it.
"""

from __future__ import annotations

from collections.abc import Callable, Sequence
from dataclasses import dataclass
from itertools import permutations
from typing import TYPE_CHECKING, Any

from edgeconv.core import STANDARD_GRAVITY, Signal
from edgeconv.core.json_codec import damage
from edgeconv.errors import BadInput

if TYPE_CHECKING:
    import numpy as np
    from numpy.typing import NDArray

    Floats = NDArray[np.float64]
    Groups = dict[tuple[str, str], Floats]

NAMES = (
    *("mean x", "mean y", "mean z"),
    *("log deviation x", "log deviation y", "log deviation z"),
    *("correlation xy", "correlation xz", "correlation yz"),
    *("skewness x", "skewness y", "skewness z"),
    *("log gravity", "log centroid"),
)
"""Of `features`, in order; a mean and a deviation in m/s², the centroid in Hz."""

TINY = 1e-6  # m/s²: keeps a logarithm of a perfectly still channel finite
_ZOOM = 4  # zero padding of the step spectrum: bins of 1/16 Hz in a window of 4 s
_SLOWEST_STEP_HZ = 0.4


def features(windows: Floats, rate_hz: float) -> Floats:
    """`NAMES` of canonical windows (n, steps, 3), n ≥ 1, all of one subject and class.

    Mean of each axis; deviation, correlations and skewness of each window minus its
    mean; `log gravity` of the median length of a window's mean; `log centroid` of the mean
    frequency of the power spectrum of all axes.
    """
    import numpy as np

    means = windows.mean(axis=1)
    moving = windows - means[:, None]
    covariance = np.einsum("nti,ntj->ij", moving, moving) / moving[..., 0].size
    deviation = np.sqrt(np.diag(covariance)) + TINY
    correlation = covariance / np.outer(deviation, deviation)
    power = (np.abs(np.fft.rfft(moving, axis=1)) ** 2).sum(axis=(0, 2)) + TINY
    hertz = np.fft.rfftfreq(windows.shape[1], 1 / rate_hz)
    return np.concatenate(
        [
            means.mean(axis=0),
            np.log(deviation),
            correlation[[0, 0, 1], [1, 2, 2]],
            (moving**3).mean(axis=(0, 1)) / deviation**3,
            [np.log(gravity(windows) + TINY), np.log((power * hertz).sum() / power.sum() + TINY)],
        ]
    )


def gravity(windows: Floats) -> float:
    """Median length of a window's mean: 9.8 if the readings are in m/s² and include gravity."""
    import numpy as np

    return float(np.median(np.linalg.norm(windows.mean(axis=1), axis=1)))


def step_hz(windows: Floats, rate_hz: float) -> float:
    """The strongest frequency of the acceleration's length: the rate of steps.

    The length does not depend on how the phone lies, nor on sign or unit.
    """
    import numpy as np

    length = np.linalg.norm(windows, axis=2)
    length -= length.mean(axis=1, keepdims=True)
    size = _ZOOM * windows.shape[1]
    power = (np.abs(np.fft.rfft(length * np.hanning(windows.shape[1]), size)) ** 2).sum(axis=0)
    hertz = np.fft.rfftfreq(size, 1 / rate_hz)
    power[hertz < _SLOWEST_STEP_HZ] = 0
    return float(hertz[int(power.argmax())])


AXIS_MAJOR = "axis-major layout"
RATES = (10.0, 20.0, 50.0, 100.0, 200.0)  # Hz that phones and data sets really have
_ROTATED = ", or the phone was carried turned that way"


@dataclass(frozen=True)
class InputError:
    """One way to get readings wrong.

    Attributes:
        invert: windows (n, steps, 3) → the windows before the error was made.
        like_rotation: a phone carried in another position looks much the same.
    """

    kind: str
    sentence: str
    invert: Callable[[Floats], Floats]
    like_rotation: bool = False


def input_errors(profile: InputProfile) -> tuple[InputError, ...]:
    """All errors that can be inverted, which shows whether they were made."""
    return (
        *_units(),
        InputError(
            "flipped sign",
            "every axis points the other way: the sign is flipped (Android's against iOS's)"
            + _ROTATED,
            lambda windows: -windows,
            like_rotation=True,
        ),
        InputError(
            "normalized twice",
            "the readings are normalized already, and the file would normalize them again: pass "
            "raw m/s²",
            lambda windows: _denormalized(windows, profile),
        ),
        InputError(
            AXIS_MAJOR,
            "the windows are stored by axis (x0 x1 … y0 y1 …) instead of by time step (x0 y0 z0 x1 "
            "…): transpose them",
            _time_major,
        ),
        *_swaps(),
    )


def _units() -> tuple[InputError, ...]:
    g, iphone, twice = (
        "the readings are in g instead of m/s²: multiply by 9.80665",
        "the readings are in g with iOS's sign instead of m/s² with Android's: multiply by "
        "−9.80665",
        "the readings are 9.8 times too large: m/s² were taken for g and converted",
    )
    return (
        InputError("g instead of m/s²", g, lambda windows: windows * STANDARD_GRAVITY),
        InputError("g with iOS's sign", iphone, lambda windows: windows * -STANDARD_GRAVITY),
        InputError("m/s² taken for g", twice, lambda windows: windows / STANDARD_GRAVITY),
        InputError("m/s² taken for g, flipped", twice, lambda windows: windows / -STANDARD_GRAVITY),
    )


def _swaps() -> tuple[InputError, ...]:
    errors = []
    for order in permutations(range(3)):
        if order == (0, 1, 2):
            continue
        # Reading i of the file is the sensor's axis `order.index(i)`.
        given = " ".join("xyz"[order.index(i)] for i in range(3))
        errors.append(
            InputError(
                f"axes {given}",
                f"the axes are swapped: {given} instead of x y z{_ROTATED}",
                lambda windows, order=order: windows[:, :, list(order)],  # type: ignore[misc]
                like_rotation=True,
            )
        )
    return tuple(errors)


def _denormalized(windows: Floats, profile: InputProfile) -> Floats:
    import numpy as np

    return np.asarray(windows * np.array(profile.std) + np.array(profile.mean))


def _time_major(windows: Floats) -> Floats:
    return windows.reshape(len(windows), windows.shape[2], -1).transpose(0, 2, 1)


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
                raise BadInput(
                    f"{where} is not an {FORMAT} of version {VERSION}", "export the bundle again"
                )
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
        except (OverflowError, KeyError, TypeError, ValueError) as error:
            raise BadInput(
                f"{where} is damaged: {damage(error)}", "export the bundle again"
            ) from error


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
