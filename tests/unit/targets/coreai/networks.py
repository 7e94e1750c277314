"""Small networks, each with one kind of layer, for Core AI's own operations."""

from __future__ import annotations

from collections.abc import Callable, Mapping
from pathlib import Path
from typing import Any

from edgeconv.ir.folding import fold
from edgeconv.ir.keras_reader import read_graph
from edgeconv.targets.coreai.builder import ProgramBuilder, Store
from edgeconv.targets.coreai.lowering import LOWERINGS
from edgeconv.targets.coreai.storage import store_float

Layers = Callable[[Any], Any]
"""From a module's `layers` to a layer, or to a function of the input."""

STEPS, CHANNELS = 9, 4


def _case(make: Layers, *shape: int) -> tuple[Layers, tuple[int, ...]]:
    return make, shape or (STEPS, CHANNELS)


def attention(layers: Any, causal: bool) -> Any:
    layer = layers.MultiHeadAttention(2, 4, value_dim=3)
    return lambda x: layer(x, x, use_causal_mask=causal)


def activation(name: str) -> Layers:
    return lambda layers: layers.Activation(name)


def on_two(make: Layers) -> Layers:
    """A layer that reads the input and a value computed from it."""

    def build(layers: Any) -> Any:
        return lambda x: make(layers)([x, layers.Conv1D(x.shape[-1], 1)(x)])

    return build


def with_states(kind: str) -> Layers:
    """A recurrent layer that begins with the last states of another one and gives its own."""

    def build(layers: Any) -> Any:
        def call(x: Any) -> Any:
            first = getattr(layers, kind)(5, return_state=True)
            second = getattr(layers, kind)(5, return_state=True, return_sequences=True)
            _, *states = first(x)
            outputs, *last = second(x, initial_state=states)
            pooled = layers.GlobalAveragePooling1D()(outputs)
            return layers.Concatenate()([pooled, *last])

        return call

    return build


def operators(layers: Any) -> Any:
    del layers
    import keras

    def call(x: Any) -> Any:
        y = -x[:, 1:-1:2] * 0.5 + 1.0
        y = keras.ops.maximum(y, -0.5) - keras.ops.square(y) / 4.0
        return keras.ops.matmul(y, keras.ops.transpose(y, (0, 2, 1))) + y[:, 0:1, 0:1]

    return call


_ACTIVATIONS = (
    *("elu", "selu", "gelu", "silu", "softplus", "softsign", "hard_sigmoid", "hard_silu", "mish"),
    *("leaky_relu", "relu6", "sigmoid", "tanh", "exponential", "log_softmax", "softmax", "celu"),
    *("log_sigmoid", "squareplus", "sparse_plus", "soft_shrink", "hard_tanh", "tanh_shrink"),
)

