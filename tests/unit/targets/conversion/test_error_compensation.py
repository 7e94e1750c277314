"""Weights that compensate for each other's error, and palettes."""

from __future__ import annotations

from dataclasses import replace

import numpy as np
import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from edgeconv.core import Scheme
from edgeconv.ir.graph import Graph
from edgeconv.ir.nodes import ActivationFunction, Conv, Dense, Depthwise, Reshape
from edgeconv.ir.numpy_interpreter import evaluate
from edgeconv.targets.base import schemes_of
from edgeconv.targets.conversion.error_compensation import compensate
from edgeconv.targets.coreml.weight_compression import encode, nearest, palette_of
from tests.unit.graphs import Layer, chain, layer

CORE_ML = schemes_of("coreml")
COMPENSATED = [name for name, scheme in CORE_ML.items() if scheme.error_compensated]
RNG = np.random.default_rng(0)


def _graph(*layers: Layer) -> Graph:
    return chain((60,), layer(Reshape, "steps", shape=(20, 3)), *layers)


CONV = {"kernel": RNG.normal(0, 0.2, (5, 3, 24)), "bias": np.full(24, 0.1)}
WIDE = {"kernel": RNG.normal(0, 0.1, (3, 24, 40)), "bias": np.zeros(40)}
LAST = {"kernel": RNG.normal(0, 1, (280, 16)), "bias": np.zeros(16)}
GRAPH = _graph(
    layer(Conv, "conv", **CONV, activation=ActivationFunction("relu")),
    layer(Conv, "wide", **WIDE, stride=(2,)),
    layer(Reshape, "flat", shape=(280,)),
    layer(Dense, "d", **LAST),
)


def correlated(n: int) -> np.ndarray:
    """Windows of slow movement: neighbours tell of each other, as in any recording."""
    steps = np.random.default_rng(5).normal(0, 1, (n, 20, 3)).cumsum(1)
    return np.asarray(steps.reshape(n, 60))


def _error(graph: Graph, windows: np.ndarray) -> float:
    (outputs,), (expected,) = evaluate(graph, windows), evaluate(GRAPH, windows)
    return float(((outputs - expected) ** 2).mean())


@pytest.mark.parametrize("name", COMPENSATED)
def test_compensate_is_better_on_held_out_windows(name: str) -> None:
    scheme = CORE_ML[name]
    windows = correlated(400)
    plain, none = compensate(GRAPH, None, scheme)
    compensated, layers = compensate(GRAPH, windows[:300], scheme)
    assert none == ()
    assert layers == ("wide", "d")
    assert _error(compensated, windows[300:]) < _error(plain, windows[300:])
    assert compensated.nodes[1] is GRAPH.nodes[1]  # too small to be compressed
    for graph in (plain, compensated):
        for node in graph.kernel_nodes[1:]:
            _holds(node.kernel, scheme)


def _holds(kernel: np.ndarray, scheme: Scheme) -> None:
    zeros = (kernel == 0).sum()
    if scheme.sparsity:
        assert zeros >= round(kernel.size * scheme.sparsity)
        assert zeros <= round(kernel.size * scheme.sparsity) + kernel.size // 50
    if scheme.palette:
        bits = int(scheme.name[-1])
        assert len(np.unique(kernel[kernel != 0])) <= 1 << bits


def test_compensate_rounds_layers_without_one_matrix_plainly() -> None:
    kernel = RNG.normal(0, 0.2, (40, 3, 24))
    deep = layer(Depthwise, "dw", kernel=kernel, bias=np.zeros(72), padding="same")
    compressed, layers = compensate(_graph(deep), correlated(20), CORE_ML["pruned50"])
    assert layers == ()
    (node,) = compressed.kernel_nodes
    assert isinstance(node, Depthwise)
    _holds(node.kernel, CORE_ML["pruned50"])


def test_compensate_lets_the_bias_take_what_weights_cannot() -> None:
    """With hardly a weight left, the mean of the outputs still stands."""
    windows = np.random.default_rng(1).normal(10, 0.1, (200, 60))
    scheme = replace(CORE_ML["pruned75"], sparsity=0.98)
    graph = chain((60,), layer(Dense, "d", kernel=RNG.normal(0, 1, (60, 40)), bias=np.zeros(40)))
    expected = evaluate(graph, windows)[0].mean(0)
    plain, compensated = (
        np.abs(evaluate(compensate(graph, given, scheme)[0], windows)[0].mean(0) - expected).max()
        for given in (None, windows)
    )
    assert compensated < 0.2 * plain


@settings(max_examples=40)
@given(st.integers(0, 2**32 - 1), st.integers(1, 6))
def test_a_palette_is_better_than_even_steps(seed: int, bits: int) -> None:
    values = np.random.default_rng(seed).standard_t(5, 3000) * 0.1
    palette = palette_of(values, 1 << bits)
    assert 1 <= palette.size <= 1 << bits
    assert (np.diff(palette) > 0).all()
    assert (palette.astype(np.float16).astype(float) == palette).all()
    even = np.linspace(values.min(), values.max(), 1 << bits)
    assert ((values - nearest(palette, values)) ** 2).sum() <= (
        (values - nearest(even, values)) ** 2
    ).sum() * 1.001


def test_a_palette_of_few_numbers_is_these_numbers() -> None:
    values = np.repeat([-0.5, 0.25, 1.0], [700, 1000, 300])
    assert np.allclose(palette_of(values, 16), [-0.5, 0.25, 1.0], atol=1e-3)


@given(st.integers(0, 2**32 - 1), st.sampled_from([1, 2, 3, 4, 6, 8]), st.booleans())
def test_a_table_and_its_indices_are_the_kernel(seed: int, bits: int, pruned: bool) -> None:
    rng = np.random.default_rng(seed)
    palette = np.unique(rng.normal(0, 1, 1 << bits).astype(np.float16).astype(np.float32))
    kernel = rng.choice(palette[palette != 0], (7, 5, 1, 3)).astype(np.float16)
    if pruned:
        kernel[rng.random(kernel.shape) < 0.5] = 0
    table, indices = encode(bits, kernel)
    assert table.shape == (1 << bits,)
    kept = (kernel != 0).ravel()
    assert (table[indices][kept] == kernel.ravel()[kept]).all()


def test_a_kernel_that_is_no_palette_is_refused() -> None:
    with pytest.raises(ValueError, match="4 numbers do not fit a table of 2"):
        encode(1, np.array([1, 2, 3, 4], np.float16))
