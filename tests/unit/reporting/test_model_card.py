"""A model card: what a hub reads of it, what it says of people, and names that do no harm."""

from __future__ import annotations

from dataclasses import replace
from typing import Any

import pytest
import yaml
from hypothesis import given
from hypothesis import strategies as st

from edgeconv.core import Bundle, NamedTensor, Status, Tensors
from edgeconv.reporting.model_card import CardFacts, by_accuracy, render_card, yaml_text

from . import bundles

HOSTILE = ('"quoted"', "<b>bold</b>", "*/ `code` ${x} | cell", "a: b # c", "שלום", "- no")
MANIFEST = "ab" * 32


def facts(bundle: Bundle, **changes: str) -> CardFacts:
    names = ("manifest.json", "model.keras", *(artifact.name for artifact in bundle.artifacts))
    files = {name: bundles.digest(name) for name in names}
    return CardFacts(**{"name": "har", "manifest": MANIFEST, **changes}, files=files)


def header(card: str) -> Any:
    """What a model hub reads: the YAML between the first two lines of dashes."""
    _, text, _ = card.split("---\n", 2)
    return yaml.safe_load(text)


def test_the_header_has_what_hubs_ask_for() -> None:
    bundle = bundles.full()
    read = header(render_card(bundle, facts(bundle, license="Apache-2.0")))
    assert read["license"] == "apache-2.0"
    assert read["tags"] == ["edgeconv", "tflite", "coreml"]
    (entry,) = read["model-index"]
    (result,) = entry["results"]
    assert result["dataset"] == {"type": "synthetic", "name": "synthetic", "split": "test"}
    accuracy = bundle.evaluations["model.keras"].accuracy
    assert result["metrics"][0]["value"] == pytest.approx(accuracy, abs=5e-5)


@pytest.mark.parametrize("expression", ["MIT OR Apache-2.0", "LicenseRef-Example"])
def test_a_license_that_hubs_do_not_know_has_a_name(expression: str) -> None:
    bundle = bundles.bare()
    read = header(render_card(bundle, facts(bundle, license=expression)))
    assert (read["license"], read["license_name"]) == ("other", expression)


def test_the_worst_subject_comes_first_and_is_named_among_the_limits() -> None:
    bundle = bundles.full(synthetic=False)
    of_three = {"3": {"accuracy": 0.95, "n": 4}, "16": {"accuracy": 0.7, "n": 5}}
    result = replace(bundle.evaluations["model.keras"], per_subject=of_three)
    bundle = replace(bundle, evaluations={"model.keras": result})
    assert [name for name, _ in by_accuracy(result)] == ["16", "3"]
    card = render_card(bundle, facts(bundle))
    assert "it is lowest for subject 16: 70.00 %" in card
    assert card.index("| 16 | 70.00 %") < card.index("| 3 | 95.00 %")


def test_computed_signals_say_nothing_about_people() -> None:
    card = render_card(bundles.full(), facts(bundles.full()))
    assert "no figure here says anything about people" in card
    assert "lowest for subject" not in card


def test_what_did_not_pass_is_a_limit() -> None:
    bundle = bundles.full()
    broken = replace(bundle.parity[0], status=Status.FAILED)
    card = render_card(replace(bundle, parity=(broken, *bundle.parity[1:])), facts(bundles.full()))
    assert "- har_float32.tflite failed the comparison with the float model." in card
    assert "- har_float16.mlpackage was not shown to pass the comparison" in card


def test_what_the_manifest_cannot_know_is_asked_for() -> None:
    bundle = bundles.bare()
    card = render_card(bundle, facts(bundle))
    assert card.count("*not stated*") == 2
    assert "*to be completed*" in card
    assert "The bundle does not say what data" in card
    assert "license" not in header(card)
    assert "**License:** MIT" in render_card(bundle, facts(bundle, license="MIT"))


def test_hostile_class_names_stay_text() -> None:
    bundle = bundles.full(labels=HOSTILE)
    contract = replace(bundles.SIGNAL, labels=HOSTILE)
    bundle = replace(bundle, model=replace(bundle.model, contract=contract))
    card = render_card(bundle, facts(bundle, name="a: [b]\n# \u202ec"))
    assert header(card)["model-index"][0]["name"] == "a: [b]\n# \u202ec"
    _, _, body = card.split("---\n", 2)
    assert "<b>" not in body
    assert "\u202e" not in card
    assert r"\*/ \`code\` \${x} \| cell" in body
    tables = [line for line in body.splitlines() if line.startswith("| &lt;b")]
    assert [line.count("|") for line in tables] == [6]


def test_a_model_of_named_tensors() -> None:
    numbers = Tensors(
        inputs=(NamedTensor("pixels", (4, 4, 1), "float32", 0.0, 1.0),),
        outputs=(NamedTensor("depth", (16,), "float32"),),
    )
    bundle = bundles.bare()
    bundle = replace(bundle, model=replace(bundle.model, contract=numbers), artifacts=())
    card = render_card(bundle, facts(bundle))
    assert "It takes pixels (4 × 4 × 1, float32, 0 to 1) and returns depth (16, float32)." in card


@given(st.text())
def test_yaml_reads_back_any_text(text: str) -> None:
    assert yaml.safe_load(f"key: {yaml_text(text)}") == {"key": text}
