"""Folding never changes what a network computes, for any affine map and small stack."""

from __future__ import annotations

from typing import Any

import numpy as np
import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from edgeconv.core import InputConvention, Normalization, Signal
from edgeconv.ir.folding import SENSOR_LAYER, explicit, fold, for_sensor
from edgeconv.ir.graph import (
    Activate,
    Affine,
    Conv,
    Dense,
    Depthwise,
    Function,
    GlobalPool,
    Layer,
    Plan,
    Pool,
    Reshape,
)
from edgeconv.ir.numpy_interpreter import evaluate

T, C = 16, 4
FUNCTIONS = st.sampled_from([Function(), Function("relu"), Function("tanh")])


def _affine(rng: Any, shape: tuple[int, ...], name: str) -> Affine:
    scale = rng.uniform(0.1, 3, shape[-1]) * rng.choice([-1, 1], shape[-1])
    offset = rng.normal(0, 5, shape[-1])
    return Affine(name, np.broadcast_to(scale, shape), np.broadcast_to(offset, shape))


@st.composite
def plans(draw: st.DrawFn) -> Plan:
    """Affine and other layers in any order: a stack that ends in a dense layer."""
    rng = np.random.default_rng(draw(st.integers(0, 2**32 - 1)))
    plan = Plan("p", (T, C), ())
    for i in range(draw(st.integers(1, 5))):
        shape = plan.shapes()[-1]
        kind = draw(st.sampled_from(["affine", "conv", "depthwise", "pool", "activate"]))
        plan = plan.with_layers([*plan.layers, _layer(draw, rng, kind, shape, f"{kind}{i}")])
    shape = plan.shapes()[-1]
    end: list[Layer] = [Reshape("flat", (shape[0] * shape[1],))]
    if draw(st.booleans()):
        end = [GlobalPool("global", draw(st.sampled_from(["average", "max"])))]
    plan = plan.with_layers([*plan.layers, *end])
    size = plan.shapes()[-1][0]
    end = [_affine(rng, (size,), "last"), Dense("d", rng.normal(size=(size, 3)), np.ones(3))]
    return plan.with_layers([*plan.layers, *end])


