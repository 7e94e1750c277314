"""Normalized, augmented batches of a fit, each a function of the seed and its number.

Label-preserving changes of accelerometer windows, cut from the continuous recordings.

Each transform names the physical change that it imitates. All are vectorized over the windows of a
batch and draw from the given generator in a fixed order: one seed, one result.

The phone's axes (the same for Android and Apple): x to the right of the screen, y up along the long
side, z out of the screen. Windows are (n, time steps, 3) float32 in m/s².
"""

from __future__ import annotations

from collections.abc import Iterator
from dataclasses import dataclass
from functools import lru_cache
from itertools import count

import numpy as np
from numpy.random import Generator
from numpy.typing import NDArray

from edgeconv.core import Augmentation, Dataset, Normalization, Signal, Training
from edgeconv.core.dataset import joined_samples

Floats = NDArray[np.float32]
AXES = 3
BANDS_HZ = (1.0, 2.0, 4.0, 7.0, 10.0)
"""Where a pocket's gains are drawn: around the stride, the step and what a heel strike adds."""


@dataclass(frozen=True, eq=False)
class ContinuousRecordings:
    """All recordings of a data set in one array, and where each grid window lies in them.

    Attributes:
        samples: (time steps, channels) float32.
        start: (n,) row at which each window begins.
        begin, end: (n,) first and one-past-last row of the recording that holds the window.
        window: time steps of a window.
        rate_hz: sampling rate.
    """

    samples: Floats
    start: NDArray[np.int64]
    begin: NDArray[np.int64]
    end: NDArray[np.int64]
    window: int
    rate_hz: float

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
        )


def augment(
    recordings: ContinuousRecordings,
    rows: NDArray[np.int64],
    settings: Augmentation,
    rng: Generator,
) -> Floats:
    """Windows `rows` of the grid, each with changes of its own: (len(rows), window, 3)."""
    x = cut(recordings, rows, settings.speed, settings.shift, rng)
    x = move(x, settings.effort, settings.coupling, recordings.rate_hz, rng)
    x = np.einsum("ntk,njk->ntj", x, orientation(len(rows), settings, rng), optimize=True)
    return jitter(x, settings.jitter, rng)


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


def orientation(n: int, settings: Augmentation, rng: Generator) -> Floats:
    """How the phone sits in the pocket, and its sensor's gain: (n, 3, 3) matrices."""
    scale = np.ones((n, AXES), np.float32)
    scale *= flip(n, (-1, 1, -1), settings.turn, rng)
    scale *= flip(n, (-1, -1, 1), settings.upside_down, rng)
    scale *= flip(n, (-1, 1, 1), settings.mirror, rng)
    scale *= gain(n, settings.axis_gain, settings.amplitude, rng)
    matrix: Floats = np.eye(AXES, dtype=np.float32) * scale[:, None, :]
    if settings.roll_rad:
        vectors = np.zeros((n, AXES), np.float32)
        vectors[:, 2] = rng.normal(0, settings.roll_rad, n)
        matrix = rotation(vectors) @ matrix
    if settings.rotation_rad:
        vectors = rng.normal(0, settings.rotation_rad, (n, AXES)).astype(np.float32)
        matrix = rotation(vectors) @ matrix
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


def gain(n: int, axis: float, amplitude: float, rng: Generator) -> Floats:
    """Factors (n, 3): the sensitivity of each axis differs from chip to chip by some per cent
    (normal, deviation `axis`), and subjects step more or less hard (one log-normal factor)."""
    scale = np.ones((n, AXES), np.float32)
    if axis:
        scale *= rng.normal(1, axis, (n, AXES)).astype(np.float32)
    if amplitude:
        scale *= np.exp(rng.normal(0, amplitude, (n, 1))).astype(np.float32)
    return scale


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


def jitter(x: Floats, deviation: float, rng: Generator) -> Floats:
    """Add the sensor's white noise, of `deviation` m/s²."""
    if not deviation:
        return x
    return x + rng.normal(0, 1, x.shape).astype(np.float32) * np.float32(deviation)


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


Batch = tuple[Floats, Floats, Floats]
AT_ONCE = 10_000_000  # samples of which a copy in float64 may be made


