"""Are new recordings like the training people's, and if not, which mistake explains it?

Distance: by class, the mean over `features.NAMES` of z², z measured in spreads between training
people and each z² at most `_CAP`. One person like those of training has about 1, the mean of
several less. A mistake is named only where undoing it brings the readings home: the distance then
is small, and at most `GAIN` of what it was. docs/measurements/input-validation.md
has the rates measured on real people.
"""

from __future__ import annotations

import math
from collections.abc import Mapping, Sequence
from dataclasses import asdict, dataclass
from typing import TYPE_CHECKING, Any

from edgeconv.core import STANDARD_GRAVITY
from edgeconv.parity.drift.features import TINY, features, gravity, step_hz
from edgeconv.parity.drift.input_errors import AXIS_MAJOR, RATES, Mistake, mistakes
from edgeconv.parity.drift.input_profile import AXES, InputProfile, grouped

if TYPE_CHECKING:
    import numpy as np
    from numpy.typing import NDArray

    Floats = NDArray[np.float64]

FIT = 2.5  # distance after undoing what nothing else looks like: units, layout, normalization
GAIN = 0.5
ALIKE = 0.4  # of the fit asked for: explanations that are nearer cannot be told apart
_CAP = 16.0
_UNIT = math.log(1.5)  # gravity further from 9.8 than this factor is a matter of unit
_RATE = 0.2  # of the logarithm of a step frequency: how near a rate must come to be named
_SHIFT = 0.5  # rates nearer to the contract's own are within what people differ
_CENTROID = 13  # in `features.NAMES`


@dataclass(frozen=True)
class Finding:
    """One mistake, in a sentence. `or_else` are kinds that the data cannot tell from it."""

    kind: str
    sentence: str
    or_else: tuple[str, ...] = ()


@dataclass(frozen=True)
class InputReport:
    """What was found of recordings held against a profile.

    Attributes:
        distance: of the readings as they are; None without a class that training had.
        usual: up to which distance so many people are like those of training.
        distances: after undoing each mistake, by kind.
        outside: by axis, share of readings beyond the range of training.
        gravity: median length of a window's mean, m/s².
        rate_hz: what the step frequencies speak for, None where nobody walked.
    """

    findings: tuple[Finding, ...]
    distance: float | None
    usual: float
    distances: dict[str, float]
    outside: dict[str, float]
    gravity: float
    rate_hz: float | None
    classes: tuple[str, ...]
    windows: int

    @property
    def sentence(self) -> str:
        """For a person; empty where nothing is unusual."""
        if self.findings:
            return "; ".join(f"{f.sentence}{_others(f)}" for f in self.findings)
        if self.distance is not None and self.distance > self.usual:
            return (
                f"these readings are unlike the training people's (distance {self.distance:.1f}, "
                f"up to {self.usual:.1f} is usual): another phone, place on the body, or kind of "
                "person"
            )
        return ""

    def to_json(self) -> dict[str, Any]:
        return {**asdict(self), "sentence": self.sentence}


def check_inputs(
    profile: InputProfile,
    windows: NDArray[np.float32],
    classes: Sequence[str],
    subjects: Sequence[str],
) -> InputReport:
    """Canonical windows (n, window·3), n ≥ 1, as they would be encoded for a file."""
    import numpy as np

    groups = grouped(windows, classes, subjects)
    known = {key: part for key, part in groups.items() if key[1] in profile.classes}
    size = gravity(windows.reshape(len(windows), -1, AXES).astype(np.float64))
    before = _distance(profile, known)
    ways = mistakes(profile)
    after = {way.kind: _distance(profile, known, way) for way in ways} if known else {}
    people = max(1, len({who for who, _ in known}))
    found = [*_named(ways, before, after, people), *_by_size(size)][:1]
    rate = _rate(profile, known) if AXIS_MAJOR not in {f.kind for f in found} else None
    if rate is not None and rate != profile.rate_hz and _slower(profile, known, rate):
        found.append(_rate_finding(rate, profile.rate_hz))
    return InputReport(
        findings=tuple(found),
        distance=before if known else None,
        usual=1.5 + 1.5 / people,
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
    way: Mistake | None = None,
) -> float:
    """Mean over classes; people are averaged first, so that more of them make it surer."""
    import numpy as np

    rows: dict[str, list[Floats]] = {}
    for (_, kind), part in groups.items():
        undone = way.undo(part) if way else part
        rows.setdefault(kind, []).append(features(undone, profile.rate_hz))
    squares = []
    for kind, found in rows.items():
        own = profile.classes[kind]
        z = (np.mean(found, axis=0) - own.mean) / np.array(own.spread)
        squares.append(np.minimum(z**2, _CAP).mean())
    return float(np.mean(squares)) if squares else 0.0


