"""Random small Keras networks: any kind of input, blocks in any order, branches, several heads.

An architecture is known by its number alone: `build(7)` is the same network in every process. The
weights are random as well, and scaled so that values stay within a few units.
"""

from __future__ import annotations

from collections.abc import Callable, Mapping
from dataclasses import dataclass
from random import Random
from typing import Any

import numpy as np
from numpy.typing import NDArray

ACTIVATIONS = (
    *("relu", "relu6", "leaky_relu", "elu", "selu", "gelu", "silu", "tanh", "sigmoid"),
    *("softplus", "softsign", "hard_sigmoid", "hard_silu", "mish", "exponential", "linear"),
)
Arrays = dict[str, NDArray[Any]]

TOKENS = 50  # in the vocabulary of a network for words
SAMPLES = 64  # drawn for calibration, and as many others for comparison


@dataclass(frozen=True)
class Architecture:
    """A Keras model, and how it was put together.

    Attributes:
        number: what it was built from.
        blocks: the blocks in their order, for the table.
        model: the Keras model.
    """

    number: int
    blocks: tuple[str, ...]
    model: Any

    def samples(self, seed: int) -> Arrays:
        """Inputs by name; the ranges are the same for every seed."""
        random = np.random.default_rng([self.number, seed])
        return {
            tensor.name.split(":")[0]: _numbers(random, tuple(tensor.shape[1:]), tensor.dtype)
            for tensor in self.model.inputs
        }


def _numbers(
    random: np.random.Generator, shape: tuple[int, ...], dtype: str
) -> NDArray[np.float32] | NDArray[np.int32]:
    if "int" in str(dtype):
        return random.integers(0, TOKENS, (SAMPLES, *shape)).astype(np.int32)
    return random.uniform(-1.5, 1.5, (SAMPLES, *shape)).astype(np.float32)


class Builder:
    """Chooses blocks by its own random numbers and notes their names."""

    def __init__(self, random: Random) -> None:
        self.random = random
        self.blocks: list[str] = []

    def add(self, x: Any, choices: Mapping[str, Callable[[Builder, Any], Any]]) -> Any:
        """One of the blocks, behind `x`."""
        name = self.random.choice(sorted(choices))
        self.blocks.append(name)
        return choices[name](self, x)

    def activation(self) -> str:
        return self.random.choice(ACTIVATIONS)

    def filters(self) -> int:
        return self.random.choice((12, 16, 24))


def build(number: int) -> Architecture:
    """The architecture of this number, with its weights."""
    import keras
    from keras import layers

    builder = Builder(Random(number))
    random = builder.random
    keras.utils.set_random_seed(number)
    kind = random.choices(("sequence", "flat", "image", "words", "two inputs"), (6, 2, 2, 1, 2))[0]
    builder.blocks.append(kind)
    inputs, x = INPUTS[kind](builder)
    pool = IMAGE if kind == "image" else SEQUENCE
    for _ in range(random.randint(1, 4)):
        x = builder.add(x, pool)
    x = builder.add(x, IMAGE_HEADS if kind == "image" else HEADS)
    outputs = [layers.Dense(3, activation=random.choice(("softmax", "linear")), name="answer")(x)]
    if random.random() < 0.2:
        builder.blocks.append("second output")
        outputs.append(layers.Dense(1, activation="sigmoid", name="second")(x))
    model = keras.Model(inputs, outputs, name=f"network{number}")
    _scale(model, np.random.default_rng(number))
    return Architecture(number, tuple(builder.blocks), model)


def _scale(model: Any, random: np.random.Generator) -> None:
    """Statistics of normalizations and biases that are not 0 and 1, as after a training."""
    for weight in model.weights:
        shape = tuple(weight.shape)
        if weight.path.endswith(("moving_variance", "gamma")):
            weight.assign(random.uniform(0.6, 1.4, shape))
        elif weight.path.endswith(("moving_mean", "beta", "bias")):
            weight.assign(random.normal(0.0, 0.1, shape))
        elif weight.path.endswith("embeddings"):
            weight.assign(random.normal(0.0, 1.0, shape))


def _sequence(builder: Builder) -> tuple[list[Any], Any]:
    import keras

    shape = builder.random.choice(((16, 3), (24, 2), (20, 6)))
    x = keras.Input(shape, name="sequence")
    return [x], x


def _flat(builder: Builder) -> tuple[list[Any], Any]:
    import keras
    from keras import layers

    steps, channels = builder.random.choice(((16, 3), (24, 2)))
    x = keras.Input((steps * channels,), name="flat")
    return [x], layers.Reshape((steps, channels))(x)


