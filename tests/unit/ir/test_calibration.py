"""Ranges of activations: every window counts, and each method keeps its own promise."""

from __future__ import annotations

import numpy as np
import pytest
from hypothesis import given
from hypothesis import strategies as st

from edgeconv.core import CALIBRATION_METHODS
from edgeconv.ir.calibration import BINS, INT8_AFFINE, INT8_SYMMETRIC, Quantizer, activation_ranges
from edgeconv.ir.nodes import Activation, ActivationFunction, Dense
from edgeconv.targets.coreml.activation_quantization import scale_of
from tests.unit.graphs import chain, layer

# one value passed on unchanged, then its positive part
RELU, SIGMOID = ActivationFunction("relu"), ActivationFunction("sigmoid")
GRAPH = chain(
    (1,),
    layer(Dense, "first", kernel=np.ones((1, 1)), bias=np.zeros(1), activation=RELU),
    layer(Dense, "second", kernel=np.ones((1, 1)), bias=np.zeros(1)),
    layer(Activation, "s", function=SIGMOID),
)


def ranges(
    values: np.ndarray, method: str, quantizer: Quantizer = INT8_AFFINE
) -> dict[str, tuple[float, float]]:
    return activation_ranges(GRAPH, values.reshape(-1, 1), method, quantizer)


@pytest.mark.parametrize("position", [0, 60, 199])
def test_no_window_is_forgotten(position: int) -> None:
    """Where an outlier stands must not matter: coremltools 9.0 keeps the last sample alone."""
    values = np.zeros(200)
    values[position] = -7.5
    assert ranges(values, "minmax") == {"first": (-7.5, 0.0), "second": (0.0, 0.0)}


def test_percentile_lets_go_of_one_in_ten_thousand_at_each_end() -> None:
    values = np.random.default_rng(0).uniform(-1, 1, 100_000)
    values[:3] = 1000.0
    values[3:6] = -1000.0
    low, high = ranges(values, "percentile")["first"]
    width = 2000 / BINS
    assert -1 - width <= low <= -1 + width
    assert 1 - width <= high <= 1 + width
    assert ranges(values, "minmax")["first"] == (-1000.0, 1000.0)


def _error(values: np.ndarray, limits: tuple[float, float], quantizer: Quantizer) -> float:
    low, high = quantizer.span(*limits)
    step = (high - low) / quantizer.levels
    rounded = np.clip(np.rint((values - low) / step), 0, quantizer.levels) * step + low
    return float(((values - rounded) ** 2).mean())


@given(
    st.integers(0, 2**32 - 1),
    st.floats(0.1, 100.0),
    st.sampled_from([INT8_AFFINE, INT8_SYMMETRIC, Quantizer(15, True)]),
)
def test_mse_is_never_worse_than_everything(seed: int, spread: float, quantizer: Quantizer) -> None:
    values = np.random.default_rng(seed).standard_t(3, 4000) * spread
    everything = _error(values, ranges(values, "minmax", quantizer)["first"], quantizer)
    chosen = _error(values, ranges(values, "mse", quantizer)["first"], quantizer)
    assert chosen <= everything * 1.02  # bins round too


def test_mse_clips_an_outlier_that_costs_more_than_it_is_worth() -> None:
    values = np.append(np.random.default_rng(1).normal(0, 1, 100_000), 60.0)
    assert ranges(values, "mse", Quantizer(15, True))["first"][1] < 30


@pytest.mark.parametrize("method", CALIBRATION_METHODS)
def test_nothing_but_zeros_is_a_range_too(method: str) -> None:
    assert ranges(np.zeros(50), method)["first"] == (0.0, 0.0)
    assert scale_of((0.0, 0.0)) == 1.0


@given(st.floats(1e-3, 6e4), st.floats(1e-3, 6e4))
def test_a_float16_step_does_not_cut_the_range_short(low: float, high: float) -> None:
    scale = scale_of((-low, high))
    assert scale == float(np.float16(scale))
    assert 127 * scale >= max(low, high)
    assert 127 * scale <= max(low, high) * 1.002 + 1e-5
