"""Folding never changes what a network computes, for any affine map and small stack."""

from __future__ import annotations

from typing import Any

import numpy as np
import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from edgeconv.core import InputConvention, Normalization, Signal
from edgeconv.ir.folding import CONTRACT_LABEL, explicit, fold, for_sensor
from edgeconv.ir.graph import Graph
from edgeconv.ir.nodes import (
    Activation,
    ActivationFunction,
    Affine,
    Conv,
    Dense,
    Depthwise,
    GlobalPool,
    Node,
    Pool,
    Reshape,
    Value,
)
from edgeconv.ir.numpy_interpreter import evaluate
from tests.unit.graphs import Layer, Sum, appended, chain, layer

T, C = 16, 4
FUNCTIONS = st.sampled_from(
    [ActivationFunction(), ActivationFunction("relu"), ActivationFunction("tanh")]
)


def _affine(rng: Any, shape: tuple[int, ...], label: str) -> Layer:
    scale = rng.uniform(0.1, 3, shape[-1]) * rng.choice([-1, 1], shape[-1])
    offset = rng.normal(0, 5, shape[-1])
    full = {"scale": np.broadcast_to(scale, shape), "offset": np.broadcast_to(offset, shape)}
    return layer(Affine, label, **full)


@st.composite
def graphs(draw: st.DrawFn) -> Graph:
    """Affine and other nodes in any order: a chain that ends in a dense layer."""
    rng = np.random.default_rng(draw(st.integers(0, 2**32 - 1)))
    graph = chain((T, C))
    for i in range(draw(st.integers(1, 5))):
        kind = draw(st.sampled_from(["affine", "conv", "depthwise", "pool", "activate"]))
        graph = appended(graph, _layer(draw, rng, kind, graph.output.shape, f"{kind}{i}"))
    shape = graph.output.shape
    end = layer(Reshape, "flat", shape=(shape[0] * shape[1],))
    if draw(st.booleans()):
        end = layer(GlobalPool, "global", kind=draw(st.sampled_from(["average", "max"])))
    graph = appended(graph, end)
    size = graph.output.shape[0]
    dense = layer(Dense, "d", kernel=rng.normal(size=(size, 3)), bias=np.ones(3))
    return appended(graph, _affine(rng, (size,), "last"), dense)


