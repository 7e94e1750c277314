"""A bill of materials: valid CycloneDX by the standard's own schema, and every file in it."""

from __future__ import annotations

import json
from dataclasses import replace
from typing import Any

import pytest
from cyclonedx.schema import SchemaVersion
from cyclonedx.validation.json import JsonStrictValidator

from edgeconv.core import Bundle
from edgeconv.reporting.bill_of_materials import file_digests, render_bom
from edgeconv.reporting.model_card import CardFacts

from . import bundles
from .test_model_card import HOSTILE, facts

VALIDATOR = JsonStrictValidator(SchemaVersion.V1_6)


def document(bundle: Bundle, given: CardFacts | None = None) -> Any:
    """The document, valid by the schema of CycloneDX 1.6."""
    text = render_bom(bundle, given or facts(bundle))
    error = VALIDATOR.validate_str(text)
    assert error is None, error.data.message
    return json.loads(text)


def test_the_validator_refuses_what_is_no_bill_of_materials() -> None:
    broken = json.loads(render_bom(bundles.full(), facts(bundles.full())))
    broken["components"][0]["hashes"][0]["content"] = "no digest"
    assert VALIDATOR.validate_str(json.dumps(broken)) is not None


@pytest.mark.parametrize(
    "bundle", [bundles.full(), bundles.bare(), bundles.full(False, HOSTILE)], ids=str
)
def test_every_file_stands_in_it_with_its_digest(bundle: Bundle) -> None:
    given = facts(bundle)
    assert file_digests(json.dumps(document(bundle, given))) == given.files


def test_what_the_model_is_made_of() -> None:
    bundle = bundles.full(synthetic=False)
    read = document(bundle, facts(bundle, license="MIT OR Apache-2.0", supplier="Example"))
    whole = read["metadata"]["component"]
    assert whole["type"] == "machine-learning-model"
    assert whole["licenses"] == [{"expression": "MIT OR Apache-2.0"}]
    assert whole["modelCard"]["modelParameters"]["datasets"] == [{"ref": "data"}]
    kinds = {each["name"]: each["type"] for each in read["components"]}
    assert kinds["har_int8.tflite"] == "machine-learning-model"
    assert kinds["motionsense"] == "data"
    libraries = [each for each in read["components"] if each["type"] == "library"]
    assert {each["purl"] for each in libraries} == {
        f"pkg:pypi/{name}@{version}" for name, version in bundle.versions.items()
    }
    assert {each["scope"] for each in libraries} == {"excluded"}


def test_references_are_unique_and_lead_somewhere() -> None:
    read = document(bundles.full())
    components = [read["metadata"]["component"], *read["components"]]
    references = [each["bom-ref"] for each in components]
    assert len(references) == len(set(references))
    for entry in read["dependencies"]:
        assert {entry["ref"], *entry["dependsOn"]} <= set(references)


def test_figures_of_each_subject_the_worst_first() -> None:
    bundle = bundles.full()
    analysis = document(bundle)["metadata"]["component"]["modelCard"]["quantitativeAnalysis"]
    slices = [m["slice"] for m in analysis["performanceMetrics"] if "subject" in m["slice"]]
    assert slices == [f"synthetic test, subject {name}" for name in ("3", "9", "16")]


def test_a_package_lists_the_files_in_it() -> None:
    bundle = bundles.full()
    given = facts(bundle)
    files = {name: digest for name, digest in given.files.items() if "mlpackage" not in name}
    files |= {f"har_float16.mlpackage/{name}": bundles.digest(name) for name in ("a", "b")}
    read = document(bundle, replace(given, files=files))
    (package,) = (each for each in read["components"] if each["name"] == "har_float16.mlpackage")
    assert "hashes" not in package  # a folder has none; its files have
    assert [each["name"] for each in package["components"]] == [
        "har_float16.mlpackage/a",
        "har_float16.mlpackage/b",
    ]


def test_the_serial_number_follows_the_manifest() -> None:
    bundle = bundles.full()
    first, again = document(bundle), document(bundle)
    other = document(bundle, facts(bundle, manifest="cd" * 32))
    assert first == again
    assert first["serialNumber"] != other["serialNumber"]


@pytest.mark.parametrize("text", ["", "[]", "{}", '{"components": [1]}', '{"components": 3}'])
def test_other_documents_are_refused(text: str) -> None:
    with pytest.raises(ValueError, match=r"components|Expecting"):
        file_digests(text)
