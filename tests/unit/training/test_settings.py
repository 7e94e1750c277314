"""Settings that cannot work are refused when they are written down."""

from __future__ import annotations

from typing import Any

import pytest

from edgeconv.core import Augmentation, Training
from edgeconv.errors import UsageError


@pytest.mark.parametrize(
    "wrong",
    [
        {"epochs": 0},
        {"batch_size": 0},
        {"patience": -1},
        {"optimizer": "sgd"},
        {"schedule": "steps"},
        {"normalization": "window"},
        {"keep": "first"},
        {"learning_rate": 0.0},
        {"learning_rate": float("nan")},
        {"weight_decay": -1.0},
        {"clipnorm": float("inf")},
        {"class_weights": -0.5},
        {"label_smoothing": 1.0},
        {"ema": 1.0},
        {"warmup": 1.0},
        {"optimizer": "adam", "weight_decay": 0.01},
    ],
    ids=str,
)
def test_a_training_that_cannot_work(wrong: dict[str, Any]) -> None:
    with pytest.raises(UsageError, match=next(iter(wrong)) if len(wrong) == 1 else "adam"):
        Training(**wrong)


@pytest.mark.parametrize(
    "wrong", [{"turn": 1.5}, {"mirror": -0.1}, {"jitter": float("nan")}, {"shift": -1}], ids=str
)
def test_an_augmentation_that_cannot_be(wrong: dict[str, Any]) -> None:
    with pytest.raises(UsageError, match=next(iter(wrong))):
        Augmentation(**wrong)
