"""Label-preserving changes of windows, cut from the continuous recordings.

Each transform names the physical change that it imitates. All are vectorized over the windows of a
batch and draw from the given generator in a fixed order: one seed, one result.

The phone's axes (the same for Android and Apple): x to the right of the screen, y up along the long
side, z out of the screen. Windows are (n, time steps, channels) float32, accelerations in m/s² and
rotation rates in rad/s.
"""

from __future__ import annotations

from dataclasses import dataclass

import numpy as np
from numpy.random import Generator
from numpy.typing import NDArray

from edgeconv.core import Augmentation, Dataset
from edgeconv.core.channels import SensorKind, Triad
from edgeconv.core.dataset import joined_samples

Floats = NDArray[np.float32]
AXES = 3
BANDS_HZ = (1.0, 2.0, 4.0, 7.0, 10.0)
"""Where a pocket's gains are drawn: around the stride, the step and what a heel strike adds."""
NOISE = {SensorKind.GYROSCOPE: 0.2, SensorKind.GRAVITY: 0.0}
"""White noise of a sensor in its unit, for each m/s² of an accelerometer's: 1 unless it says so."""


@dataclass(frozen=True, eq=False)
class ContinuousRecordings:
    """All recordings of a data set in one array, and where each grid window lies in them.

    Attributes:
        samples: (time steps, channels) float32.
        start: (n,) row at which each window begins.
        begin, end: (n,) first and one-past-last row of the recording that holds the window.
        window: time steps of a window.
        rate_hz: sampling rate.
        triads: the sensors with three axes that the channels are of.
    """

    samples: Floats
    start: NDArray[np.int64]
    begin: NDArray[np.int64]
    end: NDArray[np.int64]
    window: int
    rate_hz: float
    triads: tuple[Triad, ...]

    @classmethod
    def of(cls, dataset: Dataset) -> ContinuousRecordings:
        lengths = np.array([len(r.samples) for r in dataset.recordings], np.int64)
        samples, begins = joined_samples(dataset.recordings)
        recording = dataset.index[:, 0]
        begin = begins[recording]
        return cls(
            samples.astype(np.float32, copy=False),
            begin + dataset.index[:, 1],
            begin,
            begin + lengths[recording],
            dataset.signal.window,
            dataset.signal.rate_hz,
            dataset.signal.triads,
        )


def augment(
    recordings: ContinuousRecordings,
    rows: NDArray[np.int64],
    settings: Augmentation,
    rng: Generator,
) -> Floats:
    """Windows `rows` of the grid, each with changes of its own: (len(rows), window, channels)."""
    x = cut(recordings, rows, settings.speed, settings.shift, rng)
    x = move(x, settings.effort, settings.coupling, recordings.rate_hz, rng)
    x = turn(x, recordings.triads, settings, rng)
    return jitter(x, recordings.triads, settings.jitter, rng)


def cut(
    recordings: ContinuousRecordings,
    rows: NDArray[np.int64],
    speed: float,
    shift: int,
    rng: Generator,
) -> Floats:
    """Cut windows off the step grid and at another cadence: subjects step faster or slower, and
    in use a window can begin at any moment of a stride.

    The window moves by up to ±`shift` steps and spans exp(±`speed`) times its length, always
    inside its own recording. With both 0 it is the grid's window, bit for bit.
    """
    n, last = len(rows), recordings.window - 1
    begin, end = recordings.begin[rows], recordings.end[rows]
    stretch = np.exp(rng.uniform(-speed, speed, n)) if speed else np.ones(n)
    stretch = np.minimum(stretch, (end - 1 - begin) / max(last, 1))
    half = last / 2 * stretch
    center = recordings.start[rows] + last / 2
    if shift:
        center = center + rng.integers(-shift, shift + 1, n)
    center = np.clip(center, begin + half, end - 1 - half)
    times = (center - half)[:, None] + np.arange(recordings.window) * stretch[:, None]
    return interpolate(recordings.samples, times, begin, end)


