"""Graphs with branches and several inputs and outputs: places, names, changes and folding."""

from __future__ import annotations

import numpy as np
import pytest

from edgeconv.core.affine import AffineMap
from edgeconv.ir.calibration import INT8_AFFINE
from edgeconv.ir.folding import explicit, fold
from edgeconv.ir.graph import Graph
from edgeconv.ir.nodes import Activation, ActivationFunction, Affine, Conv, Dense, Node, Value
from edgeconv.ir.numpy_interpreter import evaluate
from edgeconv.ir.quantization_points import measure_ranges, quantized_values
from tests.unit.graphs import CHANNELS, STEPS, Sum, residual

RNG = np.random.default_rng(3)
SHAPE = (STEPS, CHANNELS)
RELU = ActivationFunction("relu")


def affine(label: str, source: Value, scale: float = 2.0, offset: float = 1.0) -> Affine:
    full = AffineMap(np.full(1, scale), np.full(1, offset)).broadcast(source.shape)
    return Affine(label=label, inputs=(source,), scale=full.scale, offset=full.offset)


def conv(label: str, source: Value, padding: str = "valid", taps: int = 3) -> Conv:
    kernel = RNG.normal(size=(taps, CHANNELS, CHANNELS))
    return Conv(
        label=label,
        inputs=(source,),
        kernel=kernel,
        bias=RNG.normal(size=CHANNELS),
        padding=padding,
    )


def graph_of(entry: Value, *nodes: Node) -> Graph:
    return Graph("g", (entry,), (nodes[-1].output,), nodes)


def same_function(before: Graph, after: Graph) -> None:
    arrays = [RNG.normal(size=(5, *value.shape)) for value in before.inputs]
    for one, other in zip(evaluate(before, *arrays), evaluate(after, *arrays), strict=True):
        np.testing.assert_allclose(one, other, atol=1e-9)


def test_residual_graph_has_shapes_outputs_and_ranges() -> None:
    graph = residual()
    window, other = (RNG.normal(size=(6, *SHAPE)) for _ in range(2))
    mean, inner = evaluate(graph, window, other)
    convolved = graph.nodes[0].evaluate(window)
    np.testing.assert_allclose(inner, convolved + window)
    np.testing.assert_allclose(mean, (convolved + window + other).mean(1))
    assert [value.shape for value in graph.outputs] == [(CHANNELS,), SHAPE]
    labels = [graph.labels[value] for value in quantized_values(graph)]
    assert labels == ["window", "other", "conv", "sum", "sum#1", "mean"]


def test_values_are_known_by_their_place_and_not_by_their_label() -> None:
    entry = Value("sensor", SHAPE)
    first = conv("sensor", entry)
    second = Activation(label="sensor", inputs=first.outputs, function=RELU)
    graph = graph_of(entry, first, second)
    assert list(graph.labels.values()) == ["sensor", "sensor#1", "sensor#2"]
    windows = RNG.normal(size=(4, STEPS * CHANNELS))
    ranges = measure_ranges(graph, windows, "minmax", INT8_AFFINE)
    assert ranges[entry] == (windows.min(), windows.max())
    assert ranges[second.output][0] == 0


def test_names_for_converters_are_distinct_whatever_the_labels() -> None:
    entry = Value("x", SHAPE)
    nodes: list[Node] = [conv("a/b", entry, "same")]
    for label in ("a b", "A_b", "ü"):
        nodes.append(conv(label, nodes[-1].output, "same"))
    graph = graph_of(entry, *nodes)
    names = [graph.node_name(node) for node in nodes]
    assert names == ["a_b", "a_b_1", "A_b_2", "layer_"]
    assert [graph.label(node) for node in nodes] == ["a/b", "a b", "A_b", "ü"]


def test_illegal_graphs_are_refused() -> None:
    entry = Value("x", SHAPE)
    first = conv("first", entry)
    second = conv("second", first.output)
    with pytest.raises(ValueError, match="'second' reads a value"):
        graph_of(entry, second, first)
    with pytest.raises(ValueError, match="a value that there is already"):
        graph_of(entry, first, first)
    with pytest.raises(ValueError, match="output that no node gives"):
        Graph("g", (entry,), second.outputs, (first,))
    with pytest.raises(ValueError, match="do not fit"):
        Activation(label="a", inputs=(entry,), outputs=first.outputs, function=RELU)


def test_bypass_and_replace_node_keep_every_reader() -> None:
    entry = Value("x", SHAPE)
    first = affine("a", entry)
    total = Sum(label="sum", inputs=(first.output, first.output))
    graph = graph_of(entry, first, total).bypass(first)
    assert [node.label for node in graph.nodes] == ["sum"]
    assert graph.nodes[0].inputs == (entry, entry)


def test_fold_takes_an_affine_into_both_sides_of_a_branch() -> None:
    entry = Value("x", SHAPE)
    first = affine("norm", entry)
    one, other = conv("one", first.output), conv("other", first.output)
    graph = graph_of(entry, first, one, other, Sum(label="sum", inputs=(one.output, other.output)))
    folded = fold(graph)
    assert explicit(folded) == ()
    same_function(graph, folded)


def test_fold_leaves_an_affine_that_one_side_of_a_branch_cannot_take() -> None:
    entry = Value("x", SHAPE)
    first = affine("norm", entry)
    convolved = conv("one", first.output, padding="same")
    total = Sum(label="sum", inputs=(convolved.output, first.output))
    graph = graph_of(entry, first, convolved, total)
    folded = fold(graph)
    assert explicit(folded) == ("norm",)
    same_function(graph, folded)


def test_fold_does_not_take_an_affine_back_into_a_value_that_others_read() -> None:
    entry = Value("x", SHAPE)
    first = conv("one", entry)
    scaled = affine("norm", first.output)
    graph = graph_of(entry, first, scaled, Sum(label="s", inputs=(first.output, scaled.output)))
    folded = fold(graph)
    assert explicit(folded) == ("norm",)
    same_function(graph, folded)


def test_fold_moves_equal_scales_through_a_sum() -> None:
    entry, other = Value("x", SHAPE), Value("y", SHAPE)
    one, two = affine("one", entry, 2.0, 1.0), affine("two", other, 2.0, -3.0)
    total = Sum(label="sum", inputs=(one.output, two.output))
    last = conv("conv", total.output)
    graph = Graph("g", (entry, other), last.outputs, (one, two, total, last))
    folded = fold(graph)
    assert explicit(folded) == ()
    assert len(folded.nodes) == 2
    same_function(graph, folded)


def test_fold_keeps_an_affine_that_is_an_output() -> None:
    entry = Value("x", (5,))
    first = affine("norm", entry)
    dense = Dense(label="d", inputs=first.outputs, kernel=RNG.normal(size=(5, 2)), bias=np.zeros(2))
    graph = Graph("g", (entry,), (dense.output, first.output), (first, dense))
    folded = fold(graph)
    assert explicit(folded) == ("norm",)
    same_function(graph, folded)


def test_two_heads_that_read_one_value_are_no_chain() -> None:
    entry = Value("x", SHAPE)
    first = affine("a", entry)
    second, third = affine("b", first.output), affine("c", first.output)
    assert graph_of(entry, first, second).is_chain
    assert not Graph("g", (entry,), (second.output, third.output), (first, second, third)).is_chain
