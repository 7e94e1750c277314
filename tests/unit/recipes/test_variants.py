"""The words of `export` become the variants that they mean."""

from __future__ import annotations

from importlib import metadata

import pytest

from edgeconv.core import InputConvention
from edgeconv.errors import Unsupported, UsageError
from edgeconv.recipes import VariantOptions, left_out, make_variants


def test_without_words_both_targets_get_their_usual_files() -> None:
    made = {(v.target, v.scheme) for v in make_variants()}
    assert ("tflite", "int8") in made
    assert ("coreml", "float16") in made
    assert not any(scheme == "int16x8" for _, scheme in made)


def test_a_scheme_goes_to_the_targets_that_can_hold_it() -> None:
    made = make_variants(["all"], ["int8", "float16"])
    assert [(v.target, v.scheme) for v in made] == [
        ("tflite", "int8"),
        ("tflite", "float16"),
        ("coreml", "int8"),
        ("coreml", "float16"),
        ("onnx", "int8"),
        ("onnx", "float16"),
        ("coreai", "int8"),
        ("coreai", "float16"),
    ]
    alone = make_variants(["all"], ["palette4", "dynamic"])
    assert [(v.target, v.scheme) for v in alone] == [
        ("tflite", "dynamic"),
        ("coreml", "palette4"),
        ("onnx", "dynamic"),
        ("coreai", "palette4"),
    ]


def test_a_lone_target_refuses_what_it_cannot_hold() -> None:
    with pytest.raises(Unsupported, match=r"int16x8.*coreml.*only for tflite") as caught:
        make_variants(["coreml"], ["int16x8"])
    assert "possible for coreml: float16" in caught.value.hint


def test_an_older_system_than_the_scheme_is_refused() -> None:
    with pytest.raises(Unsupported, match=r"int4.*iOS15.*needs iOS18") as caught:
        make_variants(["coreml"], ["int4"], options=VariantOptions(deployment_target="iOS15"))
    assert "possible for iOS15: float16, float32" in caught.value.hint
    (variant,) = make_variants(["coreml"], ["int4"])
    assert variant.deployment_target == ""  # the exporter takes the scheme's first, and says so


def test_a_calibration_method_goes_to_the_schemes_that_have_a_choice() -> None:
    made = make_variants(
        ["all"], ["w8a8", "int8"], options=VariantOptions(calibration_method="percentile")
    )
    methods = {(v.target, v.scheme): v.calibration_method for v in made}
    assert methods == {
        ("tflite", "int8"): "percentile",
        ("coreml", "w8a8"): "percentile",
        ("coreml", "int8"): "",
        ("onnx", "int8"): "percentile",
        ("coreai", "w8a8"): "percentile",
        ("coreai", "int8"): "",
    }
    with pytest.raises(Unsupported, match=r"'mse' cannot go with: int16x8") as caught:
        make_variants(["tflite"], ["int16x8"], options=VariantOptions(calibration_method="mse"))
    assert "w8a8" in caught.value.hint
    with pytest.raises(UsageError, match=r"unknown calibration method 'entropy'") as unknown:
        make_variants(["coreml"], ["w8a8"], options=VariantOptions(calibration_method="entropy"))
    assert "percentile" in unknown.value.hint


def test_a_scheme_that_nothing_can_hold_is_not_dropped_silently() -> None:
    with pytest.raises(Unsupported, match="int3"):
        make_variants(["all"], ["int3"])


@pytest.mark.parametrize("alias", ["litert", "android", "tflite"])
def test_aliases(alias: str) -> None:
    assert {v.target for v in make_variants([alias])} == {"tflite"}


def test_sensor_and_deployment_target_reach_the_variants() -> None:
    options = VariantOptions(sensor=InputConvention.NORMALIZED, deployment_target="iOS17")
    (variant,) = make_variants(["ios"], ["float16"], options=options)
    assert (variant.sensor, variant.deployment_target) == (InputConvention.NORMALIZED, "iOS17")


def test_an_unknown_target_lists_the_choices() -> None:
    with pytest.raises(UsageError, match=r"torch.*tflite.*coreml.*onnx"):
        make_variants(["torch"])


def test_a_target_whose_packages_are_absent_is_left_out_of_all(
    monkeypatch: pytest.MonkeyPatch,
) -> None:
    version = metadata.version

    def without(name: str) -> str:
        if name == "tf2onnx":
            raise metadata.PackageNotFoundError(name)
        return version(name)

    assert left_out([]) == []
    monkeypatch.setattr(metadata, "version", without)
    assert {v.target for v in make_variants(["all"])} == {"tflite", "coreml", "coreai"}
    (reason,) = left_out(["all"])
    assert reason == (
        "target onnx is left out: the package 'tf2onnx' is not installed; "
        'install it: pip install "edgeconv[onnx]"'
    )
    assert left_out(["tflite"]) == []
    assert [v.target for v in make_variants(["onnx"], ["float32"])] == ["onnx"]  # export refuses it
