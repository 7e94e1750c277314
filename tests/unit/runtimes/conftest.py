"""A small convolutional network and the files that TensorFlow itself makes of it."""

from __future__ import annotations

from pathlib import Path
from typing import Any

import numpy as np
import pytest

from tests.conftest import build_once

SIZE, CLASSES = 24, 3


def network() -> Any:
    import keras

    keras.utils.set_random_seed(7)
    layers = keras.layers
    return keras.Sequential(
        [
            keras.Input((SIZE,), name="sensor"),
            layers.Reshape((8, 3), name="steps"),
            layers.Conv1D(8, 3, activation="relu", name="conv"),
            layers.GlobalAveragePooling1D(name="pool"),
            layers.Dense(CLASSES, activation="softmax", name="probabilities"),
        ],
        name="small",
    )


def convert(model: Any, batch: int | None, io: str = "") -> bytes:
    """`io` is empty for a float file, else the type of a quantized file's input and output."""
    import tensorflow as tf

    holder = tf.Module()
    holder.kept = [v.value for v in model.variables]
    signature = [tf.TensorSpec((batch, SIZE), tf.float32, name="sensor")]
    function = tf.function(
        lambda sensor: {"probabilities": model(sensor, training=False)}, input_signature=signature
    )
    converter = tf.lite.TFLiteConverter.from_concrete_functions(
        [function.get_concrete_function()], holder
    )
    if io:
        converter.optimizations = [tf.lite.Optimize.DEFAULT]
        converter.representative_dataset = lambda: ([row[None]] for row in windows(100))
        converter.target_spec.supported_ops = [tf.lite.OpsSet.TFLITE_BUILTINS_INT8]
        converter.inference_input_type = converter.inference_output_type = tf.as_dtype(io)
    made: bytes = converter.convert()
    return made


def windows(n: int) -> Any:
    return np.random.default_rng(3).normal(0, 3, (n, SIZE)).astype(np.float32)


@pytest.fixture(scope="session")
def files(tmp_path_factory: pytest.TempPathFactory) -> Path:
    """Folder with model.keras and float, dynamic (batch), fixed4, int8 and int8io `.tflite`."""

    def build(folder: Path) -> None:
        folder.mkdir()
        model = network()
        model.save(folder / "model.keras")
        kinds: dict[str, tuple[int | None, str]] = {
            "float": (1, ""),
            "dynamic": (None, ""),
            "fixed4": (4, ""),
            "int8": (1, "float32"),
            "int8io": (1, "int8"),
        }
        for name, (batch, io) in kinds.items():
            (folder / f"{name}.tflite").write_bytes(convert(model, batch, io))

    return build_once(tmp_path_factory, "runtimes-files", build)


@pytest.fixture
def batch() -> Any:
    """(20, 24) float32."""
    return windows(20)
