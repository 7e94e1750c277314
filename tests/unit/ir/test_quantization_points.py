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
from edgeconv.ir.graph import Graph
from edgeconv.ir.nodes import (
    Activation,
    ActivationFunction,
    Affine,
    Concatenate,
    Conv,
    Dense,
    GlobalPool,
    Pool,
    Reshape,
    Value,
)
from edgeconv.ir.quantization_points import (
    joined_ranges,
    kernel_input_ranges,
    quantized_values,
)
from tests.unit.graphs import Layer, chain, layer

ENDS = st.floats(-1e4, 1e4, allow_nan=False)
SIGNAL = Signal(window=4, labels=("a", "b"), normalization=Normalization((1, 2, 3), (2, 2, 4)))


def layers(function: str = "relu", value: float = 0.0) -> list[Layer]:
    rng = np.random.default_rng(0)
    activation = ActivationFunction(function, value)
    kernel, bias = rng.normal(size=(2, 3, 5)), rng.normal(size=5)
    return [
        layer(Reshape, "steps", shape=(4, 3)),
        layer(Conv, "c", kernel=kernel, bias=bias, activation=activation),
        layer(Pool, "pool", kind="max", size=(1,), stride=(1,)),
        layer(GlobalPool, "mean", kind="average"),
        layer(Dense, "d", kernel=rng.normal(size=(5, 2)), bias=np.zeros(2)),
        layer(Activation, "d_softmax", function=ActivationFunction("softmax")),
    ]


def network(function: str = "relu", value: float = 0.0) -> Graph:
    return chain((12,), *layers(function, value))


def measured(graph: Graph, windows: np.ndarray) -> dict[str, tuple[float, float]]:
    ranges = quantization_points.measure_ranges(graph, windows, "minmax", INT8_AFFINE)
    return quantization_points.by_label(graph, ranges)


def filled(
    graph: Graph, ranges: dict[str, tuple[float, float]], signal: Signal = SIGNAL
) -> dict[str, tuple[float, float]]:
    values = quantization_points.fill_ranges(graph, ranges, signal)
    return quantization_points.by_label(graph, values)


@given(ENDS, ENDS)
def test_nudged_range_holds_zero_exactly_and_moves_less_than_a_step(a: float, b: float) -> None:
    low, high = INT8_AFFINE.nudged(min(a, b), max(a, b))
    wanted_low, wanted_high = min(a, b, 0.0), max(a, b, 0.0)
    step = (high - low) / 255
    assert low <= 0 <= high
    assert abs(low / step - round(low / step)) < 1e-6  # 0 is one of the numbers
    if (wanted_high - wanted_low) / 255 >= sys.float_info.min:
        assert abs(low - wanted_low) <= 0.5001 * step
        assert high - low == pytest.approx(wanted_high - wanted_low)


@given(st.lists(ENDS, min_size=12, max_size=12))
def test_measure_ranges_holds_what_was_measured(values: list[float]) -> None:
    windows = np.array([values, [1.0] * 12])
    found = measured(network(), windows)
    assert set(found) == {"sensor", "c", "mean", "d"}
    assert found["sensor"] == (windows.min(), windows.max())
    assert found["c"][0] >= 0


def test_unfused_activation_has_a_point_before_it_and_the_kernels_range_after() -> None:
    found = measured(network("tanh"), np.ones((1, 12)))
    assert set(found) == {"sensor", "c_bias", "c", "mean", "d"}
    assert found["c"] == (-1.0, 127 / 128)


def test_fill_ranges_ends_that_of_a_clipped_relu_at_its_ceiling() -> None:
    given_ranges = {"sensor": (-9.0, 9.0), "c": (0.0, 50.0), "mean": (0.0, 6.0), "d": (-1.0, 1.0)}
    found = filled(network("relu_max", 6.0), given_ranges)
    assert found["c"] == (0.0, 6.0)


def test_fill_ranges_gives_the_unit_of_the_file() -> None:
    ranges = {"sensor": (-20.0, 40.0), "c": (0.0, 5.0), "mean": (0.0, 6.0), "d": (-1.0, 1.0)}
    low, high = filled(network(), ranges, SIGNAL.for_sensor(InputConvention.IOS))["sensor"]
    assert (low, high) == pytest.approx((-40 / 9.80665, 20 / 9.80665))


def test_fill_ranges_of_a_sensor_contract_that_stays_an_operation() -> None:
    scale, offset = np.tile([1 / 2, 1 / 2, 1 / 4], 4), np.tile([-1 / 2, -2 / 2, -3 / 4], 4)
    contract = layer(Affine, "sensor_contract", scale=scale, offset=offset)
    with_it = chain((12,), contract, *layers())
    ranges = {"sensor": (-20.0, 40.0), "c": (0.0, 5.0), "mean": (0.0, 6.0), "d": (-1.0, 1.0)}
    found = filled(with_it, ranges)
    # (40 − 1) / 2 and (−20 − 2) / 2 are the ends over the three channels
    assert found["sensor_contract"] == pytest.approx((-11.0, 19.5))
    assert found["sensor_contract_scale"] == pytest.approx((-10.0, 20.0))


@pytest.mark.parametrize("missing", ["sensor", "c", "d"])
def test_fill_ranges_names_a_missing_range(missing: str) -> None:
    ranges = {"sensor": (-9.0, 9.0), "c": (0.0, 5.0), "mean": (0.0, 6.0), "d": (-1.0, 1.0)}
    del ranges[missing]
    with pytest.raises(Unsupported, match=missing):
        filled(network(), ranges)


def test_kernel_input_ranges_are_the_last_before_each_kernel() -> None:
    ranges = {"sensor": (-9.0, 9.0), "c": (0.0, 5.0), "mean": (0.0, 6.0), "d": (-1.0, 1.0)}
    graph = network()
    by_label = {value: ranges[graph.labels[value]] for value in quantized_values(graph)}
    read = kernel_input_ranges(graph, by_label)
    labelled = {graph.label(node): limits for node, limits in read.items()}
    assert labelled == {"c": (-9.0, 9.0), "d": (0.0, 6.0)}


def test_joined_values_get_the_range_of_the_result() -> None:
    entry = Value("x", (8, 3))
    relu, wave = (Reshape(label=name, inputs=(entry,), shape=(8, 3)) for name in ("relu", "wave"))
    moved = Reshape(label="moved", inputs=relu.outputs, shape=(8, 3))
    both = Concatenate(label="both", inputs=(moved.output, wave.output), axis=1)
    graph = Graph("g", (entry,), both.outputs, (relu, wave, moved, both))
    ranges = {
        entry: (-1.0, 1.0),
        relu.output: (0.0, 2.0),
        wave.output: (-3.0, 1.0),
        both.output: (-3.0, 2.0),
    }
    wide = joined_ranges(graph, ranges)
    assert wide[entry] == (-1.0, 1.0)
    assert wide[relu.output] == wide[wave.output] == wide[both.output] == (-3.0, 2.0)
