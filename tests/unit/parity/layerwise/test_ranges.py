"""Numbers that a format cannot hold, on networks scaled until it cannot."""

from __future__ import annotations

import math
from dataclasses import replace
from typing import Any

import numpy as np
import pytest
from hypothesis import given
from hypothesis import strategies as st

from edgeconv.core.layerwise import LayerMatchStatus, LayerParity
from edgeconv.parity.layerwise.ranges import CodeUse, Float16Range, code_warnings, float16_warnings


def relu_values(scale: float) -> Any:
    return np.maximum(np.random.default_rng(0).normal(size=(64, 100)), 0) * scale


def warned(values: Any) -> list[str]:
    extent = Float16Range()
    extent.add(values)
    return [w.kind for w in float16_warnings("conv", "t", "activation", extent)]


@pytest.mark.parametrize("scale", [1.0, 1e-3, 1e4])
def test_float16_warnings_not_for_ordinary_activations(scale: float) -> None:
    assert warned(relu_values(scale)) == []


def test_float16_warnings_overflow() -> None:
    extent = Float16Range()
    values = relu_values(3e4)
    extent.add(values)
    (warning,) = float16_warnings("conv", "conv_cast", "activation", extent)
    assert warning.kind == "overflow"
    assert warning.share == pytest.approx((values > 65_504).mean())
    assert warning.largest == values.max()
    assert "'conv'" in warning.text
    assert "65,504" in warning.text
    assert "float32" in warning.advice


def test_float16_warnings_overflow_of_one_value() -> None:
    values = relu_values(1.0)
    values[3, 4] = 70_000
    assert warned(values) == ["overflow"]


@pytest.mark.parametrize("scale", [1e-6, 1e-8, 1e-12])
def test_float16_warnings_underflow(scale: float) -> None:
    assert warned(relu_values(scale)) == ["underflow"]


def test_float16_warnings_not_for_probabilities_near_zero() -> None:
    scores = np.random.default_rng(1).normal(0, 9, (200, 6))
    chances = np.exp(scores) / np.exp(scores).sum(axis=1, keepdims=True)
    assert (chances < 2.0**-14).mean() > 0.2
    assert warned(chances) == []


def test_float16_warnings_of_infinite_values_fit_json() -> None:
    extent = Float16Range()
    extent.add(np.array([1.0, math.inf]))
    (warning,) = float16_warnings("x", "t", "activation", extent)
    assert math.isfinite(warning.largest)


def test_float16_warnings_of_subnormal_weights() -> None:
    extent = Float16Range()
    extent.add_rounded((np.random.default_rng(0).normal(size=400) * 1e-6).astype(np.float16))
    (warning,) = float16_warnings("conv", "w", "weight", extent)
    assert (warning.kind, warning.what) == ("underflow", "weight")


@given(st.lists(st.floats(-1e6, 1e6), min_size=1), st.integers(1, 5))
def test_code_use_shares(values: list[float], size: int) -> None:
    whole, parts = Float16Range(), Float16Range()
    array = np.array(values)
    whole.add(array)
    for start in range(0, len(array), size):
        parts.add(array[start : start + size])
    assert (whole.over, whole.lost, whole.subnormal) == (parts.over, parts.lost, parts.subnormal)
    assert whole.over + whole.lost + whole.subnormal <= whole.count == len(values)


def row(use: CodeUse, operation: str = "CONV_2D") -> LayerParity:
    return LayerParity(
        "conv", "Conv1D", LayerMatchStatus.COMPARED, "t", operation, "int8", quantized=use.result()
    )


def used(values: Any, scale: float, zero_point: int = 0) -> CodeUse:
    use = CodeUse(scale, zero_point, "int8")
    stored = np.clip(np.rint(values / scale) + zero_point, -128, 127)
    use.add(values, (stored - zero_point) * scale)
    return use


def test_code_warnings_not_for_a_fitting_range() -> None:
    values = np.random.default_rng(0).normal(size=5_000)
    use = used(values, np.abs(values).max() / 127)
    assert code_warnings([row(use)]) == []
    result = use.result()
    assert result.saturated == 0
    assert 0.8 < result.used <= 1
    assert result.typical < result.used


def test_code_warnings_saturation() -> None:
    values = np.random.default_rng(0).normal(size=5_000)
    (warning,) = code_warnings([row(used(values, 1.0 / 127))])
    assert warning.kind == "saturation"
    assert warning.share == pytest.approx((np.abs(values) > 1.01).mean(), abs=0.01)


def test_code_warnings_not_for_a_relu_at_zero() -> None:
    values = np.maximum(np.random.default_rng(0).normal(size=5_000), 0)
    assert used(values, values.max() / 255, -128).result().saturated == 0


def test_code_warnings_wide_range_once() -> None:
    values = np.random.default_rng(0).normal(size=5_000)
    wide = row(used(values, 1.0))
    (warning,) = code_warnings([wide, replace(wide, layer="pool")])
    assert (warning.kind, warning.layer) == ("wide_range", "conv")
    assert "bits" in warning.text


def test_code_warnings_not_for_a_fixed_range() -> None:
    values = np.random.default_rng(0).uniform(0.49, 0.51, 5_000)
    assert code_warnings([row(used(values, 1 / 256, -128), "LOGISTIC")]) == []
