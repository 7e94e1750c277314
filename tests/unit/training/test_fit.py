"""The learning rate's course."""

from __future__ import annotations

import numpy as np
import pytest
from numpy.typing import NDArray

from edgeconv.core import Training
from edgeconv.training.fit import FINAL_RATE, learning_rate

pytestmark = pytest.mark.heavy  # imports TensorFlow


def course(training: Training, steps: int) -> NDArray[np.float64]:
    rate = learning_rate(training, steps)
    return np.array([float(rate(step)) for step in range(steps + 1)])


def test_cosine_climbs_for_its_share_then_falls() -> None:
    rates = course(Training(learning_rate=0.01, warmup=0.1), 200)
    assert rates.argmax() == 20
    assert rates.max() == pytest.approx(0.01)
    assert (np.diff(rates[20:]) < 1e-12).all()
    assert rates[-1] == pytest.approx(0.01 * FINAL_RATE, rel=1e-3)


def test_cosine_without_warm_up_starts_at_the_rate() -> None:
    rates = course(Training(learning_rate=0.01, warmup=0.0), 50)
    assert rates[0] == pytest.approx(0.01)


def test_constant_is_a_number() -> None:
    assert learning_rate(Training(schedule="constant", learning_rate=0.01), 50) == 0.01


@pytest.mark.parametrize("steps", [1, 2, 19])
def test_a_very_short_fit_has_a_finite_rate(steps: int) -> None:
    assert np.isfinite(course(Training(warmup=0.9), steps)).all()
