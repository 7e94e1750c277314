"""A `.keras` file read without Keras: the same graph that Keras' own model gives."""

from __future__ import annotations

import subprocess
import sys
from pathlib import Path
from typing import Any

import numpy as np
import pytest

from edgeconv.core import Signal
from edgeconv.errors import BadInput, Unsupported
from edgeconv.ir.graph import Graph
from edgeconv.ir.keras_reader import read
from edgeconv.ir.stored_model import read_stored

pytestmark = pytest.mark.heavy


def mixed() -> Any:
    """Every layer that holds weights, some of them twice, and activations of every spelling."""
    import keras
    from keras import layers

    inputs = keras.Input((240,), name="sensor")
    x = layers.Reshape((-1, 3), name="steps")(inputs)
    x = layers.Conv1D(8, 5, activation="relu", name="conv1")(x)
    x = layers.BatchNormalization(name="norm1")(x)
    x = layers.DepthwiseConv1D(3, use_bias=False, name="depthwise")(x)
    x = layers.BatchNormalization(scale=False, name="norm2")(x)
    x = layers.ReLU(max_value=6, name="relu6")(x)
    x = layers.SeparableConv1D(8, 3, padding="same", activation="elu", name="separable")(x)
    x = layers.MaxPooling1D(2, name="pool")(x)
    x = layers.Conv1D(4, 3, padding="causal", dilation_rate=2, use_bias=False, name="conv2")(x)
    x = layers.Dense(5, activation="tanh", name="each")(x)
    x = layers.Flatten(name="flat")(x)
    x = layers.Dropout(0.5)(x)
    x = layers.Dense(6, activation="softmax", name="probabilities")(x)
    model = keras.Model(inputs, x, name="mixed")
    random = np.random.default_rng(0)
    for layer in model.layers:
        layer.set_weights([random.uniform(0.1, 1, w.shape) for w in layer.get_weights()])
    return model


def same(ours: Graph, theirs: Graph) -> None:
    assert (ours.name, ours.input.shape) == (theirs.name, theirs.input.shape)
    assert len(ours.nodes) == len(theirs.nodes)
    for one, other in zip(ours.nodes, theirs.nodes, strict=True):
        assert type(one) is type(other)
        assert one.label == other.label
        for field in ("inputs", "outputs"):
            shapes = [[v.shape for v in getattr(node, field)] for node in (one, other)]
            assert shapes[0] == shapes[1]
        for name, value in vars(other).items():
            if isinstance(value, np.ndarray):
                np.testing.assert_array_equal(getattr(one, name), value)
            elif name not in ("inputs", "outputs", "inner"):
                assert getattr(one, name) == value


def test_functional_and_sequential(tmp_path: Path) -> None:
    import keras

    model = mixed()
    signal = Signal(labels=tuple("abcdef"))
    model.save(tmp_path / "functional.keras")
    same(read_stored(tmp_path / "functional.keras"), read(model, signal))
    stacked = keras.Sequential(model.layers, name="stacked")
    stacked.save(tmp_path / "sequential.keras")
    same(read_stored(tmp_path / "sequential.keras"), read(stacked, signal))


def test_what_only_keras_can_read_is_refused(tmp_path: Path) -> None:
    import keras
    from keras import layers

    inputs = keras.Input((240,))
    one = layers.Dense(6, name="one")
    both = layers.Add(name="both")([one(inputs), layers.Dense(6, name="other")(inputs)])
    model = keras.Model(inputs, both, name="branches")
    model.save(tmp_path / "branches.keras")
    same(read_stored(tmp_path / "branches.keras"), read(model, Signal(labels=tuple("abcdef"))))
    keras.Model(inputs, model(inputs)).save(tmp_path / "nested.keras")
    with pytest.raises(Unsupported, match="'branches' is a Functional"):
        read_stored(tmp_path / "nested.keras")
    (tmp_path / "half.keras").write_bytes((tmp_path / "branches.keras").read_bytes()[:900])
    with pytest.raises(BadInput, match=r"half\.keras is damaged"):
        read_stored(tmp_path / "half.keras")


def test_no_framework_is_imported(tmp_path: Path) -> None:
    mixed().save(tmp_path / "m.keras")
    code = (
        "import sys; from pathlib import Path; "
        "from edgeconv.ir.stored_model import read_stored; read_stored(Path(sys.argv[1])); "
        "sys.exit(bool({'tensorflow', 'keras'} & set(sys.modules)))"
    )
    assert subprocess.run([sys.executable, "-c", code, tmp_path / "m.keras"]).returncode == 0
