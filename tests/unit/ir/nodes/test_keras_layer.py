"""Layers that only Keras can compute."""

from __future__ import annotations

from typing import Any

import numpy as np
import pytest

from edgeconv.errors import Unsupported
from edgeconv.ir.keras_call import KerasCall
from edgeconv.ir.nodes import KerasLayer, Value
from edgeconv.ir.nodes.keras_layer import read_opaque

ENTRY = (Value("x", (3,)),)


def test_read_opaque_runs_the_layer_in_float32() -> None:
    def double(x: Any) -> Any:
        assert x.dtype == np.float32
        return x * 2

    (node,) = read_opaque(KerasCall(double, "Lambda", "odd", ENTRY, ((3,),)))
    assert isinstance(node, KerasLayer)
    assert node.opaque
    (result,) = node.evaluate_outputs(np.ones((1, 3)))
    assert result.tolist() == [[2, 2, 2]]


def test_read_opaque_names_the_layer_that_fails() -> None:
    def fails(x: Any) -> Any:
        heading = "Exception encountered when calling Lambda"
        raise AttributeError(f"{heading}\n\n\x1b[1mno such thing\x1b[0m")

    (node,) = read_opaque(KerasCall(fails, "Lambda", "odd", ENTRY, ((3,),)))
    message = r"layer 'odd' \(Lambda\) .* AttributeError: no such thing"
    with pytest.raises(Unsupported, match=message):
        node.evaluate_outputs(np.ones((1, 3)))
