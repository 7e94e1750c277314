"""Models as people have them: without a sensor contract, in shapes of their own."""

from __future__ import annotations

from pathlib import Path

import numpy as np
import pytest

import edgeconv
from edgeconv.core import InputConvention, Tensors
from edgeconv.errors import BadInput
from edgeconv.workflows.steps.export_options import ExportOptions

pytestmark = pytest.mark.heavy


def saved(path: Path, shape: tuple[int, ...], softmax: bool = True) -> Path:
    import keras

    layers = [keras.layers.Flatten()] if len(shape) > 2 else []
    if len(shape) == 2:
        layers = [keras.layers.Conv1D(4, 3, activation="relu"), keras.layers.Flatten()]
    head = keras.layers.Dense(3, activation="softmax" if softmax else None)
    keras.Sequential([keras.Input(shape), *layers, head], name="mine").save(path)
    return path


@pytest.mark.parametrize(("shape", "softmax"), [((12,), True), ((20, 3), True), ((6, 5, 2), False)])
def test_export_without_a_contract_answers_as_the_model(
    tmp_path: Path, shape: tuple[int, ...], softmax: bool
) -> None:
    import keras

    model = saved(tmp_path / "mine.keras", shape, softmax)
    variants = edgeconv.make_variants(["tflite", "coreml"], ["float32"])
    bundle = edgeconv.export(model, variants, tmp_path / "out")
    assert [a.name for a in bundle.artifacts] == ["mine_float32.tflite", "mine_float32.mlpackage"]
    windows = np.random.default_rng(1).normal(size=(5, *shape)).astype(np.float32)
    expected = keras.saving.load_model(model).predict(windows, verbose=0)
    for artifact in bundle.artifacts:
        assert isinstance(artifact.contract, Tensors)
        with edgeconv.open_runner(artifact.path) as runner:
            (spec,) = runner.inputs.values()
            assert spec.shape == (1, *shape)
            (outputs,) = runner.run({spec.name: windows}).values()
        np.testing.assert_allclose(outputs, expected, atol=1e-5)


def test_inputs_and_outputs_are_bound_by_name_in_the_models_order(pair: Path) -> None:
    bundle = edgeconv.read_bundle(pair / "out")
    contract = bundle.model.contract
    assert isinstance(contract, Tensors)
    assert [t.text for t in contract.inputs] == [
        "words (5, int32, 0 to 19)",
        "accel (6, float32)",
    ]
    assert [(t.name, t.meaning) for t in contract.outputs] == [
        ("kind", "probabilities"),
        ("alarm", "scores"),
        ("place", "values"),
    ]
    for artifact in bundle.artifacts:
        assert [t.name for t in artifact.inputs] == ["words", "accel"]
        assert [t.name for t in artifact.outputs] == ["kind", "alarm", "place"]
        assert edgeconv.read_contract(artifact.path) == contract


def test_a_phones_readings_need_a_contract(tmp_path: Path) -> None:
    model = saved(tmp_path / "mine.keras", (20, 3))
    options = edgeconv.VariantOptions(sensor=InputConvention.IOS)
    variants = edgeconv.make_variants(["coreml"], ["float32"], options=options)
    with pytest.raises(BadInput, match="has no sensor contract"):
        edgeconv.export(model, variants, tmp_path / "out", ExportOptions(require_contract=True))
