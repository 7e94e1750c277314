"""Points of a float model found in a file: by name, by values, by order; never silently lost."""

from __future__ import annotations

from typing import Any

import numpy as np
import pytest

from edgeconv.core.layerwise import PRE_ACTIVATION_SUFFIX, LayerInfo, LayerMatchStatus
from edgeconv.parity.layerwise.layer_rows import LayerErrorStats, layer_rows
from edgeconv.parity.layerwise.matching import (
    EXACT,
    PART,
    Candidate,
    converter_name,
    layer_scores,
    match,
)
from edgeconv.parity.layerwise.reference_points import PendingAffine, fit, reference_points

N = 16


def network() -> tuple[list[LayerInfo], dict[str, Any]]:
    """conv (linear) → norm → relu → pool → drop → out, with values that are truly theirs."""
    random = np.random.default_rng(5)
    x = random.normal(size=(N, 8, 3))
    conv = x @ random.normal(size=(3, 4))
    norm = conv * [0.5, 2.0, 3.0, 0.1] + [1.0, -2.0, 0.0, 0.3]
    relu = np.maximum(norm, 0)
    pool = relu.reshape(N, 4, 2, 4).max(axis=2)
    flat = pool.mean(axis=1)
    scores = flat @ random.normal(size=(4, 3))
    out = np.exp(scores) / np.exp(scores).sum(axis=1, keepdims=True)
    values = {
        "x": x,
        "conv": conv,
        "norm": norm,
        "relu": relu,
        "pool": pool,
        "mean": flat,
        "drop": flat,
        "out" + PRE_ACTIVATION_SUFFIX: scores,
        "out": out,
    }
    kinds = [
        ("conv", "Conv1D", "x"),
        ("norm", "BatchNormalization", "conv"),
        ("relu", "ReLU", "norm"),
        ("pool", "MaxPooling1D", "relu"),
        ("mean", "GlobalAveragePooling1D", "pool"),
        ("drop", "Dropout", "mean"),
        ("out", "Dense", "drop"),
    ]
    layers = [
        LayerInfo(name, kind, values[name].shape[1:], (source,), weights=9 if name != "drop" else 0)
        for name, kind, source in kinds
    ]
    return layers, values


def found_in(stored: dict[str, Any], channels_first: bool = False, outputs: str = "") -> Any:
    layers, values = network()
    wanted = reference_points(layers, values, "x", None, "out")
    candidates = [
        Candidate(name, "op", "float32", (name,), value.shape[1:], name == outputs)
        for name, value in stored.items()
    ]
    return layers, match(wanted, values, candidates, stored, channels_first)


def pairs(matches: Any) -> dict[str, str]:
    return {m.point.name: m.candidate.tensor for m in matches}


def test_match_fused_file_by_values() -> None:
    """The file has norm folded into conv, and relu fused: its tensor bears conv's name."""
    _, values = network()
    stored = {
        "conv;conv_bias": values["relu"],
        "pool": values["pool"],
        "mean": values["mean"],
        "out_matmul;out": values["out" + PRE_ACTIVATION_SUFFIX],
        "Identity": values["out"],
    }
    layers, matches = found_in(stored, outputs="Identity")
    assert pairs(matches) == {
        "relu": "conv;conv_bias",
        "pool": "pool",
        "mean": "mean",
        "out" + PRE_ACTIVATION_SUFFIX: "out_matmul;out",
        "out": "Identity",
    }
    listed = {r.layer: r for r in layer_rows(layers, matches, _gathered(matches), {})}
    assert listed["conv"].presence is LayerMatchStatus.FUSED
    assert listed["norm"].presence is LayerMatchStatus.FOLDED
    assert listed["drop"].presence is LayerMatchStatus.REMOVED
    assert listed["relu"].covers == ("conv", "norm", "relu")
    assert listed["out"].matched_by == ("output", "values")
    assert set(listed) == {layer.name for layer in layers} | {"out" + PRE_ACTIVATION_SUFFIX}


def _gathered(matches: Any) -> dict[str, LayerErrorStats]:
    gathered = {}
    for each in matches:
        gathered[each.point.name] = LayerErrorStats()
        for part in (gathered[each.point.name].error, gathered[each.point.name].own_error):
            part.add(np.ones(2), np.ones(2))
        gathered[each.point.name].effect.add(
            np.eye(2, dtype=np.float32), np.eye(2, dtype=np.float32)
        )
    return gathered


def test_match_unnamed_file_by_values_in_either_layout() -> None:
    _, values = network()
    stored = {
        "t1": values["relu"].transpose(0, 2, 1)[:, :, None],
        "t2": values["pool"].transpose(0, 2, 1)[:, :, None],
        "t3": values["out"],
    }
    for first in (True, False):
        _, matches = found_in(stored, first)
        assert pairs(matches) == {"relu": "t1", "pool": "t2", "out": "t3"}
        assert {m.means for m in matches} == {("values",)}


