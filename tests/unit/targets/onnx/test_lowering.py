"""Recurrent layers as ONNX's own operations compute what Keras does."""

from __future__ import annotations

from pathlib import Path

import numpy as np
import pytest

from edgeconv.core import InputConvention, Signal, Variant
from edgeconv.ir.keras_reader import read
from edgeconv.ir.trace import trace
from edgeconv.runtimes import open_runner
from edgeconv.targets.onnx.convert import convert
from edgeconv.targets.onnx.lowering import LOWERINGS
from edgeconv.targets.onnx.reader import read_graph
from tests.unit.small_models import randomise

pytestmark = pytest.mark.heavy
SIGNAL = Signal(window=7, step=7, labels=("a", "b", "c"))


@pytest.mark.parametrize("name", ["LSTM", "GRU", "RNN", "both", "steps", "Erf"])
def test_a_layer_computes_what_keras_does(name: str, tmp_path: Path) -> None:
    import keras
    from keras import layers as k

    layers = {
        "LSTM": lambda: k.LSTM(4, go_backwards=True, return_sequences=True),
        "GRU": lambda: k.GRU(4, reset_after=False, activation="relu"),
        "RNN": lambda: k.SimpleRNN(4, return_sequences=True, use_bias=False),
        "both": lambda: k.Bidirectional(k.GRU(3, return_sequences=True)),
        "steps": lambda: k.LSTM(4, activation="elu"),  # ONNX's operation has no elu in all runtimes
        "Erf": lambda: k.Dense(4, activation="gelu"),
    }
    network = keras.Sequential(
        [
            keras.Input((21,), name="sensor"),
            k.Reshape((7, 3)),
            layers[name](),
            k.Flatten(),
            k.Dense(3, activation="softmax"),
        ]
    )
    randomise(network)
    traced = trace(read(network, SIGNAL), SIGNAL.labels, True, lowerings=LOWERINGS)
    path = tmp_path / "m.onnx"
    convert(traced, Variant("onnx", "float32", InputConvention.ANDROID), None, None, path)
    kinds = set(read_graph(path).kinds)
    assert kinds & {"LSTM", "GRU", "RNN", "Erf"} == {"both": {"GRU"}, "steps": set()}.get(
        name, {name}
    )
    x = np.random.default_rng(1).normal(size=(9, 21)).astype(np.float32)
    with open_runner(path) as runner:
        (got,) = runner.run({next(iter(runner.inputs)): x}).values()
    np.testing.assert_allclose(got.reshape(9, 3), np.asarray(network(x)), atol=1e-6)
