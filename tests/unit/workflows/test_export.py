"""Models as people have them: without a sensor contract, in shapes of their own."""

from __future__ import annotations

from pathlib import Path

import numpy as np
import pytest

import edgeconv
from edgeconv.core import InputConvention, Normalization, Tensors
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


@pytest.mark.parametrize("shape", [(3, 16), (16, 3, 1), (None, 3)])
def test_a_described_window_is_put_into_the_models_own_axes(
    tmp_path: Path, shape: tuple[int | None, ...]
) -> None:
    import keras
    from keras import layers

    keras.utils.set_random_seed(5)
    entry = keras.Input(shape)
    x = layers.Conv2D(4, 3)(entry) if len(shape) == 3 else layers.Conv1D(4, 2)(entry)
    pool = layers.GlobalAveragePooling2D if len(shape) == 3 else layers.GlobalAveragePooling1D
    model = keras.Model(entry, layers.Dense(2, activation="softmax")(pool()(x)))
    model.save(tmp_path / "mine.keras")
    signal = edgeconv.Signal(
        window=16, step=8, normalization=Normalization((0.0, 1.0, 9.0), (2.0, 3.0, 4.0))
    ).for_sensor(InputConvention.NORMALIZED)
    variants = edgeconv.make_variants(["tflite", "coreml"], ["float32"])
    bundle = edgeconv.export(
        tmp_path / "mine.keras", variants, tmp_path / "out", ExportOptions(signal=signal)
    )
    readings = np.random.default_rng(2).normal(0, 5, (6, 48)).astype(np.float32)
    steps = signal.encode(readings).reshape(6, 16, 3)
    given = steps.transpose(0, 2, 1) if shape == (3, 16) else steps
    expected = np.asarray(model(given.reshape(6, *(size or 16 for size in shape))))
    assert edgeconv.read_contract(tmp_path / "out" / "model.keras") == signal
    for artifact in bundle.artifacts:
        with edgeconv.open_runner(artifact.path) as runner:
            outputs = runner.run({"sensor": artifact.signal.encode(readings)})
        np.testing.assert_allclose(outputs["probabilities"], expected, atol=1e-5)
