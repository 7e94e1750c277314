"""Every Core ML system version answers as TFLite does, each file fed its own phone's units."""

from __future__ import annotations

from pathlib import Path
from typing import Any

import numpy as np
import pytest

from edgeconv.core import InputConvention, Normalization, Signal, Variant
from edgeconv.core.metadata import ModelMetadata
from edgeconv.runtimes import open_runner
from edgeconv.targets.base import find_target
from edgeconv.targets.conversion.job import Converted, Job, Started, Task, save_arrays
from edgeconv.targets.conversion.process import run_in_worker
from edgeconv.targets.coreml import package
from edgeconv.targets.coreml.target import DEPLOYMENT_TARGETS

pytestmark = pytest.mark.heavy

SIGNAL = Signal(
    window=24,
    step=12,
    labels=("still", "walk", "run"),
    normalization=Normalization((0.1, 9.0, -0.4), (3.0, 4.0, 2.5)),
)
ANDROID = Variant("tflite", "float32", InputConvention.ANDROID)
# largest difference of a probability: rounding in float32, in float16
LIMITS = {"float32": 1e-5, "float16": 0.01}
CASES = [*((d, "float32") for d in DEPLOYMENT_TARGETS), (DEPLOYMENT_TARGETS[0], "float16")]
SPECIFICATIONS = {"iOS15": 6, "iOS16": 7, "iOS17": 8, "iOS18": 9, "iOS26": 10}
Windows = np.ndarray[Any, np.dtype[np.float32]]


def _name(variant: Variant) -> str:
    ending = "mlpackage" if variant.target == "coreml" else "tflite"
    return f"{variant.scheme}_{variant.deployment_target}.{ending}"


@pytest.fixture(scope="module")
def windows() -> Windows:
    """Canonical windows of a phone upright in a hand, (50, 72)."""
    rng = np.random.default_rng(3)
    samples = rng.normal(0, 3, (50, SIGNAL.window, 3)) + np.array([0, 9.8, 0])
    flat: Windows = samples.reshape(50, -1).astype(np.float32)
    return flat


@pytest.fixture(scope="module")
def folder(tmp_path_factory: pytest.TempPathFactory, windows: Windows) -> Path:
    """One small classifier as every file, converted by one worker."""
    import keras
    from keras import layers

    keras.utils.set_random_seed(5)
    model = keras.Sequential(
        [
            keras.Input((SIGNAL.flat_size,), name="sensor"),
            layers.Reshape((SIGNAL.window, 3), name="steps"),
            layers.Conv1D(8, 5, activation="relu", name="conv1"),
            layers.BatchNormalization(name="norm"),
            layers.MaxPooling1D(2, name="pool"),
            layers.Conv1D(8, 3, padding="same", activation="relu", name="conv2"),
            layers.Flatten(name="flat"),
            layers.Dense(3, activation="softmax", name="probabilities"),
        ]
    )
    out = tmp_path_factory.mktemp("deployment")
    model.save(out / "tiny.keras")
    coreml = [
        Variant("coreml", scheme, InputConvention.IOS, deployment_target=deployment)
        for deployment, scheme in CASES
    ]
    tasks = tuple(Task(i, v, _name(v)) for i, v in enumerate([ANDROID, *coreml]))
    job = Job(out / "tiny.keras", out, tasks, SIGNAL)
    save_arrays(job.probe, [windows[:4]])
    assert [type(m) for m in run_in_worker(job)] == [Started, Converted] * len(tasks)
    for task in tasks:
        find_target(task.variant.target).conversion.write_metadata(
            out / task.file, ModelMetadata("tiny", SIGNAL.for_sensor(task.variant.sensor))
        )
    return out


@pytest.fixture(scope="module")
def expected(folder: Path, windows: Windows) -> Windows:
    """Probabilities of the TFLite float32 file, fed m/s² with Android's sign."""
    with open_runner(folder / _name(ANDROID)) as runner:
        inputs = {"sensor": SIGNAL.for_sensor(InputConvention.ANDROID).encode(windows)}
        found = np.asarray(runner.run(inputs)["probabilities"], np.float32)
    assert len(set(found.argmax(1))) > 1, "a model that always answers the same proves nothing"
    return found.reshape(len(windows), -1)


def _ask(path: Path, inputs: Windows) -> tuple[Windows, list[str]]:
    """Probabilities (n, classes) and labels of the Core ML reference runtime."""
    with open_runner(path, "coreml-reference") as runner:
        outputs = runner.run({"sensor": inputs})
    labels = [str(label) for label in outputs["label"].reshape(-1)]
    return outputs["probabilities"].reshape(len(inputs), -1).astype(np.float32), labels


@pytest.mark.parametrize(("deployment", "scheme"), CASES)
def test_a_package_answers_as_tflite_does(
    folder: Path, windows: Windows, expected: Windows, deployment: str, scheme: str
) -> None:
    path = folder / _name(
        Variant("coreml", scheme, InputConvention.IOS, deployment_target=deployment)
    )
    assert package.read_spec(path).specificationVersion == SPECIFICATIONS[deployment]
    signal = package.read_contract(path)
    assert signal == SIGNAL.for_sensor(InputConvention.IOS)
    found, labels = _ask(path, signal.encode(windows))
    assert np.abs(found - expected).max() < LIMITS[scheme]
    assert labels == [SIGNAL.labels[i] for i in found.argmax(1)]


def test_a_package_that_is_fed_androids_units_answers_otherwise(
    folder: Path, windows: Windows, expected: Windows
) -> None:
    """The comparison above would see a contract that is not folded in."""
    newest = DEPLOYMENT_TARGETS[-1]
    variant = Variant("coreml", "float32", InputConvention.IOS, deployment_target=newest)
    found, _ = _ask(
        folder / _name(variant), SIGNAL.for_sensor(InputConvention.ANDROID).encode(windows)
    )
    assert np.abs(found - expected).max() > 0.1
