"""Training with rounding: the network that is trained is the one that the file computes."""

from __future__ import annotations

from collections.abc import Callable
from pathlib import Path
from typing import Any

import numpy as np
import pytest

from edgeconv.core import InputConvention, Normalization, Signal, Variant
from edgeconv.errors import Unsupported
from tests.unit.conversions import export_all
from tests.unit.small_models import randomise, run_tflite

pytestmark = pytest.mark.heavy

SIGNAL = Signal(
    window=24,
    step=12,
    labels=("still", "walk", "run"),
    normalization=Normalization((0.1, 9.0, -0.4), (3.0, 4.0, 2.5)),
)


def network(*layers: Any) -> Any:
    import keras

    return randomise(
        keras.Sequential([keras.Input((SIGNAL.flat_size,), name="sensor"), *layers], name="tiny")
    )


def plain() -> Any:
    from keras import layers

    return network(
        layers.Reshape((24, 3), name="steps"),
        layers.Conv1D(8, 5, activation="relu", name="conv1"),
        layers.Dropout(0.5, name="dropout"),
        layers.Identity(name="same"),
        layers.ActivityRegularization(l2=0.1, name="regularization"),
        layers.MaxPooling1D(2, name="pool"),
        layers.Conv1D(6, 3, strides=2, padding="same", activation="relu", name="conv2"),
        layers.GlobalAveragePooling1D(name="mean"),
        layers.Dense(3, activation="softmax", name="probabilities"),
    )


def normalized() -> Any:
    from keras import layers

    return network(
        layers.Reshape((24, 3), name="steps"),
        layers.Conv1D(8, 5, use_bias=False, name="conv1"),
        layers.BatchNormalization(name="norm1"),
        layers.ReLU(name="relu1"),
        layers.DepthwiseConv1D(3, depth_multiplier=2, padding="same", name="deep"),
        layers.BatchNormalization(name="norm2"),
        layers.Activation("relu", name="relu2"),
        layers.Flatten(name="flat"),
        layers.Dense(3, name="scores"),
        layers.Softmax(name="probabilities"),
    )


def framed() -> Any:
    from keras import layers

    return network(
        layers.Reshape((8, 9), name="frames"),
        layers.SeparableConv1D(8, 3, activation="relu", name="first"),
        layers.GlobalMaxPooling1D(name="most"),
        layers.Dense(3, activation="softmax", name="probabilities"),
    )


def windows(n: int = 200) -> Any:
    steps = np.random.default_rng(3).normal(0, 3, (n, SIGNAL.window, 3)) + np.array([0, 9.8, 0])
    return steps.reshape(n, -1).astype(np.float32)


@pytest.mark.parametrize("build", [plain, normalized, framed])
@pytest.mark.parametrize("bits", [8, 4])
def test_qat_model_computes_what_the_file_does(
    build: Callable[[], Any], bits: int, tmp_path: Path
) -> None:
    """Within one step of an 8-bit probability and one of a layer; the class is the same."""
    from edgeconv.compression.fake_quant import QATGraph, QATModel, measure_ranges

    made, canonical = build(), windows()
    made.save(tmp_path / "tiny.keras")
    inputs = SIGNAL.for_sensor(InputConvention.NORMALIZED).encode(canonical)
    graph = QATGraph.of(made, SIGNAL, bits)
    ranges = measure_ranges(graph, inputs)
    trained = QATModel(made, graph, ranges)(inputs).numpy()
    variant = Variant("tflite", f"int{bits}", InputConvention.ANDROID)
    (file,) = export_all(
        *(tmp_path / "tiny.keras", SIGNAL, [variant], tmp_path / "out", "tiny", None),
        canonical[:8],
        isolated=False,
        ranges=ranges,
    )
    exported = run_tflite(file.path, canonical)
    assert exported is not None
    difference = np.abs(exported - trained)
    assert difference.max() < 0.03
    assert difference.mean() < 0.003
    same = exported.argmax(1) == trained.argmax(1)
    assert same.mean() > 0.96