def test_match_damaged_layer_by_name() -> None:
    _, values = network()
    noise = np.random.default_rng(1).normal(size=values["relu"].shape)
    stored = {"relu": noise, "pool": noise[:, ::2], "out": values["out"][::-1]}
    _, matches = found_in(stored)
    assert pairs(matches) == {"relu": "relu", "pool": "pool", "out": "out"}
    assert matches[0].means == ("name",)


def test_match_unnamed_damaged_layer_by_order() -> None:
    _, values = network()
    stored = {"t1": values["relu"], "t2": np.random.default_rng(1).normal(size=(N, 4, 4))}
    _, matches = found_in(stored)
    assert pairs(matches)["pool"] == "t2"
    assert matches[-1].means == ("order",)


def test_match_inverts_an_affine_layer_applied_later() -> None:
    """conv(relu) → norm → pool: the file pools first and folds norm into what follows."""
    random = np.random.default_rng(2)
    conv = np.maximum(random.normal(size=(N, 8, 4)), 0)
    norm = conv * [0.5, 2.0, 3.0, 0.1] + [1.0, -2.0, 0.0, 0.3]
    values = {"x": conv, "norm": norm, "pool": norm.reshape(N, 4, 2, 4).max(axis=2)}
    layers = [
        LayerInfo("norm", "BatchNormalization", (8, 4), ("x",), weights=16),
        LayerInfo("pool", "MaxPooling1D", (4, 4), ("norm",)),
    ]
    stored = {"pool": conv.reshape(N, 4, 2, 4).max(axis=2)}
    candidates = [Candidate("pool", "MAX_POOL_2D", "float32", ("pool",), (4, 4))]
    (match_,) = match(
        reference_points(layers, values, "x", None, ""), values, candidates, stored, False
    )
    assert match_.affine is not None
    assert match_.affine.layers == ("norm",)
    np.testing.assert_allclose(match_.reference(values["pool"]), stored["pool"], atol=1e-9)
    np.testing.assert_allclose(match_.restored(stored["pool"]), values["pool"], atol=1e-6)


def test_reference_points_decreasing_affine_does_not_commute_with_maximum() -> None:
    values = {"x": np.random.default_rng(0).normal(size=(N, 4, 2))}
    values["norm"] = -values["x"]
    values["pool"] = values["norm"].max(axis=1)
    layers = [
        LayerInfo("norm", "BatchNormalization", (4, 2), ("x",)),
        LayerInfo("pool", "GlobalMaxPooling1D", (2,), ("norm",)),
    ]
    assert reference_points(layers, values, "x", None, "")[-1].pending == ()


def test_fit_refuses_what_is_not_affine() -> None:
    x = np.random.default_rng(0).normal(size=(N, 4, 2))
    assert fit(x, x**2, "square") is None
    affine = fit(x, x * 2 - 1, "line")
    assert isinstance(affine, PendingAffine)
    np.testing.assert_allclose(affine.map.scale, 2)
    np.testing.assert_allclose(affine.map.invert(affine.map.apply(x)), x)


def test_match_leaves_a_folded_layer_unmatched() -> None:
    """A value of norm's shape that says it is another's, and is not norm's, stays unmatched."""
    _, values = network()
    noise = np.random.default_rng(1).normal(size=values["norm"].shape)
    _, matches = found_in({"pool_input_dequantized": noise, "out": values["out"]})
    assert "norm" not in pairs(matches)


def test_match_input_that_the_file_converts() -> None:
    layers, values = network()
    candidates = [Candidate("q", "QUANTIZE", "int8", ("tfl.quantize",), (8, 3), False, 0.1, 3)]
    matches = match(
        reference_points(layers, values, "x", None, "out"),
        values,
        candidates,
        {"q": values["x"]},
        False,
    )
    assert pairs(matches) == {"x": "q"}
    assert layer_rows(layers, matches, _gathered(matches), {})[0].layer == "input"


LAYERS = ("conv1", "conv10", "conv1_b", "probabilities", "steps")


@pytest.mark.parametrize(
    ("tensor", "expected"),
    [
        ("conv1;conv1_bias;conv1_conv;conv1_bias/ReadVariableOp1", {"conv1": EXACT}),
        ("probabilities_matmul;probabilities", {"probabilities": EXACT}),
        ("conv1_cast_fp16", {"conv1": EXACT}),
        ("conv1_bias_cast_fp16", {"conv1": PART}),
        ("steps_steps", {"steps": PART}),
        ("probabilities1", {"probabilities": PART}),
        ("har/conv1/Relu;har/conv1/BiasAdd", {"conv1": EXACT}),
        ("StatefulPartitionedCall:01", {}),
        ("tfl.quantize", {}),
        ("conv10_cast_fp16", {"conv10": EXACT}),
        ("conv1_b", {"conv1_b": EXACT}),
        ("conv1x", {}),
    ],
)
def test_layer_scores_of_a_tensor_name(tensor: str, expected: dict[str, float]) -> None:
    assert layer_scores([tensor], LAYERS) == expected


def test_layer_scores_count_all_names() -> None:
    assert layer_scores(["nobody", "conv1_bias", "conv1"], LAYERS) == {"conv1": EXACT}


def test_converter_name() -> None:
    assert converter_name("block/conv 1") == "block_conv_1"