def interpolate(
    samples: Floats,
    times: NDArray[np.float64],
    begin: NDArray[np.int64],
    end: NDArray[np.int64],
) -> Floats:
    """Samples at fractional `times` (n, steps), by Catmull-Rom cubics (Catmull & Rom, 1974).

    The curve passes through every sample; rows before `begin` or from `end` on repeat the
    recording's first or last row.
    """
    whole = np.floor(times).astype(np.int64)
    f = (times - whole).astype(np.float32)[..., None]
    first, last = begin[:, None], end[:, None] - 1
    a, b, c, d = (samples[np.clip(whole + k, first, last)] for k in (-1, 0, 1, 2))
    x: Floats = b + 0.5 * f * (c - a + f * (2 * a - 5 * b + 4 * c - d + f * (3 * (b - c) + d - a)))
    return x


def move(x: Floats, effort: float, coupling: float, rate_hz: float, rng: Generator) -> Floats:
    """Change what moves in a window, and leave its mean, which is mostly gravity.

    Subjects step more or less hard: one log-normal factor of deviation `effort`. A loose pocket
    passes another part of the motion on than a tight one: each band of frequencies has a
    log-normal gain of deviation `coupling`.
    """
    if not (effort or coupling):
        return x
    mean = x.mean(axis=1, keepdims=True)
    motion = x - mean
    if coupling:
        motion = _through_a_pocket(motion, coupling, rate_hz, rng)
    if effort:
        motion = motion * np.exp(rng.normal(0, effort, (len(x), 1, 1))).astype(np.float32)
    moved: Floats = mean + motion
    return moved


def _through_a_pocket(motion: Floats, deviation: float, rate_hz: float, rng: Generator) -> Floats:
    """Gains at the frequencies `BANDS_HZ`, linear in between, the same for all axes of a window.

    The spectrum takes the window for periodic, so what happens at its end is felt at its start.
    """
    steps = motion.shape[1]
    frequencies = np.fft.rfftfreq(steps, 1 / rate_hz)
    each = np.eye(len(BANDS_HZ))
    share = np.stack([np.interp(frequencies, BANDS_HZ, one) for one in each])
    logarithms = rng.normal(0, deviation, (len(motion), len(BANDS_HZ)))
    gains = np.exp(logarithms @ share).astype(np.float32)[:, :, None]
    filtered = np.fft.irfft(np.fft.rfft(motion, axis=1) * gains, steps, axis=1)
    passed: Floats = filtered.astype(np.float32)
    return passed


def turn(x: Floats, triads: tuple[Triad, ...], settings: Augmentation, rng: Generator) -> Floats:
    """How the phone sits in the pocket, and its sensors' gains, for all sensors of a window alike.

    A rotation rate is an axial vector: a reflection also changes its sign.
    """
    of_accelerations, of_rotations = orientation(len(x), settings, rng)
    turned = x
    for kind, axes in triads:
        matrix = of_accelerations
        if kind is SensorKind.GYROSCOPE:
            matrix = of_rotations * sensitivity(len(x), settings.axis_gain, rng)[:, None, :]
        if len(triads) == 1:
            alone: Floats = np.einsum("ntk,njk->ntj", x, matrix, optimize=True)
            return alone
        turned = x.copy() if turned is x else turned
        turned[:, :, axes] = np.einsum("ntk,njk->ntj", x[:, :, axes], matrix, optimize=True)
    return turned


def orientation(n: int, settings: Augmentation, rng: Generator) -> tuple[Floats, Floats]:
    """Matrices (n, 3, 3) for accelerations, with the gain of each axis, and for rotation rates."""
    mirror = np.ones((n, AXES), np.float32)
    scale = np.ones((n, AXES), np.float32)
    scale *= flip(n, (-1, 1, -1), settings.turn, rng)
    scale *= flip(n, (-1, -1, 1), settings.upside_down, rng)
    mirror *= flip(n, (-1, 1, 1), settings.mirror, rng)
    gains = sensitivity(n, settings.axis_gain, rng)
    strength = amplitude(n, settings.amplitude, rng)
    rotations = []
    if settings.roll_rad:
        vectors = np.zeros((n, AXES), np.float32)
        vectors[:, 2] = rng.normal(0, settings.roll_rad, n)
        rotations.append(rotation(vectors))
    if settings.rotation_rad:
        vectors = rng.normal(0, settings.rotation_rad, (n, AXES)).astype(np.float32)
        rotations.append(rotation(vectors))
    flips = scale * mirror
    axial = flips * mirror.prod(axis=1, keepdims=True) * strength
    return _matrices(flips * (gains * strength), rotations), _matrices(axial, rotations)


