"""Models as people have them: without a sensor contract, in shapes of their own."""

from __future__ import annotations

import shutil
from dataclasses import replace
from pathlib import Path
from typing import Any

import numpy as np
import pytest

import edgeconv
from edgeconv import bundle as bundles
from edgeconv.core import InputConvention, Tensors
from edgeconv.core.paths import sha256
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


@pytest.fixture(scope="module")
def pair(tmp_path_factory: pytest.TempPathFactory) -> Path:
    """Two inputs and three outputs, whose names are in no alphabet's order; one is of tokens."""
    import keras
    from keras import layers

    keras.utils.set_random_seed(3)
    tokens = keras.Input((5,), name="words", dtype="int32")
    accel = keras.Input((6,), name="accel")
    looked_up = layers.GlobalAveragePooling1D()(layers.Embedding(20, 4)(tokens))
    joined = layers.Concatenate()([looked_up, layers.Dense(4, activation="relu")(accel)])
    outputs = [
        layers.Dense(3, activation="softmax", name="kind")(joined),
        layers.Dense(1, activation="sigmoid", name="alarm")(joined),
        layers.Dense(2, name="place")(joined),
    ]
    folder = tmp_path_factory.mktemp("pair")
    keras.Model([tokens, accel], outputs).save(folder / "pair.keras")
    variants = edgeconv.make_variants(["tflite", "coreml"], ["float32"])
    edgeconv.export(folder / "pair.keras", variants, folder / "out")
    return folder


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


def test_parity_without_data_says_what_it_was_measured_on(pair: Path) -> None:
    checked = edgeconv.check_parity(pair / "out")
    for result in checked.parity:
        assert result.status == "passed", result.reason
        assert "128 seeded random inputs (seed 1)" in result.inputs
        assert {"top1_agreement", "accuracy_drop"} <= set(result.not_applicable)
        assert {"golden", "contract", "snr_db", "max_abs"} <= {c.name for c in result.checks}
        assert min(result.metrics[f"snr_db[{name}]"] for name in ("kind", "alarm", "place")) > 90


def test_parity_on_arrays_with_labels_judges_the_accuracy(pair: Path) -> None:
    random = np.random.default_rng(0)
    arrays: dict[str, Any] = {
        "accel": random.normal(size=(30, 6)).astype(np.float32),
        "words": random.integers(0, 20, (30, 5)),
        "labels": random.integers(0, 3, 30),
    }
    np.savez(pair / "data.npz", **arrays)
    checked = edgeconv.check_parity(pair / "out", f"npz:{pair / 'data.npz'}")
    for result in checked.parity:
        assert result.inputs == ""
        assert result.metrics["accuracy"] == result.metrics["reference_accuracy"]
        assert "accuracy_drop" in {check.name for check in result.checks}


def test_a_file_of_another_model_fails(pair: Path, tmp_path: Path) -> None:
    folder = tmp_path / "out"
    shutil.copytree(pair / "out", folder)
    file = folder / "pair_float32.tflite"
    data = bytearray(file.read_bytes())
    weights = np.float32(a_weight(folder / "model.keras")).tobytes()
    at = data.find(weights)
    assert at > 0
    data[at : at + 4] = np.float32(9).tobytes()
    file.write_bytes(bytes(data))
    bundle = edgeconv.read_bundle(folder, verify=False)
    broken = [
        replace(a, sha256=sha256(a.path)) if a.name == file.name else a for a in bundle.artifacts
    ]
    bundles.write(replace(bundle, artifacts=tuple(broken)), folder)
    results = {r.artifact: r for r in edgeconv.check_parity(folder).parity}
    assert results[file.name].status == "failed"
    assert results["pair_float32.mlpackage"].status == "passed"


def a_weight(path: Path) -> float:
    """One weight of the output `place`."""
    import keras

    kernel = keras.saving.load_model(path).get_layer("place").get_weights()[0]
    return float(kernel[0, 0])


def test_a_phones_readings_need_a_contract(tmp_path: Path) -> None:
    model = saved(tmp_path / "mine.keras", (20, 3))
    options = edgeconv.VariantOptions(sensor=InputConvention.IOS)
    variants = edgeconv.make_variants(["coreml"], ["float32"], options=options)
    with pytest.raises(BadInput, match="has no sensor contract"):
        edgeconv.export(model, variants, tmp_path / "out", ExportOptions(require_contract=True))
