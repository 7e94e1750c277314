"""Texts from a recipe to a bundle: its own held-out part judges every file."""

from __future__ import annotations

from dataclasses import replace
from pathlib import Path

import pytest

import edgeconv
from edgeconv.bundle import CALIBRATION_SAMPLES, TEST_SAMPLES
from edgeconv.core import Recipe
from edgeconv.errors import Unsupported
from edgeconv.recipes import load_recipe, make_variants, override
from edgeconv.reporting import render_html


@pytest.fixture
def recipe(tmp_path: Path) -> Recipe:
    for ending, sentence in (("neg", "a dull film {}"), ("pos", "a fine film {}")):
        lines = "\n".join(sentence.format(n) for n in range(60))
        (tmp_path / f"rt-polarity.{ending}").write_text(lines)
    plain = override(load_recipe("text-max"), f"polarity:{tmp_path}", 1, 2)
    training = replace(plain.training, learning_rate=0.01)
    variants = make_variants(["tflite"], ["float32", "int8"])
    return replace(plain, training=training, variants=tuple(variants), profile_runs=2)


@pytest.mark.heavy
def test_a_recipe_of_texts_makes_a_whole_bundle(recipe: Recipe, tmp_path: Path) -> None:
    out = tmp_path / "out"
    bundle = edgeconv.run(recipe, out)
    evaluation = bundle.evaluations["model.keras"]
    assert (evaluation.data.unit, evaluation.per_subject) == ("text", {})
    assert [result.status for result in bundle.parity] == ["passed", "passed"]
    assert [result.status for result in bundle.profile] == ["passed", "passed"]
    for result in bundle.parity:
        assert result.n == evaluation.n
        assert result.metrics["reference_accuracy"] == evaluation.accuracy > 0.9
        assert result.inputs == ""
    page = render_html(bundle)
    assert f"of {evaluation.n} held-out texts" in page
    assert "held-out subjects" not in page
    assert (out / "report.html").is_file()

    exported = edgeconv.export(out, recipe.variants[1:], tmp_path / "files")
    again = edgeconv.check_parity(tmp_path / "files").parity
    assert [(r.status, r.n) for r in again] == [("passed", evaluation.n)]
    assert exported.artifacts[0].sha256 == bundle.artifacts[1].sha256
    file_evaluation = edgeconv.evaluate(exported.artifacts[0].path, f"npz:{out / TEST_SAMPLES}")
    assert file_evaluation.accuracy == again[0].metrics["accuracy"]
    assert file_evaluation.data.unit == "sample"
    assert (tmp_path / "files" / CALIBRATION_SAMPLES).is_file()


def test_compression_is_refused_before_any_work(recipe: Recipe, tmp_path: Path) -> None:
    pruned = replace(recipe, variants=(replace(recipe.variants[1], compress="prune50"),))
    with pytest.raises(Unsupported, match="'prune50' trains on windows of a sensor"):
        edgeconv.run(pruned, tmp_path / "out")
