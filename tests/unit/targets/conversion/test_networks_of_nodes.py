"""Small window models of every family of nodes, with branches, exported to every target."""

from __future__ import annotations

from collections.abc import Callable
from pathlib import Path
from typing import Any

import numpy as np
import pytest

from edgeconv.core import InputConvention, Normalization, Signal, Variant
from edgeconv.core.parity_statistics import decibels
from edgeconv.ir import keras_file
from edgeconv.ir.folding import for_sensor
from edgeconv.ir.keras_reader import read
from edgeconv.ir.numpy_interpreter import evaluate
from edgeconv.runtimes import unavailable
from edgeconv.runtimes.predict import run_file
from tests.unit.conversions import export_all
from tests.unit.small_models import randomise

pytestmark = pytest.mark.heavy

SIGNAL = Signal(
    window=24,
    step=12,
    labels=("still", "walk", "run"),
    normalization=Normalization((0.1, 9.0, -0.4), (3.0, 4.0, 2.5)),
)
MIN_SNR_DB = 35.0  # every one reached 40 or more
MIN_AGREEMENT = 0.95

VARIANTS = (
    Variant("tflite", "float32", InputConvention.ANDROID),
    Variant("tflite", "int8", InputConvention.ANDROID),
    Variant("coreml", "float32", InputConvention.IOS),
    Variant("coreml", "float16", InputConvention.IOS),
    Variant("onnx", "float32", InputConvention.ANDROID),
    Variant("onnx", "int8", InputConvention.ANDROID),
    *(
        Variant("coreai", scheme, InputConvention.IOS)
        for scheme in ("float32", "float16")
        if not unavailable("any.aimodel", "coreai")
    ),
)

Body = Callable[[Any], Any]


def _conv(x: Any, filters: int = 8, size: int = 3, activation: str = "relu") -> Any:
    from keras import layers

    return layers.Conv1D(filters, size, padding="same", activation=activation)(x)


def residual(x: Any) -> Any:
    """Two residual blocks, with a relu and a batch normalization behind their sums."""
    from keras import layers

    x = _conv(x)
    for _ in range(2):
        y = _conv(_conv(x), activation="linear")
        x = layers.ReLU()(layers.Add()([x, layers.BatchNormalization()(y)]))
    return layers.BatchNormalization()(layers.Add()([x, _conv(x), _conv(x, size=1)]))


def inception(x: Any) -> Any:
    from keras import layers

    branches = [_conv(x, 4, size) for size in (1, 3, 5)]
    pooled = layers.MaxPooling1D(3, strides=1, padding="same")(x)
    joined = layers.Concatenate()([*branches, _conv(pooled, 4, 1)])
    return layers.Concatenate(axis=1)([joined, _conv(joined, 16, activation="linear")])


def merges(x: Any) -> Any:
    """Every operation on two or three values, one of them repeated over time."""
    from keras import layers

    one, two, three = _conv(x), _conv(x, activation="tanh"), _conv(x, activation="linear")
    gate = layers.GlobalAveragePooling1D(keepdims=True)(one)
    gate = _conv(gate, size=1, activation="sigmoid")
    x = layers.Multiply()([layers.Subtract()([one, two]), gate])
    return layers.Concatenate()(
        [
            layers.Average()([x, two, three]),
            layers.Maximum()([x, two]),
            layers.Minimum()([one, three, two]),
        ]
    )


def composites(x: Any) -> Any:
    """Activation functions that several nodes compute, side by side."""
    from keras import layers

    names = ("selu", "softplus", "softsign", "hard_sigmoid", "hard_silu", "mish")
    branches = [_conv(x, 4, activation=name) for name in names]
    leaky = layers.ReLU(max_value=2, negative_slope=0.1)(_conv(x, 4, activation="linear"))
    return layers.Concatenate()([*branches, leaky, layers.ELU(alpha=0.3)(x)])


def ceilings(x: Any) -> Any:
    """A ceiling beside a value of a wider range, which must not widen it (30 dB where it did)."""
    from keras import layers

    clipped = layers.ReLU(max_value=1)(_conv(x, 4, activation="linear"))
    return layers.Concatenate()([_conv(x, 4, activation="elu"), clipped])


def normalizations(x: Any) -> Any:
    """With stored statistics, and with those of each position."""
    from keras import layers

    x = layers.Normalization(mean=(0.1, -0.2, 0.3), variance=(1.5, 0.7, 2.0))(x)
    x = _conv(layers.Rescaling(0.5, 0.1)(x))
    return _conv(layers.LayerNormalization()(x))


def deepconvlstm(x: Any) -> Any:
    """A small DeepConvLSTM (Ordóñez and Roggen, 2016)."""
    from keras import layers

    x = layers.LSTM(8, return_sequences=True)(_conv(_conv(x)))
    return layers.LSTM(8, return_sequences=True)(x)


