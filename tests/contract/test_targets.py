"""What every export target must offer, whatever its format."""

from __future__ import annotations

import pytest

from edgeconv import plugins
from edgeconv.errors import Unsupported
from edgeconv.export import TARGETS
from edgeconv.export.targets import Exporter
from edgeconv.recipe.legality import (
    DEFAULT_DEPLOYMENT_TARGET,
    DEPLOYMENT_TARGETS,
    LEGAL_SCHEMES,
    check_variant,
    check_variants,
)
from edgeconv.types import (
    DEFAULT_SENSOR,
    ENDINGS,
    PLANNED_SCHEMES,
    SCHEMES,
    Sensor,
    Target,
    Variant,
)


@pytest.mark.parametrize("name", TARGETS)
def test_a_target_is_complete(name: str) -> None:
    exporter = plugins.load(TARGETS[name])
    assert isinstance(exporter, Exporter)
    target = Target(name)
    assert target in ENDINGS
    assert target in DEFAULT_SENSOR
    assert set(exporter.schemes) <= set(SCHEMES)
    assert set(exporter.schemes) == set(LEGAL_SCHEMES[target])
    assert callable(exporter.convert)
    assert callable(exporter.finish)
    assert exporter.packages


def test_the_table_holds_every_target() -> None:
    assert set(TARGETS) == {str(t) for t in Target}
    coreml: Exporter = plugins.load(TARGETS["coreml"])
    assert coreml.deployment_targets == DEPLOYMENT_TARGETS
    assert coreml.deployment_targets[0] == DEFAULT_DEPLOYMENT_TARGET


@pytest.mark.parametrize("target", list(Target))
def test_every_legal_scheme_passes(target: Target) -> None:
    deployments = DEPLOYMENT_TARGETS if target is Target.COREML else ("",)
    check_variants(
        Variant(target, scheme, sensor, deployment_target=deployment)
        for scheme in LEGAL_SCHEMES[target]
        for sensor in Sensor
        for deployment in deployments
    )
    for scheme in {*SCHEMES, *PLANNED_SCHEMES, "int3"} - set(LEGAL_SCHEMES[target]):
        with pytest.raises(Unsupported, match=f"'{scheme}'") as caught:
            check_variant(Variant(target, scheme, Sensor.ANDROID))
        assert "float16" in caught.value.hint


@pytest.mark.parametrize(
    ("variant", "words"),
    [
        (Variant(Target.COREML, "int4", Sensor.IOS, deployment_target="iOS15"), "needs iOS18"),
        (Variant(Target.COREML, "int4", Sensor.IOS, deployment_target="iOS18"), "not made yet"),
        (
            Variant(Target.COREML, "float16", Sensor.IOS, deployment_target="iOS14"),
            "unknown deploy",
        ),
        (Variant(Target.COREML, "int8", Sensor.IOS), "does not exist for coreml iOS15"),
        (Variant(Target.COREML, "float16", Sensor.IOS, io="int8"), "int8 input and output"),
        (Variant(Target.TFLITE, "float32", Sensor.IOS, io="int8"), "int8 input and output"),
        (Variant(Target.TFLITE, "int8", Sensor.IOS, io="uint8"), "unknown input/output type"),
        (Variant(Target.TFLITE, "int8", Sensor.IOS, deployment_target="iOS17"), "means nothing"),
        (Variant(Target.TFLITE, "palette4", Sensor.IOS), "Core ML only"),
    ],
)
def test_illegal_combinations_say_what_is_possible(variant: Variant, words: str) -> None:
    with pytest.raises(Unsupported, match=words) as caught:
        check_variant(variant)
    assert caught.value.hint
    assert caught.value.exit_code == 4
