"""A rough model of what a phone in a trouser pocket measures, for the synthetic data set.

The body frame is (right, forward, up). Each step adds a vertical and a forward oscillation at the
step rate and its harmonics and an impact; each stride (two steps) adds a sideways sway and swings
the thigh, and the phone with it. The amplitudes' order of magnitude follows the gait literature
(walking: about 2 steps/s and ±3 m/s² at the trunk; running: 2.5 to 3 steps/s with a flight phase);
none of the numbers was fitted to a person.
"""

from __future__ import annotations

from dataclasses import dataclass
from typing import TYPE_CHECKING

from edgeconv.core import STANDARD_GRAVITY

if TYPE_CHECKING:
    import numpy as np
    from numpy.typing import NDArray


@dataclass(frozen=True)
class Posture:
    """One activity. Accelerations in m/s², angles in radians, times in seconds.

    Attributes:
        cadence: step rate relative to the person's walking; 0 for no steps.
        vertical, forward, sideways: amplitudes of the step (sideways: stride) oscillations.
        impact, impact_width: height and deviation of the bump at each heel strike.
        thigh, swing: mean flexion of the thigh, and amplitude of its swing.
        asymmetry: share of the second harmonic in the swing: lifting is not lowering.
        sway: amplitude of slow movement where there are no steps.
    """

    cadence: float = 0.0
    vertical: float = 0.0
    forward: float = 0.0
    sideways: float = 0.0
    impact: float = 0.0
    impact_width: float = 0.05
    thigh: float = 0.0
    swing: float = 0.0
    asymmetry: float = 0.0
    sway: float = 0.0


POSTURES = {
    "Downstairs": Posture(1.00, 2.3, 1.2, 0.9, 6.5, 0.05, 0.22, 0.24, -0.35),
    "Jogging": Posture(1.42, 7.5, 3.0, 1.8, 8.0, 0.05, 0.25, 0.50, 0.10),
    "Sitting": Posture(thigh=1.35, sway=0.03),
    "Standing": Posture(thigh=0.05, sway=0.08),
    "Upstairs": Posture(0.86, 1.9, 1.5, 1.0, 1.2, 0.08, 0.45, 0.38, 0.35),
    "Walking": Posture(1.00, 2.7, 1.9, 1.0, 2.8, 0.06, 0.08, 0.38, 0.05),
}


@dataclass(frozen=True, eq=False)
class Subject:
    """What stays the same in all recordings of one subject."""

    step_hz: float
    vigor: float
    harmonics: NDArray[np.float64]  # (3,) relative amplitudes of the step's harmonics
    phases: NDArray[np.float64]  # (2, 3) of the vertical and the forward harmonics
    limp: float  # relative difference between left and right steps
    upside_down: float  # habit: probability of the phone's top pointing down
    screen_out: float  # habit: probability of the screen facing outwards
    noise: float


def make_subject(random: np.random.Generator) -> Subject:
    """Draw a subject."""
    import numpy as np

    return Subject(
        step_hz=random.uniform(1.65, 2.05),
        vigor=random.uniform(0.75, 1.3),
        harmonics=np.array([1.0, *random.uniform([0.2, 0.1], [0.55, 0.35])]),
        phases=random.uniform(-0.9, 0.9, (2, 3)),
        limp=random.uniform(-0.15, 0.15),
        upside_down=random.choice([0.1, 0.9]),
        screen_out=random.choice([0.1, 0.9]),
        noise=random.uniform(0.04, 0.12),
    )


def record(
    subject: Subject, posture: Posture, steps: int, rate_hz: float, random: np.random.Generator
) -> NDArray[np.float64]:
    """(steps, 3) canonical readings of one recording, with the phone newly put into the pocket."""
    import numpy as np

    effort = subject.vigor * random.uniform(0.85, 1.15)
    phase = _step_phase(subject, posture, steps, rate_hz, random)
    body = _sway(posture, steps, rate_hz, random)
    if posture.cadence:
        body = body + effort * _oscillation(subject, posture, phase)
        body[:, 2] += effort * _impacts(subject, posture, phase, rate_hz)
    body[:, 2] += STANDARD_GRAVITY  # an accelerometer at rest is pushed up by what holds it
    thigh = _flex(body, _thigh_angle(posture, phase, random))
    drift = np.linspace(0, 1, steps)[:, None] * random.normal(0, 0.1, 3)
    offset = random.normal(0, 0.12, 3)
    noise = random.normal(0, subject.noise, (steps, 3))
    phone: NDArray[np.float64] = thigh @ _pocket(subject, random).T
    return phone + offset + drift + noise