def _layer(draw: st.DrawFn, rng: Any, kind: str, shape: tuple[int, ...], label: str) -> Layer:
    channels = shape[1]
    padding = draw(st.sampled_from(["valid", "same", "causal"]))
    taps = draw(st.integers(1, min(3, shape[0])))
    if (taps - 1) * 2 >= shape[0]:
        padding = "same"
    stride = draw(st.integers(1, 2))
    dilation = 1 if stride > 1 else draw(st.integers(1, 2))
    common: dict[str, Any] = {
        "stride": (stride,),
        "dilation": (dilation,),
        "padding": padding,
        "activation": draw(FUNCTIONS),
    }
    if kind == "conv":
        groups = 2 if channels % 2 == 0 and draw(st.booleans()) else 1
        kernel = rng.normal(size=(taps, channels // groups, 4))
        bias = rng.normal(size=4)
        return layer(Conv, label, kernel=kernel, bias=bias, groups=groups, **common)
    if kind == "depthwise":
        kernel = rng.normal(size=(taps, channels, 1))
        return layer(Depthwise, label, kernel=kernel, bias=np.ones(channels), **common)
    if kind == "pool":
        pool = draw(st.sampled_from(["max", "average"]))
        padding = "same" if padding == "causal" else padding
        return layer(Pool, label, kind=pool, size=(taps,), stride=(1,), padding=padding)
    if kind == "activate":
        return layer(Activation, label, function=ActivationFunction("relu"))
    return _affine(rng, shape, label)


@settings(max_examples=150)
@given(graph=graphs(), seed=st.integers(0, 2**32 - 1))
def test_fold_changes_nothing(graph: Graph, seed: int) -> None:
    windows = np.random.default_rng(seed).normal(0, 3, (5, T, C))
    (before,), (after,) = evaluate(graph, windows), evaluate(fold(graph), windows)
    # float64 rounding of a few hundred products, relative to the largest output
    assert np.abs(before - after).max() <= 1e-9 * max(np.abs(before).max(), 1.0)


@st.composite
def branching_graphs(draw: st.DrawFn) -> Graph:
    """Nodes of one shape that read any earlier values, sums among them; one or two outputs."""
    rng = np.random.default_rng(draw(st.integers(0, 2**32 - 1)))
    values = [Value("x", (T, C))]
    nodes: list[Node] = []
    for i in range(draw(st.integers(2, 9))):
        source = values[draw(st.integers(max(0, len(values) - 3), len(values) - 1))]
        kind = draw(st.sampled_from(["affine", "equal", "conv", "depthwise", "activate", "sum"]))
        taps, padding = draw(st.sampled_from([(1, "valid"), (3, "same")]))
        if kind == "sum":
            other = values[draw(st.integers(0, len(values) - 1))]
            node: Node = Sum(label=f"sum{i}", inputs=(source, other))
        elif kind == "conv":
            kernel, bias = rng.normal(size=(taps, C, C)), rng.normal(size=C)
            node = layer(Conv, f"c{i}", kernel=kernel, bias=bias, padding=padding)(source)
        elif kind == "depthwise":
            kernel, bias = rng.normal(size=(taps, C, 1)), rng.normal(size=C)
            node = layer(Depthwise, f"d{i}", kernel=kernel, bias=bias, padding=padding)(source)
        elif kind == "activate":
            node = layer(Activation, f"r{i}", function=ActivationFunction("relu"))(source)
        elif kind == "equal":  # sums let equal scales pass
            offset = np.broadcast_to(rng.normal(size=C), (T, C))
            node = layer(Affine, f"e{i}", scale=np.full((T, C), 2.0), offset=offset)(source)
        else:
            node = _affine(rng, (T, C), f"a{i}")(source)
        nodes.append(node)
        values.append(node.output)
    outputs = (values[-1], *draw(st.lists(st.sampled_from(values[1:]), max_size=1)))
    return Graph("g", (values[0],), tuple(dict.fromkeys(outputs)), tuple(nodes))


@settings(max_examples=200)
@given(graph=branching_graphs(), seed=st.integers(0, 2**32 - 1))
def test_fold_of_branches_changes_nothing(graph: Graph, seed: int) -> None:
    windows = np.random.default_rng(seed).normal(0, 3, (3, T, C))
    folded = fold(graph)
    assert len(explicit(folded)) <= len(explicit(graph))
    for before, after in zip(evaluate(graph, windows), evaluate(folded, windows), strict=True):
        assert np.abs(before - after).max() <= 1e-9 * max(np.abs(before).max(), 1.0)


@settings(max_examples=60)
@given(
    mean=st.tuples(*[st.floats(-12, 12)] * 3),
    std=st.tuples(*[st.floats(0.05, 12)] * 3),
    sensor=st.sampled_from(list(InputConvention)),
    stride=st.integers(1, 3),
    dilation=st.integers(1, 3),
)
def test_for_sensor_folds_the_whole_contract_into_a_valid_convolution(
    mean: tuple[float, ...],
    std: tuple[float, ...],
    sensor: InputConvention,
    stride: int,
    dilation: int,
) -> None:
    rng = np.random.default_rng(1)
    signal = Signal(window=T, step=8, normalization=Normalization(mean, std))
    kernel, bias = rng.normal(size=(4, 3, 5)), rng.normal(size=5)
    graph = chain(
        (T * 3,),
        layer(Reshape, "steps", shape=(T, 3)),
        layer(Conv, "c", kernel=kernel, bias=bias, stride=(stride,), dilation=(dilation,)),
        layer(GlobalPool, "g", kind="average"),
    )
    folded = for_sensor(graph, signal, sensor)
    assert explicit(folded) == ()
    assert len(folded.nodes) == len(graph.nodes)
    canonical = rng.normal(0, 8, (6, T * 3)).astype(np.float32)
    (want,) = evaluate(
        graph, signal.for_sensor(InputConvention.NORMALIZED).encode(canonical).astype(float)
    )
    (got,) = evaluate(folded, signal.for_sensor(sensor).encode(canonical).astype(float))
    # encode rounds both inputs to float32: 2^-24 of the largest reading, by the kernel's gain
    scale = np.abs(kernel).sum() * max(1, 60 / min(std))
    assert np.abs(want - got).max() <= 1e-5 * max(np.abs(want).max(), 1e-2 * scale)


@pytest.mark.parametrize("sensor", InputConvention)
def test_for_sensor_of_a_network_that_takes_readings_folds_no_normalization(
    sensor: InputConvention,
) -> None:
    rng = np.random.default_rng(2)
    signal = Signal(window=T, step=8, normalization=Normalization((1, 9, 0), (2, 3, 4)))
    graph = chain(
        (T * 3,),
        layer(Reshape, "steps", shape=(T, 3)),
        layer(Conv, "c", kernel=rng.normal(size=(4, 3, 5)), bias=rng.normal(size=5)),
    )
    canonical = rng.normal(0, 8, (6, T * 3)).astype(np.float32)
    (want,) = evaluate(graph, canonical.astype(float))
    folded = for_sensor(graph, signal, sensor, expects=InputConvention.ANDROID)
    (got,) = evaluate(folded, signal.for_sensor(sensor).encode(canonical).astype(float))
    np.testing.assert_allclose(got, want, atol=1e-4)


@pytest.mark.parametrize("padding", ["same", "causal"])
def test_fold_keeps_the_affine_before_padding(padding: str) -> None:
    rng = np.random.default_rng(1)
    signal = Signal(window=T, step=8, normalization=Normalization((1.0, 9.0, 0.0), (2.0, 3.0, 4.0)))
    kernel, bias = rng.normal(size=(4, 3, 5)), rng.normal(size=5)
    conv = layer(Conv, "c", kernel=kernel, bias=bias, padding=padding)
    graph = chain((T, 3), conv, layer(GlobalPool, "g", kind="max"))
    folded = for_sensor(graph, signal, InputConvention.IOS)
    assert explicit(folded) == (CONTRACT_LABEL,)
    canonical = rng.normal(0, 8, (6, T * 3)).astype(np.float32)
    (want,) = evaluate(
        graph, signal.for_sensor(InputConvention.NORMALIZED).encode(canonical).astype(float)
    )
    (got,) = evaluate(
        folded, signal.for_sensor(InputConvention.IOS).encode(canonical).astype(float)
    )
    assert np.abs(want - got).max() <= 1e-4


def test_folding_into_a_padded_convolution_would_be_wrong() -> None:
    """Why the rule exists: the same arithmetic is exact inside and wrong at the borders."""
    kernel, bias = np.ones((3, 1, 1)), np.zeros(1)
    affine = layer(Affine, "a", scale=np.ones((T, 1)), offset=np.full((T, 1), 5.0))
    conv = layer(Conv, "c", kernel=kernel, bias=bias, padding="same")
    shifted = layer(Conv, "c", kernel=kernel, bias=bias + 15, padding="same")
    windows = np.zeros((1, T, 1))
    (exact,) = evaluate(chain((T, 1), affine, conv), windows)
    (naive,) = evaluate(chain((T, 1), shifted), windows)
    difference = np.abs(exact - naive)[0, :, 0]
    assert difference[1:-1].max() == 0
    assert difference[0] == difference[-1] == 5


def test_for_sensor_without_normalization_is_only_a_unit() -> None:
    signal = Signal(window=T, step=8)
    graph = chain((T, 3), layer(Conv, "c", kernel=np.ones((2, 3, 1)), bias=np.zeros(1)))
    (unchanged,) = for_sensor(graph, signal, InputConvention.ANDROID).kernel_nodes
    assert unchanged.kernel is graph.kernel_nodes[0].kernel
    (folded,) = for_sensor(graph, signal, InputConvention.IOS).kernel_nodes
    assert folded.kernel[0, 0, 0] == pytest.approx(-9.80665, rel=1e-12)
