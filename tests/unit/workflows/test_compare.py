"""Two files that edgeconv did not make, held against each other on the same windows.

One linear layer with softmax, as a stock converter writes it: a `.tflite` without metadata that
takes (1, 80, 3), and ML programs that take (1, 3, 80), hold other weights, or other shapes.
"""

from __future__ import annotations

import json
from dataclasses import replace
from pathlib import Path
from typing import Any

import numpy as np
import pytest
from numpy.typing import NDArray

from edgeconv.cli.app import run_app
from edgeconv.core import InputConvention, ParityResult, Status
from edgeconv.core.metadata import ModelMetadata
from edgeconv.datasets import load_dataset
from edgeconv.errors import BadInput, UsageError
from edgeconv.targets.tflite import metadata
from edgeconv.workflows.compare import CompareOptions, compare

pytestmark = pytest.mark.heavy

DATA = "synthetic"


def weights(seed: int = 1) -> NDArray[np.float32]:
    """(240, 6), time-major."""
    return np.random.default_rng(seed).normal(0, 0.02, (240, 6)).astype(np.float32)


def tflite(path: Path, matrix: NDArray[np.float32], shape: tuple[int, ...]) -> Path:
    import tensorflow as tf

    @tf.function(input_signature=[tf.TensorSpec(shape, tf.float32)])  # type: ignore[untyped-decorator]
    def model(x: Any) -> Any:
        return tf.nn.softmax(tf.reshape(x, (1, 240)) @ matrix)

    converter = tf.lite.TFLiteConverter.from_concrete_functions([model.get_concrete_function()])
    path.write_bytes(converter.convert())
    return path


def mlpackage(
    path: Path, matrix: NDArray[np.float32], shape: tuple[int, ...], softmax: bool = True
) -> Path:
    import coremltools as ct
    from coremltools.converters.mil import Builder as mb

    @mb.program(input_specs=[mb.TensorSpec(shape=shape)], opset_version=ct.target.iOS16)  # type: ignore[untyped-decorator]
    def model(x: Any) -> Any:
        flat = mb.reshape(x=x, shape=(1, matrix.shape[0]))
        logits = mb.matmul(x=flat, y=matrix)
        return mb.softmax(x=logits, axis=-1) if softmax else logits

    built = ct.convert(
        model,
        convert_to="mlprogram",
        minimum_deployment_target=ct.target.iOS16,
        compute_precision=ct.precision.FLOAT32,
        skip_model_load=True,
    )
    built.save(str(path))
    return path


def by_channel(matrix: NDArray[np.float32]) -> NDArray[np.float32]:
    """The same layer for x0 … x79 y0 … y79 z0 … z79."""
    return matrix.reshape(80, 3, 6).transpose(1, 0, 2).reshape(240, 6)


@pytest.fixture(scope="module")
def files(tmp_path_factory: pytest.TempPathFactory) -> dict[str, Path]:
    folder = tmp_path_factory.mktemp("foreign")
    weights_ = weights()
    return {
        "tflite": tflite(folder / "a.tflite", weights_, (1, 80, 3)),
        "channels_first": mlpackage(folder / "b.mlpackage", by_channel(weights_), (1, 3, 80)),
        "other": mlpackage(folder / "other.mlpackage", weights(2), (1, 240)),
        "wide": mlpackage(folder / "wide.mlpackage", weights_, (1, 16, 15)),
        "five": mlpackage(folder / "five.mlpackage", weights_[:, :5], (1, 240)),
    }


Results = tuple[ParityResult, ...]


def compare_all(reference: Path, candidate: Path, data: str, **options: Any) -> Results:
    return compare(reference, candidate, data, CompareOptions(**options)).parity


def test_compare_files_that_agree(files: dict[str, Path]) -> None:
    (found,) = compare_all(files["tflite"], files["channels_first"], DATA)
    assert found.status is Status.PASSED
    assert found.metrics["max_abs"] < 1e-5
    assert found.reference["name"] == "a.tflite"
    assert found.reference["runtime"] == "litert"
    assert (found.runtime, found.scheme, found.target) == ("coreml-reference", "float32", "coreml")
    assert found.evidence is not None
    (back,) = compare_all(files["channels_first"], files["tflite"], DATA)
    assert back.metrics["max_abs"] == found.metrics["max_abs"]


def test_compare_files_that_differ_fails(files: dict[str, Path]) -> None:
    (found,) = compare_all(files["tflite"], files["other"], DATA)
    assert found.status is Status.FAILED
    assert found.evidence is not None
    assert len(found.evidence.flips) > 0
    loose = dict.fromkeys(("max_abs", "kl_mean", "accuracy_drop"), 1000000000.0)
    loose |= {"snr_db": -200.0, "top1_agreement": 0.0}
    (open_all,) = compare_all(files["tflite"], files["other"], DATA, gates=loose)
    assert open_all.status is Status.PASSED


