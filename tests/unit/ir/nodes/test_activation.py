"""Activation functions and the ranges of their integers."""

from __future__ import annotations

import numpy as np
import pytest

from edgeconv.ir.nodes.activation import FUNCTIONS, ActivationFunction


def test_unknown_activation_function_is_refused() -> None:
    with pytest.raises(ValueError, match="unknown activation function 'sparsemax'"):
        ActivationFunction("sparsemax")


@pytest.mark.parametrize("kind", FUNCTIONS)
def test_narrow_range_holds_every_result(kind: str) -> None:
    function = ActivationFunction(kind, 0.5)
    x = np.linspace(0.1 if kind in ("log", "rsqrt") else -3, 3, 61).reshape(1, 61)
    results = function(x)
    seen = float(results.min()), float(results.max())
    low, high = function.narrow_range(seen)
    step = (high - low) / 255  # TFLite's range of sigmoid and tanh ends a step below 1
    assert low - step <= seen[0]
    assert seen[1] <= high + step


def test_narrow_range_of_a_clipped_relu_ends_at_its_ceiling() -> None:
    assert ActivationFunction("relu_max", 6.0).narrow_range((0.0, 50.0)) == (0.0, 6.0)
    assert ActivationFunction("relu_max", 6.0).narrow_range((0.0, 2.0)) == (0.0, 2.0)


def test_only_linear_and_relu_are_fused() -> None:
    fused = {kind for kind in FUNCTIONS if ActivationFunction(kind).fused}
    assert fused == {"linear", "relu", "relu_max"}
