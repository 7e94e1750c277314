"""What packages of a model of named tensors are made of."""

from __future__ import annotations

import re
from dataclasses import replace
from pathlib import Path

import numpy as np
import pytest

from edgeconv.core import NamedTensor, Tensors
from edgeconv.core.tensors import PROBABILITIES
from edgeconv.errors import BadInput, Unsupported
from edgeconv.integration import find_platform
from edgeconv.integration.identifiers import NAMINGS
from edgeconv.integration.model_package import (
    TEXTS,
    SharedSources,
    check_golden_set,
    contract_digest,
)
from tests.unit.integration.conftest import CONTRACT, LABELS, WORDS, MakeContext, model_context

SWIFT = NAMINGS["swift"]


def test_fields_are_bound_by_name_and_named_for_what_they_are(
    make_context: MakeContext, tmp_path: Path
) -> None:
    context = make_context(SWIFT, tmp_path / "a.tflite")
    inputs = [(f.name, f.identifier, f.position, f.single) for f in context.inputs]
    assert inputs == [
        ("class", "classValue", 2, False),
        ("user_id", "userId", 1, False),
        ("X", "x", 0, True),
    ]
    outputs = [(f.name, f.identifier, f.label, f.position) for f in context.outputs]
    assert outputs == [
        ("return", "returnProbabilities", "returnLabel", 2),
        ("alarm", "alarmScore", "", 1),
        ("self", "selfValue", "", 0),
    ]
    assert [f.limits for f in context.inputs] == [(0, 7), None, None]
    assert context.inputs[2].about == "1, float32, -1 to 2.5 expected"


def test_an_output_that_says_what_it_is_is_not_called_so_twice(tmp_path: Path) -> None:
    contract = Tensors(
        CONTRACT.inputs,
        (NamedTensor("probabilities", (3,), meaning=PROBABILITIES), NamedTensor("logits", (3,))),
    )
    context = model_context(SWIFT, tmp_path / "a.tflite", contract)
    assert [f.identifier for f in context.outputs] == ["probabilities", "logits"]
    assert [f.label for f in context.outputs] == ["", ""]


def test_vectors_hold_what_the_file_answered(make_context: MakeContext, tmp_path: Path) -> None:
    context = make_context(SWIFT, tmp_path / "a.tflite")
    vectors = context.vectors
    outputs = context.golden.expected["a.tflite"].outputs
    assert outputs is not None
    expected = vectors["expected"]
    assert isinstance(expected, dict)
    assert np.array_equal(np.array(expected["self"], np.float32), outputs["self"].reshape(4, 4))
    assert vectors["labels"] == {"return": [LABELS[int(r.argmax())] for r in outputs["return"]]}
    assert vectors["golden"] == "ef" * 32


def test_texts_are_tokens_as_in_training(make_context: MakeContext, tmp_path: Path) -> None:
    context = make_context(SWIFT, tmp_path / "a.tflite")
    texts = context.vectors["texts"]
    assert isinstance(texts, list)
    tokens = {entry["text"]: entry["tokens"] for entry in texts}
    assert tokens[""] == [0, 0, 0, 0, 0, 1]
    assert tokens[TEXTS[0]] == [3, 2, 5, 3, 4, 2]  # it wasn't GOOD, it was great!
    assert 6 in tokens[TEXTS[4]]  # the sign of Kelvin is a small k
    assert all(len(row) == 6 for row in tokens.values())
    assert any(row[0] > 2 for row in tokens.values())  # a text longer than the input


def test_a_vocabulary_that_no_input_takes_is_refused(
    make_context: MakeContext, tmp_path: Path
) -> None:
    context = replace(make_context(SWIFT, tmp_path / "a.tflite"), vocabulary=(*WORDS, "more"))
    with pytest.raises(BadInput, match="vocabulary has 9 words, but no input"):
        _ = context.text_input
    assert replace(context, vocabulary=()).text_input is None


def test_an_update_with_other_words_is_one_of_another_contract() -> None:
    digest = contract_digest(CONTRACT, WORDS)
    assert contract_digest(CONTRACT, WORDS) == digest
    assert contract_digest(CONTRACT, (*WORDS[:-1], "other")) != digest
    assert contract_digest(CONTRACT, (*WORDS[:-2], WORDS[-1], WORDS[-2])) != digest
    assert contract_digest(replace(CONTRACT, labels=LABELS[::-1]), WORDS) != digest


def test_shared_sources_are_read_with_other_words(tmp_path: Path) -> None:
    (tmp_path / "a.txt").write_text("import A\n  import B\nB of a decision\n", "utf-8")
    shared = SharedSources({"a.txt": "c/d.txt"}, (("^ *import B\n", ""), ("decision", "answer")))
    assert shared.read(tmp_path) == {"c/d.txt": b"import A\nB of a answer\n"}


@pytest.mark.parametrize("name", ["ios", "android", "web", "mcu"])
def test_no_word_of_a_sensors_package_is_left_in_shared_sources(name: str) -> None:
    platform = find_platform(name)
    assert platform.model_package is not None
    for place, content in platform.model_package.shared.read(platform.templates).items():
        text = content.decode()
        words = "recognition|Recognition|SensorStreaming|Classifier|window|Window"
        left = re.findall(words, text.replace("globalThis.window", ""))
        assert left == [], place


def test_golden_vectors_must_be_those_of_the_file(
    make_context: MakeContext, tmp_path: Path
) -> None:
    context = make_context(SWIFT, tmp_path / "a.tflite")
    artifact, golden = context.artifact, context.golden
    assert check_golden_set(golden, artifact) is golden
    with pytest.raises(BadInput, match="no golden vectors"):
        check_golden_set(None, artifact)
    with pytest.raises(BadInput, match=r"not of this a\.tflite"):
        check_golden_set(golden, replace(artifact, sha256="0" * 64))
    with pytest.raises(Unsupported, match="it is not known what it must answer: no engine"):
        check_golden_set(golden.recorded(artifact, "", None, "no engine"), artifact)
