"""Statistics of training people only, weights of classes, and batches that repeat themselves."""

from __future__ import annotations

from dataclasses import replace
from itertools import islice

import numpy as np
import pytest

from edgeconv.core import InputConvention, Normalization, Training
from edgeconv.training.augmentation import ContinuousRecordings, augment, mixup
from edgeconv.training.batches import Batches, normalization, window_weights

from .small import SIGNAL, dataset, recording

DATA = dataset("1", "2")
PLAIN = Training(batch_size=10, augmentation=None)
NORMALIZED = replace(
    SIGNAL,
    sensor=InputConvention.NORMALIZED,
    normalization=Normalization((0.0, 1.0, 2.0), (1.0, 2.0, 4.0)),
)


def test_axis_statistics_are_of_every_sample() -> None:
    samples = np.concatenate([r.samples for r in DATA.recordings]).astype(np.float64)
    statistics = normalization(DATA, "axis")
    np.testing.assert_allclose(statistics.mean, samples.mean(axis=0))
    np.testing.assert_allclose(statistics.std, samples.std(axis=0))


def test_a_common_scale_is_the_root_mean_square_and_moves_nothing() -> None:
    samples = np.concatenate([r.samples for r in DATA.recordings]).astype(np.float64)
    statistics = normalization(DATA, "common")
    assert statistics.mean == (0.0, 0.0, 0.0)
    np.testing.assert_allclose(statistics.std, [np.sqrt((samples**2).mean())] * 3)


@pytest.mark.parametrize("kind", ["axis", "common"])
def test_a_dead_axis_is_not_divided_by_nothing(kind: str) -> None:
    still = replace(recording("1", 0), samples=np.zeros((100, 3), np.float32))
    assert normalization(dataset(recordings=(still,)), kind).std == (1.0, 1.0, 1.0)


def test_balanced_weights_give_each_class_the_same_say() -> None:
    labels = np.array([0] * 8 + [1] * 2 + [3] * 5)
    weights = window_weights(labels, 1.0)
    assert weights.mean() == pytest.approx(1)
    of_class = [weights[labels == c].sum() for c in (0, 1, 3)]
    np.testing.assert_allclose(of_class, [5.0] * 3, rtol=1e-6)


def test_weights_of_power_zero_are_one() -> None:
    np.testing.assert_array_equal(window_weights(np.array([0, 0, 2]), 0.0), 1)


def test_an_epoch_shows_each_window_once_and_reshuffles() -> None:
    batches = Batches.of(DATA, NORMALIZED, PLAIN, 0)
    assert (batches.size, batches.steps) == (10, len(DATA) // 10)
    shown = [x for x, _, _ in islice(batches, 2 * batches.steps)]
    first, second = np.concatenate(shown).reshape(2, -1, NORMALIZED.flat_size)
    assert not np.array_equal(first, second)
    rows = {x.tobytes() for x in first}
    assert len(rows) == batches.size * batches.steps
    assert rows <= {x.tobytes() for x in NORMALIZED.encode(DATA.windows)}


def test_batches_are_a_function_of_the_seed() -> None:
    training = Training(batch_size=10)
    runs = [list(islice(Batches.of(DATA, NORMALIZED, training, s), 8)) for s in (1, 1, 2)]
    for one, same in zip(runs[0], runs[1], strict=True):
        for left, right in zip(one, same, strict=True):
            np.testing.assert_array_equal(left, right)
    assert not np.array_equal(runs[0][0][0], runs[2][0][0])


def test_a_batch_has_the_contract_s_shape_and_type() -> None:
    x, y, w = next(iter(Batches.of(DATA, NORMALIZED, Training(batch_size=10), 0)))
    assert (x.shape, y.shape, w.shape) == ((10, 60), (10, 3), (10,))
    assert x.dtype == y.dtype == w.dtype == np.float32


def test_few_windows_make_one_small_batch() -> None:
    batches = Batches.of(DATA, NORMALIZED, replace(PLAIN, batch_size=10_000), 0)
    assert (batches.size, batches.steps) == (len(DATA), 1)


def test_batch_numbers_count_through_epochs() -> None:
    """The order and the random state that every earlier version used: seed, epoch and step."""
    training = Training(batch_size=10)
    batches = Batches.of(DATA, NORMALIZED, training, 3)
    how = training.augmentation
    assert how is not None
    for number in range(2 * batches.steps):
        epoch, step = divmod(number, batches.steps)
        order = np.random.default_rng([3, epoch]).permutation(len(DATA))
        rows = order[step * 10 : (step + 1) * 10]
        rng = np.random.default_rng([3, epoch, step])
        x = augment(ContinuousRecordings.of(DATA), rows, how, rng)
        x = NORMALIZED.encode(x.reshape(len(rows), -1).astype(np.float32))
        y = np.eye(3, dtype=np.float32)[DATA.labels[rows]]
        x, y = mixup(x, y, how.mixup, rng)
        for one, other in zip(batches.batch(number), (x, y, np.ones(10)), strict=True):
            np.testing.assert_array_equal(one, other)
