"""Values at the end of an integer tensor's range, counted and told."""

from __future__ import annotations

import numpy as np
import pytest

from edgeconv.core import Interval, NonInferiority, ParityResult, ParityStatistics, Status
from edgeconv.core.parity_statistics import Decision
from edgeconv.parity.saturation import Saturation, saturation_sentence


def test_saturation_counts_both_ends_of_a_signed_range() -> None:
    saturation = Saturation.of(0.1, 0, "int8")
    saturation.add(np.array([-12.8, -12.7, 0.0, 12.6, 12.7]))
    assert (saturation.reached, saturation.count, saturation.share) == (2, 5, 0.4)


def test_saturation_does_not_count_zeros_of_a_relu() -> None:
    saturation = Saturation.of(0.1, -128, "int8")
    saturation.add(np.array([0.0, 0.0, 25.4, 25.5]))
    assert (saturation.reached, saturation.share) == (1, 0.25)


def test_saturation_without_values() -> None:
    assert Saturation.of(0.1, 0, "int16").share == 0


@pytest.mark.parametrize(
    ("share", "told"), [(0.031, "3.1 % of the values of 'conv2' saturate"), (0.009, "")]
)
def test_saturation_sentence(share: float, told: str) -> None:
    drop = NonInferiority(
        Decision.NON_INFERIOR, 0, 0, 0, 0.005, 0.95, "", 0, 0, 1, 1.0, None, "no drop"
    )
    evidence = ParityStatistics(
        Interval(1, 1, 1, 0.95, ""), drop, saturation={"conv1": 0.001, "conv2": share}
    )
    result = ParityResult(
        "a.tflite", "0", "int8", "tflite", "litert", Status.PASSED, 9, evidence=evidence
    )
    assert told in saturation_sentence(result)
    assert bool(saturation_sentence(result)) is bool(told)
