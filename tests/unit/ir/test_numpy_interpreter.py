"""Graphs in NumPy: several outputs, and a hook at every value."""

from __future__ import annotations

import numpy as np

from edgeconv.ir.graph import Graph
from edgeconv.ir.nodes import Activation, ActivationFunction, Value
from edgeconv.ir.numpy_interpreter import evaluate
from tests.unit.graphs import residual

RNG = np.random.default_rng(0)


def test_evaluate_takes_flat_inputs_and_gives_outputs_in_the_graphs_order() -> None:
    graph = residual()
    shaped = [RNG.normal(size=(3, *value.shape)) for value in graph.inputs]
    flat = [x.reshape(3, -1) for x in shaped]
    for one, other in zip(evaluate(graph, *shaped), evaluate(graph, *flat), strict=True):
        assert (one == other).all()
    assert [x.shape[1:] for x in evaluate(graph, *shaped)] == [v.shape for v in graph.outputs]


def test_evaluate_calls_at_with_every_value_in_order_and_goes_on_with_its_result() -> None:
    graph = residual()
    seen: list[Value] = []

    def at(value: Value, array: np.ndarray) -> np.ndarray:
        seen.append(value)
        return array if value in graph.inputs else np.zeros_like(array)

    outputs = evaluate(graph, *(RNG.normal(size=(2, *v.shape)) for v in graph.inputs), at=at)
    assert tuple(seen) == graph.values
    assert all((x == 0).all() for x in outputs)


def test_evaluate_gives_an_input_that_is_also_an_output() -> None:
    entry = Value("x", (4,))
    relu = Activation(label="r", inputs=(entry,), function=ActivationFunction("relu"))
    graph = Graph("g", (entry,), (entry, relu.output), (relu,))
    x = RNG.normal(size=(2, 4))
    same, positive = evaluate(graph, x)
    assert (same == x).all()
    assert (positive == np.maximum(x, 0)).all()
