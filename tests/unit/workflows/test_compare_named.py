"""Two files without recordings: bound by name or order, on random inputs that are named as such."""

from __future__ import annotations

from pathlib import Path

import pytest

import edgeconv
from edgeconv.errors import Unsupported, UsageError
from edgeconv.workflows.compare import CompareOptions

pytestmark = pytest.mark.heavy


def test_a_file_is_compared_with_its_model_on_random_inputs(pair: Path) -> None:
    for name in ("pair_float32.tflite", "pair_float32.mlpackage"):
        (result,) = edgeconv.compare(pair / "pair.keras", pair / "out" / name).parity
        assert result.status == "passed", result.reason
        assert "seeded random inputs" in result.inputs
        assert result.reference["name"] == "pair.keras"


def test_another_model_is_found(pair: Path, tmp_path: Path) -> None:
    import keras

    model = keras.saving.load_model(pair / "pair.keras")
    layer = model.get_layer("alarm")
    layer.set_weights([-weight - 1 for weight in layer.get_weights()])
    model.save(tmp_path / "other.keras")
    (result,) = edgeconv.compare(
        tmp_path / "other.keras", pair / "out" / "pair_float32.tflite"
    ).parity
    assert result.status == "failed"
    assert result.metrics["max_abs[alarm]"] > 0.1 > result.metrics["max_abs[kind]"]


def test_files_of_other_tensors_and_layers_are_refused(pair: Path, tmp_path: Path) -> None:
    import keras

    entry = keras.Input((3,), name="only")
    keras.Model(entry, keras.layers.Dense(2, name="one")(entry)).save(tmp_path / "small.keras")
    file = pair / "out" / "pair_float32.tflite"
    with pytest.raises(UsageError, match="has the inputs only, the other file words, accel"):
        edgeconv.compare(tmp_path / "small.keras", file)
    with pytest.raises(Unsupported, match="--layers does not apply"):
        edgeconv.compare(pair / "pair.keras", file, options=CompareOptions(layers=True))
