"""Every compression × scheme is either kept by the file or refused before any work."""

from __future__ import annotations

from pathlib import Path

import pytest

from edgeconv.core import RECOMMENDED_COMPRESSIONS, Variant, parse_compression
from edgeconv.errors import Unsupported, UsageError
from edgeconv.recipes import check_variant, load_recipe, make_variants
from edgeconv.recipes.legality import conflict, legal_schemes
from edgeconv.targets.base import TARGETS, find_target, schemes_of
from edgeconv.targets.conversion.planning import file_names


@pytest.mark.parametrize("target", list(TARGETS))
@pytest.mark.parametrize("name", RECOMMENDED_COMPRESSIONS)
def test_what_is_legal_passes_and_the_rest_is_refused(name: str, target: str) -> None:
    legal = legal_schemes(name, target)
    for scheme in schemes_of(target):
        variant = Variant(target, scheme, find_target(target).input_convention, compress=name)
        if scheme in legal:
            check_variant(variant)
            continue
        with pytest.raises(Unsupported, match=f"'{name}' cannot go with") as caught:
            check_variant(variant)
        assert caught.value.exit_code == 4
        assert all(possible in caught.value.hint for possible in legal)


@pytest.mark.parametrize(
    ("name", "target", "scheme", "words"),
    [
        ("prune80", "coreml", "palette4", "no entry for zeros"),
        ("prune75", "coreml", "pruned75-palette4", "changes the trained weights"),
        ("prune75-cluster16", "coreml", "pruned75", "one by one"),
        ("cluster16", "coreml", "int4", "each block"),
        ("prune80", "coreml", "pruned75", "prunes 75%"),
        ("prune2of4", "coreml", "pruned50", "pattern 2:4"),
        ("cluster32", "coreml", "palette4", "cannot hold 32"),
        ("cluster16", "coreml", "pruned50-palette4", "prunes 50%"),
        ("qat4", "tflite", "int8", "int4 weights"),
        ("qat8", "coreml", "w8a8", "of tflite"),
    ],
)
def test_the_reason_is_named(name: str, target: str, scheme: str, words: str) -> None:
    assert words in conflict(parse_compression(name), target, scheme)


@pytest.mark.parametrize(
    ("name", "target", "scheme"),
    [
        ("prune80", "tflite", "int8"),
        ("prune75", "coreml", "pruned75"),
        ("prune75-cluster16", "coreml", "pruned75-palette4"),
        ("cluster16", "coreml", "palette4"),
        ("qat8", "tflite", "int8"),
    ],
)
def test_what_belongs_together_goes_together(name: str, target: str, scheme: str) -> None:
    assert not conflict(parse_compression(name), target, scheme)


def test_an_unknown_compression_is_named() -> None:
    with pytest.raises(UsageError, match="unknown compression 'zip'"):
        make_variants(["tflite"], ["int8"], compressions=["zip"])
    with pytest.raises(UsageError, match="unknown compression 'zip'"):
        check_variant(
            Variant("tflite", "int8", find_target("tflite").input_convention, compress="zip")
        )


def test_each_compression_is_made_in_each_scheme() -> None:
    found = make_variants(["tflite"], ["int8", "float16"], compressions=["prune80", "cluster16"])
    assert [(v.compress, v.scheme) for v in found] == [
        *(("prune80", "int8"), ("prune80", "float16")),
        *(("cluster16", "int8"), ("cluster16", "float16")),
    ]
    assert {v.scheme for v in make_variants(["tflite"], compressions=["qat8"])} == {"int8"}


def test_a_recipe_names_compressions_and_how_to_train_on(tmp_path: Path) -> None:
    file = tmp_path / "r.toml"
    line = '[[variants]]\ntarget = "tflite"\nscheme = "int8"\ncompress = "prune80"\n'
    file.write_text(f"[compression]\nepochs = 3\n{line}")
    recipe = load_recipe(str(file))
    assert recipe.compression.epochs == 3
    assert [v.compress for v in recipe.variants] == ["prune80"]
    file.write_text("[compression]\nepoch = 3\n")
    with pytest.raises(UsageError, match="unknown key 'epoch'"):
        load_recipe(str(file))
    file.write_text("[compression]\nlearning_rate = 0\n")
    with pytest.raises(UsageError, match="learning_rate must be above 0"):
        load_recipe(str(file))


def test_the_recipe_compress_is_har_with_every_method() -> None:
    har, recipe = load_recipe("har"), load_recipe("compress")
    assert recipe.training == har.training
    named = {v.compress for v in recipe.variants if v.compress}
    assert set(RECOMMENDED_COMPRESSIONS) - named == {"prune50-cluster16"}
    assert file_names("har", recipe.variants)
