"""Do new recordings look like the training data, and if not, which input error explains it?

Distance: by class, the mean over `features.NAMES` of z², with z in standard deviations between
training subjects and each z² at most `_CAP`. One subject like those of training has about 1, the
mean of several less. An input error is named only if inverting it restores the training
distribution: the distance is then small, and at most `GAIN` of what it was.
docs/measurements/input-validation.md has the rates measured on real subjects.
"""

from __future__ import annotations

import math
from collections.abc import Mapping, Sequence
from typing import TYPE_CHECKING

from edgeconv.core import STANDARD_GRAVITY, InputFinding, InputReport
from edgeconv.parity.drift.input_profile import (
    AXES,
    AXIS_MAJOR,
    RATES,
    TINY,
    InputError,
    InputProfile,
    features,
    gravity,
    grouped,
    input_errors,
    step_hz,
)

if TYPE_CHECKING:
    import numpy as np
    from numpy.typing import NDArray

    Floats = NDArray[np.float64]

FIT = 2.5  # distance after inverting an unmistakable error: units, layout, normalization
GAIN = 0.5
ALIKE = 0.4  # of the required fit: explanations that are nearer cannot be distinguished
_CAP = 16.0
_UNIT = math.log(1.5)  # gravity further from 9.8 than this factor means another unit
_RATE = 0.2  # of the logarithm of a step frequency: how near a rate must come to be named
_SHIFT = 0.5  # rates nearer to the contract's are within the differences between subjects
_CENTROID = 13  # in `features.NAMES`


def check_inputs(
    profile: InputProfile,
    windows: NDArray[np.float32],
    classes: Sequence[str],
    subjects: Sequence[str],
) -> InputReport:
    """Compare canonical windows (n, window·3), n ≥ 1, with the profile of the training data.

    Args:
        profile: of the training data.
        windows: in m/s² with Android's sign, as they would be encoded for a file.
        classes: (n,) class names.
        subjects: (n,) whose windows they are.
    """
    import numpy as np

    groups = grouped(windows, classes, subjects)
    known = {key: part for key, part in groups.items() if key[1] in profile.classes}
    size = gravity(windows.reshape(len(windows), -1, AXES).astype(np.float64))
    before = _distance(profile, known)
    errors = input_errors(profile)
    after = {e.kind: _distance(profile, known, e) for e in errors} if known else {}
    n_subjects = max(1, len({subject for subject, _ in known}))
    findings = [*_best_explanation(errors, before, after, n_subjects), *_by_gravity(size)][:1]
    axis_major = AXIS_MAJOR in {f.kind for f in findings}
    rate = None if axis_major else _rate(profile, known)
    if rate is not None and rate != profile.rate_hz and _slower(profile, known, rate):
        findings.append(_rate_finding(rate, profile.rate_hz))
    return InputReport(
        findings=tuple(findings),
        distance=before if known else None,
        usual=1.5 + 1.5 / n_subjects,
        distances=after,
        outside=_outside(profile, windows),
        gravity=size,
        rate_hz=rate,
        classes=tuple(sorted({kind for _, kind in known})),
        windows=len(windows),
    )


def _distance(
    profile: InputProfile,
    groups: Mapping[tuple[str, str], Floats],
    error: InputError | None = None,
) -> float:
    """Mean over classes of the distance of the mean over subjects, after inverting `error`."""
    import numpy as np

    rows: dict[str, list[Floats]] = {}
    for (_, kind), part in groups.items():
        readings = error.invert(part) if error else part
        rows.setdefault(kind, []).append(features(readings, profile.rate_hz))
    squares = []
    for kind, subjects in rows.items():
        training = profile.classes[kind]
        z = (np.mean(subjects, axis=0) - training.mean) / np.array(training.spread)
        squares.append(np.minimum(z**2, _CAP).mean())
    return float(np.mean(squares)) if squares else 0.0


