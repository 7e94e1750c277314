"""What edgeconv 0.1.0 wrote is read under the names of today."""

from __future__ import annotations

import json
from typing import Any

import pytest

from edgeconv.core import InputConvention, Normalization, Signal
from edgeconv.core.metadata import contract_text, parse_contract
from edgeconv.core.schema_v1 import upgrade_manifest, upgrade_recipe
from edgeconv.errors import BadInput

# Exactly what version 0.1.0 embedded in a TFLite file of the recipe `har`.
CONTRACT = (
    '{"channels":["x","y","z"],"labels":["Downstairs","Jogging","Sitting","Standing","Upstairs",'
    '"Walking"],"layout":"time-major","normalisation":{"mean":[0.0,0.0,0.0],"std":'
    "[6.411689519322635,6.411689519322635,6.411689519322635]},"
    '"normalisation_folded":true,"rate_hz":20.0,"sensor":"android","sign":"android","step":40,'
    '"unit":"m/s^2","window":80}'
)


def test_parse_contract_of_version_1() -> None:
    signal = parse_contract(CONTRACT, "har_int8.tflite")
    assert signal == Signal(
        labels=("Downstairs", "Jogging", "Sitting", "Standing", "Upstairs", "Walking"),
        sensor=InputConvention.ANDROID,
        normalization=Normalization((0.0,) * 3, (6.411689519322635,) * 3),
    )
    assert isinstance(signal, Signal)
    assert signal.normalization_folded


def test_parse_contract_of_version_1_without_statistics() -> None:
    data = json.loads(CONTRACT) | {"normalisation": None}
    contract = parse_contract(json.dumps(data), "foreign.keras")
    assert isinstance(contract, Signal)
    assert contract.normalization is None


def test_contract_text_names_version_2_only() -> None:
    text = contract_text(parse_contract(CONTRACT, "har_int8.tflite"))
    data = json.loads(text)
    assert data["schema_version"] == 2
    assert data["normalization"] == json.loads(CONTRACT)["normalisation"]
    assert "normalisation" not in text
    assert parse_contract(text, "again") == parse_contract(CONTRACT, "har_int8.tflite")


@pytest.mark.parametrize(
    ("change", "message"),
    [
        ({"schema_version": 5}, "schema version 5"),
        ({"schema_version": 2}, "normalization"),  # the old name in the new version
        ({"sign": "ios"}, "contradicts itself"),
    ],
)
def test_parse_contract_refuses(change: dict[str, Any], message: str) -> None:
    with pytest.raises(BadInput, match=message):
        parse_contract(json.dumps(json.loads(CONTRACT) | change), "har_int8.tflite")


def test_upgrade_recipe_leaves_other_keys_alone() -> None:
    old = {"name": "har", "training": {"epochs": 3, "normalisation": "axis"}}
    assert upgrade_recipe(old) == {
        "name": "har",
        "training": {"epochs": 3, "normalization": "axis"},
    }
    assert old["training"] == {"epochs": 3, "normalisation": "axis"}


@pytest.mark.parametrize("damaged", [{}, {"model": None, "artifacts": []}, {"signal": "x"}])
def test_upgrade_manifest_leaves_damage_for_the_reader(damaged: dict[str, Any]) -> None:
    assert upgrade_manifest(damaged) == damaged


@pytest.mark.parametrize(
    ("stored", "read"),
    [
        ({"mixup": 0.2}, {"effort": 0.0, "coupling": 0.0, "mixup": 0.2}),
        ({"effort": 0.1}, {"effort": 0.1, "coupling": 0.0}),
        (None, None),
    ],
)
def test_a_manifest_of_version_1_had_no_changes_of_the_motion(stored: Any, read: Any) -> None:
    def manifest(augmentation: Any) -> dict[str, Any]:
        return {"recipe": {"name": "har", "training": {"augmentation": augmentation}}}

    assert upgrade_manifest(manifest(stored)) == manifest(read)