@pytest.mark.parametrize("build", [plain, normalized, framed])
def test_qat_graph_without_rounding_is_the_network(build: Callable[[], Any]) -> None:
    from edgeconv.compression.fake_quant import QATGraph

    made = build()
    inputs = SIGNAL.for_sensor(InputConvention.NORMALIZED).encode(windows(16))
    got = QATGraph.of(made, SIGNAL, 0).run(inputs, lambda _, x: x, training=False)
    assert np.abs(got.numpy() - made(inputs).numpy()).max() < 1e-5


def test_qat_model_gives_every_weight_a_gradient() -> None:
    import tensorflow as tf

    from edgeconv.compression.fake_quant import QATGraph, QATModel, measure_ranges

    made = normalized()
    inputs = SIGNAL.for_sensor(InputConvention.NORMALIZED).encode(windows(32))
    graph = QATGraph.of(made, SIGNAL, 4)
    qat_model = QATModel(made, graph, measure_ranges(graph, inputs))
    with tf.GradientTape() as tape:
        loss = tf.reduce_sum(qat_model(inputs, training=True)[:, 0])
    weights = [v.value for v in qat_model.trainable_variables]
    assert len(weights) == len(made.trainable_variables)
    assert all(g is not None for g in tape.gradient(loss, weights))


@pytest.mark.parametrize("kind", ["tanh", "elu"])
def test_qat_graph_refuses_an_unfused_activation_by_name(kind: str) -> None:
    from keras import layers

    from edgeconv.compression.fake_quant import QATGraph

    made = network(layers.Dense(4, activation=kind, name="odd"), layers.Dense(3, name="end"))
    with pytest.raises(Unsupported, match="layer 'odd'"):
        QATGraph.of(made, SIGNAL, 8)


def test_qat_graph_refuses_other_layers_by_name() -> None:
    import keras
    from keras import layers

    from edgeconv.compression.fake_quant import QATGraph

    steps, end = layers.Reshape((24, 3), name="steps"), layers.Dense(3, name="end")
    with pytest.raises(Unsupported, match=r"layer 'odd' \(LSTM\) cannot be trained") as refused:
        QATGraph.of(network(steps, layers.LSTM(4, name="odd"), end), SIGNAL, 8)
    assert "quantize after training (--quantize int8)" in refused.value.hint
    image = layers.Reshape((24, 3, 1), name="image")
    for shape, odd in (
        (steps, layers.Conv1DTranspose(4, 3, name="odd")),
        (image, layers.Conv2D(4, 3, name="odd")),
    ):
        kind = type(odd).__name__
        rest = layers.Flatten(name="flat"), layers.Dense(3, name="end")
        made = network(shape, odd, *rest)
        with pytest.raises(Unsupported, match=rf"layer 'odd' \({kind}\) cannot be tra") as refused:
            QATGraph.of(made, SIGNAL, 8)
        assert "--quantize int8" in refused.value.hint
    entry = keras.Input((24, 3))
    x = layers.MultiHeadAttention(1, 4, name="odd")(entry, entry)
    made = keras.Model(entry, layers.Dense(3)(layers.Flatten()(x)))
    with pytest.raises(Unsupported, match="layer 'odd'"):
        QATGraph.of(made, SIGNAL, 8)


def test_qat_graph_refuses_a_unit_that_padding_keeps_out() -> None:
    from keras import layers

    from edgeconv.compression.fake_quant import QATGraph

    made = network(
        layers.Reshape((24, 3), name="steps"),
        layers.Conv1D(4, 3, padding="same", name="padded"),
        layers.Flatten(name="flat"),
        layers.Dense(3, name="end"),
    )
    with pytest.raises(Unsupported, match="layer 'padded': the sensor's unit"):
        QATGraph.of(made, SIGNAL, 8)
