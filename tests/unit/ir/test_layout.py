"""Dense kernels are permuted exactly where every reader of a flattened value allows it."""

from __future__ import annotations

import numpy as np

from edgeconv.ir.graph import Graph
from edgeconv.ir.layout import Layout
from edgeconv.ir.nodes import SOFTMAX, Activation, ActivationFunction, Dense, Node, Reshape, Value

RNG = np.random.default_rng(0)
STEPS, CHANNELS = 4, 3
RELU = ActivationFunction("relu")


def dense(label: str, source: Value, outputs: int = 2) -> Dense:
    kernel = RNG.normal(size=(source.shape[0], outputs))
    return Dense(label=label, inputs=(source,), kernel=kernel, bias=np.zeros(outputs))


def flat() -> tuple[Value, Reshape]:
    entry = Value("x", (STEPS, CHANNELS))
    return entry, Reshape(label="flat", inputs=(entry,), shape=(STEPS * CHANNELS,))


def graph_of(entry: Value, *nodes: Node) -> Graph:
    ends = [v for node in nodes for v in node.outputs]
    read = {v for node in nodes for v in node.inputs}
    return Graph("g", (entry,), tuple(v for v in ends if v not in read), nodes)


def test_dense_kernel_reads_channels_first_through_elementwise_nodes() -> None:
    entry, flattened = flat()
    relu = Activation(label="relu", inputs=flattened.outputs, function=RELU)
    one, other = dense("one", relu.output), dense("other", flattened.output)
    layout = Layout(graph_of(entry, flattened, relu, one, other), channels_first=True)
    assert layout.flattens_in_place(flattened)
    x = RNG.normal(size=(STEPS, CHANNELS))
    for node in (one, other):
        np.testing.assert_allclose(x.T.ravel() @ layout.dense_kernel(node), x.ravel() @ node.kernel)


def test_a_reader_that_is_not_dense_keeps_the_order() -> None:
    for extra in (
        lambda value: Activation(label="softmax", inputs=(value,), function=SOFTMAX),
        lambda value: Reshape(label="back", inputs=(value,), shape=(CHANNELS, STEPS)),
    ):
        entry, flattened = flat()
        one = dense("one", flattened.output)
        graph = graph_of(entry, flattened, one, extra(flattened.output))
        layout = Layout(graph, channels_first=True)
        assert not layout.flattens_in_place(flattened)
        assert layout.dense_kernel(one) is one.kernel


def test_channels_last_permutes_nothing() -> None:
    entry, flattened = flat()
    one = dense("one", flattened.output)
    layout = Layout(graph_of(entry, flattened, one), channels_first=False)
    assert not layout.flattens_in_place(flattened)
    assert layout.dense_kernel(one) is one.kernel
