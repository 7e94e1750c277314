"""Which layer is named, and that none is where nothing is wrong."""

from __future__ import annotations

import math
from collections.abc import Mapping
from dataclasses import replace

import numpy as np
import pytest

from edgeconv.core import Scheme
from edgeconv.core.layerwise import (
    LayerInfo,
    LayerMatchStatus,
    LayerParity,
    LayerwiseVerdict,
    QuantizedRange,
)
from edgeconv.parity.layerwise.layer_verdict import judge, theoretical_snr_db
from edgeconv.targets.base import schemes_of

NAMES = ("a", "b", "c", "d", "e")
LAYERS = tuple(
    LayerInfo(name, "Conv1D", (4,), (before,), weights=9_000)
    for name, before in zip(NAMES, ("x", *NAMES), strict=False)
)
INT8 = schemes_of("tflite")["int8"]
FLOAT16 = schemes_of("coreml")["float16"]
FLOAT32 = schemes_of("coreml")["float32"]
INT4 = schemes_of("coreml")["int4"]


def rows(own: Mapping[str, float | None], within: float | None = None) -> list[LayerParity]:
    """One compared row for each layer; `own` in dB."""
    return [
        LayerParity(
            name,
            "Conv1D",
            LayerMatchStatus.COMPARED,
            "t",
            matched_by=("name",),
            covers=(name,),
            metrics={
                "snr_db": 40.0,
                "rmse": 0.01,
                "non_finite": 0,
                "own_non_finite": 0,
                "own_snr_db": own[name],
                "own_within_db": own[name] if within is None else within,
                "output_flips": 3,
            },
        )
        for name in NAMES
    ]


HEALTHY: list[tuple[Scheme, float]] = [(FLOAT32, 130.0), (FLOAT16, 70.0), (INT8, 38.0), (INT4, 19)]


@pytest.mark.parametrize(("scheme", "usual"), HEALTHY)
def test_judge_clear_if_no_layer_stands_out(scheme: Scheme, usual: float) -> None:
    verdict = judge(rows(dict.fromkeys(NAMES, usual)), LAYERS, scheme)
    assert verdict.outcome is LayerwiseVerdict.CLEAR
    assert verdict.suspects == ()
    assert f"{usual:.0f} dB" in verdict.text


@pytest.mark.parametrize(("scheme", "usual"), HEALTHY)
@pytest.mark.parametrize("damaged", NAMES)
def test_judge_names_the_damaged_layer_only(scheme: Scheme, usual: float, damaged: str) -> None:
    ratios = {**dict.fromkeys(NAMES, usual), damaged: 4.0}
    verdict = judge(rows(ratios), LAYERS, scheme)
    assert verdict.suspects == (damaged,)
    assert f"begins in '{damaged}'" in verdict.text


def test_judge_names_a_layer_with_nan() -> None:
    layer_rows = rows({**dict.fromkeys(NAMES, 70.0), "c": None})
    layer_rows[2] = replace(
        layer_rows[2], metrics={**layer_rows[2].metrics, "non_finite": 5, "own_non_finite": 5}
    )
    verdict = judge(layer_rows, LAYERS, FLOAT16)
    assert verdict.suspects == ("c",)
    assert "NaN or infinity" in verdict.text


def test_blame_layer_is_the_one_with_weights() -> None:
    layers = (*LAYERS[:2], LayerInfo("relu", "ReLU", (4,), ("b",)))
    row = replace(rows(dict.fromkeys(NAMES, 3.0))[0], layer="relu", covers=("b", "relu"))
    verdict = judge([row], layers, FLOAT16)
    assert verdict.suspects == ("b",)
    assert "relu" in verdict.text


def saturating(share: float, own: Mapping[str, float | None]) -> list[LayerParity]:
    """Rows of an integer file; what saturates in `d` is not among `own_within_db`."""
    quantized = QuantizedRange(0.001, 0, "int8", -0.1, 0.1, share, 1.0, 1.0)
    return [
        replace(r, quantized=quantized) if r.layer == "d" else r for r in rows(own, within=36.0)
    ]


