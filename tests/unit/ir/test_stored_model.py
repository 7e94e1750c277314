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
from edgeconv.ir.keras_reader import read, read_graph
from edgeconv.ir.numpy_interpreter import evaluate
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


def nested(layers: Any, entry: Any) -> Any:
    """Sub-models of equal inner names, one of them called twice."""
    import keras

    def inner() -> Any:
        source = keras.Input((12, 4))
        x = layers.Conv1D(4, 3, padding="same", name="conv")(source)
        return keras.Model(source, layers.Add()([x, source]))

    first, stack = inner(), keras.Sequential([layers.Conv1D(4, 1, name="conv"), layers.ReLU()])
    return stack(first(inner()(first(entry))))


def transformer(layers: Any, entry: Any) -> Any:
    x = layers.Normalization(mean=[1, 2, 3, 4], variance=[1, 4, 9, 16])(entry)
    x = layers.MultiHeadAttention(2, 3, name="attention")(x, x, use_causal_mask=True)
    y = layers.MultiHeadAttention(2, 3, use_bias=False)(query=x, value=entry, key=x)
    return layers.TimeDistributed(layers.Dense(5, activation="relu"), name="each")(y)


def recurrent(layers: Any, entry: Any) -> Any:
    x = layers.Bidirectional(layers.LSTM(3, return_sequences=True), merge_mode="sum")(entry)
    x = layers.GRU(4, return_sequences=True, reset_after=False, recurrent_activation="tanh")(x)
    return layers.Bidirectional(layers.SimpleRNN(2, activation="relu"))(x)


@pytest.mark.parametrize("build", [nested, transformer, recurrent])
def test_layers_that_hold_layers(tmp_path: Path, build: Any) -> None:
    import keras
    from keras import layers

    keras.utils.set_random_seed(1)
    entry = keras.Input((12, 4), name="x")
    model = keras.Model(entry, build(layers, entry), name="whole")
    model.save(tmp_path / "m.keras")
    stored, whole = read_stored(tmp_path / "m.keras"), read_graph(model)
    ours, theirs = ({n.label: n for n in graph.nodes} for graph in (stored, whole))
    assert set(ours) == set(theirs)
    for label, node in theirs.items():
        for (name, array), (_, other) in zip(node.arrays(), ours[label].arrays(), strict=True):
            np.testing.assert_array_equal(other, array, err_msg=f"{label}: {name}")
    x = np.random.default_rng(0).normal(size=(2, 12, 4))
    np.testing.assert_allclose(evaluate(stored, x), evaluate(whole, x), rtol=1e-12)


def test_names_of_any_characters(tmp_path: Path) -> None:
    import keras
    from keras import layers

    entry = keras.Input((4,), name='in "put": ü\\n')
    x = layers.Dense(3, name='a "b"]\\ü')(entry)
    model = keras.Model(entry, {'k "e" ü': layers.ReLU(name="[1, 2]")(x), "b": x}, name="whole")
    model.save(tmp_path / "m.keras")
    stored = read_stored(tmp_path / "m.keras")
    assert [node.label for node in stored.nodes] == ['a "b"]\\ü', "[1, 2]"]
    assert stored.input.label == 'in "put": ü\\n'


def test_statistics_that_were_adapted(tmp_path: Path) -> None:
    import keras

    layer = keras.layers.Normalization()
    layer.adapt(np.random.default_rng(0).normal(3, 2, (50, 4)))
    model = keras.Sequential([keras.Input((4,)), layer, keras.layers.Dense(2)])
    model.save(tmp_path / "m.keras")
    same(read_stored(tmp_path / "m.keras"), read_graph(model))


def test_a_free_axis_is_what_is_left_of_the_size(tmp_path: Path) -> None:
    import keras

    model = keras.Sequential([keras.Input((None, 3)), keras.layers.Conv1D(2, 3)])
    model.save(tmp_path / "m.keras")
    assert read_stored(tmp_path / "m.keras", [24]).output.shape == (6, 2)
    with pytest.raises(Unsupported, match="leaves axes free"):
        read_stored(tmp_path / "m.keras")


def test_what_only_keras_can_read_is_refused(tmp_path: Path) -> None:
    import keras
    from keras import layers

    inputs = keras.Input((240,))
    one = layers.Dense(6, name="one")
    both = layers.Add(name="both")([one(inputs), layers.Dense(6, name="other")(inputs)])
    model = keras.Model(inputs, both, name="branches")
    model.save(tmp_path / "branches.keras")
    same(read_stored(tmp_path / "branches.keras"), read(model, Signal(labels=tuple("abcdef"))))
    twice = keras.layers.Lambda(lambda x: x * 2, output_shape=(6,), name="twice")
    keras.Model(inputs, twice(model(inputs))).save(tmp_path / "lambda.keras")
    with pytest.raises(Unsupported, match="'twice' is a Lambda"):
        read_stored(tmp_path / "lambda.keras")
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
