"""Maxima and averages over time."""

from __future__ import annotations

import numpy as np
import pytest

from edgeconv.core.affine import AffineMap
from edgeconv.ir.nodes import GlobalPool, Pool, Value

ENTRY = (Value("x", (3, 1)),)
X = np.array([[[1.0], [2], [6]]])


def test_average_leaves_padding_out_of_its_count() -> None:
    pool = Pool(label="p", inputs=ENTRY, kind="average", size=(2,), stride=(2,), padding="same")
    assert pool.evaluate(X).ravel().tolist() == [1.5, 6]


def test_maximum_of_negative_values_ignores_padding() -> None:
    pool = Pool(label="p", inputs=ENTRY, kind="max", size=(2,), stride=(2,), padding="same")
    assert pool.evaluate(-X).ravel().tolist() == [-1, -6]


@pytest.mark.parametrize("kind", ["max", "average"])
def test_pass_affines_of_a_falling_map_only_through_averages(kind: str) -> None:
    falling = AffineMap(np.full((3, 1), -2.0), np.full((3, 1), 1.0))
    pool = GlobalPool(label="p", inputs=ENTRY, kind=kind)
    assert (pool.pass_affines([falling]) is None) == (kind == "max")


def test_quantized_values_of_pools_are_those_of_global_averages() -> None:
    average = GlobalPool(label="p", inputs=ENTRY, kind="average")
    assert average.quantized_values(None) == average.outputs
    assert GlobalPool(label="p", inputs=ENTRY, kind="max").quantized_values(None) == ()
    moving = Pool(label="p", inputs=ENTRY, kind="average", size=(2,), stride=(1,))
    assert moving.quantized_values(None) == ()


def test_an_unknown_kind_is_refused() -> None:
    with pytest.raises(ValueError, match="unknown pooling 'median'"):
        GlobalPool(label="p", inputs=ENTRY, kind="median")
