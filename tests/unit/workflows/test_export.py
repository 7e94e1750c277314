"""Models as people have them: without a sensor contract, in shapes of their own."""

from __future__ import annotations

from pathlib import Path

import numpy as np
import pytest

import edgeconv
from edgeconv.core import InputConvention
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


@pytest.mark.parametrize(("shape", "softmax"), [((12,), True), ((20, 3), True), ((16, 6), False)])
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
        assert artifact.signal.plain_tensors
        with edgeconv.open_runner(artifact.path) as runner:
            (name,) = (spec.name for spec in runner.inputs.values())
            (outputs,) = runner.run({name: windows.reshape(5, -1)}).values()
        np.testing.assert_allclose(outputs, expected, atol=1e-5)


def test_a_phones_readings_need_a_contract(tmp_path: Path) -> None:
    model = saved(tmp_path / "mine.keras", (20, 3))
    options = edgeconv.VariantOptions(sensor=InputConvention.IOS)
    variants = edgeconv.make_variants(["coreml"], ["float32"], options=options)
    with pytest.raises(BadInput, match="has no sensor contract"):
        edgeconv.export(model, variants, tmp_path / "out", ExportOptions(require_contract=True))


def test_an_input_of_three_axes_is_refused_with_its_shape(tmp_path: Path) -> None:
    model = saved(tmp_path / "mine.keras", (4, 5, 3))
    with pytest.raises(BadInput, match=r"an input of shape \(4, 5, 3\)"):
        edgeconv.export(model, edgeconv.make_variants(["tflite"], ["float32"]), tmp_path / "out")
