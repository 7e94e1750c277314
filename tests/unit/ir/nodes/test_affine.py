"""Batch normalization at inference, worked out by hand."""

from __future__ import annotations

import numpy as np
import pytest

from edgeconv.ir.nodes import Affine, Value
from edgeconv.ir.nodes.affine import read_batch_normalization
from tests.unit.ir.nodes.calls import call

ARRAYS = {
    "moving_mean": np.array([1.0, 2]),
    "moving_variance": np.array([3.0, 8]),
    "gamma": np.array([2.0, 3]),
    "beta": np.array([0.5, -1]),
}
SETTINGS = {"epsilon": 1.0, "axis": -1}


@pytest.mark.parametrize(
    ("scale", "center", "expected"),
    [(True, True, [0.5, -1]), (True, False, [0, 0]), (False, True, [0.5, -1])],
)
def test_read_batch_normalization_of_its_mean(
    scale: bool, center: bool, expected: list[float]
) -> None:
    (node,) = read_batch_normalization(
        call("BatchNormalization", (4, 2), scale=scale, center=center, **ARRAYS, **SETTINGS)
    )
    x = np.broadcast_to(ARRAYS["moving_mean"], (1, 4, 2))
    np.testing.assert_allclose(node.evaluate(x), np.broadcast_to(expected, (1, 4, 2)))
    assert isinstance(node, Affine)
    slope = [2 / 2, 3 / 3] if scale else [1 / 2, 1 / 3]
    np.testing.assert_allclose(node.scale, np.broadcast_to(slope, (4, 2)))


def test_an_affine_of_another_shape_is_refused() -> None:
    with pytest.raises(ValueError, match="node 'a'"):
        Affine(label="a", inputs=(Value("x", (4, 2)),), scale=np.ones(2), offset=np.zeros(2))
