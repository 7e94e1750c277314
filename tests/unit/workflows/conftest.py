"""A bundle of a model with several inputs and outputs, made once."""

from __future__ import annotations

from pathlib import Path

import pytest

import edgeconv


@pytest.fixture(scope="session")
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
