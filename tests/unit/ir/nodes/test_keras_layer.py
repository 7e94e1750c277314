"""Layers that only Keras can compute."""

from __future__ import annotations

from collections.abc import Callable
from typing import Any

import numpy as np
import pytest

from edgeconv.errors import Unsupported
from edgeconv.ir.keras_call import KerasCall
from edgeconv.ir.nodes import KerasLayer, Value
from edgeconv.ir.nodes.keras_layer import read_opaque

ENTRY = (Value("x", (3,)),)


def opaque(run: Callable[[Any], list[Any]] | None, *results: Value) -> KerasLayer:
    (node,) = read_opaque(KerasCall(None, "Odd", "odd", ENTRY, results or ENTRY, run), "it is odd")
    assert isinstance(node, KerasLayer)
    return node


def test_read_opaque_runs_the_layer_in_float32_and_keeps_the_types_of_its_outputs() -> None:
    def double(x: Any) -> list[Any]:
        assert x.dtype == np.float32
        return [x * 2, x > 0]

    node = opaque(double, Value("odd", (3,)), Value("odd.1", (3,), "bool"))
    assert node.opaque
    doubled, positive = node.evaluate_outputs(np.ones((1, 3)))
    assert doubled.tolist() == [[2, 2, 2]]
    assert doubled.dtype == np.float64
    assert positive.dtype == bool


def test_read_opaque_names_the_layer_that_fails() -> None:
    def fails(x: Any) -> list[Any]:
        heading = "Exception encountered when calling Lambda"
        raise AttributeError(f"{heading}\n\n\x1b[1mno such thing\x1b[0m")

    message = r"layer 'odd' \(Odd\) .* AttributeError: no such thing"
    with pytest.raises(Unsupported, match=message):
        opaque(fails).evaluate_outputs(np.ones((1, 3)))


def test_what_needs_insight_is_refused_by_name_with_the_reason() -> None:
    message = r"layer 'odd' \(Odd\), which only Keras .* cannot .* it is odd"
    with pytest.raises(Unsupported, match=message):
        opaque(lambda x: [x]).quantized_values(None)


def test_read_opaque_needs_keras() -> None:
    with pytest.raises(Unsupported, match="layer 'odd' is a Odd, which only Keras can compute"):
        opaque(None)
