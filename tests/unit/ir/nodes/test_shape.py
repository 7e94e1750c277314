"""Reshape and Flatten."""

from __future__ import annotations

import numpy as np
import pytest

from edgeconv.ir.nodes import Reshape, Value
from edgeconv.ir.nodes.shape import read_reshape
from tests.unit.ir.nodes.calls import call


@pytest.mark.parametrize(
    ("target", "shape"), [((4, 3), (4, 3)), ((-1, 6), (2, 6)), ((12,), (12,)), (None, (12,))]
)
def test_read_reshape_fills_in_the_free_axis_and_flattens(
    target: tuple[int, ...] | None, shape: tuple[int, ...]
) -> None:
    settings = {} if target is None else {"target_shape": target}
    (node,) = read_reshape(call("Reshape", (6, 2), **settings))
    assert node.output.shape == shape
    assert node.evaluate(np.arange(12.0)).ravel().tolist() == list(range(12))


def test_a_reshape_of_other_numbers_is_refused() -> None:
    with pytest.raises(ValueError, match="cannot become"):
        Reshape(label="r", inputs=(Value("x", (5,)),), shape=(2, 3))


def test_a_reshape_to_the_same_shape_is_an_identity() -> None:
    entry = (Value("x", (2, 3)),)
    assert Reshape(label="r", inputs=entry, shape=(2, 3)).is_identity
    assert not Reshape(label="r", inputs=entry, shape=(6,)).is_identity
