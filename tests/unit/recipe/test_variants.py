"""The words of `export` become the variants that they mean."""

from __future__ import annotations

import pytest

from edgeconv.errors import Unsupported, UsageError
from edgeconv.recipe import make_variants
from edgeconv.types import Sensor, Target


def test_without_words_both_targets_get_their_usual_files() -> None:
    made = {(v.target, v.scheme) for v in make_variants()}
    assert (Target.TFLITE, "int8") in made
    assert (Target.COREML, "float16") in made
    assert not any(scheme == "int16x8" for _, scheme in made)


def test_a_scheme_goes_to_the_targets_that_can_hold_it() -> None:
    made = make_variants(["all"], ["int8", "float16"])
    assert [(v.target, v.scheme) for v in made] == [
        (Target.TFLITE, "int8"),
        (Target.TFLITE, "float16"),
        (Target.COREML, "float16"),
    ]


def test_a_lone_target_refuses_what_it_cannot_hold() -> None:
    with pytest.raises(Unsupported, match=r"int8.*coreml.*possible.*float16"):
        make_variants(["coreml"], ["int8"])


def test_a_planned_scheme_says_what_is_possible() -> None:
    with pytest.raises(Unsupported, match=r"int4.*iOS15.*iOS18.*possible"):
        make_variants(["coreml"], ["int4"], deployment_target="iOS15")


def test_a_scheme_that_nothing_can_hold_is_not_dropped_silently() -> None:
    with pytest.raises(Unsupported, match="int3"):
        make_variants(["all"], ["int3"])


@pytest.mark.parametrize("alias", ["litert", "android", "tflite"])
def test_aliases(alias: str) -> None:
    assert {v.target for v in make_variants([alias])} == {Target.TFLITE}


def test_sensor_and_deployment_target_reach_the_variants() -> None:
    (variant,) = make_variants(["ios"], ["float16"], Sensor.NORMALIZED, deployment_target="iOS17")
    assert (variant.sensor, variant.deployment_target) == (Sensor.NORMALIZED, "iOS17")


def test_an_unknown_target_lists_the_choices() -> None:
    with pytest.raises(UsageError, match=r"onnx.*tflite.*coreml"):
        make_variants(["onnx"])
