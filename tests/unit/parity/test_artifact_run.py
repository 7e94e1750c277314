"""Files with an embedding: every target gives Keras' own, and a wrong one is refused."""

from __future__ import annotations

from dataclasses import replace
from pathlib import Path
from typing import Any

import numpy as np
import pytest
from numpy.typing import NDArray

from edgeconv.core import (
    Artifact,
    Bundle,
    Check,
    EvaluationData,
    InputConvention,
    Normalization,
    Signal,
    Status,
    TrainedModel,
    Variant,
)
from edgeconv.core.paths import sha256
from edgeconv.datasets.in_memory import dataset_from_arrays
from edgeconv.ir import keras_file
from edgeconv.parity.artifact_run import ArtifactRun, run_artifact
from edgeconv.parity.checks.contract import contradictions
from edgeconv.parity.checks.gates import CHECK
from edgeconv.parity.context import ParityContext, gives_logits
from edgeconv.parity.gates import EMBEDDING_SNR
from edgeconv.runtimes.predict import predict_outputs, run_samples
from edgeconv.targets import files
from edgeconv.targets.conversion import ConversionRequest, convert_all
from edgeconv.targets.onnx import model_file
from tests.unit.small_models import randomise

LABELS = ("still", "walk", "run")
SIGNAL = Signal(
    window=12,
    step=6,
    labels=LABELS,
    sensor=InputConvention.NORMALIZED,
    normalization=Normalization((0.1, 9.0, -0.4), (3.0, 4.0, 2.5)),
)
ANDROID, IOS = InputConvention.ANDROID, InputConvention.IOS
VARIANTS = (
    Variant("tflite", "float32", ANDROID),
    Variant("tflite", "int8", ANDROID, io="int8"),
    Variant("coreml", "float16", IOS),
    Variant("onnx", "float32", ANDROID),
    Variant("coreai", "float32", IOS),
)


def windows() -> NDArray[np.float32]:
    random = np.random.default_rng(3).normal(0, 3, (60, SIGNAL.window, 3)) + np.array([0, 9.8, 0])
    return np.asarray(random.reshape(60, -1), np.float32)


def network(softmax: bool = True) -> Any:
    import keras
    from keras import layers

    return randomise(
        keras.Sequential(
            [
                keras.Input((SIGNAL.flat_size,), name="sensor"),
                layers.Reshape((12, 3), name="steps"),
                layers.Conv1D(5, 3, activation="relu", name="conv"),
                layers.GlobalAveragePooling1D(name="mean"),
                layers.BatchNormalization(name="norm"),
                layers.Dense(3, activation="softmax" if softmax else None, name="last"),
            ],
            name="small",
        )
    )


def make(folder: Path, variants: tuple[Variant, ...], softmax: bool = True) -> list[Artifact]:
    model = folder / "model.keras"
    network(softmax).save(model)
    keras_file.write_contract(model, SIGNAL)
    return convert_all(
        ConversionRequest(
            model=model,
            contract=SIGNAL,
            variants=variants,
            out=folder,
            name="small",
            probe=(windows(),),
            calibration=(windows(),),
            run_file=run_samples,
            embedding=True,
            isolated=False,
        )
    )


@pytest.fixture(scope="module")
def bundle(tmp_path_factory: pytest.TempPathFactory) -> Bundle:
    folder = tmp_path_factory.mktemp("embedding")
    artifacts = make(folder, VARIANTS)
    model = TrainedModel(folder / "model.keras", sha256(folder / "model.keras"), SIGNAL, 0)
    return Bundle(folder, model, tuple(artifacts))


@pytest.fixture(scope="module")
def expected(bundle: Bundle) -> tuple[NDArray[np.float32], NDArray[np.float32]]:
    """Class outputs, and what the last layer reads, by Keras' own model of the layer before it."""
    import keras

    model = keras.saving.load_model(bundle.model.path)
    inner = keras.Model(model.inputs[0], model.get_layer("norm").output)
    encoded = SIGNAL.encode(windows())
    return np.asarray(model(encoded)), np.asarray(inner(encoded))


@pytest.fixture(scope="module")
def context(bundle: Bundle, expected: tuple[NDArray[np.float32], ...]) -> ParityContext:
    names = [LABELS[i] for i in expected[0].argmax(axis=1)]
    data = dataset_from_arrays(windows(), names, ["a"] * 60, SIGNAL)
    return ParityContext(bundle, data, expected[0], EvaluationData("", "", "test", 1, data.sha256))


def judged(context: ParityContext, artifact: Artifact) -> Check:
    """The check of the embedding, by the gates of the scheme."""
    run = run_artifact(context, artifact, "auto")
    assert isinstance(run, ArtifactRun)
    (check,) = (each for each in CHECK.judge(context, run) if each.name == EMBEDDING_SNR)
    return check


@pytest.mark.heavy
@pytest.mark.parametrize("number", range(len(VARIANTS)), ids=lambda i: VARIANTS[i].target)
def test_every_target_gives_the_embedding_of_keras(
    context: ParityContext, expected: tuple[NDArray[np.float32], ...], number: int
) -> None:
    artifact, variant = context.bundle.artifacts[number], VARIANTS[number]
    assert files.read_contract(artifact.path) == artifact.contract
    assert artifact.embedding == 5
    assert artifact.export.checks is not None
    assert artifact.export.checks.agreement.status == "passed"
    outputs = predict_outputs(artifact.path, artifact.signal, windows(), "auto")
    assert outputs.embedding is not None
    close = {"int8": 0.1, "float16": 5e-3}.get(variant.scheme, 1e-5)
    scale = float(np.abs(expected[1]).max())
    np.testing.assert_allclose(outputs.classes, expected[0], atol=close)
    np.testing.assert_allclose(outputs.embedding / scale, expected[1] / scale, atol=close)
    assert judged(context, artifact).status is Status.PASSED
    assert not list(contradictions(context.bundle, artifact))
    names = [output.name for output in artifact.outputs if output.name != "label"]
    assert names == ["probabilities", "embedding"]  # an app that reads the first output goes on


@pytest.mark.heavy
def test_an_embedding_that_is_off_is_refused(context: ParityContext, tmp_path: Path) -> None:
    import onnx
    from onnx import helper, numpy_helper

    artifact = next(each for each in context.bundle.artifacts if each.target == "onnx")
    model = onnx.load(artifact.path)
    model_file.rename(model.graph, {"embedding": "embedding_inner"})
    model.graph.output[1].name = "embedding"
    model.graph.initializer.append(numpy_helper.from_array(np.array(1.001, np.float32), "off"))
    model.graph.node.append(helper.make_node("Mul", ["embedding_inner", "off"], ["embedding"]))
    onnx.save(model, tmp_path / "off.onnx")
    check = judged(context, replace(artifact, path=tmp_path / "off.onnx"))
    assert check.status is Status.FAILED
    assert check.value == pytest.approx(60, abs=0.1)
    promised = replace(artifact, contract=replace(artifact.signal, embedding=6))
    assert any("'embedding' of 6 values" in e for e in contradictions(context.bundle, promised))


@pytest.mark.heavy
def test_logits_are_named_beside_an_embedding(tmp_path: Path) -> None:
    for artifact in make(tmp_path, (VARIANTS[0], VARIANTS[2]), softmax=False):
        assert [output.name for output in artifact.outputs] == ["logits", "embedding"]
        assert gives_logits(artifact)
