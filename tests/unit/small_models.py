"""Small models, and how a test runs a `.tflite`."""

from __future__ import annotations

from collections.abc import Callable
from pathlib import Path
from typing import Any

import numpy as np
import pytest
from numpy.typing import NDArray

from edgeconv.core import Normalization, Signal

Windows = NDArray[np.float32]


def run_tflite(path: Path, inputs: Windows) -> Windows | None:
    """LiteRT itself on (n, features), quantized inputs and outputs converted; None for others."""
    if path.suffix != ".tflite":
        return None
    from ai_edge_litert.interpreter import Interpreter

    interpreter = Interpreter(str(path), num_threads=1)
    interpreter.allocate_tensors()
    entry, result = interpreter.get_input_details()[0], interpreter.get_output_details()[0]
    out = []
    for window in inputs:
        value = window[None]
        if entry["dtype"] == np.int8:
            scale, zero = entry["quantization"]
            value = np.clip(np.round(value / scale) + zero, -128, 127).astype(np.int8)
        interpreter.set_tensor(entry["index"], value)
        interpreter.invoke()
        values = interpreter.get_tensor(result["index"])[0].astype(np.float32)
        if result["dtype"] == np.int8:
            scale, zero = result["quantization"]
            values = (values - zero) * scale
        out.append(values)
    return np.array(out, np.float32)


@pytest.fixture
def run() -> Callable[[Path, Windows], Windows | None]:
    return run_tflite


@pytest.fixture
def signal() -> Signal:
    return Signal(
        window=24,
        step=12,
        labels=("still", "walk", "run"),
        normalization=Normalization((0.1, 9.0, -0.4), (3.0, 4.0, 2.5)),
    )


@pytest.fixture
def windows(signal: Signal) -> Windows:
    """Canonical windows that look like a phone upright in a hand."""
    rng = np.random.default_rng(3)
    samples = rng.normal(0, 3, (200, signal.window, 3)) + np.array([0, 9.8, 0])
    flat: Windows = samples.reshape(200, -1).astype(np.float32)
    return flat


def randomise(model: Any, seed: int = 0) -> Any:
    """Weights as training might leave them: no zero bias, moving statistics off their defaults."""
    rng = np.random.default_rng(seed)
    for layer in model.layers:
        values = []
        for weight in layer.weights:
            value = rng.normal(0, 0.25, weight.shape)
            if "variance" in weight.path or "gamma" in weight.path:
                value = np.abs(value) + 0.5
            values.append(value)
        layer.set_weights(values)
    return model


@pytest.fixture
def save(tmp_path: Path) -> Callable[..., Path]:
    """Save a Keras model built of layers between a flat input and three softmax outputs."""

    def make(*layers: Any, size: int = 72) -> Path:
        import keras

        model = keras.Sequential([keras.Input((size,), name="sensor"), *layers], name="tiny")
        path = tmp_path / "tiny.keras"
        randomise(model).save(path)
        return path

    return make