def test_judge_saturation_after_a_wrong_layer_is_not_suspect() -> None:
    ratios = {**dict.fromkeys(NAMES, 38.0), "b": None, "d": 10.0}
    layer_rows = saturating(0.3, ratios)
    layer_rows[1] = replace(
        layer_rows[1],
        metrics={**layer_rows[1].metrics, "own_within_db": None, "own_non_finite": 1},
    )
    assert judge(layer_rows, LAYERS, INT8).suspects == ("b",)


@pytest.mark.parametrize(("share", "suspects"), [(0.3, ("d",)), (0.01, ())])
def test_judge_much_saturation_is_suspect(share: float, suspects: tuple[str, ...]) -> None:
    ratios = {**dict.fromkeys(NAMES, 38.0), "d": 10.0}
    assert judge(saturating(share, ratios), LAYERS, INT8).suspects == suspects


def test_a_wide_step_explains_its_own_rounding() -> None:
    """0.01 rmse at 40 dB is a power of 1; steps of 1 leave 1/12 of noise: 10.8 dB."""
    wide = QuantizedRange(1.0, 0, "int8", -128, 127, 0, 0.1, 0.1)
    layer_rows = [replace(row, quantized=wide) for row in rows(dict.fromkeys(NAMES, 10.0))]
    assert judge(layer_rows, LAYERS, INT8).outcome is LayerwiseVerdict.CLEAR
    fine = replace(wide, scale=0.01)
    layer_rows = [replace(row, quantized=fine) for row in layer_rows]
    assert judge(layer_rows, LAYERS, INT8).outcome is LayerwiseVerdict.SUSPECT


def test_judge_unknown_scheme_by_the_median() -> None:
    verdict = judge(rows(dict.fromkeys(NAMES, 3.0))[:2], LAYERS[:2], None)
    assert verdict.outcome is LayerwiseVerdict.CLEAR
    assert "no layer was evaluated" in verdict.text


@pytest.mark.parametrize(("own", "suspects"), [(9.0, ()), (7.0, NAMES[:2])])
def test_judge_few_bits_without_peers(own: float, suspects: tuple[str, ...]) -> None:
    """Four even bits leave 10.8 dB."""
    assert judge(rows(dict.fromkeys(NAMES, own))[:2], LAYERS[:2], INT4).suspects == suspects


@pytest.mark.parametrize(
    ("name", "first", "others"),
    [("pruned50", 12.2, 28.3), ("pruned75", 6.0, 21.5), ("palette4", 23.1, 35.5)],
)
def test_judge_pruned_first_layer_is_not_suspect(name: str, first: float, others: float) -> None:
    """As measured on `har`: its peers make up for their error, the first layer cannot."""
    scheme = schemes_of("coreml")[name]
    healthy = {**dict.fromkeys(NAMES, others), "a": first}
    assert judge(rows(healthy), LAYERS, scheme).outcome is LayerwiseVerdict.CLEAR
    for damaged in NAMES:
        verdict = judge(rows({**healthy, damaged: -1.0}), LAYERS, scheme)
        assert verdict.suspects == (damaged,)


@pytest.mark.parametrize(
    ("name", "least"),
    [
        ("pruned50", 11.5),
        ("pruned75", 5.6),
        ("palette4", 19.7),
        ("palette1", 4.4),
        ("int4", 10.8),
        ("int8", 34.9),
        ("pruned50-palette4", 10.9),
        ("float16", math.inf),
    ],
)
def test_theoretical_snr_db_of_schemes(name: str, least: float) -> None:
    assert theoretical_snr_db(schemes_of("coreml")[name]) == pytest.approx(least, abs=0.06)


@pytest.mark.parametrize("share", [0.5, 0.75])
def test_theoretical_snr_db_of_pruning(share: float) -> None:
    weights = np.random.default_rng(0).normal(size=200_000)
    smallest = np.sort(weights**2)[: int(share * weights.size)]
    scheme = schemes_of("coreml")[f"pruned{100 * share:.0f}"]
    measured = -10 * math.log10(smallest.sum() / (weights**2).sum())
    assert theoretical_snr_db(scheme) == pytest.approx(measured, abs=0.1)