def _named(
    ways: Sequence[Mistake], before: float, after: Mapping[str, float], people: int
) -> list[Finding]:
    """The mistake whose undoing brings the readings home; none where that is no great gain."""
    ranked = sorted((way for way in ways if way.kind in after), key=lambda way: after[way.kind])
    if not ranked:
        return []
    best = ranked[0]
    nearest = after[best.kind]
    fit = turned_fit(people)
    if nearest > (fit if best.turned else FIT) or nearest > GAIN * before:
        return []
    limit = min(nearest + ALIKE * fit, GAIN * before)
    others = [w.kind for w in ranked[1:] if after[w.kind] <= limit]
    return [Finding(best.kind, best.sentence, tuple(others))]


def turned_fit(people: int) -> float:
    """How near flipped or swapped axes must come to training before they are named.

    Nearer than the other mistakes, as a phone in another position does the same to gravity; and
    the nearer, the more people there are, whose ways of carrying it average out.
    """
    return 0.4 + 0.8 / people


def _by_size(size: float) -> list[Finding]:
    """A unit that is wrong beyond doubt, also where phone and person are unlike training."""
    factor = math.log((size + TINY) / STANDARD_GRAVITY)
    if abs(factor) < _UNIT:
        return []
    text = f"gravity measures {size:.3g} where 9.8 m/s² belong"
    for kind, power, advice in (
        ("g instead of m/s²", -1, "the readings are in g: multiply by 9.80665"),
        ("m/s² taken for g", 1, "m/s² were taken for g and converted"),
    ):
        if abs(factor - power * math.log(STANDARD_GRAVITY)) < _UNIT:
            return [Finding(kind, f"{text}: {advice}")]
    if factor < 0:
        return [Finding("gravity", f"{text}: gravity was taken out, or the unit is another")]
    return [Finding("unit", f"{text}: the unit is another")]


def _rate(profile: InputProfile, groups: Mapping[tuple[str, str], Floats]) -> float | None:
    """The rate at which people's steps would be as frequent as in training, of those in `RATES`."""
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
    """Whether the whole spectrum moved the same way as the steps, and not the strongest line only.

    A walker's strongest line may be the stride, half a step, and is no matter of the clock.
    """
    import numpy as np

    moved = [
        features(part, profile.rate_hz)[_CENTROID] - profile.classes[kind].mean[_CENTROID]
        for (_, kind), part in groups.items()
        if profile.classes[kind].step_hz is not None
    ]
    expected = -math.copysign(1.0, math.log(rate / profile.rate_hz))
    return float(np.median(moved)) * expected > _RATE


def _rate_finding(rate: float, own: float) -> Finding:
    return Finding(
        f"{rate:g} Hz for {own:g} Hz",
        f"steps come {own / rate:.2g} times as often as in training: the readings are of {rate:g} "
        f"Hz where {own:g} Hz belong; resample them",
    )


def _outside(profile: InputProfile, windows: NDArray[np.float32]) -> dict[str, float]:
    import numpy as np

    readings = windows.reshape(-1, AXES)
    beyond = (readings < np.array(profile.low)) | (readings > np.array(profile.high))
    return dict(zip(profile.channels, beyond.mean(axis=0).tolist(), strict=True))


def _others(finding: Finding) -> str:
    return f" (or {', '.join(finding.or_else)}: these data cannot tell)" if finding.or_else else ""