def test_compare_in_both_runtimes(files: dict[str, Path]) -> None:
    both = ("litert", "litert-reference")
    results = compare_all(files["tflite"], files["tflite"], DATA, runtimes=both)
    assert [r.runtime for r in results] == list(both)
    assert {r.reference["runtime"] for r in results} == {"litert"}
    assert {r.status for r in results} == {Status.PASSED}
    with pytest.raises(UsageError, match="unknown runtime"):
        compare_all(files["tflite"], files["tflite"], DATA, runtimes=("abacus",))


def test_compare_with_sensors(files: dict[str, Path]) -> None:
    sensors = (InputConvention.ANDROID, InputConvention.IOS)
    (found,) = compare_all(files["tflite"], files["channels_first"], DATA, sensors=sensors)
    assert found.status is Status.FAILED
    (same,) = compare_all(
        files["tflite"], files["channels_first"], DATA, sensors=(InputConvention.IOS,)
    )
    assert same.status is Status.PASSED
    with pytest.raises(BadInput, match="mean and standard"):
        compare_all(
            files["tflite"], files["channels_first"], DATA, sensors=(InputConvention.NORMALIZED,)
        )


def test_compare_a_contract_with_a_file_without_one(files: dict[str, Path], tmp_path: Path) -> None:
    """The foreign file must be explained; with the same sensor, the classes go by name."""
    signal = load_dataset(DATA).signal
    order = [5, 4, 3, 2, 1, 0]
    turned = replace(
        signal, sensor=InputConvention.IOS, labels=tuple(signal.labels[i] for i in order)
    )
    in_g = tflite(tmp_path / "own.tflite", weights()[:, order] * np.float32(-9.80665), (1, 240))
    in_g.write_bytes(metadata.embed(in_g.read_bytes(), ModelMetadata("own", turned)))
    straight = tmp_path / "straight.tflite"
    straight.write_bytes(
        metadata.embed(files["tflite"].read_bytes(), ModelMetadata("straight", signal))
    )
    (found,) = compare_all(straight, in_g, DATA)
    assert found.status is Status.PASSED
    with pytest.raises(BadInput, match="has no sensor contract"):
        compare_all(files["tflite"], straight, DATA)
    (told,) = compare_all(files["tflite"], straight, DATA, sensors=(InputConvention.ANDROID,))
    assert told.status is Status.PASSED
    with pytest.raises(UsageError, match="contradicts the sensor contract"):
        compare_all(in_g, straight, DATA, sensors=(InputConvention.ANDROID,))


def test_compare_refuses_other_windows_and_classes(files: dict[str, Path]) -> None:
    with pytest.raises(BadInput, match=r"input 'x' of shape \(1, 16, 15\) holds no window"):
        compare_all(files["tflite"], files["wide"], DATA)
    (found,) = compare_all(files["tflite"], files["five"], DATA)
    assert found.status is Status.FAILED
    assert "shape" in found.reason
    with pytest.raises(BadInput, match="5 values a window"):
        compare_all(files["five"], files["tflite"], DATA)


def test_compare_command(files: dict[str, Path], tmp_path: Path) -> None:
    words = ["compare", str(files["tflite"]), str(files["channels_first"]), "-q"]
    out, junit = tmp_path / "found.json", tmp_path / "found.xml"
    assert run_app([*words, "--data", DATA, "--json", str(out), "--junit", str(junit)]) == 0
    document = json.loads(out.read_text())
    assert document["status"] == "passed"
    assert document["parity"][0]["reference"]["name"] == "a.tflite"
    assert 'errors="0"' in junit.read_text()
    assert run_app(words) == 2
    assert run_app([*words, "x.tflite", "--data", DATA]) == 2
    other = ["compare", str(files["tflite"]), str(files["other"]), "--data", DATA, "-q"]
    assert run_app(other) == 1


def test_compare_logits_by_their_softmax(files: dict[str, Path], tmp_path: Path) -> None:
    logits = mlpackage(tmp_path / "logits.mlpackage", 20 * weights(), (1, 240), softmax=False)
    sure = mlpackage(tmp_path / "sure.mlpackage", 20 * weights(), (1, 240))
    (found,) = compare_all(sure, logits, DATA)
    assert found.status is Status.PASSED
    assert found.metrics["max_abs"] < 1e-5
    (found,) = compare_all(logits, files["other"], DATA)
    assert found.status is Status.FAILED
    assert found.metrics["max_abs"] <= 1
