"""A stranger's `.keras` goes to every phone format in two commands: `export`, then `parity`.

Each network is one kind of model that people bring, none with a contract, and just large enough for
compressed weights. What the files answer is compared with the user's own `model(x)`, on inputs that
neither command has seen.
"""

from __future__ import annotations

from collections.abc import Callable
from itertools import product
from pathlib import Path
from typing import Any

import numpy as np
import pytest
from numpy.typing import NDArray

from edgeconv import open_runner
from edgeconv.bundle import read_bundle
from edgeconv.core import Bundle, Status, Tensors
from edgeconv.core.parity_statistics import decibels
from edgeconv.targets.conversion import session
from edgeconv.targets.conversion.process import run_in_process
from tests.end_to_end.conftest import Cli

pytestmark = pytest.mark.heavy

Array = NDArray[Any]


def residual(layers: Any, entry: Any) -> Any:
    """A residual sum, and a softmax at the end."""
    x = layers.Conv1D(12, 3, padding="same", activation="relu")(source := entry(24, 3))
    y = layers.Conv1D(12, 3, padding="same")(x)
    x = layers.GlobalAveragePooling1D()(layers.ReLU()(layers.Add()([x, y])))
    return source, layers.Dense(4, activation="softmax")(x)


def recurrent(kind: str) -> Callable[[Any, Any], Any]:
    def build(layers: Any, entry: Any) -> Any:
        x = getattr(layers, kind)(12)(source := entry(10, 3))
        return source, layers.Dense(4, activation="softmax")(x)

    return build


def transformer(layers: Any, entry: Any) -> Any:
    x = layers.LayerNormalization()(source := entry(10, 8))
    x = layers.Add()([source, layers.MultiHeadAttention(2, 4)(x, x)])
    x = layers.Dense(64, activation="gelu")(layers.GlobalAveragePooling1D()(x))
    return source, layers.Dense(4, activation="softmax")(x)


def text(layers: Any, entry: Any) -> Any:
    """Tokens in, the two classes of a sentence out."""
    x = layers.Embedding(30, 12)(source := entry(12, dtype="int32"))
    x = layers.GlobalMaxPooling1D()(layers.Conv1D(12, 3, activation="relu")(x))
    return source, layers.Dense(2, activation="softmax")(x)


def image(layers: Any, entry: Any) -> Any:
    x = layers.RandomFlip("horizontal")(source := entry(10, 10, 1))  # in training only
    x = layers.Conv2D(8, 3, activation="relu")(x)
    x = layers.Flatten()(layers.MaxPooling2D()(x))
    return source, layers.Dense(4, activation="softmax")(x)


def regression(layers: Any, entry: Any) -> Any:
    return (source := entry(10)), layers.Dense(1)(layers.Dense(64, activation="relu")(source))


def autoencoder(layers: Any, entry: Any) -> Any:
    options = {"strides": 2, "padding": "same"}
    x = layers.Conv1D(48, 3, activation="relu", **options)(source := entry(16, 3))
    return source, layers.Conv1DTranspose(3, 3, **options)(x)


def two_of_each(layers: Any, entry: Any) -> Any:
    """Two inputs and two outputs, which no alphabet sorts as the model does."""
    walk, about = entry(16, 3, name="walk"), entry(4, name="about")
    x = layers.GlobalMaxPooling1D()(layers.Conv1D(48, 3)(walk))
    x = layers.Concatenate()([x, about])
    speed = layers.Dense(1, name="speed")(x)
    return [walk, about], [speed, layers.Dense(3, activation="softmax", name="kind")(x)]


def sigmoid(layers: Any, entry: Any) -> Any:
    x = layers.Dense(64, activation="relu")(source := entry(10))
    return source, layers.Dense(1, activation="sigmoid")(x)


def logits(layers: Any, entry: Any) -> Any:
    x = layers.DepthwiseConv1D(3, activation="relu")(source := entry(24, 3))
    return source, layers.Dense(7)(layers.Flatten()(x))