def _best_explanation(
    errors: Sequence[InputError], before: float, after: Mapping[str, float], n_subjects: int
) -> list[InputFinding]:
    """The input error whose inverse best restores the training distribution, if the improvement is
    large enough."""
    ranked = sorted((e for e in errors if e.kind in after), key=lambda e: after[e.kind])
    if not ranked:
        return []
    best = ranked[0]
    nearest = after[best.kind]
    fit = rotation_fit(n_subjects)
    if nearest > (fit if best.like_rotation else FIT) or nearest > GAIN * before:
        return []
    limit = min(nearest + ALIKE * fit, GAIN * before)
    others = [e.kind for e in ranked[1:] if after[e.kind] <= limit]
    return [InputFinding(best.kind, best.sentence, tuple(others))]


def rotation_fit(n_subjects: int) -> float:
    """The distance that inverting flipped or swapped axes must reach before they are named.

    Smaller than for other errors, since a phone in another position does the same to gravity; and
    the smaller, the more subjects there are, whose ways of carrying it average out.
    """
    return 0.4 + 0.8 / n_subjects


def _by_gravity(size: float) -> list[InputFinding]:
    """A unit that is certainly wrong, even with another phone and other subjects."""
    factor = math.log((size + TINY) / STANDARD_GRAVITY)
    if abs(factor) < _UNIT:
        return []
    text = f"gravity measures {size:.3g} instead of 9.8 m/s²"
    for kind, power, advice in (
        ("g instead of m/s²", -1, "the readings are in g: multiply by 9.80665"),
        ("m/s² taken for g", 1, "m/s² were taken for g and converted"),
    ):
        if abs(factor - power * math.log(STANDARD_GRAVITY)) < _UNIT:
            return [InputFinding(kind, f"{text}: {advice}")]
    if factor < 0:
        return [InputFinding("gravity", f"{text}: gravity was removed, or the unit is another")]
    return [InputFinding("unit", f"{text}: the unit is another")]


def _rate(profile: InputProfile, groups: Mapping[tuple[str, str], Floats]) -> float | None:
    """The rate in `RATES` at which steps would be as frequent as in training."""
    import numpy as np

    shifts = []
    for (_, kind), part in groups.items():
        usual = profile.classes[kind].step_hz
        if usual is not None:
            shifts.append(math.log(step_hz(part, profile.rate_hz) / usual))
    if not shifts:
        return None
    shift = float(np.median(shifts))
    near = [r for r in RATES if abs(shift + math.log(r / profile.rate_hz)) < _RATE]
    far = [r for r in near if abs(math.log(r / profile.rate_hz)) > _SHIFT]
    return far[0] if far else profile.rate_hz


def _slower(profile: InputProfile, groups: Mapping[tuple[str, str], Floats], rate: float) -> bool:
    """Whether the whole spectrum moved the same way as the steps, not only the strongest line.

    The strongest line may be the stride, half a step, which says nothing about the rate.
    """
    import numpy as np

    moved = [
        features(part, profile.rate_hz)[_CENTROID] - profile.classes[kind].mean[_CENTROID]
        for (_, kind), part in groups.items()
        if profile.classes[kind].step_hz is not None
    ]
    expected = -math.copysign(1.0, math.log(rate / profile.rate_hz))
    return float(np.median(moved)) * expected > _RATE


def _rate_finding(rate: float, expected: float) -> InputFinding:
    return InputFinding(
        f"{rate:g} Hz for {expected:g} Hz",
        f"steps are {expected / rate:.2g} times as frequent as in training: the readings are "
        f"sampled at {rate:g} Hz instead of {expected:g} Hz; resample them",
    )


def _outside(profile: InputProfile, windows: NDArray[np.float32]) -> dict[str, float]:
    import numpy as np

    readings = windows.reshape(-1, AXES)
    beyond = (readings < np.array(profile.low)) | (readings > np.array(profile.high))
    return dict(zip(profile.channels, beyond.mean(axis=0).tolist(), strict=True))
