"""Layers of another precision, methods of calibration, and schemes that do not work."""

from __future__ import annotations

from pathlib import Path
from typing import Any

import pytest

from edgeconv.errors import EdgeconvError, Unsupported, UsageError
from edgeconv.recipes import VariantOptions, load_recipe, make_variants


@pytest.mark.parametrize("scheme", ["int8", "int4"])
@pytest.mark.parametrize("method", ["minmax", "percentile", "mse"])
def test_integer_files_take_every_method(scheme: str, method: str) -> None:
    (made,) = make_variants(["tflite"], [scheme], options=VariantOptions(calibration_method=method))
    assert made.calibration_method == method


def test_layers_go_to_the_schemes_that_can_have_them() -> None:
    options = VariantOptions(float_layers=["a"], int8_layers=["b"])
    made = make_variants(["tflite"], ["int8", "int4", "float16"], options=options)
    assert {v.scheme: (v.float_layers, v.int8_layers) for v in made} == {
        "int8": (("a",), ()),
        "int4": (("a",), ("b",)),
        "float16": ((), ()),
    }


@pytest.mark.parametrize(
    ("schemes", "more"),
    [
        (["float16"], {"float_layers": ["a"]}),
        (["int8"], {"int8_layers": ["a"]}),
        (["dynamic"], {"min_snr_db": 40.0}),
        (["int4"], {"float_layers": ["a"], "int8_layers": ["a"]}),
    ],
)
def test_what_no_file_can_do_is_refused(schemes: list[str], more: dict[str, Any]) -> None:
    with pytest.raises(Unsupported):
        make_variants(["tflite"], schemes, options=VariantOptions(**more))


@pytest.mark.parametrize("ratio", [-1.0, float("nan"), float("inf")])
def test_a_ratio_is_a_number(ratio: float) -> None:
    with pytest.raises(UsageError, match="min_snr_db"):
        make_variants(["tflite"], ["int8"], options=VariantOptions(min_snr_db=ratio))


def test_two_bits_are_refused_with_the_figure() -> None:
    with pytest.raises(EdgeconvError, match="57 %") as caught:
        make_variants(["tflite"], ["int2"])
    assert caught.value.exit_code == 4


def test_a_recipe_names_layers_as_a_list(tmp_path: Path) -> None:
    path = tmp_path / "r.toml"
    path.write_text(
        '[[variants]]\ntarget = "tflite"\nscheme = "int4"\n'
        'float_layers = ["conv1"]\nint8_layers = ["conv2"]\nmin_snr_db = 30\n'
    )
    (made,) = load_recipe(str(path)).variants
    assert (made.float_layers, made.int8_layers) == (("conv1",), ("conv2",))
    assert made.min_snr_db == 30
    path.write_text('[[variants]]\ntarget = "tflite"\nscheme = "int8"\nfloat_layers = [1]\n')
    with pytest.raises(UsageError, match="float_layers"):
        load_recipe(str(path))