def _layer(draw: st.DrawFn, rng: Any, kind: str, shape: tuple[int, ...], name: str) -> Layer:
    channels = shape[1]
    padding = draw(st.sampled_from(["valid", "same", "causal"]))
    taps = draw(st.integers(1, min(3, shape[0])))
    if (taps - 1) * 2 >= shape[0]:
        padding = "same"
    stride = draw(st.integers(1, 2))
    dilation = 1 if stride > 1 else draw(st.integers(1, 2))
    common: dict[str, Any] = {
        "stride": stride,
        "dilation": dilation,
        "padding": padding,
        "function": draw(FUNCTIONS),
    }
    if kind == "conv":
        groups = 2 if channels % 2 == 0 and draw(st.booleans()) else 1
        kernel = rng.normal(size=(taps, channels // groups, 4))
        return Conv(name, kernel, rng.normal(size=4), groups=groups, **common)
    if kind == "depthwise":
        return Depthwise(name, rng.normal(size=(taps, channels, 1)), np.ones(channels), **common)
    if kind == "pool":
        pool = draw(st.sampled_from(["max", "average"]))
        return Pool(name, pool, taps, 1, "same" if padding == "causal" else padding)
    if kind == "activate":
        return Activate(name, Function("relu"))
    return _affine(rng, shape, name)


@settings(deadline=None, max_examples=150)
@given(plan=plans(), seed=st.integers(0, 2**32 - 1))
def test_folding_changes_nothing(plan: Plan, seed: int) -> None:
    windows = np.random.default_rng(seed).normal(0, 3, (5, T, C))
    before, after = evaluate(plan, windows), evaluate(fold(plan), windows)
    # float64 rounding of a few hundred products, relative to the largest output
    assert np.abs(before - after).max() <= 1e-9 * max(np.abs(before).max(), 1.0)


@settings(deadline=None, max_examples=60)
@given(
    mean=st.tuples(*[st.floats(-12, 12)] * 3),
    std=st.tuples(*[st.floats(0.05, 12)] * 3),
    sensor=st.sampled_from(list(InputConvention)),
    stride=st.integers(1, 3),
    dilation=st.integers(1, 3),
)
def test_a_valid_first_convolution_takes_the_whole_contract(
    mean: tuple[float, ...],
    std: tuple[float, ...],
    sensor: InputConvention,
    stride: int,
    dilation: int,
) -> None:
    rng = np.random.default_rng(1)
    signal = Signal(window=T, step=8, normalization=Normalization(mean, std))
    conv = Conv("c", rng.normal(size=(4, 3, 5)), rng.normal(size=5), stride, dilation)
    plan = Plan("p", (T * 3,), (Reshape("steps", (T, 3)), conv, GlobalPool("g", "average")))
    folded = for_sensor(plan, signal, sensor)
    assert explicit(folded) == ()
    assert len(folded.layers) == len(plan.layers)
    canonical = rng.normal(0, 8, (6, T * 3)).astype(np.float32)
    want = evaluate(
        plan, signal.for_sensor(InputConvention.NORMALIZED).encode(canonical).astype(float)
    )
    got = evaluate(folded, signal.for_sensor(sensor).encode(canonical).astype(float))
    # encode rounds both inputs to float32: 2^-24 of the largest reading, by the kernel's gain
    scale = np.abs(conv.kernel).sum() * max(1, 60 / min(std))
    assert np.abs(want - got).max() <= 1e-5 * max(np.abs(want).max(), 1e-2 * scale)


@pytest.mark.parametrize("padding", ["same", "causal"])
def test_padding_keeps_the_affine_operation(padding: str) -> None:
    rng = np.random.default_rng(1)
    signal = Signal(window=T, step=8, normalization=Normalization((1.0, 9.0, 0.0), (2.0, 3.0, 4.0)))
    conv = Conv("c", rng.normal(size=(4, 3, 5)), rng.normal(size=5), padding=padding)
    plan = Plan("p", (T, 3), (conv, GlobalPool("g", "max")))
    folded = for_sensor(plan, signal, InputConvention.IOS)
    assert explicit(folded) == (SENSOR_LAYER,)
    canonical = rng.normal(0, 8, (6, T * 3)).astype(np.float32)
    want = evaluate(
        plan, signal.for_sensor(InputConvention.NORMALIZED).encode(canonical).astype(float)
    )
    got = evaluate(folded, signal.for_sensor(InputConvention.IOS).encode(canonical).astype(float))
    assert np.abs(want - got).max() <= 1e-4


def test_folding_into_a_padded_convolution_would_be_wrong() -> None:
    """Why the rule exists: the same arithmetic is exact inside and wrong at the borders."""
    kernel, bias = np.ones((3, 1, 1)), np.zeros(1)
    affine = Affine("a", np.ones((T, 1)), np.full((T, 1), 5.0))
    exact = Plan("p", (T, 1), (affine, Conv("c", kernel, bias, padding="same")))
    naive = Plan("p", (T, 1), (Conv("c", kernel, bias + 15, padding="same"),))
    windows = np.zeros((1, T, 1))
    difference = np.abs(evaluate(exact, windows) - evaluate(naive, windows))[0, :, 0]
    assert difference[1:-1].max() == 0
    assert difference[0] == difference[-1] == 5


def test_the_contract_without_normalization_is_only_a_unit() -> None:
    signal = Signal(window=T, step=8)
    conv = Conv("c", np.ones((2, 3, 1)), np.zeros(1))
    plan = Plan("p", (T, 3), (conv,))
    assert for_sensor(plan, signal, InputConvention.ANDROID).layers[1] is conv
    folded = for_sensor(plan, signal, InputConvention.IOS).layers[1]
    assert isinstance(folded, Conv)
    assert folded.kernel[0, 0, 0] == pytest.approx(-9.80665, rel=1e-12)
