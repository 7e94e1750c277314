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
