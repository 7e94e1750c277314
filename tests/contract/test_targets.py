"""What every export target must offer, whatever its format."""

from __future__ import annotations

import pytest

from edgeconv import plugins
from edgeconv.core import DEFAULT_SENSOR, ENDINGS, SCHEMES, InputConvention, Scheme, Target, Variant
from edgeconv.errors import Unsupported
from edgeconv.recipes.legality import (
    DEFAULT_DEPLOYMENT_TARGET,
    DEPLOYMENT_TARGETS,
    LEGAL_SCHEMES,
    check_variant,
    check_variants,
)
from edgeconv.targets.base import Exporter
from edgeconv.targets.conversion import TARGETS


@pytest.mark.parametrize("name", TARGETS)
def test_a_target_is_complete(name: str) -> None:
    exporter = plugins.load(TARGETS[name])
    assert isinstance(exporter, Exporter)
    target = Target(name)
    assert target in ENDINGS
    assert target in DEFAULT_SENSOR
    assert set(exporter.schemes) == set(SCHEMES[target]) == set(LEGAL_SCHEMES[target])
    assert callable(exporter.convert)
    assert callable(exporter.finish)
    assert exporter.packages


def test_the_table_holds_every_target() -> None:
    assert set(TARGETS) == {str(t) for t in Target}
    coreml: Exporter = plugins.load(TARGETS["coreml"])
    assert coreml.deployment_targets == DEPLOYMENT_TARGETS
    assert coreml.deployment_targets[0] == DEFAULT_DEPLOYMENT_TARGET


def _systems(scheme: Scheme) -> tuple[str, ...]:
    """Deployment targets that can hold a scheme."""
    return DEPLOYMENT_TARGETS[DEPLOYMENT_TARGETS.index(scheme.first) :] if scheme.first else ()


@pytest.mark.parametrize("target", list(Target))
def test_every_legal_scheme_passes(target: Target) -> None:
    check_variants(
        Variant(target, scheme.name, sensor, deployment_target=deployment)
        for scheme in SCHEMES[target].values()
        for sensor in InputConvention
        for deployment in ("", *_systems(scheme))
    )
    every = {name for t in Target for name in SCHEMES[t]}
    for scheme in {*every, "int3"} - set(LEGAL_SCHEMES[target]):
        with pytest.raises(Unsupported, match=f"'{scheme}'") as caught:
            check_variant(Variant(target, scheme, InputConvention.ANDROID))
        assert "float16" in caught.value.hint


@pytest.mark.parametrize(
    ("variant", "words"),
    [
        (
            Variant(Target.COREML, "int4", InputConvention.IOS, deployment_target="iOS17"),
            "needs iOS18",
        ),
        (
            Variant(Target.COREML, "int8", InputConvention.IOS, deployment_target="iOS15"),
            "needs iOS16",
        ),
        (
            Variant(Target.COREML, "w8a8", InputConvention.IOS, deployment_target="iOS16"),
            "needs iOS17",
        ),
        (
            Variant(Target.COREML, "float16", InputConvention.IOS, deployment_target="iOS14"),
            "unknown deploy",
        ),
        (Variant(Target.COREML, "dynamic", InputConvention.IOS), "does not exist for coreml"),
        (
            Variant(Target.TFLITE, "int16x8", InputConvention.ANDROID, calibration_method="mse"),
            "'mse' cannot go with scheme 'int16x8'",
        ),
        (
            Variant(Target.COREML, "int8", InputConvention.IOS, calibration_method="minmax"),
            "'minmax' cannot go with",
        ),
        (
            Variant(Target.COREML, "float16", InputConvention.IOS, io="int8"),
            "int8 input and output",
        ),
        (
            Variant(Target.TFLITE, "float32", InputConvention.IOS, io="int8"),
            "int8 input and output",
        ),
        (
            Variant(Target.TFLITE, "int8", InputConvention.IOS, io="uint8"),
            "unknown input/output type",
        ),
        (
            Variant(Target.TFLITE, "int8", InputConvention.IOS, deployment_target="iOS17"),
            "means nothing",
        ),
        (Variant(Target.TFLITE, "palette4", InputConvention.IOS), "only for coreml"),
    ],
)
def test_illegal_combinations_say_what_is_possible(variant: Variant, words: str) -> None:
    with pytest.raises(Unsupported, match=words) as caught:
        check_variant(variant)
    assert caught.value.hint
    assert caught.value.exit_code == 4