def _image(builder: Builder) -> tuple[list[Any], Any]:
    import keras

    x = keras.Input(builder.random.choice(((8, 8, 3), (12, 10, 1))), name="image")
    return [x], x


def _words(builder: Builder) -> tuple[list[Any], Any]:
    import keras
    from keras import layers

    x = keras.Input((builder.random.choice((16, 20)),), dtype="int32", name="words")
    return [x], layers.Embedding(TOKENS, builder.filters())(x)


def _two_inputs(builder: Builder) -> tuple[list[Any], Any]:
    import keras
    from keras import layers

    one, two = keras.Input((16, 3), name="one"), keras.Input((16, 3), name="two")
    if builder.random.random() < 0.5:
        return [one, two], layers.Concatenate()([one, two])
    both = (layers.Conv1D(6, 3, padding="same")(x) for x in (one, two))
    return [one, two], layers.Add()(list(both))


INPUTS: dict[str, Callable[[Builder], tuple[list[Any], Any]]] = {
    "sequence": _sequence,
    "flat": _flat,
    "image": _image,
    "words": _words,
    "two inputs": _two_inputs,
}


def _conv(builder: Builder, x: Any) -> Any:
    from keras import layers

    random = builder.random
    padding = random.choice(("same", "valid", "causal"))
    stride, dilation = random.choice(((1, 1), (1, 2), (2, 1)))
    size = random.choice((1, 2, 3, 5)) if x.shape[1] > 12 else 1
    return layers.Conv1D(
        builder.filters(),
        size,
        strides=stride if x.shape[1] > 6 else 1,
        padding=padding,
        dilation_rate=dilation,
        activation=builder.activation(),
        use_bias=random.random() < 0.8,
    )(x)


def _depthwise(builder: Builder, x: Any) -> Any:
    from keras import layers

    return layers.DepthwiseConv1D(3, padding="same", activation=builder.activation())(x)


def _separable(builder: Builder, x: Any) -> Any:
    from keras import layers

    activation = builder.activation()
    return layers.SeparableConv1D(builder.filters(), 3, padding="same", activation=activation)(x)


def _grouped(builder: Builder, x: Any) -> Any:
    from keras import layers

    x = layers.Conv1D(4, 1)(x)
    return layers.Conv1D(16, 3, groups=2, padding="same", activation=builder.activation())(x)


