"""Normalized, augmented batches of a fit, each a function of the seed and its number."""

from __future__ import annotations

from collections.abc import Iterator
from dataclasses import dataclass
from functools import lru_cache
from itertools import count

import numpy as np
from numpy.typing import NDArray

from edgeconv.core import Dataset, Normalization, Signal, Training
from edgeconv.training.augmentation import ContinuousRecordings, Floats, augment, mixup

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
