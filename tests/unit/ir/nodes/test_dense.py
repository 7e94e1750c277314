"""Dense layers: on a vector, on every time step, and with softmax."""

from __future__ import annotations

from types import SimpleNamespace

import numpy as np

from edgeconv.ir.nodes import Activation, Conv, Dense
from edgeconv.ir.nodes.dense import read_dense
from tests.unit.ir.nodes.calls import LINEAR, call

KERNEL, BIAS = np.arange(6.0).reshape(3, 2), np.array([1.0, -1])


def test_read_dense_on_a_vector() -> None:
    (node,) = read_dense(
        call("Dense", (3,), kernel=KERNEL, bias=BIAS, use_bias=True, activation=LINEAR)
    )
    assert isinstance(node, Dense)
    assert node.kernel.dtype == np.float64
    assert node.evaluate(np.ones((1, 3))).tolist() == [[7, 8]]


def test_read_dense_on_every_time_step_is_a_convolution_with_one_tap() -> None:
    (node,) = read_dense(call("Dense", (5, 3), kernel=KERNEL, use_bias=False, activation=LINEAR))
    assert isinstance(node, Conv)
    x = np.random.default_rng(0).normal(size=(2, 5, 3))
    np.testing.assert_allclose(node.evaluate(x), x @ KERNEL)


def test_read_dense_with_softmax_gives_two_nodes() -> None:
    softmax = SimpleNamespace(__name__="softmax")
    first, last = read_dense(call("Dense", (3,), kernel=KERNEL, use_bias=False, activation=softmax))
    assert isinstance(last, Activation)
    assert (first.label, last.label) == ("odd", "odd_softmax")
    assert last.inputs == first.outputs
