"""Networks small enough to work out by hand, through both converters."""

from __future__ import annotations

from pathlib import Path
from typing import Any

import numpy as np
import pytest

from edgeconv.core import InputConvention, Signal, Variant
from edgeconv.core.metadata import ModelMetadata
from edgeconv.ir.folding import for_sensor
from edgeconv.ir.keras_reader import read
from edgeconv.ir.trace import trace
from edgeconv.targets import files
from edgeconv.targets.coreml import convert as coreml
from edgeconv.targets.coreml import metadata
from edgeconv.targets.tflite import convert as tflite

HAND = [  # reference-models: window, channels, kernel (taps, in, out), result
    ([0, 3, 4, 5], 1, [[[1]], [[2]]], [6, 11, 14]),
    ([0, 0, 3, 6, 4, 7, 5, 8], 2, [[[1], [3]], [[2], [4]]], [30, 57, 67]),
    ([0, 3, 4, 5], 1, [[[1, 3]], [[2, 4]]], [6, 12, 11, 25, 14, 32]),
]


@pytest.mark.heavy
@pytest.mark.parametrize(("window", "channels", "kernel", "result"), HAND)
def test_convolutions_worked_out_by_hand(
    tmp_path: Path, run: Any, window: list[int], channels: int, kernel: Any, result: list[int]
) -> None:
    signal = Signal(
        window=4, step=4, channels=tuple("ab"[:channels]), sensor=InputConvention.NORMALIZED
    )
    graph = for_sensor(read(_model(channels, kernel), signal), signal, InputConvention.ANDROID)
    traced = trace(graph, (), channels_first=False)
    for scheme in ("float32", "float16", "dynamic"):
        path = tmp_path / f"hand_{scheme}.tflite"
        tflite.convert(traced, Variant("tflite", scheme, InputConvention.ANDROID), None, None, path)
        # small integers are exact in float16, and kernels this small stay float in `dynamic`
        assert run(path, np.array([window], np.float32))[0].tolist() == result


def _model(channels: int, kernel: Any) -> Any:
    import keras

    weights = np.array(kernel, np.float32)
    conv = keras.layers.Conv1D(weights.shape[2], 2, use_bias=False, name="conv")
    ends = keras.layers.Reshape((4, channels)), keras.layers.Flatten()
    model = keras.Sequential([keras.Input((4 * channels,)), ends[0], conv, ends[1]])
    conv.set_weights([weights])
    return model


@pytest.mark.heavy
@pytest.mark.filterwarnings("ignore::RuntimeWarning:coremltools")
def test_a_model_without_labels_is_no_classifier(tmp_path: Path) -> None:
    signal = Signal(window=4, step=4, channels=("a",), sensor=InputConvention.NORMALIZED)
    graph = for_sensor(read(_model(1, HAND[0][2]), signal), signal, InputConvention.ANDROID)
    path = tmp_path / "hand.mlpackage"
    variant = Variant("coreml", "float32", InputConvention.ANDROID, deployment_target="iOS15")
    coreml.convert(trace(graph, (), channels_first=True), variant, None, None, path)
    metadata.embed(path, ModelMetadata("hand", signal))
    assert [t.name for t in files.describe(path).outputs] == ["probabilities"]


@pytest.mark.heavy
@pytest.mark.parametrize("scheme", ["float32", "int8"])
def test_equal_names_give_the_file_that_other_names_give(
    tmp_path: Path, run: Any, windows: Any, scheme: str
) -> None:
    """Two sub-models with equal inner names, and a layer called like the input."""
    signal = Signal(window=24, step=12, labels=("a", "b", "c"))
    results = []
    for names in (("sensor", "dense", "dense"), ("first", "second", "third")):
        graph = for_sensor(read(_nested(names), signal), signal, InputConvention.ANDROID)
        path = tmp_path / f"{names[0]}.tflite"
        variant = Variant("tflite", scheme, InputConvention.ANDROID)
        traced = trace(graph, signal.labels, channels_first=False)
        calibration = (windows,) if scheme == "int8" else None
        tflite.convert(traced, variant, calibration, None, path)
        results.append(run(path, windows))
    np.testing.assert_array_equal(*results)


def _nested(names: tuple[str, ...]) -> Any:
    import keras

    rng = np.random.default_rng(0)
    parts = [
        keras.Sequential(
            [keras.Input((size,)), keras.layers.Dense(units, activation=function, name=name)]
        )
        for name, size, units, function in zip(
            names, (72, 16, 16), (16, 16, 3), ("tanh", "relu", "softmax"), strict=True
        )
    ]
    model = keras.Sequential([keras.Input((72,)), *parts])
    model.set_weights([rng.normal(0, 0.2, w.shape) for w in model.get_weights()])
    return model