def _matrices(scale: Floats, rotations: list[Floats]) -> Floats:
    """The factor of each axis, and then the rotations."""
    matrix: Floats = np.eye(AXES, dtype=np.float32) * scale[:, None, :]
    for turned in rotations:
        matrix = turned @ matrix
    return matrix


def flip(n: int, signs: tuple[int, int, int], probability: float, rng: Generator) -> Floats:
    """Signs of the axes, changed in a share of the windows: (n, 3).

    (−, +, −) is the 180° turn about the long axis: the screen faces the leg or away from it, and
    gravity along y stays. (−, −, +) is the 180° turn about the screen's normal: upside down.
    (−, +, +) mirrors left and right, as in the other trouser pocket.
    """
    scale = np.ones((n, AXES), np.float32)
    if probability:
        scale[rng.random(n) < probability] = signs
    return scale


def sensitivity(n: int, deviation: float, rng: Generator) -> Floats:
    """Factors (n, 3): the gain of each axis differs from chip to chip by some per cent (normal)."""
    if not deviation:
        return np.ones((n, AXES), np.float32)
    factors: Floats = rng.normal(1, deviation, (n, AXES)).astype(np.float32)
    return factors


def amplitude(n: int, deviation: float, rng: Generator) -> Floats:
    """Factors (n, 1): subjects step more or less hard (log-normal)."""
    if not deviation:
        return np.ones((n, 1), np.float32)
    factors: Floats = np.exp(rng.normal(0, deviation, (n, 1))).astype(np.float32)
    return factors


def rotation(vectors: Floats) -> Floats:
    """Rotation vectors (n, 3), in radians, as matrices (n, 3, 3), by Rodrigues' formula
    R = I + sin θ K + (1 − cos θ) K²."""
    # The tiny angle keeps the axis of a zero vector finite; its matrix is then the identity.
    angle = np.linalg.norm(vectors, axis=1, keepdims=True) + 1e-9
    axis = vectors / angle
    cross = np.zeros((len(vectors), AXES, AXES), np.float32)
    cross[:, 0, 1], cross[:, 0, 2], cross[:, 1, 2] = -axis[:, 2], axis[:, 1], -axis[:, 0]
    cross[:, 1, 0], cross[:, 2, 0], cross[:, 2, 1] = axis[:, 2], -axis[:, 1], axis[:, 0]
    angle = angle[:, :, None]
    identity = np.eye(AXES, dtype=np.float32)
    matrices: Floats = identity + np.sin(angle) * cross + (1 - np.cos(angle)) * (cross @ cross)
    return matrices


def jitter(x: Floats, triads: tuple[Triad, ...], deviation: float, rng: Generator) -> Floats:
    """Add the sensors' white noise, of `deviation` m/s² for accelerations."""
    if not deviation:
        return x
    share = np.ones(x.shape[2], np.float32)
    for kind, axes in triads:
        share[list(axes)] = NOISE.get(kind, 1.0)
    return x + rng.normal(0, 1, x.shape).astype(np.float32) * (np.float32(deviation) * share)


def mixup(x: Floats, y: Floats, alpha: float, rng: Generator) -> tuple[Floats, Floats]:
    """Mix each normalized window and its label with another one of the batch (Zhang et al.,
    "mixup: Beyond Empirical Risk Minimization", 2018).

    Not physical: it makes the network linear between two subjects' windows, and so less
    confident there. The first window keeps the larger share; labels keep their sum of 1.
    """
    if not alpha:
        return x, y
    other = rng.permutation(len(x))
    drawn = rng.beta(alpha, alpha, len(x))
    share: Floats = np.maximum(drawn, 1 - drawn).astype(np.float32)[:, None]
    wide = share.reshape(-1, *(1,) * (x.ndim - 1))
    return wide * x + (1 - wide) * x[other], share * y + (1 - share) * y[other]
