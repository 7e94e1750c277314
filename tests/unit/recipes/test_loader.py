"""A recipe file becomes a typed value, or the wrong word in it is named."""

from __future__ import annotations

import json
from dataclasses import replace
from pathlib import Path

import pytest

from edgeconv.core import (
    Augmentation,
    Distillation,
    InputConvention,
    Signal,
    Training,
    Windowing,
)
from edgeconv.errors import BadInput, EdgeconvError, Unsupported, UsageError
from edgeconv.recipes import BUILT_IN, load_recipe, override
from edgeconv.targets.base import TARGETS, schemes_of


def test_the_built_in_recipes_load() -> None:
    assert {"article", "compress", "coreml", "har", "student", "student-coreml"} <= set(BUILT_IN)
    for name in BUILT_IN:
        assert load_recipe(name).name == name


def test_windows_of_a_recipe_are_read_and_checked(tmp_path: Path) -> None:
    file = tmp_path / "mine.toml"
    file.write_text('[windowing]\nrate_hz = 50\nwindow = 128\nchannels = ["gyro_x", "x"]\n')
    found = load_recipe(str(file)).windowing
    assert found == Windowing(50, 128, channels=("gyro_x", "x"))
    assert found.applied(Signal()) == Signal(rate_hz=50, window=128, step=64)
    for line, told in (
        ("window = -1", "above 0"),
        ('channels = ["x", "x"]', "stands twice"),
        ("channels = [1]", "not a"),
        ("rate = 50", "unknown key 'rate'"),
    ):
        file.write_text(f"[windowing]\n{line}\n")
        with pytest.raises(UsageError, match=told):
            load_recipe(str(file))


def test_a_model_asks_for_the_windows_of_its_contract() -> None:
    nine = load_recipe("uci-har").windowing
    signal = Signal(nine.channels, 50.0, 128, 64)
    assert Windowing.of(signal) == nine
    assert Windowing.of(Signal(("ax", "ay", "az"))).channels == ("x", "y", "z")
    assert Windowing.of(Signal(sensor=InputConvention.NORMALIZED)) == Windowing()
    assert Windowing.of(None) == Windowing()


def test_the_default_recipe_spells_out_the_defaults() -> None:
    """har.toml documents every figure; a default that moves without it would make it a lie."""
    assert load_recipe("har").training == Training()


def test_the_coreml_recipe_is_har_with_every_scheme_that_keeps_its_promise() -> None:
    har, coreml = load_recipe("har"), load_recipe("coreml")
    assert coreml.training == har.training
    made = {variant.scheme for variant in coreml.variants}
    assert made == set(schemes_of("coreml")) - {"palette2", "palette1"}
    assert {v.target for v in coreml.variants} == {"coreml"}


def test_the_student_is_trained_as_har_but_longer_without_mixup_and_with_more_motion() -> None:
    har, student = load_recipe("har").training, load_recipe("student").training
    assert har.augmentation is not None
    motion = replace(har.augmentation, mixup=0.0, effort=0.2, coupling=0.3)
    assert student == replace(har, epochs=400, learning_rate=0.003, augmentation=motion)
    assert load_recipe("student-coreml").training == student


def test_a_teacher_is_read_and_a_short_try_shortens_it(tmp_path: Path) -> None:
    file = tmp_path / "taught.toml"
    file.write_text('[training.distillation]\nteacher = "har"\nweight = 1\nepochs = 20\n')
    recipe = load_recipe(str(file))
    how = Distillation("har", epochs=20, weight=1)
    assert recipe.training.distillation == how
    assert override(recipe, None, None, 90).training.distillation == how
    assert override(recipe, None, None, 2).training.distillation == replace(how, epochs=2)
    kept = tmp_path / "manifest.json"
    kept.write_text(json.dumps({"recipe": recipe.to_json()}))
    assert load_recipe(str(kept)).training == recipe.training


def test_the_article_trains_without_augmentation() -> None:
    training = load_recipe("article").training
    assert training.augmentation is None
    assert (training.batch_size, training.epochs, training.optimizer) == (400, 50, "adam")