def _step_phase(
    subject: Subject, posture: Posture, steps: int, rate_hz: float, random: np.random.Generator
) -> NDArray[np.float64]:
    """Steps taken so far, at each sample; the cadence wanders by a few percent."""
    import numpy as np

    pace = posture.cadence * subject.step_hz * random.uniform(0.93, 1.07)
    time = np.arange(steps) / rate_hz
    wander = sum(
        random.normal(0, 0.02) * np.sin(2 * np.pi * hz * time + random.uniform(0, 2 * np.pi))
        for hz in (0.05, 0.13, 0.31)
    )
    phase: NDArray[np.float64] = np.cumsum(pace * (1 + wander)) / rate_hz + random.uniform(0, 2)
    return phase


def _sway(
    posture: Posture, steps: int, rate_hz: float, random: np.random.Generator
) -> NDArray[np.float64]:
    import numpy as np

    time = np.arange(steps)[:, None] / rate_hz
    hz = random.uniform(0.1, 0.6, 3)
    turn = random.uniform(0, 2 * np.pi, 3)
    return posture.sway * np.sin(2 * np.pi * hz * time + turn)


def _oscillation(
    subject: Subject, posture: Posture, phase: NDArray[np.float64]
) -> NDArray[np.float64]:
    """(steps, 3): sideways at the stride rate, forward and up at the step rate."""
    import numpy as np

    angle = 2 * np.pi * phase[:, None] * np.arange(1, 4)
    up, forward = (
        (subject.harmonics * np.cos(angle + turn)).sum(axis=1) for turn in subject.phases
    )
    side = np.sin(np.pi * phase)
    uneven = 1 + subject.limp * side
    return np.stack(
        [posture.sideways * side, posture.forward * forward, posture.vertical * up * uneven], axis=1
    )


def _impacts(
    subject: Subject, posture: Posture, phase: NDArray[np.float64], rate_hz: float
) -> NDArray[np.float64]:
    """Bumps at whole step numbers, stronger for the leg that carries the phone."""
    import numpy as np

    pace = np.gradient(phase) * rate_hz
    seconds = (phase - np.round(phase)) / pace
    strength = np.where(np.round(phase) % 2 == 0, 1.0, 0.55 + subject.limp)
    bumps: NDArray[np.float64] = np.exp(-0.5 * (seconds / posture.impact_width) ** 2)
    return posture.impact * strength * bumps


def _thigh_angle(
    posture: Posture, phase: NDArray[np.float64], random: np.random.Generator
) -> NDArray[np.float64]:
    import numpy as np

    mean = posture.thigh + random.normal(0, 0.08)
    stride = np.pi * phase
    swing = np.sin(stride) + posture.asymmetry * np.cos(2 * stride)
    angle: NDArray[np.float64] = mean + posture.swing * random.uniform(0.85, 1.15) * swing
    return angle


def _flex(body: NDArray[np.float64], angle: NDArray[np.float64]) -> NDArray[np.float64]:
    """Body axes as seen from a thigh lifted forward by `angle` about the sideways axis."""
    import numpy as np

    cos, sin = np.cos(angle), np.sin(angle)
    side, forward, up = body.T
    return np.stack([side, cos * forward + sin * up, cos * up - sin * forward], axis=1)


def _pocket(subject: Subject, random: np.random.Generator) -> NDArray[np.float64]:
    """Rotation from the thigh's axes to the phone's (x right, y up its long side, z to the eye)."""
    import numpy as np

    # Screen outwards, top up: phone x = side, y = up, z = forward turned by the pocket's place.
    base = np.array([[1.0, 0, 0], [0, 0, 1.0], [0, -1.0, 0]])
    turn = random.normal(0.3, 0.25) + (0 if random.random() < subject.screen_out else np.pi)
    flip = np.pi if random.random() < subject.upside_down else 0.0
    lean = random.normal(0, 0.15, 2)
    about_y = _rotation(1, turn)
    rotation: NDArray[np.float64] = (
        _rotation(0, lean[0]) @ _rotation(2, lean[1] + flip) @ about_y @ base
    )
    return rotation


def _rotation(axis: int, angle: float) -> NDArray[np.float64]:
    import numpy as np

    first, second = (axis + 1) % 3, (axis + 2) % 3
    matrix = np.eye(3)
    matrix[first, first] = matrix[second, second] = np.cos(angle)
    matrix[first, second], matrix[second, first] = -np.sin(angle), np.sin(angle)
    return matrix