CASES: Mapping[str, tuple[Layers, tuple[int, ...]]] = {
    "Conv1D": _case(lambda ls: ls.Conv1D(5, 3, activation="relu")),
    "Conv1D same stride": _case(lambda ls: ls.Conv1D(5, 4, strides=2, padding="same")),
    "Conv1D causal dilation": _case(lambda ls: ls.Conv1D(5, 3, dilation_rate=2, padding="causal")),
    "Conv1D groups": _case(lambda ls: ls.Conv1D(6, 3, groups=2)),
    "Conv2D": _case(lambda ls: ls.Conv2D(5, (3, 2), strides=(2, 1), padding="same"), 7, 6, 3),
    "Conv2D dilation": _case(lambda ls: ls.Conv2D(6, 2, dilation_rate=(1, 2), groups=3), 6, 7, 3),
    "DepthwiseConv1D": _case(lambda ls: ls.DepthwiseConv1D(3, depth_multiplier=2, padding="same")),
    "DepthwiseConv2D": _case(
        lambda ls: ls.DepthwiseConv2D(3, strides=2, depth_multiplier=2), 7, 7, 3
    ),
    "SeparableConv1D": _case(lambda ls: ls.SeparableConv1D(5, 3)),
    "Conv1DTranspose": _case(lambda ls: ls.Conv1DTranspose(5, 4, strides=3)),
    "Conv1DTranspose same": _case(lambda ls: ls.Conv1DTranspose(5, 3, strides=2, padding="same")),
    "Conv1DTranspose gap": _case(lambda ls: ls.Conv1DTranspose(5, 2, strides=3, padding="same")),
    "Conv2DTranspose": _case(
        lambda ls: ls.Conv2DTranspose(4, (2, 3), strides=2, padding="same"), 4, 5, 3
    ),
    "Dense": _case(lambda ls: ls.Dense(5, activation="sigmoid"), 7),
    "Dense on steps": _case(lambda ls: ls.Dense(5, activation="tanh")),
    "Flatten and Dense": _case(lambda ls: lambda x: ls.Dense(3)(ls.Flatten()(ls.Conv1D(4, 2)(x)))),
    "Conv to Flatten": _case(lambda ls: lambda x: ls.Flatten()(ls.Conv2D(4, 2)(x)), 4, 5, 2),
    "BatchNormalization": _case(lambda ls: lambda x: ls.BatchNormalization()(ls.ReLU()(x))),
    "LayerNormalization": _case(lambda ls: ls.LayerNormalization()),
    "LayerNormalization of both": _case(lambda ls: ls.LayerNormalization(axis=(1, 2))),
    "GroupNormalization": _case(lambda ls: ls.GroupNormalization(2)),
    "RMSNormalization": _case(lambda ls: ls.RMSNormalization()),
    "UnitNormalization": _case(lambda ls: ls.UnitNormalization()),
    "MaxPooling1D": _case(lambda ls: ls.MaxPooling1D(3, strides=2, padding="same")),
    "MaxPooling2D": _case(lambda ls: ls.MaxPooling2D((2, 3)), 6, 7, 3),
    "AveragePooling1D": _case(lambda ls: ls.AveragePooling1D(3)),
    "AveragePooling1D same": _case(lambda ls: ls.AveragePooling1D(4, strides=2, padding="same")),
    "AveragePooling2D same": _case(lambda ls: ls.AveragePooling2D(3, padding="same"), 7, 5, 2),
    "GlobalAveragePooling1D": _case(lambda ls: ls.GlobalAveragePooling1D()),
    "GlobalMaxPooling2D": _case(lambda ls: ls.GlobalMaxPooling2D(keepdims=True), 5, 6, 3),
    "Add": _case(on_two(lambda ls: ls.Add())),
    "Subtract": _case(on_two(lambda ls: ls.Subtract())),
    "Multiply": _case(on_two(lambda ls: ls.Multiply())),
    "Average": _case(on_two(lambda ls: ls.Average())),
    "Maximum": _case(on_two(lambda ls: ls.Maximum())),
    "Minimum": _case(on_two(lambda ls: ls.Minimum())),
    "Concatenate": _case(on_two(lambda ls: ls.Concatenate())),
    "Concatenate of time": _case(on_two(lambda ls: ls.Concatenate(axis=1))),
    "Dot": _case(on_two(lambda ls: ls.Dot(axes=(2, 2)))),
    "Reshape": _case(lambda ls: lambda x: ls.Reshape((4, 3, 3))(ls.Conv1D(4, 1)(x))),
    "Permute": _case(lambda ls: ls.Permute((2, 1))),
    "Permute of four": _case(
        lambda ls: lambda x: ls.Permute((4, 1, 3, 2))(ls.Reshape((3, 2, 5, 2))(x)), 60
    ),
    "Cropping2D": _case(lambda ls: ls.Cropping2D(((1, 2), (0, 1))), 6, 5, 3),
    "ZeroPadding2D": _case(lambda ls: ls.ZeroPadding2D(((1, 2), (0, 1))), 4, 5, 3),
    "UpSampling1D": _case(lambda ls: ls.UpSampling1D(3)),
    "UpSampling2D": _case(lambda ls: ls.UpSampling2D((2, 3)), 3, 4, 2),
    "RepeatVector": _case(lambda ls: ls.RepeatVector(4), 5),
    "PReLU": _case(lambda ls: ls.PReLU(shared_axes=[1])),
    "operators": _case(operators),
    "MultiHeadAttention": _case(lambda ls: attention(ls, False)),
    "MultiHeadAttention causal": _case(lambda ls: attention(ls, True)),
    "LSTM": _case(lambda ls: ls.LSTM(5)),
    "LSTM steps": _case(lambda ls: ls.LSTM(5, return_sequences=True, activation="relu")),
    "LSTM states": _case(with_states("LSTM")),
    "GRU": _case(lambda ls: ls.GRU(5, return_sequences=True)),
    "GRU reset before": _case(lambda ls: ls.GRU(5, reset_after=False, go_backwards=True)),
    "GRU states": _case(with_states("GRU")),
    "SimpleRNN": _case(lambda ls: ls.SimpleRNN(5)),
    "Bidirectional": _case(lambda ls: ls.Bidirectional(ls.LSTM(3, return_sequences=True))),
    "Bidirectional of sums": _case(lambda ls: ls.Bidirectional(ls.GRU(3), merge_mode="sum")),
    **{f"activation {name}": _case(activation(name)) for name in _ACTIVATIONS},
}
"""Layers by what they are, and the shape of their input."""


def network(shape: tuple[int, ...]) -> tuple[list[str], Any]:
    """The names of all cases of one input shape, and one Keras model with an output for each."""
    import keras

    from tests.unit.small_models import randomise

    names = [name for name, (_, wanted) in CASES.items() if wanted == shape]
    entry = keras.Input(shape, name="values")
    model = keras.Model(entry, [CASES[name][0](keras.layers)(entry) for name in names])
    randomise(model)
    return names, model


def write(model: Any, dtype: str, path: Path, store: Store = store_float) -> None:
    """The model as an `.aimodel` without metadata of ours, its outputs called `result0` …"""
    graph = fold(read_graph(model))
    names = tuple(f"result{i}" for i in range(len(graph.outputs)))
    ProgramBuilder(graph, LOWERINGS, dtype, store).write(names, path)
