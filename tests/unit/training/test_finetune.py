"""Training on: a word after each step, the same steps under a seed, no NaN kept."""

from __future__ import annotations

from dataclasses import replace
from typing import Any

import numpy as np
import pytest

from edgeconv.core import FinetuneConfig, InputConvention, Normalization, NullProgress, Training
from edgeconv.errors import UsageError
from edgeconv.training.batches import Batches
from edgeconv.training.finetune import make_finetune

from .small import SIGNAL, dataset, network

pytestmark = pytest.mark.heavy

NORMALIZED = replace(
    SIGNAL, sensor=InputConvention.NORMALIZED, normalization=Normalization((0.0,) * 3, (9.8,) * 3)
)
TRAINING = Training(batch_size=16, ema=0.5)


def tuned(how: FinetuneConfig, calls: list[float]) -> Any:
    import keras

    keras.utils.set_random_seed(0)
    model = network(NORMALIZED)
    make_finetune(dataset("1", "2"), NORMALIZED, TRAINING, how, 0, NullProgress())(
        model, calls.append
    )
    return model


def test_each_step_is_told_and_the_end_twice() -> None:
    how, calls = FinetuneConfig(epochs=2), list[float]()
    first = tuned(how, calls)
    steps = Batches.of(dataset("1", "2"), NORMALIZED, TRAINING, 0).steps
    wanted = [(i + 1) / (2 * steps) for i in range(2 * steps)]
    assert calls == pytest.approx([*wanted, 1.0])
    second = tuned(how, [])
    for one, other in zip(first.get_weights(), second.get_weights(), strict=True):
        assert (one == other).all()


def test_what_the_last_word_makes_of_the_weights_stays() -> None:
    model = network(NORMALIZED)
    kernel = model.get_layer("conv").kernel
    mask = np.random.default_rng(0).random(kernel.shape) < 0.5

    def hold(_: float) -> None:
        kernel.assign(np.where(mask, kernel.numpy(), 0))

    make_finetune(
        dataset("1", "2"), NORMALIZED, TRAINING, FinetuneConfig(epochs=1), 0, NullProgress()
    )(model, hold)
    assert (kernel.numpy()[~mask] == 0).all()
    assert (kernel.numpy()[mask] != 0).all()


def test_a_loss_that_is_no_number_ends_it() -> None:
    with pytest.raises(UsageError, match="compression diverged"):
        tuned(FinetuneConfig(epochs=1, learning_rate=1e30), [])
