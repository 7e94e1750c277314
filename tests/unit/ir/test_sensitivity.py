"""What each layer's rounding costs, and the smallest set of layers that suffices."""

from __future__ import annotations

from itertools import combinations

import numpy as np
import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from edgeconv.core.parity_statistics import MAX_DB
from edgeconv.errors import Unsupported
from edgeconv.ir import quantization_points, sensitivity
from edgeconv.ir.calibration import INT8_AFFINE
from edgeconv.ir.nodes import (
    Activation,
    ActivationFunction,
    Conv,
    Dense,
    GlobalPool,
    Reshape,
)
from edgeconv.ir.numpy_interpreter import evaluate
from tests.unit.graphs import chain, layer

RNG = np.random.default_rng(1)
FIRST = {"kernel": RNG.normal(size=(3, 3, 8)), "bias": RNG.normal(size=8)}
SECOND = {
    "kernel": RNG.normal(size=(3, 8, 8)) * np.geomspace(1, 99, 24).reshape(3, 8, 1),
    "bias": RNG.normal(size=8),
}
GRAPH = chain(
    (30,),
    layer(Reshape, "steps", shape=(10, 3)),
    layer(Conv, "a", **FIRST, activation=ActivationFunction("relu")),
    layer(Conv, "b", **SECOND, activation=ActivationFunction("tanh")),
    layer(GlobalPool, "mean", kind="average"),
    layer(Dense, "d", kernel=RNG.normal(size=(8, 3)), bias=np.zeros(3)),
    layer(Activation, "d_softmax", function=ActivationFunction("softmax")),
)
WINDOWS = RNG.normal(0, 3, (40, 30))
RANGES = quantization_points.measure_ranges(GRAPH, WINDOWS, "minmax", INT8_AFFINE)
KERNELS = ("a", "b", "d")


def ratio(fine: set[str], bits: int = 4, finer: int = 32) -> float:
    widths = {name: finer if name in fine else bits for name in KERNELS}
    (exact,) = evaluate(GRAPH, WINDOWS)
    return sensitivity.snr_db(exact, sensitivity.simulate(GRAPH, WINDOWS, RANGES, widths))


def test_without_integers_the_simulation_is_the_network() -> None:
    assert ratio(set(KERNELS)) == MAX_DB


@given(st.sets(st.sampled_from(KERNELS)))
@settings(max_examples=10)
def test_eight_bits_are_better_than_four(fine: set[str]) -> None:
    assert ratio(fine, bits=8) > ratio(fine, bits=4) or fine == set(KERNELS)


def test_a_softmax_of_integers_has_256_steps() -> None:
    """TFLite's kernel gives multiples of 1/256 up to 255/256; a float layer before it does not."""
    of_integers = sensitivity.simulate(GRAPH, WINDOWS, RANGES, dict.fromkeys(KERNELS, 8))
    assert np.array_equal(of_integers, np.rint(of_integers * 256) / 256)
    assert 0 <= of_integers.min() <= of_integers.max() <= 255 / 256
    last_in_float = sensitivity.simulate(GRAPH, WINDOWS, RANGES, {"a": 8, "b": 8, "d": 32})
    assert np.allclose(last_in_float.sum(axis=1), 1.0, atol=1e-12)


def test_above_50_db_the_layer_before_the_softmax_stays_float() -> None:
    layers, _ = sensitivity.choose_layers(GRAPH, WINDOWS, RANGES, 8, finer=32, min_snr_db=60.0)
    assert "d" in layers


def test_every_layer_is_measured_alone_and_spared() -> None:
    found = sensitivity.layer_sensitivities(GRAPH, WINDOWS, RANGES, 4)
    assert [e.layer for e in found] == list(KERNELS)
    assert [e.weights for e in found] == [72, 192, 24]
    for effect in found:
        assert effect.leave_one_out_snr_db == ratio({effect.layer})
        assert effect.own_snr_db == ratio(set(KERNELS) - {effect.layer})


@pytest.mark.parametrize("more", [2.0, 8.0, 15.0])
def test_the_chosen_layers_suffice_and_none_of_them_can_be_spared(more: float) -> None:
    wanted = ratio(set()) + more
    layers, reached = sensitivity.choose_layers(
        GRAPH, WINDOWS, RANGES, 4, finer=32, min_snr_db=wanted
    )
    assert reached >= wanted
    assert reached == ratio(set(layers))
    for fewer in combinations(layers, len(layers) - 1):
        assert ratio(set(fewer)) < wanted


def test_nothing_is_kept_where_nothing_is_needed() -> None:
    assert sensitivity.choose_layers(GRAPH, WINDOWS, RANGES, 8, finer=32, min_snr_db=1.0)[0] == ()


def test_what_no_choice_reaches_is_refused_with_the_figure() -> None:
    with pytest.raises(Unsupported, match="dB with all layers in 8 bits"):
        sensitivity.choose_layers(GRAPH, WINDOWS, RANGES, 4, finer=8, min_snr_db=150.0)