def free_time(layers: Any, entry: Any) -> Any:
    """A time axis of any length, which the data fix."""
    x = layers.Conv1D(32, 5, activation="relu")(source := entry(None, 3))
    return source, layers.Dense(4, activation="softmax")(layers.GlobalAveragePooling1D()(x))


NETWORKS: dict[str, Callable[[Any, Any], Any]] = {
    "residual": residual,
    "lstm": recurrent("LSTM"),
    "gru": recurrent("GRU"),
    "transformer": transformer,
    "text": text,
    "image": image,
    "regression": regression,
    "autoencoder": autoencoder,
    "two_of_each": two_of_each,
    "sigmoid": sigmoid,
    "logits": logits,
    "free_time": free_time,
}


@pytest.mark.parametrize("name", NETWORKS)
def test_two_commands_bring_any_model_to_the_phones(
    cli: Cli, tmp_path: Path, monkeypatch: pytest.MonkeyPatch, name: str
) -> None:
    monkeypatch.setattr(session, "run_in_worker", run_in_process)  # TensorFlow is imported once
    model, file = built(name, tmp_path)
    data = data_for(name, tmp_path)
    out = tmp_path / "out"
    schemes = ("--quantize", "float32", "--quantize", "int8")
    exported = cli("export", file, "--target", "all", *schemes, "--out", out, *data)
    assert exported.code == 0, exported.err
    proved = cli("parity", out)
    assert proved.code == 0, proved.out + proved.err

    bundle = read_bundle(out)
    made = {(artifact.target, artifact.scheme) for artifact in bundle.artifacts}
    assert made >= set(product(("tflite", "coreml", "onnx"), ("float32", "int8")))
    assert [result.status for result in bundle.parity] == [Status.PASSED] * len(made)
    assert_right(bundle, model)


def built(name: str, folder: Path) -> tuple[Any, Path]:
    import keras

    def entry(*shape: int | None, **options: Any) -> Any:
        return keras.Input(shape, **options)

    keras.utils.set_random_seed(5)
    model = keras.Model(*NETWORKS[name](keras.layers, entry), name=name)
    path = folder / f"{name}.keras"
    model.save(path)
    return model, path


def data_for(name: str, folder: Path) -> tuple[object, ...]:
    """Only a free axis needs data, which say how long it is."""
    if name != "free_time":
        return ()
    random = np.random.default_rng(0)
    np.savez(folder / "data.npz", random.normal(size=(32, 20, 3)))
    return ("--calibration", f"npz:{folder / 'data.npz'}")


def assert_right(bundle: Bundle, model: Any) -> None:
    """Every file gives what the user's model gives: equal in float32, near in int8."""
    contract = bundle.model.contract
    assert isinstance(contract, Tensors)
    random = np.random.default_rng(8)
    arrays: dict[str, Array] = {
        tensor.name: random.integers(0, 30, (16, *tensor.shape)).astype(tensor.dtype)
        if tensor.dtype == "int32"
        else random.normal(size=(16, *tensor.shape)).astype(np.float32)
        for tensor in contract.inputs
    }
    inputs = list(arrays.values()) if len(arrays) > 1 else next(iter(arrays.values()))
    given = model(inputs, training=False)
    expected = [np.asarray(each) for each in (given if isinstance(given, list) else [given])]
    for artifact in bundle.artifacts:
        with open_runner(artifact.path) as runner:
            outputs = runner.run(arrays)
        for tensor, right in zip(contract.outputs, expected, strict=True):
            error = outputs[tensor.name].reshape(right.shape) - right
            where = f"{artifact.name}: {tensor.name}"
            if artifact.scheme == "float32":
                assert np.abs(error).max() < 1e-5, where
            else:
                power = float((right.astype(np.float64) ** 2).sum())
                assert decibels(power, float((error.astype(np.float64) ** 2).sum())) > 15, where