def _transposed(builder: Builder, x: Any) -> Any:
    from keras import layers

    x = layers.Conv1DTranspose(builder.filters(), 3, strides=2, padding="same")(x)
    return layers.Cropping1D((x.shape[1] // 4, x.shape[1] - x.shape[1] // 2 - x.shape[1] // 4))(x)


def _pool(builder: Builder, x: Any) -> Any:
    from keras import layers

    pool = builder.random.choice((layers.MaxPooling1D, layers.AveragePooling1D))
    return pool(2, padding=builder.random.choice(("same", "valid")))(x) if x.shape[1] > 5 else x


def _normalized(builder: Builder, x: Any) -> Any:
    from keras import layers

    kind = builder.random.choice(("batch", "layer", "group", "unit"))
    if kind == "batch":
        return layers.BatchNormalization()(x)
    if kind == "layer":
        return layers.LayerNormalization()(x)
    if kind == "unit":
        return layers.UnitNormalization()(x)
    return layers.GroupNormalization(2)(layers.Conv1D(6, 1)(x))


def _activated(builder: Builder, x: Any) -> Any:
    from keras import layers

    return layers.Activation(builder.activation())(layers.BatchNormalization()(x))


def _residual(builder: Builder, x: Any) -> Any:
    from keras import layers

    merge = builder.random.choice(
        (layers.Add, layers.Subtract, layers.Multiply, layers.Average, layers.Maximum)
    )
    y = layers.Conv1D(x.shape[-1], 3, padding="same", activation=builder.activation())(x)
    return merge()([x, layers.BatchNormalization()(y)])


def _inception(builder: Builder, x: Any) -> Any:
    from keras import layers

    branches = [
        layers.Conv1D(12, size, padding="same", activation=builder.activation())(x)
        for size in (1, 3)
    ]
    pooled = layers.MaxPooling1D(3, strides=1, padding="same")(x)
    return layers.Concatenate()([*branches, pooled])


def _dense(builder: Builder, x: Any) -> Any:
    from keras import layers

    return layers.Dense(builder.filters(), activation=builder.activation())(layers.Dropout(0.3)(x))


def _shaped(builder: Builder, x: Any) -> Any:
    from keras import layers

    kind = builder.random.choice(("pad", "crop", "repeat", "permute", "slice"))
    if kind == "pad":
        return layers.ZeroPadding1D((1, 2))(x)
    if kind == "crop" and x.shape[1] > 6:
        return layers.Cropping1D((1, 1))(x)
    if kind == "repeat" and x.shape[1] < 20:
        return layers.UpSampling1D(2)(x)
    if kind == "permute":
        return layers.Permute((2, 1))(layers.Dense(8)(layers.Permute((2, 1))(x)))
    return x[:, 1:]


def _recurrent(builder: Builder, x: Any) -> Any:
    from keras import layers

    layer = builder.random.choice((layers.LSTM, layers.GRU, layers.SimpleRNN))
    made = layer(builder.filters(), return_sequences=True)
    return layers.Bidirectional(made)(x) if builder.random.random() < 0.3 else made(x)


def _attention(builder: Builder, x: Any) -> Any:
    from keras import layers

    y = layers.MultiHeadAttention(2, 12)(x, x)
    return layers.LayerNormalization()(layers.Add()([x, y]))


def _distributed(builder: Builder, x: Any) -> Any:
    from keras import layers

    return layers.TimeDistributed(layers.Dense(builder.filters(), activation="tanh"))(x)


SEQUENCE: dict[str, Callable[[Builder, Any], Any]] = {
    "convolution": _conv,
    "depthwise": _depthwise,
    "separable": _separable,
    "grouped": _grouped,
    "transposed": _transposed,
    "pool": _pool,
    "normalization": _normalized,
    "activation": _activated,
    "residual": _residual,
    "inception": _inception,
    "dense": _dense,
    "shape": _shaped,
    "recurrent": _recurrent,
    "attention": _attention,
    "time distributed": _distributed,
}


def _conv2d(builder: Builder, x: Any) -> Any:
    from keras import layers

    padding = builder.random.choice(("same", "valid")) if x.shape[1] > 5 else "same"
    stride = 2 if x.shape[1] > 6 and builder.random.random() < 0.3 else 1
    return layers.Conv2D(
        builder.filters(), 3, strides=stride, padding=padding, activation=builder.activation()
    )(x)


def _depthwise2d(builder: Builder, x: Any) -> Any:
    from keras import layers

    x = layers.DepthwiseConv2D(3, padding="same")(x)
    return layers.ReLU(max_value=6)(layers.BatchNormalization()(x))


def _separable2d(builder: Builder, x: Any) -> Any:
    from keras import layers

    activation = builder.activation()
    return layers.SeparableConv2D(builder.filters(), 3, padding="same", activation=activation)(x)


def _pool2d(builder: Builder, x: Any) -> Any:
    from keras import layers

    pool = builder.random.choice((layers.MaxPooling2D, layers.AveragePooling2D))
    return pool(2, padding="same")(x) if x.shape[1] > 3 else x


def _residual2d(builder: Builder, x: Any) -> Any:
    from keras import layers

    y = layers.Conv2D(x.shape[-1], 3, padding="same", activation=builder.activation())(x)
    return layers.Add()([x, layers.BatchNormalization()(y)])


def _shaped2d(builder: Builder, x: Any) -> Any:
    from keras import layers

    kind = builder.random.choice(("pad", "crop", "repeat"))
    if kind == "pad":
        return layers.ZeroPadding2D(1)(x)
    if kind == "crop" and x.shape[1] > 5:
        return layers.Cropping2D(1)(x)
    return layers.UpSampling2D(2)(x) if x.shape[1] < 10 else x


IMAGE: dict[str, Callable[[Builder, Any], Any]] = {
    "convolution 2-D": _conv2d,
    "depthwise 2-D": _depthwise2d,
    "separable 2-D": _separable2d,
    "pool 2-D": _pool2d,
    "residual 2-D": _residual2d,
    "shape 2-D": _shaped2d,
}


def _mean(builder: Builder, x: Any) -> Any:
    from keras import layers

    return layers.GlobalAveragePooling1D()(x)


def _largest(builder: Builder, x: Any) -> Any:
    from keras import layers

    return layers.GlobalMaxPooling1D()(x)


def _flattened(builder: Builder, x: Any) -> Any:
    from keras import layers

    return layers.Flatten()(x)


def _last(builder: Builder, x: Any) -> Any:
    from keras import layers

    return builder.random.choice((layers.LSTM, layers.GRU))(12)(x)


HEADS: dict[str, Callable[[Builder, Any], Any]] = {
    "mean over time": _mean,
    "maximum over time": _largest,
    "flatten": _flattened,
    "last step of a recurrent layer": _last,
}


def _mean2d(builder: Builder, x: Any) -> Any:
    from keras import layers

    return layers.GlobalAveragePooling2D()(x)


IMAGE_HEADS: dict[str, Callable[[Builder, Any], Any]] = {
    "mean over the image": _mean2d,
    "flatten": _flattened,
}