def bidirectional(x: Any) -> Any:
    """Both forms of a GRU, and a layer that runs backwards."""
    from keras import layers

    x = layers.MaxPooling1D(4)(_conv(x))  # few steps, since Core ML's are unrolled
    x = layers.Bidirectional(layers.GRU(5, return_sequences=True))(x)
    before = layers.GRU(4, return_sequences=True, reset_after=False, go_backwards=True)(x)
    return layers.Concatenate()([before, layers.SimpleRNN(4, return_sequences=True)(x)])


def transformer(x: Any) -> Any:
    """One block with attention of two heads."""
    from keras import layers

    x = _conv(x, size=1, activation="linear")
    attention = layers.MultiHeadAttention(2, 4, value_dim=3)(x, x)
    x = layers.LayerNormalization()(layers.Add()([x, attention]))
    y = _conv(_conv(x, 16, size=1), size=1, activation="linear")
    return layers.LayerNormalization()(layers.Add()([x, y]))


_BODIES = (
    deepconvlstm,
    bidirectional,
    transformer,
    residual,
    inception,
    merges,
    composites,
    ceilings,
    normalizations,
)
BODIES: dict[str, Body] = {each.__name__: each for each in _BODIES}


@pytest.fixture(scope="module")
def windows() -> Any:
    rng = np.random.default_rng(3)
    steps = rng.normal(0, 2, (120, SIGNAL.window, 3)).cumsum(1) * 0.5 + np.array([0, 9.8, 0])
    return steps.reshape(120, -1).astype(np.float32)


@pytest.fixture(scope="module", params=BODIES)
def model(request: pytest.FixtureRequest, tmp_path_factory: pytest.TempPathFactory) -> Path:
    """A model saved with its contract; half of them take flat windows."""
    import keras
    from keras import layers

    keras.utils.set_random_seed(7)
    flat = list(BODIES).index(request.param) % 2 == 0
    entry = keras.Input((SIGNAL.flat_size,) if flat else (SIGNAL.window, 3), name="sensor")
    x = layers.Reshape((SIGNAL.window, 3))(entry) if flat else entry
    x = layers.GlobalAveragePooling1D()(BODIES[request.param](x))
    network = keras.Model(entry, layers.Dense(3, activation="softmax")(x), name=request.param)
    randomise(network)
    path = tmp_path_factory.mktemp("model") / f"{request.param}.keras"
    network.save(path)
    keras_file.write_contract(path, SIGNAL)
    return path


def test_folded_graph_computes_what_keras_does(model: Path, windows: Any) -> None:
    network = keras_file.load_model(model)
    graph = for_sensor(read(network, SIGNAL), SIGNAL, InputConvention.ANDROID)
    inputs = SIGNAL.for_sensor(InputConvention.ANDROID).encode(windows)
    (got,) = evaluate(graph, inputs.astype(np.float64))
    np.testing.assert_allclose(got, _expected(network, windows), atol=1e-5)


@pytest.fixture(scope="module")
def files(model: Path, windows: Any, tmp_path_factory: pytest.TempPathFactory) -> dict[str, Any]:
    """Each variant's outputs; the export itself ran and judged every file first."""
    folder = tmp_path_factory.mktemp("files")
    artifacts = export_all(
        model, SIGNAL, VARIANTS, folder, "m", windows, windows, run_file=run_file
    )
    return {
        f"{each.target} {each.scheme}": run_file(each.path, each.signal.encode(windows))
        for each in artifacts
    }


@pytest.mark.parametrize(
    ("name", "limit"),
    [
        ("tflite float32", 1e-4),
        ("coreml float32", 1e-4),
        ("coreml float16", 0.02),
        ("onnx float32", 1e-4),
        ("coreai float32", 1e-4),
        ("coreai float16", 0.02),
    ],
)
def test_files_of_floats(
    model: Path, windows: Any, files: dict[str, Any], name: str, limit: float
) -> None:
    if name not in files:
        pytest.skip(str(unavailable("any.aimodel", "coreai")))
    expected = _expected(keras_file.load_model(model), windows)
    np.testing.assert_allclose(files[name], expected, atol=limit)


@pytest.mark.parametrize("target", ["tflite", "onnx"])
def test_int8_file_on_its_calibration_windows(
    model: Path, windows: Any, files: dict[str, Any], target: str
) -> None:
    got, expected = files[f"{target} int8"], _expected(keras_file.load_model(model), windows)
    noise = float(((got - expected) ** 2).sum())
    assert decibels(float((expected**2).sum()), noise) >= MIN_SNR_DB
    assert (got.argmax(1) == expected.argmax(1)).mean() >= MIN_AGREEMENT


def _expected(network: Any, windows: Any) -> Any:
    normalized = SIGNAL.for_sensor(InputConvention.NORMALIZED).encode(windows)
    return np.asarray(network(normalized.reshape(-1, *network.inputs[0].shape[1:])))