def normalization(dataset: Dataset, kind: str) -> Normalization:
    """Statistics of every sample of a data set, in m/s²; they are constants in the app.

    `axis`: mean and deviation of each channel. `common`: mean 0 and the root mean square of all
    channels for each, because turning a phone exchanges its axes, and per-axis statistics would
    make the same walk look different.
    """
    common = kind == "common"
    if sum(len(r.samples) for r in dataset.recordings) > AT_ONCE:
        mean, std = _moments_by_recording(dataset, common)
    else:
        samples = np.concatenate([r.samples for r in dataset.recordings]).astype(np.float64)
        channels = samples.shape[1]
        if common:
            mean, std = np.zeros(channels), np.full(channels, np.sqrt(np.mean(samples**2)))
        else:
            mean, std = samples.mean(axis=0), samples.std(axis=0)
    # A constant axis has no deviation; dividing by 1 leaves it as it is.
    std = np.where(std > 0, std, 1.0)
    return Normalization(tuple(mean.tolist()), tuple(std.tolist()))


def _moments_by_recording(
    dataset: Dataset, common: bool
) -> tuple[NDArray[np.float64], NDArray[np.float64]]:
    """Mean and deviation, without all samples in memory; the last digits may be other ones."""
    count = sum(len(r.samples) for r in dataset.recordings)
    totals = sum(r.samples.sum(axis=0, dtype=np.float64) for r in dataset.recordings)
    mean = np.zeros_like(totals) if common else totals / count
    squares = sum(((r.samples - mean) ** 2).sum(axis=0) for r in dataset.recordings)
    variance = np.full_like(mean, np.mean(squares / count)) if common else squares / count
    return mean, np.sqrt(variance)


def window_weights(labels: NDArray[np.int64], power: float) -> Floats:
    """(n,) weight of each window in the loss: its class's inverse frequency to a power, scaled
    to mean 1 so that the learning rate keeps its meaning."""
    counts = np.bincount(labels)
    share = counts / len(labels)
    weights = np.where(counts > 0, 1 / np.maximum(share, 1 / len(labels)), 0.0) ** power
    of_window = weights[labels]
    scaled: Floats = (of_window / of_window.mean()).astype(np.float32)
    return scaled


@dataclass(frozen=True, eq=False)
class Batches:
    """Endless training batches of one data set.

    Attributes:
        signal: the contract whose normalization is applied.
        size: windows in a batch; `steps` batches make an epoch, which leaves the rest of the
            shuffled windows out.
    """

    recordings: ContinuousRecordings
    labels: NDArray[np.int64]
    weights: Floats
    signal: Signal
    training: Training
    seed: int

    @classmethod
    def of(cls, dataset: Dataset, signal: Signal, training: Training, seed: int) -> Batches:
        return cls(
            ContinuousRecordings.of(dataset),
            dataset.labels,
            window_weights(dataset.labels, training.class_weights),
            signal,
            training,
            seed,
        )

    @property
    def size(self) -> int:
        return min(self.training.batch_size, len(self.labels))

    @property
    def steps(self) -> int:
        return len(self.labels) // self.size

    def batch(self, number: int) -> Batch:
        """Batch `number` of the whole fit, counted from 0 across epochs.

        Returns:
            Inputs (n, window·channels), soft labels (n, classes) and weights (n,).
        """
        epoch, step = divmod(number, self.steps)
        order = _shuffled(self.seed, epoch, len(self.labels))
        rows = order[step * self.size : (step + 1) * self.size]
        # Seeded by epoch and step, not drawn from one stream, so that prefetching changes nothing.
        rng = np.random.default_rng([self.seed, epoch, step])
        augmentation = self.training.augmentation
        if augmentation is None:
            time_steps = np.arange(self.recordings.window)
            x = self.recordings.samples[self.recordings.start[rows][:, None] + time_steps]
        else:
            x = augment(self.recordings, rows, augmentation, rng)
        x = self.signal.encode(x.reshape(len(rows), -1).astype(np.float32))
        y = np.eye(len(self.signal.labels), dtype=np.float32)[self.labels[rows]]
        x, y = mixup(x, y, augmentation.mixup if augmentation else 0.0, rng)
        return x, y, self.weights[rows]

    def __iter__(self) -> Iterator[Batch]:
        return map(self.batch, count())


@lru_cache(maxsize=4)
def _shuffled(seed: int, epoch: int, windows: int) -> NDArray[np.int64]:
    """The order of an epoch's windows; cached, because every batch of the epoch needs it."""
    return np.random.default_rng([seed, epoch]).permutation(windows)
