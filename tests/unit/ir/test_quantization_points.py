"""Where values become integers: every operation once, and with a range that holds 0."""

from __future__ import annotations

import sys

import numpy as np
import pytest
from hypothesis import given
from hypothesis import strategies as st

from edgeconv.core import InputConvention, Normalization, Signal
from edgeconv.errors import Unsupported
from edgeconv.ir import quantization_points
from edgeconv.ir.calibration import INT8_AFFINE
from edgeconv.ir.graph import (
    Activate,
    Affine,
    Conv,
    Dense,
    Function,
    GlobalPool,
    Plan,
    Pool,
    Reshape,
)

ENDS = st.floats(-1e4, 1e4, allow_nan=False)
SIGNAL = Signal(window=4, labels=("a", "b"), normalization=Normalization((1, 2, 3), (2, 2, 4)))


def plan(function: str = "relu", value: float = 0.0) -> Plan:
    rng = np.random.default_rng(0)
    return Plan(
        "p",
        (12,),
        (
            Reshape("steps", (4, 3)),
            Conv("c", rng.normal(size=(2, 3, 5)), rng.normal(size=5), 1, 1, "valid", 1,
                 Function(function, value)),
            Pool("pool", "max", 1, 1),
            GlobalPool("mean", "average"),
            Dense("d", rng.normal(size=(5, 2)), np.zeros(2)),
            Activate("d_softmax", Function("softmax")),
        ),
    )  # fmt: skip


@given(ENDS, ENDS)
def test_a_nudged_range_holds_zero_exactly_and_moves_less_than_a_step(a: float, b: float) -> None:
    low, high = INT8_AFFINE.nudged(min(a, b), max(a, b))
    wanted_low, wanted_high = min(a, b, 0.0), max(a, b, 0.0)
    step = (high - low) / 255
    assert low <= 0 <= high
    assert abs(low / step - round(low / step)) < 1e-6  # 0 is one of the numbers
    if (wanted_high - wanted_low) / 255 >= sys.float_info.min:
        assert abs(low - wanted_low) <= 0.5001 * step
        assert high - low == pytest.approx(wanted_high - wanted_low)


@given(st.lists(ENDS, min_size=12, max_size=12))
def test_measured_ranges_hold_what_was_measured(values: list[float]) -> None:
    windows = np.array([values, [1.0] * 12])
    found = quantization_points.measured(plan(), windows, "minmax", INT8_AFFINE)
    assert set(found) == {"sensor", "c", "mean", "d"}
    assert found["sensor"] == (windows.min(), windows.max())
    assert found["c"][0] >= 0


def test_a_function_of_its_own_has_a_point_before_it_and_what_the_kernel_dictates_after() -> None:
    found = quantization_points.measured(plan("tanh"), np.ones((1, 12)), "minmax", INT8_AFFINE)
    assert set(found) == {"sensor", "c_bias", "c", "mean", "d"}
    assert found["c"] == (-1.0, 127 / 128)


def test_the_range_of_a_clipped_relu_ends_at_its_ceiling() -> None:
    given_ranges = {"sensor": (-9.0, 9.0), "c": (0.0, 50.0), "mean": (0.0, 6.0), "d": (-1.0, 1.0)}
    found = quantization_points.completed(plan("relu_max", 6.0), given_ranges, SIGNAL)
    assert found["c"] == (0.0, 6.0)


def test_given_ranges_are_in_the_unit_of_the_file() -> None:
    ranges = {"sensor": (-20.0, 40.0), "c": (0.0, 5.0), "mean": (0.0, 6.0), "d": (-1.0, 1.0)}
    low, high = quantization_points.completed(
        plan(), ranges, SIGNAL.for_sensor(InputConvention.IOS)
    )["sensor"]
    assert (low, high) == pytest.approx((-40 / 9.80665, 20 / 9.80665))


def test_a_sensor_contract_that_stays_an_operation_gets_its_ranges() -> None:
    first = Affine("sensor_contract", np.full(12, 0.5), np.zeros(12))
    with_it = plan().with_layers([first, *plan().layers])
    ranges = {"sensor": (-20.0, 40.0), "c": (0.0, 5.0), "mean": (0.0, 6.0), "d": (-1.0, 1.0)}
    found = quantization_points.completed(with_it, ranges, SIGNAL)
    # (40 − 1) / 2 and (−20 − 2) / 2 are the ends over the three channels
    assert found["sensor_contract"] == pytest.approx((-11.0, 19.5))
    assert found["sensor_contract_scale"] == pytest.approx((-10.0, 20.0))


@pytest.mark.parametrize("missing", ["sensor", "c", "d"])
def test_a_missing_range_is_named(missing: str) -> None:
    ranges = {"sensor": (-9.0, 9.0), "c": (0.0, 5.0), "mean": (0.0, 6.0), "d": (-1.0, 1.0)}
    del ranges[missing]
    with pytest.raises(Unsupported, match=missing):
        quantization_points.completed(plan(), ranges, SIGNAL)


def test_a_kernel_reads_the_last_range_before_it() -> None:
    ranges = {"sensor": (-9.0, 9.0), "c": (0.0, 5.0), "mean": (0.0, 6.0), "d": (-1.0, 1.0)}
    assert quantization_points.read_by_kernels(plan(), ranges) == {
        "c": (-9.0, 9.0),
        "d": (0.0, 6.0),
    }
