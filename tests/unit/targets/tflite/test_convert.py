"""Ranges that TensorFlow's converter cannot bring together, in a network with a recurrent layer."""

from __future__ import annotations

from pathlib import Path

import numpy as np
import pytest

from edgeconv.core import InputConvention, Variant
from edgeconv.core.parity_statistics import decibels
from edgeconv.ir.keras_interface import call_keras, tensors_of
from edgeconv.runtimes.predict import run_samples
from edgeconv.targets import files
from edgeconv.targets.conversion import ConversionRequest, convert_all


@pytest.mark.heavy
def test_int8_of_a_squared_input_before_a_recurrent_layer(tmp_path: Path) -> None:
    """The converter fails on its ranges, and crashes where it measures inside the loop."""
    import keras
    from keras import layers

    keras.utils.set_random_seed(2)
    entry = keras.Input((8, 3), name="x")
    x = layers.GRU(4)(layers.UnitNormalization()(entry))
    model = keras.Model(entry, layers.Dense(3, name="y")(x))
    model.save(tmp_path / "m.keras")
    samples = (np.random.default_rng(0).uniform(-1, 1, (32, 8, 3)).astype(np.float32),)
    request = ConversionRequest(
        model=tmp_path / "m.keras",
        contract=tensors_of(model),
        variants=[Variant("tflite", "int8", InputConvention.NORMALIZED)],
        out=tmp_path / "out",
        name="m",
        probe=samples,
        calibration=samples,
        run_file=run_samples,
        isolated=False,
    )
    (made,) = convert_all(request)
    assert "SQUARE" in files.read_graph(made.path).kinds
    assert made.export.activation_ranges["x"][0] < 0
    (right,), (found,) = (
        call_keras(model, samples),
        run_samples(made.path, request.contract, samples),
    )
    assert decibels(float((right**2).sum()), float(((found - right) ** 2).sum())) > 25
