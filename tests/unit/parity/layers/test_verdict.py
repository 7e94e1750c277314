"""Which layer is named, and that none is where nothing is wrong."""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import replace

import pytest

from edgeconv.parity.layers.verdict import judge
from edgeconv.types import SCHEMES, Scheme, Target
from edgeconv.types.layers import LayerInfo, LayerParity, Outcome, Presence, QuantizedRange

NAMES = ("a", "b", "c", "d", "e")
LAYERS = tuple(
    LayerInfo(name, "Conv1D", (4,), (before,), weights=9_000)
    for name, before in zip(NAMES, ("x", *NAMES), strict=False)
)
INT8 = SCHEMES[Target.TFLITE]["int8"]
FLOAT16 = SCHEMES[Target.COREML]["float16"]
FLOAT32 = SCHEMES[Target.COREML]["float32"]
INT4 = SCHEMES[Target.COREML]["int4"]


def rows(own: Mapping[str, float | None], within: float | None = None) -> list[LayerParity]:
    """One compared row for each layer; `own` in dB."""
    return [
        LayerParity(
            name,
            "Conv1D",
            Presence.COMPARED,
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
def test_none_is_named_where_all_are_as_usual(scheme: Scheme, usual: float) -> None:
    found = judge(rows(dict.fromkeys(NAMES, usual)), LAYERS, scheme)
    assert found.outcome is Outcome.CLEAR
    assert found.suspects == ()
    assert f"{usual:.0f} dB" in found.text


@pytest.mark.parametrize(("scheme", "usual"), HEALTHY)
@pytest.mark.parametrize("damaged", NAMES)
def test_exactly_the_damaged_one_is_named(scheme: Scheme, usual: float, damaged: str) -> None:
    own = {**dict.fromkeys(NAMES, usual), damaged: 4.0}
    found = judge(rows(own), LAYERS, scheme)
    assert found.suspects == (damaged,)
    assert f"begins in '{damaged}'" in found.text


def test_numbers_that_are_none_are_named() -> None:
    made = rows({**dict.fromkeys(NAMES, 70.0), "c": None})
    made[2] = replace(made[2], metrics={**made[2].metrics, "non_finite": 5, "own_non_finite": 5})
    found = judge(made, LAYERS, FLOAT16)
    assert found.suspects == ("c",)
    assert "NaN or infinity" in found.text


def test_the_layer_with_weights_answers_for_what_is_computed_with_it() -> None:
    layers = (*LAYERS[:2], LayerInfo("relu", "ReLU", (4,), ("b",)))
    row = replace(rows(dict.fromkeys(NAMES, 3.0))[0], layer="relu", covers=("b", "relu"))
    found = judge([row], layers, FLOAT16)
    assert found.suspects == ("b",)
    assert "relu" in found.text


def saturating(share: float, own: Mapping[str, float | None]) -> list[LayerParity]:
    """Rows of an integer file; what saturates in `d` is not among `own_within_db`."""
    found = QuantizedRange(0.001, 0, "int8", -0.1, 0.1, share, 1.0, 1.0)
    return [replace(r, quantized=found) if r.layer == "d" else r for r in rows(own, within=36.0)]


def test_saturation_after_a_wrong_layer_is_no_second_suspect() -> None:
    own = {**dict.fromkeys(NAMES, 38.0), "b": None, "d": 10.0}
    made = saturating(0.3, own)
    made[1] = replace(
        made[1], metrics={**made[1].metrics, "own_within_db": None, "own_non_finite": 1}
    )
    assert judge(made, LAYERS, INT8).suspects == ("b",)


@pytest.mark.parametrize(("share", "suspects"), [(0.3, ("d",)), (0.01, ())])
def test_some_saturation_is_a_warning_and_much_is_a_suspicion(
    share: float, suspects: tuple[str, ...]
) -> None:
    own = {**dict.fromkeys(NAMES, 38.0), "d": 10.0}
    assert judge(saturating(share, own), LAYERS, INT8).suspects == suspects


def test_a_wide_step_explains_its_own_rounding() -> None:
    """0.01 rmse at 40 dB is a power of 1; steps of 1 leave 1/12 of noise: 10.8 dB."""
    wide = QuantizedRange(1.0, 0, "int8", -128, 127, 0, 0.1, 0.1)
    made = [replace(row, quantized=wide) for row in rows(dict.fromkeys(NAMES, 10.0))]
    assert judge(made, LAYERS, INT8).outcome is Outcome.CLEAR
    fine = replace(wide, scale=0.01)
    made = [replace(row, quantized=fine) for row in made]
    assert judge(made, LAYERS, INT8).outcome is Outcome.SUSPECT


def test_few_bits_are_judged_only_among_peers() -> None:
    found = judge(rows(dict.fromkeys(NAMES, 3.0))[:2], LAYERS[:2], INT4)
    assert found.outcome is Outcome.CLEAR
    assert "no layer was judged" in found.text
