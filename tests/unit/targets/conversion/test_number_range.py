"""Layers that leave a format's range are named before a converter makes a file of them."""

from __future__ import annotations

import numpy as np
import pytest

from edgeconv.errors import Unsupported
from edgeconv.ir.graph import Graph
from edgeconv.ir.nodes.activation import ActivationFunction
from edgeconv.ir.nodes.convolution import Conv
from edgeconv.targets.base import schemes_of
from edgeconv.targets.conversion.number_range import check_number_range, largest_values
from tests.unit.graphs import chain, layer

SCHEMES = {**schemes_of("tflite"), **{f"coreml {k}": v for k, v in schemes_of("coreml").items()}}
WINDOWS = np.random.default_rng(0).normal(size=(8, 6, 3))


def network(first: float = 1.0, bias: float = 0.0) -> Graph:
    rng = np.random.default_rng(1)
    return chain(
        (6, 3),
        layer(Conv, "one", kernel=rng.normal(size=(3, 3, 4)) * first, bias=np.full(4, bias)),
        layer(Conv, "two", kernel=rng.normal(size=(2, 4, 2)), bias=np.zeros(2)),
    )


def check(graph: Graph, scheme: str) -> None:
    check_number_range(graph, (WINDOWS,), SCHEMES[scheme], scheme.startswith("coreml"))


@pytest.mark.parametrize("scheme", SCHEMES)
def test_a_network_of_usual_numbers_passes(scheme: str) -> None:
    check(network(), scheme)


def test_values_that_overflow_name_the_layer_and_the_largest() -> None:
    graph = network(bias=1e5)
    largest = max(largest_values(graph, (WINDOWS,)).values())
    with pytest.raises(Unsupported, match=r"layer 'one' gives values of up to 1e\+05") as caught:
        check(graph, "coreml float16")
    assert "float32" in caught.value.hint
    assert largest > 65504
    check(graph, "coreml float32")
    check(graph, "float16")  # TFLite computes in float32


@pytest.mark.parametrize("scheme", ["coreml float16", "float16"])
@pytest.mark.parametrize(
    ("factor", "words"),
    [(1e5, r"weights of up to .*65,504"), (1e-7, r"weights of at most .* loses")],
)
def test_weights_beyond_float16_name_the_layer(scheme: str, factor: float, words: str) -> None:
    with pytest.raises(Unsupported, match=f"layer 'one' has {words}"):
        check(network(factor), scheme)
    check(network(factor), "coreml float32")
    check(network(factor), "int8")


def test_int16_needs_a_layer_to_give_something() -> None:
    from dataclasses import replace

    graph = network(bias=-1000)
    (first, _) = graph.kernel_nodes
    assert isinstance(first, Conv)
    dead = graph.replace_node(first, replace(first, activation=ActivationFunction("relu")))
    with pytest.raises(Unsupported, match="layer 'one' gives 0 for every window"):
        check(dead, "int16x8")
    check(dead, "int8")
