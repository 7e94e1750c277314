"""What every export target must offer, whatever its format."""

from __future__ import annotations

from dataclasses import MISSING, fields, replace
from pathlib import Path
from typing import Any

import pytest

from edgeconv.core import InputConvention, Scheme, Variant
from edgeconv.errors import BadInput, Unsupported
from edgeconv.parity.gates import DIRECTIONS, default_gates
from edgeconv.recipes.legality import check_variant, check_variants
from edgeconv.runtimes import RUNTIMES, opens, runtimes_of
from edgeconv.targets.base import (
    TARGETS,
    Conversion,
    FileReader,
    Target,
    all_targets,
    find_target,
    parse_target,
    schemes_of,
    target_of,
)

EVERY = [(target.name, scheme) for target in all_targets() for scheme in target.schemes]


def given(record: Target | FileReader | Conversion | Scheme) -> dict[str, Any]:
    """The fields of a frozen dataclass, to build it again."""
    return {f.name: getattr(record, f.name) for f in fields(record)}


def required(kind: type) -> list[str]:
    """The fields of a record that have no default."""
    names = [f.name for f in fields(kind) if f.default is MISSING and f.default_factory is MISSING]
    assert names
    return names


@pytest.mark.parametrize("name", TARGETS)
def test_a_target_is_complete(name: str) -> None:
    target = find_target(name)
    assert isinstance(target, Target)
    assert target.name == name
    assert type(target).__module__ == "edgeconv.targets.base"
    assert target.title
    assert target.conversion.packages
    for record in (target.conversion, target.reader):
        for part in required(type(record)):
            value = getattr(record, part)
            assert callable(value) or isinstance(value, bool | tuple), part


@pytest.mark.parametrize("name", TARGETS)
def test_a_target_can_be_run_everywhere(name: str) -> None:
    target = find_target(name)
    assert opens(target.reference_runtime, Path(f"model{target.suffix}"))
    assert not RUNTIMES[target.reference_runtime].system
    assert target.reference_runtime in runtimes_of(Path(f"model{target.suffix}"))


def test_names_aliases_and_suffixes_are_unique() -> None:
    words = [word for target in all_targets() for word in (target.name, *target.aliases)]
    assert len(words) == len(set(words))
    for target in all_targets():
        assert {parse_target(word) for word in (target.name, *target.aliases)} == {target.name}
        assert target_of(Path(f"model{target.suffix}")) is target


def test_an_unknown_target_is_refused() -> None:
    with pytest.raises(Unsupported, match=r"no target 'pytorch'.*tflite"):
        find_target("pytorch")
    with pytest.raises(BadInput, match="no such file"):
        target_of(Path("model.pt"))


@pytest.mark.parametrize("part", required(Target))
def test_an_incomplete_target_cannot_be_built(part: str) -> None:
    fields_ = given(find_target("tflite"))
    assert Target(**fields_).name == "tflite"
    del fields_[part]
    with pytest.raises(TypeError, match=part):
        Target(**fields_)


@pytest.mark.parametrize("part", required(FileReader))
def test_an_incomplete_reader_cannot_be_built(part: str) -> None:
    fields_ = given(find_target("coreml").reader)
    del fields_[part]
    with pytest.raises(TypeError, match=part):
        FileReader(**fields_)


@pytest.mark.parametrize("part", required(Conversion))
def test_an_incomplete_conversion_cannot_be_built(part: str) -> None:
    fields_ = given(find_target("tflite").conversion)
    del fields_[part]
    with pytest.raises(TypeError, match=part):
        Conversion(**fields_)


@pytest.mark.parametrize("part", required(Scheme))
def test_an_incomplete_scheme_cannot_be_built(part: str) -> None:
    """Gates, tolerance and limits are among the parts: none of them is another scheme's."""
    assert {"gates", "tolerance", "output_limits", "only_rounds_weights"} <= set(required(Scheme))
    fields_ = given(find_target("coreml").scheme("int8"))
    assert Scheme(**fields_).name == "int8"
    del fields_[part]
    with pytest.raises(TypeError, match=part):
        Scheme(**fields_)


@pytest.mark.parametrize(
    ("changes", "words"),
    [
        ({"gates": {}}, "has no gate accuracy_drop"),
        ({"gates": {"accuracy_drop": float("nan")}}, "finite"),
        ({"methods": ("median",)}, "unknown calibration methods"),
        ({"calibration_windows": 0}, "0 calibration windows"),
    ],
)
def test_a_scheme_that_contradicts_itself_cannot_be_built(
    changes: dict[str, Any], words: str
) -> None:
    scheme = find_target("coreml").scheme("w8a8")
    with pytest.raises(ValueError, match=words):
        replace(scheme, **changes)