def test_fields_left_out_keep_their_defaults(tmp_path: Path) -> None:
    file = tmp_path / "mine.toml"
    file.write_text('data = "csv:x.csv"\n[training.augmentation]\njitter = 0\n')
    recipe = load_recipe(str(file))
    assert recipe.name == "mine"
    assert recipe.training.augmentation == Augmentation(jitter=0)
    assert {v.target for v in recipe.variants} == set(TARGETS)


def test_a_variant_takes_its_own_phones_sensor(tmp_path: Path) -> None:
    file = tmp_path / "r.toml"
    file.write_text('[[variants]]\ntarget = "ios"\nscheme = "float16"\n')
    (variant,) = load_recipe(str(file)).variants
    assert (variant.target, variant.sensor) == ("coreml", InputConvention.IOS)


@pytest.mark.parametrize(
    ("text", "error", "words"),
    [
        ("epoch = 3", UsageError, "unknown key 'epoch'"),
        ("[training.distillation]\nwieght = 1", UsageError, "unknown key 'wieght'"),
        ("[training.distillation]\nweight = 2", UsageError, "weight must be"),
        ("[training]\ndistillation = true", UsageError, "must be a table"),
        ("seed = 1.5", UsageError, "seed = 1.5 is not a whole number"),
        ("seed = -1", UsageError, "from 0 to 4294967295, got -1"),
        ("seed = 4294967296", UsageError, "from 0 to 4294967295"),
        ("profile_runs = 0", UsageError, "profile_runs must be at least 1"),
        ("name = ''", UsageError, "cannot be a folder's name"),
        ("name = '..'", UsageError, "cannot be a folder's name"),
        ("name = 'a/b'", UsageError, "cannot be a folder's name"),
        ("seed = true", UsageError, "seed = True is not a whole number"),
        ("[training]\nepochs = 'many'", UsageError, "epochs = 'many'"),
        ("[training]\nepochs = 0", UsageError, "at least 1"),
        ("[training]\noptimizer = 'sgdx'", UsageError, "unknown optimizer"),
        ("[training.augmentation]\nwarp = 1", UsageError, "unknown key 'warp'"),
        ("[gates]\ntop1_agreement = 'high'", UsageError, "needs a number"),
        ("variants = 3", UsageError, "must be a list"),
        ("[[variants]]\nscheme = 'int8'", UsageError, "'target' is missing"),
        ("[[variants]]\ntarget = 'torch'\nscheme = 'int8'", UsageError, "unknown target 'torch'"),
        ("[[variants]]\ntarget = 'ios'\nscheme = 'int16x8'", Unsupported, "int16x8"),
        (
            "[[variants]]\ntarget = 'tflite'\nscheme = 'int8'\nsensor = 'x'",
            UsageError,
            "sensor 'x'",
        ),
        ("name = ", BadInput, "not valid TOML"),
    ],
)
def test_every_wrong_word_is_named(
    tmp_path: Path, text: str, error: type[EdgeconvError], words: str
) -> None:
    file = tmp_path / "wrong.toml"
    file.write_text(text)
    with pytest.raises(error, match=words):
        load_recipe(str(file))


def test_an_unknown_recipe_lists_the_built_in_ones() -> None:
    with pytest.raises(UsageError, match="article, compress, coreml, deepconvlstm, har"):
        load_recipe("no-such-recipe")


def test_the_recipe_of_a_bundle_loads_again(tmp_path: Path) -> None:
    """`edgeconv run BUNDLE/manifest.json` makes a bundle anew."""
    for name in BUILT_IN:
        recipe = load_recipe(name)
        manifest = tmp_path / "manifest.json"
        manifest.write_text(json.dumps({"recipe": recipe.to_json()}))
        assert load_recipe(str(manifest)) == recipe


@pytest.mark.parametrize("text", ["", "[]", "{}", '{"recipe": {}}'])
def test_a_manifest_without_a_recipe(tmp_path: Path, text: str) -> None:
    manifest = tmp_path / "manifest.json"
    manifest.write_text(text)
    with pytest.raises(BadInput, match="contains no recipe"):
        load_recipe(str(manifest))