@pytest.mark.parametrize(
    ("changes", "words"),
    [
        ({"suffix": "tflite"}, "starts with a dot"),
        ({"schemes": {}}, "no default scheme"),
        ({"schemes": {"int8": find_target("tflite").scheme("float32")}}, "is listed as 'int8'"),
        ({"schemes": schemes_of("coreml")}, "unknown deployment target 'iOS15'"),
        ({"other_schemes": "mixed"}, "go together"),
    ],
)
def test_a_target_that_contradicts_itself_cannot_be_built(
    changes: dict[str, Any], words: str
) -> None:
    with pytest.raises(ValueError, match=words):
        replace(find_target("tflite"), **changes)


@pytest.mark.parametrize(("target", "scheme"), EVERY)
def test_every_scheme_has_gates_that_parity_knows(target: str, scheme: str) -> None:
    assert set(schemes_of(target)[scheme].gates) <= set(DIRECTIONS)
    assert default_gates(target, scheme) == schemes_of(target)[scheme].gates


@pytest.mark.parametrize("target", TARGETS)
def test_a_scheme_without_a_record_has_no_gates(target: str) -> None:
    with pytest.raises(Unsupported, match="'int7x5' does not exist"):
        default_gates(target, "int7x5")


def test_storage_of_other_tools_has_gates() -> None:
    """`describe` calls the storage of such files so; it is no scheme, and compare judges it."""
    for name in ("mixed", "palette5", "pruned33", "pruned33-palette4"):
        assert name not in schemes_of("coreml")
        assert default_gates("coreml", name) == find_target("coreml").other_gates
    with pytest.raises(Unsupported):
        default_gates("tflite", "mixed")


def _systems(target: Target, scheme: Scheme) -> tuple[str, ...]:
    """Deployment targets that can hold a scheme."""
    known = target.deployment_targets
    return known[known.index(scheme.min_deployment_target) :] if known else ()


@pytest.mark.parametrize("name", TARGETS)
def test_every_legal_scheme_passes(name: str) -> None:
    target = find_target(name)
    check_variants(
        Variant(name, scheme.name, sensor, deployment_target=deployment)
        for scheme in target.schemes.values()
        for sensor in InputConvention
        for deployment in ("", *_systems(target, scheme))
    )
    for scheme in {*(scheme for _, scheme in EVERY), "int3"} - set(target.schemes):
        with pytest.raises(Unsupported, match=f"'{scheme}'") as caught:
            check_variant(Variant(name, scheme, InputConvention.ANDROID))
        assert "float16" in caught.value.hint


@pytest.mark.parametrize(
    ("variant", "words"),
    [
        (
            Variant("coreml", "int4", InputConvention.IOS, deployment_target="iOS17"),
            "needs iOS18",
        ),
        (
            Variant("coreml", "int8", InputConvention.IOS, deployment_target="iOS15"),
            "needs iOS16",
        ),
        (
            Variant("coreml", "w8a8", InputConvention.IOS, deployment_target="iOS16"),
            "needs iOS17",
        ),
        (
            Variant("coreml", "float16", InputConvention.IOS, deployment_target="iOS14"),
            "unknown deploy",
        ),
        (Variant("coreml", "dynamic", InputConvention.IOS), "does not exist for coreml"),
        (
            Variant("tflite", "int16x8", InputConvention.ANDROID, calibration_method="mse"),
            "'mse' cannot go with scheme 'int16x8'",
        ),
        (
            Variant("coreml", "int8", InputConvention.IOS, calibration_method="minmax"),
            "'minmax' cannot go with",
        ),
        (
            Variant("coreml", "float16", InputConvention.IOS, io="int8"),
            "int8 input and output",
        ),
        (
            Variant("tflite", "float32", InputConvention.IOS, io="int8"),
            "int8 input and output",
        ),
        (
            Variant("tflite", "int8", InputConvention.IOS, io="uint8"),
            "unknown input/output type",
        ),
        (
            Variant("tflite", "int8", InputConvention.IOS, deployment_target="iOS17"),
            "has no deployment targets",
        ),
        (Variant("tflite", "palette4", InputConvention.IOS), "only for coreml"),
    ],
)
def test_illegal_combinations_say_what_is_possible(variant: Variant, words: str) -> None:
    with pytest.raises(Unsupported, match=words) as caught:
        check_variant(variant)
    assert caught.value.hint
    assert caught.value.exit_code == 4
